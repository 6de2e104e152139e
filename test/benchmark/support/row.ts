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
}

/** What a section's file exports as `<section>Benchmark`, e.g. `nicBenchmark` of `nic.ts`. */
export type BenchmarkSection = (options: BenchmarkOptions) => Promise<BenchmarkRow[]>;

export interface BenchmarkOptions {
  /** How long one measurement should last. */
  readonly secondsPerMeasurement: number;
}
