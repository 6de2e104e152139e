/** Processor time as reports show it: what the machine took, in parts. */
import type { BenchResult } from './result.ts';
import { type ProcessorUnit, processorOf, samplesOf } from './statistics.ts';
import { formatNumber } from './wording.ts';

export const CALLER = 'caller';
/** What the machine took besides: interrupts, kernel workers, servers that are not known, others. */
export const REST = 'rest of the machine';

export const processorTitles: Readonly<Record<ProcessorUnit, string>> = {
  's/GiB': 'Processor seconds to move a GiB',
  's/1,000 operations': 'Processor seconds for a thousand operations',
};

/** Medians, so that the parts of a bar may differ a little from the whole. */
export interface Part {
  readonly job: string;
  readonly target: string;
  readonly part: string;
  readonly seconds: number;
}

export const sumOf = (parts: readonly Part[]): number =>
  parts.reduce((total, { seconds }) => total + seconds, 0);

/** Who has used the processors, for each job at each target that can be set against the unit. */
export function partsOf(result: BenchResult, unit: ProcessorUnit): Part[] {
  return result.jobs.flatMap(({ name: job }) =>
    result.targets.flatMap(({ name: target }) => {
      const figures = processorOf(samplesOf(result, job, target), unit);
      if (figures === undefined) return [];
      const known = { [CALLER]: figures.caller, ...figures.servers };
      const sum = Object.values(known).reduce((total, seconds) => total + seconds, 0);
      const rest = Math.max(0, figures.machine.median - sum);
      return Object.entries({ ...known, [REST]: rest }).map(([part, seconds]) => ({
        ...{ job, target, part, seconds },
      }));
    }),
  );
}

/** The same as a table, its head first: the whole, and of it who is known. */
export function processorRows(result: BenchResult, unit: ProcessorUnit): string[][] {
  const parts = partsOf(result, unit);
  const targets = result.targets.filter(({ name }) => parts.some(({ target }) => target === name));
  const rows = result.jobs.flatMap(({ name }) => {
    const ofJob = parts.filter(({ job }) => job === name);
    if (ofJob.length === 0) return [];
    return [[name, ...targets.map((target) => cellOf(ofJob, target.name))]];
  });
  return [[unit, ...targets.map(({ name }) => name)], ...rows];
}

function cellOf(ofJob: readonly Part[], target: string): string {
  const own = ofJob.filter((one) => one.target === target);
  if (own.length === 0) return '–';
  const known = own
    .filter(({ part }) => part !== REST)
    .map(({ part, seconds }) => `${part} ${formatNumber(seconds)}`);
  return `${formatNumber(sumOf(own))} (${known.join(', ')})`;
}
