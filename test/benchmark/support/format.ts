import type { BenchmarkRow } from './row.ts';

const SIGNIFICANT_DIGITS = 3;

function number(value: number): string {
  return value >= 1000 ? String(Math.round(value)) : value.toPrecision(SIGNIFICANT_DIGITS);
}

function cells(row: BenchmarkRow): string[] {
  const ratio = row.ratio === undefined ? '' : `${number(row.ratio)} ×`;
  return [row.name, number(row.value), row.unit, ratio, row.ratioTo ?? ''];
}

/** Which columns hold numbers, and stand to the right. */
const alignsRight = [false, true, false, true, false];

function formatSection(name: string, rows: readonly BenchmarkRow[]): string {
  const lines = rows.map(cells);
  const widths = alignsRight.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  const text = lines.map((line) =>
    line
      .map((cell, column) =>
        alignsRight[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  return [`\n${name}`, ...text.map((line) => `  ${line}`), ''].join('\n');
}

/** One aligned table per section. */
export function formatRows(rows: readonly BenchmarkRow[]): string {
  const names = [...new Set(rows.map(({ section }) => section))];
  return names
    .map((name) =>
      formatSection(
        name,
        rows.filter(({ section }) => section === name),
      ),
    )
    .join('');
}
