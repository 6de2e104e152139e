/** What a program is asked to do, and what it tells of having done it. */
import type { ProcessorSeconds } from './result.ts';

/** Reading or writing one file for a while. */
export interface FileWork {
  readonly file: string;
  readonly fileBytes: number;
  readonly seconds: number;
  readonly direction: 'read' | 'write';
  readonly isRandom: boolean;
  readonly blockBytes: number;
  /** So many do it at once, each with so many requests under way. */
  readonly jobs: number;
  readonly depth: number;
  /**
   * `direct` is O_DIRECT; the others go through the kernel's cache: `cold`, every pass over the file
   * begins with none of it there; `warm`, what is there stays.
   */
  readonly cache: 'direct' | 'cold' | 'warm';
  /** fsync(2) never, after each write, or at the end; it is in the figure. */
  readonly sync: 'never' | 'each' | 'end';
}

export interface WorkDone {
  readonly operations: number;
  readonly bytes: number;
  readonly seconds: number;
  /** The program's own processor time for the work, where it took more to start and to end. */
  readonly callerSeconds?: number;
  /** While it worked, where the program has looked itself. */
  readonly processor?: ProcessorSeconds;
  /** By percentile: nanoseconds. */
  readonly latency?: Readonly<Record<string, number>>;
}

/** What latencies are told of: those of fio. */
export const PERCENTILES: readonly number[] = [
  1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 99.5, 99.9, 99.95, 99.99,
];

/** @param nanoseconds of each operation; sorted in place */
export function percentilesOf(nanoseconds: Float64Array): Record<string, number> {
  nanoseconds.sort();
  const at = (percentile: number) =>
    nanoseconds[Math.max(0, Math.ceil((percentile * nanoseconds.length) / 100) - 1)] as number;
  return Object.fromEntries(PERCENTILES.map((percentile) => [percentile, at(percentile)]));
}
