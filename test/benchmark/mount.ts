/**
 * The mount by the kernel driver beside what it is compared with (`mount/places.ts`): files by fio,
 * metadata, throughput on busy processors, and what it takes of the machine. The places take turns in
 * each round, so that a disturbance meets all of them, and medians count.
 */

import { median } from '../../mount/bench/statistics.ts';
import { programObstacle } from '../support/machine.ts';
import { Workspace } from '../support/workspace.ts';
import { busyMeasurements, FILE_BYTES, fileMeasurements, prepareFile } from './mount/file-jobs.ts';
import type { Measurement } from './mount/measurement.ts';
import { metadataMeasurement } from './mount/metadata.ts';
import { type Place, type PlaceName, Places } from './mount/places.ts';
import { type Reference, ratioTargets } from './mount/targets.ts';
import { IDLE_SECONDS, idleRow, memoryRows } from './mount/usage.ts';
import { Progress } from './support/progress.ts';
import type { BenchmarkOptions, BenchmarkRow, BenchmarkSection } from './support/row.ts';

/** Mounting, and giving the place its file. */
const OPENING_SECONDS = 3;

/** Figures in the order in which they were measured, by row and place. */
type Samples = Map<string, Map<PlaceName, number[]>>;

function choose(workspace: Workspace, options: BenchmarkOptions): Measurement[] {
  const { secondsPerMeasurement: seconds, rowPattern } = options;
  const all = [
    ...fileMeasurements(seconds),
    metadataMeasurement(seconds),
    ...busyMeasurements(workspace, seconds),
  ];
  return all.filter(({ rows }) => rows.some(({ name }) => rowPattern.test(name)));
}

/** Rounds that do not count: V8 has yet to compile what serves each place, which takes it seconds. */
const WARMING_ROUNDS = 1;

function secondsOf(measurements: readonly Measurement[], rounds: number): number {
  const once = measurements.map(({ places, seconds }) => places.length * seconds);
  return (WARMING_ROUNDS + rounds) * once.reduce((sum, seconds) => sum + seconds, 0);
}

async function takeTurns(
  measurements: readonly Measurement[],
  places: Places,
  rounds: number,
  progress: Progress,
): Promise<Samples> {
  const samples: Samples = new Map();
  for (let round = 1 - WARMING_ROUNDS; round <= rounds; round++) {
    for (const { rows, places: names, seconds, measure } of measurements) {
      for (const name of names) {
        const which = round < 1 ? 'warming' : `round ${round} of ${rounds}`;
        const what = `${which}, ${rows[0]?.name}: ${name}`;
        const values = await progress.step(what, seconds, () => measure(places.of(name)));
        if (round < 1) continue;
        for (const [index, row] of rows.entries()) {
          const ofRow = samples.get(row.name) ?? new Map<PlaceName, number[]>();
          samples.set(row.name, ofRow);
          ofRow.set(name, [...(ofRow.get(name) ?? []), values[index] as number]);
        }
      }
    }
  }
  return samples;
}

function rowsOf({ rows, places }: Measurement, samples: Samples): BenchmarkRow[] {
  const [own, ...others] = places as readonly [PlaceName, ...Reference[]];
  return rows.map(({ name, unit }) => {
    const of = (place: PlaceName) => samples.get(name)?.get(place) as number[];
    const value = median(of(own));
    const comparisons = others.map((other) => {
      const theirs = median(of(other));
      const target = ratioTargets[name]?.[other];
      const known = { with: other, value: theirs, ratio: value / theirs, samples: of(other) };
      return target === undefined ? known : { ...known, target };
    });
    return { section: 'mount', name, value, unit, comparisons, samples: of(own) };
  });
}

/** After the jobs: what the mount takes when it has worked, and when it rests. */
async function usageRows(
  workspace: Workspace,
  { processes }: Place,
  progress: Progress,
): Promise<BenchmarkRow[]> {
  if (processes === undefined) throw new Error('nobody serves this place');
  const memory = await memoryRows(workspace, processes);
  const idle = await progress.step('idle', IDLE_SECONDS, () => idleRow(processes));
  return [idle, ...memory];
}

async function measureIn(
  workspace: Workspace,
  places: Places,
  options: BenchmarkOptions,
): Promise<BenchmarkRow[]> {
  const { rounds, rowPattern } = options;
  const measurements = choose(workspace, options);
  const names = new Set<PlaceName>(['kernel', ...measurements.flatMap((one) => one.places)]);
  const seconds = secondsOf(measurements, rounds) + IDLE_SECONDS;
  const progress = new Progress(seconds + OPENING_SECONDS * names.size);
  await places.compile();
  for (const name of names) {
    await progress.step(`preparing: ${name}`, OPENING_SECONDS, async () =>
      prepareFile(await places.open(name)),
    );
  }
  const samples = await takeTurns(measurements, places, rounds, progress);
  const rows = measurements.flatMap((measurement) => rowsOf(measurement, samples));
  const usage = await usageRows(workspace, places.of('kernel'), progress);
  return [...rows, ...usage].filter(({ name }) => rowPattern.test(name));
}

export const mountBenchmark: BenchmarkSection = async (options) => {
  const lack = programObstacle(['fio', 'mountpoint', 'umount']);
  if (lack !== undefined) throw new Error(lack);
  const workspace = Workspace.create();
  const places = new Places(workspace, FILE_BYTES);
  try {
    return await measureIn(workspace, places, options);
  } finally {
    await places.close();
    await workspace.dispose();
  }
};
