import * as Plot from '@observablehq/plot';
import {
  CALLER,
  type Part,
  partsOf,
  processorRows,
  processorTitles,
  REST,
  sumOf,
} from '../processor-parts.ts';
import type { BenchResult } from '../result.ts';
import type { ProcessorUnit } from '../statistics.ts';
import { formatNumber } from '../wording.ts';
import { draw, table } from './drawing.ts';
import { type Html, html } from './html.ts';

const BAR_HEIGHT = 22;
/** What of a target's name has room beside its bar. */
const NAME_EMS = 10;
const AXIS_HEIGHT = 48;
/** Of the parts; those of the others stand before it. */
const REST_COLOUR = 5;

/** What is drawn; the table has all jobs. */
const SHOWN: Readonly<Record<ProcessorUnit, readonly string[]>> = {
  's/GiB': [
    ...['reads of 4 KiB', 'reads of 64 KiB', 'reads of 1 MiB'],
    ...['1 MiB read, buffered, cold', '1 MiB write, O_DIRECT', '1 MiB write, buffered'],
  ],
  's/1,000 operations': [
    ...['4 KiB random read, O_DIRECT', '4 KiB random write, O_DIRECT'],
    ...['4 KiB random write, each fsynced', 'create files of 1 KiB', 'stat, cold', 'unlink'],
    'tar x of a tree',
  ],
};

/** Bars of processor time, for the machine as a whole and for who is known: a chart for each such job. */
export function processorCharts(result: BenchResult, unit: ProcessorUnit): Html | undefined {
  const shown = partsOf(result, unit).filter(({ job }) => SHOWN[unit].includes(job));
  const [head = [], ...rows] = processorRows(result, unit);
  if (shown.length === 0) return undefined;
  const kinds = kindsOf(shown);
  const charts = SHOWN[unit].flatMap((job) => {
    const parts = shown.filter((one) => one.job === job);
    return parts.length === 0 ? [] : [chartOf(job, parts, kinds, unit)];
  });
  const keys = kinds.map(
    ({ name, colour }) =>
      html`<li><span class="swatch" style="background: ${colour}"></span>${name}</li>`,
  );
  return html`<div class="card">
<h3>${processorTitles[unit]}</h3>
<ul class="keys">${keys}</ul>
<div class="pair">${charts}</div>
<details><summary>As a table, all jobs</summary><div class="scroll">${table(head, rows)}</div></details>
</div>`;
}

interface Kind {
  readonly name: string;
  readonly colour: string;
}

/** The caller first, what nobody has counted last. */
function kindsOf(parts: readonly Part[]): Kind[] {
  const servers = [...new Set(parts.map(({ part }) => part))].filter(
    (part) => part !== CALLER && part !== REST,
  );
  return [CALLER, ...servers, REST].map((name, index) => ({
    name,
    colour: `var(--part-${name === REST ? REST_COLOUR : index % REST_COLOUR})`,
  }));
}

function chartOf(
  job: string,
  parts: readonly Part[],
  kinds: readonly Kind[],
  unit: ProcessorUnit,
): Html {
  const targets = [...new Set(parts.map(({ target }) => target))];
  const sums = targets.map((target) => {
    return { target, seconds: sumOf(parts.filter((one) => one.target === target)) };
  });
  const names = kinds.map(({ name }) => name);
  const chart = draw(`${processorTitles[unit]}, ${job}: a bar for each target, in parts`, {
    ...{ width: 520, height: AXIS_HEIGHT + targets.length * BAR_HEIGHT },
    ...{ marginLeft: 162, marginRight: 64, marginTop: 8, marginBottom: AXIS_HEIGHT - 8 },
    color: { domain: names, range: kinds.map(({ colour }) => colour) },
    x: { grid: true, label: unit, labelArrow: 'none', labelAnchor: 'right', ticks: 4, tickSize: 0 },
    y: { type: 'band', domain: targets, axis: null, padding: 0.25 },
    marks: [
      Plot.axisY({
        tickSize: 0,
        label: null,
        lineWidth: NAME_EMS,
        textOverflow: 'ellipsis-middle',
      }),
      Plot.barX(parts, {
        ...{ x: 'seconds', y: 'target', fill: 'part', order: names },
        title: ({ target, part, seconds }) =>
          `${target}, ${part}: ${formatNumber(seconds)} ${unit}`,
      }),
      Plot.text(sums, {
        ...{ x: 'seconds', y: 'target', textAnchor: 'start', dx: 5 },
        text: ({ seconds }) => formatNumber(seconds),
      }),
      Plot.ruleX([0]),
    ],
  });
  return html`<figure><figcaption>${job}</figcaption><div class="scroll">${chart}</div></figure>`;
}
