import type { BenchmarkRow } from './row.ts';

/** Fills in the ratios that a section left to the runner, from the rows of the same run. */
export function withRatios(rows: readonly BenchmarkRow[]): BenchmarkRow[] {
  return rows.map((row) => {
    const reference = row.ratio === undefined ? findReference(rows, row) : undefined;
    return reference === undefined ? row : { ...row, ratio: row.value / reference.value };
  });
}

/** The row that another names: of its own section, or of any as `section/name`. */
function findReference(
  rows: readonly BenchmarkRow[],
  { section, ratioTo }: BenchmarkRow,
): BenchmarkRow | undefined {
  return (
    rows.find((row) => row.section === section && row.name === ratioTo) ??
    rows.find((row) => `${row.section}/${row.name}` === ratioTo)
  );
}
