/** Observable Plot without a browser: charts as SVG text, in the page's own colours. */
import { createDocument } from '@mixmark-io/domino';
import * as Plot from '@observablehq/plot';
import type { TargetDescription } from '../result.ts';
import { type Html, html, trusted } from './html.ts';
import { seriesColour } from './style.ts';

const SYMBOLS = ['circle', 'square', 'triangle', 'diamond', 'star', 'wye', 'cross'] as const;
const MARKER_SIZE = 16;

const document = createDocument('');

/** What draws every target alike in all charts. */
export interface Series {
  readonly names: readonly string[];
  readonly colours: readonly string[];
  readonly symbols: readonly (typeof SYMBOLS)[number][];
}

export function seriesOf(targets: readonly TargetDescription[]): Series {
  return {
    names: targets.map(({ name }) => name),
    colours: targets.map((_, index) => seriesColour(index)),
    symbols: targets.map((_, index) => SYMBOLS[index % SYMBOLS.length] ?? 'circle'),
  };
}

/** Scales by which marks find the colour and the symbol of a target. */
export const seriesScales = ({ names, colours, symbols }: Series) => ({
  color: { domain: names, range: colours },
  symbol: { domain: names, range: symbols },
});

/**
 * Draws a chart.
 *
 * @param title what it shows, in a sentence, for those who do not see it
 */
export function draw(title: string, options: Plot.PlotOptions): Html {
  const chart = Plot.plot({
    ...options,
    document,
    className: 'chart',
    ariaLabel: title,
  });
  chart.setAttribute('role', 'img');
  return trusted(chart.outerHTML);
}

/** What stands for which target. */
export function keys({ names, colours, symbols }: Series): Html {
  const items = names.map((name, index) => {
    const marker = Plot.plot({
      ...{ document, width: MARKER_SIZE, height: MARKER_SIZE, margin: 0, axis: null },
      className: 'marker',
      marks: [
        Plot.dot([0], {
          frameAnchor: 'middle',
          symbol: symbols[index] ?? 'circle',
          fill: colours[index] ?? 'currentColor',
          r: 5,
        }),
      ],
    });
    marker.setAttribute('aria-hidden', 'true');
    return html`<li>${trusted(marker.outerHTML)}${name}</li>`;
  });
  return html`<ul class="keys">${items}</ul>`;
}

/** Targets of `series` alone that are named. */
export function onlyThose(series: Series, isWanted: (name: string) => boolean): Series {
  const kept = [...series.names.keys()].filter((index) => isWanted(series.names[index] as string));
  const pick = <Item>(items: readonly Item[]) => kept.map((index) => items[index] as Item);
  return {
    names: pick(series.names),
    colours: pick(series.colours),
    symbols: pick(series.symbols),
  };
}

/** A chart with its heading and keys, and the same as a table for who would rather read. */
export function figure(
  heading: { title: string; note?: string },
  parts: { readonly keys: Html; readonly chart: Html; readonly table: Html },
): Html {
  return html`<figure>
<figcaption>${heading.title}<small>${heading.note ?? ''}</small></figcaption>
${parts.keys}
<div class="scroll">${parts.chart}</div>
<details><summary>As a table</summary><div class="scroll">${parts.table}</div></details>
</figure>`;
}

/** A plain table: each row begins with its name. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): Html {
  const headCells = head.map((cell) => html`<th scope="col">${cell}</th>`);
  const bodyRows = rows.map(([name = '', ...cells]) => {
    const rest = cells.map((cell) => html`<td>${cell}</td>`);
    return html`<tr><th scope="row">${name}</th>${rest}</tr>`;
  });
  return html`<table><thead><tr>${headCells}</tr></thead><tbody>${bodyRows}</tbody></table>`;
}
