import * as Plot from '@observablehq/plot';
import type { BenchResult } from '../result.ts';
import { type ProcessorUnit, processorOf, samplesOf } from '../statistics.ts';
import { formatNumber } from '../wording.ts';
import { draw, table } from './drawing.ts';
import { type Html, html } from './html.ts';

const BAR_HEIGHT = 22;
/** What of a target's name has room beside its bar. */
const NAME_EMS = 10;
const AXIS_HEIGHT = 48;
const CALLER = 'caller';
const REST = 'rest of the machine';
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

const titles: Readonly<Record<ProcessorUnit, string>> = {
  's/GiB': 'Processor seconds to move a GiB',
  's/1,000 operations': 'Processor seconds for a thousand operations',
};

interface Part {
  readonly job: string;
  readonly target: string;
  readonly part: string;
  readonly seconds: number;
}

/** Who has used the processors, in all that the machine has used them: parts of one bar. */
function partsOf(result: BenchResult, job: string, target: string, unit: ProcessorUnit): Part[] {
  const figures = processorOf(samplesOf(result, job, target), unit);
  if (figures === undefined) return [];
  const known = { [CALLER]: figures.caller, ...figures.servers };
  const sum = Object.values(known).reduce((total, seconds) => total + seconds, 0);
  const rest = Math.max(0, figures.machine.median - sum);
  return Object.entries({ ...known, [REST]: rest }).map(([part, seconds]) => ({
    ...{ job, target, part, seconds },
  }));
}

/** Bars of processor time, for the machine as a whole and for who is known: a chart for each such job. */
export function processorCharts(result: BenchResult, unit: ProcessorUnit): Html | undefined {
  const names = result.targets.map(({ name }) => name);
  const all = result.jobs.flatMap(({ name }) =>
    names.flatMap((target) => partsOf(result, name, target, unit)),
  );
  const shown = all.filter(({ job }) => SHOWN[unit].includes(job));
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
<h3>${titles[unit]}</h3>
<ul class="keys">${keys}</ul>
<div class="pair">${charts}</div>
<details><summary>As a table, all jobs</summary><div class="scroll">${tableOf(result, names, all, unit)}</div></details>
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
    const own = parts.filter((one) => one.target === target);
    return { target, seconds: own.reduce((total, { seconds }) => total + seconds, 0) };
  });
  const names = kinds.map(({ name }) => name);
  const chart = draw(`${titles[unit]}, ${job}: a bar for each target, in parts`, {
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

function tableOf(
  result: BenchResult,
  names: readonly string[],
  parts: readonly Part[],
  unit: ProcessorUnit,
): Html {
  const rows = result.jobs.flatMap(({ name }) => {
    const ofJob = parts.filter(({ job }) => job === name);
    if (ofJob.length === 0) return [];
    const cells = names.map((target) => {
      const own = ofJob.filter((one) => one.target === target);
      if (own.length === 0) return '–';
      const sum = own.reduce((total, { seconds }) => total + seconds, 0);
      const known = own
        .filter(({ part }) => part !== REST)
        .map(({ part, seconds }) => `${part} ${formatNumber(seconds)}`);
      return `${formatNumber(sum)} (${known.join(', ')})`;
    });
    return [[name, ...cells]];
  });
  return table([unit, ...names], rows);
}
