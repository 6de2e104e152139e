/**
 * What the guest does, step by step. Host and guest walk through the same plan: the guest tells each
 * step's figure, and the host knows from it what is being done and how much is left.
 */
import { type Job, jobs } from './jobs.ts';
import { type PlaceName, placeTable, type Setting } from './places.ts';

export interface PlanOptions {
  readonly rounds: number;
  /** Of the rows that are wanted, a regular expression for the job or the table. */
  readonly rows: string;
}

/** What is compared: one table of the report. */
export interface ComparisonTable extends Setting {
  readonly name: string;
  /** This project's mount comes first. */
  readonly places: readonly PlaceName[];
  readonly jobs: readonly Job[];
}

const changing = jobs.filter(({ changes }) => changes);

export const tables: readonly ComparisonTable[] = [
  {
    name: 'guest, memory',
    backing: 'memory',
    durability: 'async',
    places: ['dafs', 'nfs tcp', 'nfs rdma', 'passthrough', 'local'],
    jobs,
  },
  {
    name: 'guest, ext4, async',
    backing: 'ext4',
    durability: 'async',
    places: ['dafs', 'nfs tcp', 'passthrough'],
    jobs: changing,
  },
  {
    name: 'guest, ext4, sync',
    backing: 'ext4',
    durability: 'sync',
    places: ['dafs', 'nfs tcp'],
    jobs: changing,
  },
];

export interface Step {
  readonly table: ComparisonTable;
  readonly place: PlaceName;
  /** What is measured; a step without a job opens the place. */
  readonly job?: Job;
  /** Before the first, rounds are for warming. */
  readonly round: number;
  /** How long it takes by the guest's clock, about. */
  readonly seconds: number;
}

function stepsAt(
  table: ComparisonTable,
  place: PlaceName,
  wanted: readonly Job[],
  rounds: number,
): Step[] {
  const { openingSeconds, slowness, warmingRounds } = placeTable[place];
  const steps: Step[] = [{ table, place, round: 0, seconds: openingSeconds }];
  for (let round = 1 - warmingRounds; round <= rounds; round++) {
    for (const job of wanted) {
      steps.push({ table, place, job, round, seconds: job.seconds * slowness });
    }
  }
  return steps;
}

export function planOf({ rounds, rows }: PlanOptions): Step[] {
  const pattern = new RegExp(rows);
  return tables.flatMap((table) => {
    const wanted = table.jobs.filter(({ name }) => pattern.test(name) || pattern.test(table.name));
    if (wanted.length === 0) return [];
    return table.places.flatMap((place) => stepsAt(table, place, wanted, rounds));
  });
}

export function describeStep({ table, place, job, round }: Step): string {
  if (job === undefined) return `${table.name}: ${place}`;
  return `${table.name}: ${place}, ${round < 1 ? 'warming' : `round ${round}`}, ${job.name}`;
}
