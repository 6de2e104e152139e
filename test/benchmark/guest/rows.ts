/** From the guest's figures to rows of a table, with the targets of the ratios. */
import { median } from '../../../mount/bench/statistics.ts';
import type { BenchmarkRow, Comparison, Target } from '../support/row.ts';
import type { PlaceName } from './places.ts';
import type { ComparisonTable, Step } from './plan.ts';

/** What the mount shall reach beside NFS over TCP, where both keep their files in memory. */
const TARGETS: Readonly<Record<string, Target>> = {
  '4 KiB random read QD1': { atLeast: 2.5 },
  '4 KiB random read 4 × QD16': { atLeast: 2 },
  'read 1 MiB': { atLeast: 2 },
  'write 1 MiB': { atLeast: 1.5 },
  'instructions, read 1 MiB': { atMost: 0.5 },
  'create 1 KiB files': { atLeast: 2 },
  'stat cold': { atLeast: 2 },
  unlink: { atLeast: 2 },
  'tar x of 2,600 files': { atLeast: 2 },
};

const TARGET_PLACE: PlaceName = 'nfs tcp';

/** A step and what it measured. */
export interface Figure {
  readonly step: Step;
  readonly figure: number;
}

function samplesOf(
  figures: readonly Figure[],
  table: ComparisonTable,
  place: PlaceName,
  name: string,
): number[] {
  const of = ({ step }: Figure) =>
    step.round > 0 && step.table === table && step.place === place && step.job?.name === name;
  return figures.filter(of).map(({ figure }) => figure);
}

/** The rows of one table: this project's figure, and the others' beside it. */
function rowsOfTable(table: ComparisonTable, figures: readonly Figure[]): BenchmarkRow[] {
  const [own, ...others] = table.places as [PlaceName, ...PlaceName[]];
  return table.jobs.flatMap(({ name, unit }) => {
    const samples = samplesOf(figures, table, own, name);
    if (samples.length === 0) return [];
    const value = median(samples);
    const comparisons = others.map((other): Comparison => {
      const theirs = samplesOf(figures, table, other, name);
      const known = median(theirs);
      const target = TARGETS[name];
      const isBound = table.backing === 'memory' && other === TARGET_PLACE && target !== undefined;
      const comparison = { with: other, value: known, ratio: value / known, samples: theirs };
      return isBound ? { ...comparison, target } : comparison;
    });
    return [{ section: table.name, name, value, unit, comparisons, samples }];
  });
}

export function rowsOf(tables: readonly ComparisonTable[], figures: readonly Figure[]) {
  return tables.flatMap((table) => rowsOfTable(table, figures));
}
