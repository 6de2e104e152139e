import { describeTarget } from './judgement.ts';
import type { BenchmarkRow, Comparison } from './row.ts';

const SIGNIFICANT_DIGITS = 3;

/** Three digits, or all before the point. */
export function describeFigure(value: number): string {
  return value >= 1000 ? String(Math.round(value)) : value.toPrecision(SIGNIFICANT_DIGITS);
}

interface Cell {
  readonly text: string;
  /** Numbers stand to the right of their column. */
  readonly isNumber?: boolean;
}

const numberCell = (text: string): Cell => ({ text, isNumber: true });

function comparisonCells(row: BenchmarkRow, comparison: Comparison): Cell[] {
  const { ratio, target, value } = comparison;
  return [
    numberCell(`${describeFigure(ratio)} ×`),
    { text: comparison.with },
    numberCell(describeFigure(value)),
    { text: target === undefined ? '' : describeTarget(target, ratio, row.value) },
  ];
}

function cells(row: BenchmarkRow): Cell[] {
  const { target, value, ratio, ratioTo, comparisons = [] } = row;
  const own = [{ text: row.name }, numberCell(describeFigure(value)), { text: row.unit }];
  if (target !== undefined) return [...own, { text: describeTarget(target, value, value) }];
  if (comparisons.length > 0) {
    return [...own, ...comparisons.flatMap((comparison) => comparisonCells(row, comparison))];
  }
  const ratioText = ratio === undefined ? '' : `${describeFigure(ratio)} ×`;
  return [...own, numberCell(ratioText), { text: ratioTo ?? '' }];
}

/** The width of each column; the text at the end of a line needs none. */
function columnWidths(lines: readonly Cell[][]): number[] {
  const widths: number[] = [];
  for (const line of lines) {
    for (const [column, { text }] of line.entries()) {
      if (column < line.length - 1) widths[column] = Math.max(widths[column] ?? 0, text.length);
    }
  }
  return widths;
}

function formatSection(name: string, rows: readonly BenchmarkRow[]): string {
  const lines = rows.map(cells);
  const widths = columnWidths(lines);
  const text = lines.map((line) =>
    line
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return cell.isNumber ? cell.text.padStart(width) : cell.text.padEnd(width);
      })
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
