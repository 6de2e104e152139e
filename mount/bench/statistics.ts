import type { BenchResult, Sample } from './result.ts';

/** The median: what lies in the middle, or between the two that do. */
export function median(values: readonly number[]): number {
  const ascending = values.toSorted((one, other) => one - other);
  const middle = (ascending.length - 1) / 2;
  const low = ascending[Math.floor(middle)] as number;
  const high = ascending[Math.ceil(middle)] as number;
  return (low + high) / 2;
}

/** What was measured several times: the median, and the lowest and the highest. */
export interface Figure {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** @param values one at least */
export function figureOf(values: readonly number[]): Figure {
  return { median: median(values), low: Math.min(...values), high: Math.max(...values) };
}

/** How far the values lie from the median at most, as a part of it. */
export function spreadOf({ median: middle, low, high }: Figure): number {
  return middle === 0 ? 0 : Math.max(high - middle, middle - low) / middle;
}

/** Who is faster; `even` when some round of one lies between those of the other. */
export type Winner = 'own' | 'other' | 'even';

/** Two figures of which more is better. */
export interface Comparison {
  readonly own: Figure;
  readonly other: Figure;
  /** Of the medians: own / other. */
  readonly ratio: number;
  readonly winner: Winner;
}

export function compare(own: Figure, other: Figure): Comparison {
  const ratio = own.median / other.median;
  if (own.low > other.high) return { own, other, ratio, winner: 'own' };
  if (own.high < other.low) return { own, other, ratio, winner: 'other' };
  return { own, other, ratio, winner: 'even' };
}

/** Whose rounds all beat all others'; undefined when there is none. */
export function leaderOf(all: readonly { name: string; figure: Figure }[]): string | undefined {
  return all.find((one) =>
    all.every((other) => other === one || compare(one.figure, other.figure).winner === 'own'),
  )?.name;
}

/** What several ratios amount to: twice and half as fast are as fast together. */
export function geometricMean(ratios: readonly number[]): number {
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
}

/** The samples of a job at a target; none where it could not be measured. */
export function samplesOf(
  { measurements }: BenchResult,
  job: string,
  target: string,
): readonly Sample[] {
  return measurements.find((one) => one.job === job && one.target === target)?.samples ?? [];
}

/** What a job did at a target; undefined where it could not be measured. */
export function figureAt(result: BenchResult, job: string, target: string): Figure | undefined {
  const samples = samplesOf(result, job, target);
  return samples.length === 0 ? undefined : figureOf(samples.map(({ value }) => value));
}

/** The medians of the latencies' percentiles, in nanoseconds; empty where nobody has told them. */
export function latencyOf(
  result: BenchResult,
  job: string,
  target: string,
): { percentile: number; nanoseconds: number }[] {
  const told = samplesOf(result, job, target).flatMap(({ latency }) => (latency ? [latency] : []));
  return Object.keys(told[0] ?? {}).map((percentile) => ({
    percentile: Number(percentile),
    nanoseconds: median(told.map((latency) => latency[percentile] as number)),
  }));
}

/** What processor time is set against. */
export type ProcessorUnit = 's/GiB' | 's/1,000 operations';

const GIBIBYTE = 2 ** 30;

const divisors: Readonly<Record<ProcessorUnit, (sample: Sample) => number>> = {
  's/GiB': ({ bytes }) => bytes / GIBIBYTE,
  's/1,000 operations': ({ operations }) => operations / 1000,
};

/** Medians of processor seconds per GiB or per thousand operations, part by part. */
export interface ProcessorFigures {
  readonly machine: Figure;
  readonly caller: number;
  readonly servers: Readonly<Record<string, number>>;
}

export function processorOf(
  samples: readonly Sample[],
  unit: ProcessorUnit,
): ProcessorFigures | undefined {
  const counted = samples.filter((sample) => divisors[unit](sample) > 0);
  const first = counted[0];
  if (first === undefined) return undefined;
  const each = (pick: (sample: Sample) => number): number[] =>
    counted.map((sample) => pick(sample) / divisors[unit](sample));
  return {
    machine: figureOf(each(({ processor }) => processor.machine)),
    caller: median(each(({ processor }) => processor.caller)),
    servers: Object.fromEntries(
      Object.keys(first.processor.servers).map((name) => [
        name,
        median(each(({ processor }) => processor.servers[name] ?? 0)),
      ]),
    ),
  };
}
