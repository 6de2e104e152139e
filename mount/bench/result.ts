/**
 * What a run of `dafs bench` brings: plain data, which `--json` writes, the reports show, and a later
 * run is compared with.
 */

/** Changes when older runs can no longer be read. */
export const RESULT_FORMAT = 'dafs-bench-1';

/** Groups of jobs, by which they are chosen and shown. */
export type GroupName = 'random' | 'sequential' | 'sync' | 'sizes' | 'metadata' | 'tree';

/** Thousands of operations a second, and 10^9 bytes a second. Of both, more is better. */
export type Unit = 'k/s' | 'GB/s';

/** Something that is measured at every target. */
export interface JobDescription {
  /** Unique in a run, and the same in every run. */
  readonly name: string;
  readonly group: GroupName;
  readonly unit: Unit;
  /** What caches hold when it begins, and what it ends with. */
  readonly condition: string;
  /** Of one read or write; left out where files count. */
  readonly blockBytes?: number;
}

/** This project's mount, another directory, or the user-level library. */
export type TargetKind = 'dafs' | 'directory' | 'library';

export interface TargetDescription {
  /** Unique in a run. */
  readonly name: string;
  readonly kind: TargetKind;
  /** What lies behind it, as the mount table tells, or in words. */
  readonly description: string;
  readonly mountOptions: string;
  /** Whose processor time is known one by one, or why it is not. */
  readonly processorTime: string;
}

/** Processor time of one measurement, in seconds. */
export interface ProcessorSeconds {
  /** The program that does the job: its own and what the kernel does in its calls. */
  readonly caller: number;
  /** Processes or kernel threads that serve the target, by what they are called. */
  readonly servers: Readonly<Record<string, number>>;
  /** All of the machine, whoever it was for. */
  readonly machine: number;
}

/** One measurement of one job at one target. */
export interface Sample {
  /** In the unit of the job. */
  readonly value: number;
  readonly operations: number;
  /** Moved by reading and writing; 0 where files count. */
  readonly bytes: number;
  readonly seconds: number;
  readonly processor: ProcessorSeconds;
  /** By percentile, such as `99.9`: nanoseconds that so many of a hundred operations took at most. */
  readonly latency?: Readonly<Record<string, number>>;
}

export interface Measurement {
  readonly job: string;
  readonly target: string;
  /** One a round. */
  readonly samples: readonly Sample[];
}

export interface BenchResult {
  readonly format: typeof RESULT_FORMAT;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly tookSeconds: number;
  /** Of this machine, of the programs and of the run, each under the name that a reader sees. */
  readonly setUp: Readonly<Record<string, string>>;
  readonly jobs: readonly JobDescription[];
  /** The mount first: the others are compared with it. */
  readonly targets: readonly TargetDescription[];
  readonly measurements: readonly Measurement[];
  /** What could not be measured, and why. */
  readonly omissions: readonly { readonly job: string; readonly target: string; why: string }[];
}
