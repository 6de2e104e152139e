/**
 * One line of a benchmark table. Values of different runs of the machine are not comparable, so a
 * row that matters names another row of the same run and stands as a ratio to it.
 */
export interface BenchmarkRow {
  /** The table this row belongs to, e.g. `nic`. */
  readonly section: string;
  /** What was measured, unique in its section, e.g. `send 64 B round trip`. */
  readonly name: string;
  readonly value: number;
  /** Unit of `value`, e.g. `us`, `GB/s`, `op/s`. */
  readonly unit: string;
  /** Name of the row of the same run that this one is compared with: of this section, else of any. */
  readonly ratioTo?: string;
  /** value / value of the row `ratioTo`; the runner computes it when it is left out. */
  readonly ratio?: number;
  /** What the value itself shall be. */
  readonly target?: Target;
  /** The same at other places, where one row holds them all. */
  readonly comparisons?: readonly Comparison[];
  /** Of which the value is the median, in the order in which they were measured. */
  readonly samples?: readonly number[];
}

/** A bound of a figure, or of its ratio to a reference. */
export interface Target {
  readonly atLeast?: number;
  readonly atMost?: number;
  /** Of the figure itself: where that is reached, the ratio need not be. */
  readonly orValueAtLeast?: number;
}

/** The same figure, measured elsewhere in the same run. */
export interface Comparison {
  readonly with: string;
  /** The other's, in the row's unit. */
  readonly value: number;
  /** The row's value / this value. */
  readonly ratio: number;
  readonly target?: Target;
  readonly samples?: readonly number[];
}

/** What a section's file exports as `<section>Benchmark`, e.g. `nicBenchmark` of `nic.ts`. */
export type BenchmarkSection = (options: BenchmarkOptions) => Promise<BenchmarkRow[]>;

export interface BenchmarkOptions {
  /** How long one measurement should last. */
  readonly secondsPerMeasurement: number;
  /** How often each is made, where medians are taken. */
  readonly rounds: number;
  /** Which rows are wanted, where a section can measure some of its rows only. */
  readonly rowPattern: RegExp;
  /** How long a soak lasts. */
  readonly soakMinutes: number;
}
