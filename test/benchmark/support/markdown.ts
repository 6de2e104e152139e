/** Tables for the documentation. */
import { describeFigure } from './format.ts';
import { describeTarget } from './judgement.ts';
import type { BenchmarkRow, Comparison } from './row.ts';

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;

function comparisonCell(row: BenchmarkRow, { value, ratio, target }: Comparison): string {
  const judged = target === undefined ? '' : ` (${describeTarget(target, ratio, row.value)})`;
  return `${describeFigure(value)}, **${describeFigure(ratio)} ×**${judged}`;
}

function formatSection(name: string, rows: readonly BenchmarkRow[]): string {
  const others = [...new Set(rows.flatMap(({ comparisons = [] }) => comparisons))];
  const places = [...new Set(others.map((comparison) => comparison.with))];
  const heading = ['', name, ...places];
  const body = rows.map((row) => {
    const cells = places.map((place) => {
      const comparison = row.comparisons?.find((one) => one.with === place);
      return comparison === undefined ? '' : comparisonCell(row, comparison);
    });
    return line([row.name, `${describeFigure(row.value)} ${row.unit}`, ...cells]);
  });
  return [line(heading), line(heading.map(() => '---')), ...body].join('');
}

/** One table per section: each figure, and the ratio to it of the section's own. */
export function formatMarkdown(rows: readonly BenchmarkRow[]): string {
  const names = [...new Set(rows.map(({ section }) => section))];
  const ofSection = (name: string) => rows.filter(({ section }) => section === name);
  return names.map((name) => formatSection(name, ofSection(name))).join('\n');
}
