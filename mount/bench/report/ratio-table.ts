import type { BenchResult, JobDescription, TargetDescription } from '../result.ts';
import { type Comparison, compare, figureAt, geometricMean, leaderOf } from '../statistics.ts';
import { formatFigure, formatRatio, groupTitles } from '../wording.ts';
import { type Html, html } from './html.ts';

const classes = { own: 'won', other: 'lost', even: 'even' } as const;
const signs = { own: '▲', other: '▼', even: '=' } as const;

function comparisonOf(
  result: BenchResult,
  job: JobDescription,
  own: TargetDescription,
  other: TargetDescription,
): Comparison | undefined {
  const [mine, theirs] = [own, other].map(({ name }) => figureAt(result, job.name, name));
  return mine && theirs ? compare(mine, theirs) : undefined;
}

/** What the mount is times each other target, all jobs together. */
export function summaryTiles(result: BenchResult): Html {
  const [own, ...others] = result.targets as [TargetDescription, ...TargetDescription[]];
  const tiles = others.flatMap((other) => {
    const all = result.jobs.flatMap((job) => comparisonOf(result, job, own, other) ?? []);
    if (all.length === 0) return [];
    const mean = geometricMean(all.map(({ ratio }) => ratio));
    const count = (winner: string) => all.filter((one) => one.winner === winner).length;
    return [
      html`<div class="card">
<div class="tile-note">${own.name} beside ${other.name}</div>
<div class="tile-figure">${formatRatio(mean)}</div>
<div class="tile-note">faster in ${count('own')} of ${all.length} jobs, slower in ${count('other')}, even in ${count('even')}; the geometric mean of their ratios</div>
</div>`,
    ];
  });
  return html`<div class="tiles">${tiles}</div>`;
}

/** Every job with all figures, what the mount is times each other, and who wins: a table for each group. */
export function ratioTables(result: BenchResult): Html[] {
  const groups = [...new Set(result.jobs.map(({ group }) => group))];
  return groups.map((group) => {
    const jobs = result.jobs.filter((job) => job.group === group);
    const targets = result.targets.filter(({ name }) =>
      jobs.some((job) => figureAt(result, job.name, name)),
    );
    const heads = targets.map(
      ({ name }, index) => html`<th scope="col" colspan="${index === 0 ? 1 : 2}">${name}</th>`,
    );
    const rows = jobs.map((job) => rowOf(result, job, targets));
    return html`<div class="card scroll"><table>
<thead><tr><th scope="col">${groupTitles[group]}</th>${heads}<th scope="col">winner</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
  });
}

function rowOf(
  result: BenchResult,
  job: JobDescription,
  targets: readonly TargetDescription[],
): Html {
  const figures = targets.map(({ name }) => ({ name, figure: figureAt(result, job.name, name) }));
  const own = figures[0]?.figure;
  const cells = figures.map(({ figure }, index) => {
    const cell = html`<td>${figure ? formatFigure(figure) : '–'}</td>`;
    if (index === 0) return cell;
    return html`${cell}<td>${figure && own ? badge(compare(own, figure)) : ''}</td>`;
  });
  const known = figures.flatMap(({ name, figure }) => (figure ? [{ name, figure }] : []));
  return html`<tr><th scope="row" title="${job.condition}">${job.name} <small>${job.unit}</small></th>
${cells}<td>${leaderOf(known) ?? 'even'}</td></tr>`;
}

/** Not by the colour alone. */
const badge = ({ winner, ratio }: Comparison): Html =>
  html`<span class="${classes[winner]}">${signs[winner]} ${formatRatio(ratio)}</span>`;
