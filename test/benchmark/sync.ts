/**
 * Writing and waiting for stable storage: through a mount and in a directory of the same disk, by one
 * program and by 16 at once, and what it costs those who read through another mount meanwhile. The
 * driver alone, which promises storage and has none, is what any mount could reach.
 */

import { median } from '../../mount/bench/statistics.ts';
import { mountObstacle, programObstacle } from '../support/machine.ts';
import { Workspace } from '../support/workspace.ts';
import { CEILING_FILE } from './support/ceiling-file-system.ts';
import { CeilingProcess } from './support/ceiling-process.ts';
import { type FioRun, reportOfFio } from './support/fio.ts';
import { Progress } from './support/progress.ts';
import type { BenchmarkRow, BenchmarkSection, Comparison, Target } from './support/row.ts';

/** What each job has for itself, and what is read: the server has all of it in its cache. */
const FILE_BYTES = 4 << 20;
const READ_BYTES = 64 << 20;

const MANY = 16;

/** fio itself takes so long to start and to end. */
const STARTING_SECONDS = 0.5;

const writing = (jobs: number): string[] => [
  ...['--ioengine=psync', '--direct=0', '--rw=randwrite', '--bs=4k', '--fsync=1'],
  `--numjobs=${jobs}`,
];
const reading = ['--ioengine=psync', '--direct=1', '--rw=randread', '--bs=4k'];

interface Places {
  /** A directory of the disk that has the server's database. */
  readonly local: string;
  readonly writer: string;
  /** Another mount of the same server, from the first time on: it is told of all that is written. */
  reader(): Promise<string>;
  /** A mount without a server, which answers each write and fsync at once. */
  readonly alone: string;
}

/** Writes of 4 KiB a second, each of which an fsync follows; each job has a file of its own. */
async function writesPerSecond(directory: string, jobs: number, run: Partial<FioRun>) {
  const file = `${directory}/${CEILING_FILE}`;
  const where = { file, fileBytes: FILE_BYTES, isPerJob: true, ...run };
  return (await reportOfFio(writing(jobs), where)).write.iops;
}

async function readsPerSecond(places: Places, seconds: number): Promise<number> {
  const directory = await places.reader();
  const where = { file: `${directory}/read`, fileBytes: READ_BYTES, mount: directory, seconds };
  return (await reportOfFio(reading, where)).read.iops / 1e3;
}

/** Reads through one mount while jobs write and sync through the other. */
async function readsBeside(places: Places, jobs: number, seconds: number) {
  const { writer } = places;
  await places.reader();
  const longer = seconds + 2 * STARTING_SECONDS;
  const writes = writesPerSecond(writer, jobs, { mount: writer, seconds: longer });
  await new Promise((done) => setTimeout(done, STARTING_SECONDS * 1000));
  const reads = await readsPerSecond(places, seconds);
  await writes;
  return reads;
}

/** A figure and its reference, measured in turns. */
interface Pair {
  readonly name: string;
  readonly unit: string;
  readonly reference: string;
  readonly target?: Target;
  measure(places: Places, seconds: number): Promise<number>;
  measureReference(places: Places, seconds: number): Promise<number>;
}

const writePair = (name: string, jobs: number, place: 'writer' | 'alone'): Pair => ({
  name: `4 KiB write and fsync, ${name}`,
  unit: '/s',
  reference: 'local',
  measure: ({ [place]: mount }, seconds) => writesPerSecond(mount, jobs, { mount, seconds }),
  measureReference: ({ local }, seconds) => writesPerSecond(local, jobs, { seconds }),
});

const readPair = (name: string, jobs: number): Pair => ({
  name: `4 KiB random read, beside ${name} of write and fsync`,
  unit: 'k/s',
  reference: 'alone',
  target: { atLeast: 0.8 },
  measure: (places, seconds) => readsBeside(places, jobs, seconds),
  measureReference: readsPerSecond,
});

const pairs: readonly Pair[] = [
  { ...writePair('1 job', 1, 'writer'), target: { atLeast: 0.5 } },
  writePair('1 job, driver alone', 1, 'alone'),
  { ...writePair(`${MANY} jobs`, MANY, 'writer'), target: { atLeast: 0.8 } },
  writePair(`${MANY} jobs, driver alone`, MANY, 'alone'),
  readPair('1 job', 1),
  readPair(`${MANY} jobs`, MANY),
];

/** Before the rounds that count: files are made, and V8 has yet to compile what serves them. */
const WARMING_SECONDS = 8;

async function measurePair(
  pair: Pair,
  places: Places,
  seconds: number,
  rounds: number,
  progress: Progress,
): Promise<BenchmarkRow> {
  const samples: number[] = [];
  const references: number[] = [];
  await progress.step(`warming, ${pair.name}`, WARMING_SECONDS + seconds, async () => {
    await pair.measureReference(places, seconds);
    await pair.measure(places, WARMING_SECONDS);
  });
  for (let round = 1; round <= rounds; round++) {
    await progress.step(`round ${round} of ${rounds}, ${pair.name}`, 2 * seconds, async () => {
      references.push(await pair.measureReference(places, seconds));
      samples.push(await pair.measure(places, seconds));
    });
  }
  const value = median(samples);
  const known = median(references);
  const comparison: Comparison = {
    with: pair.reference,
    value: known,
    ratio: value / known,
    samples: references,
    ...(pair.target && { target: pair.target }),
  };
  const { name, unit } = pair;
  return { section: 'sync', name, value, unit, comparisons: [comparison], samples };
}

async function openPlaces(workspace: Workspace, ceiling: CeilingProcess): Promise<Places> {
  const server = await workspace.startServer();
  const request = { source: `dafs:${server.name}`, driver: 'kernel' };
  const writer = await workspace.startMount(request);
  let reader: Promise<string> | undefined;
  return {
    local: workspace.makeDirectory('local'),
    writer: writer.directory,
    reader() {
      reader ??= workspace.startMount(request).then(({ directory }) => fill(directory));
      return reader;
    },
    alone: ceiling.directory,
  };
}

/** @returns the directory, when what is to be read is there */
async function fill(directory: string): Promise<string> {
  const where = { file: `${directory}/read`, fileBytes: READ_BYTES, mount: directory };
  await reportOfFio(['--rw=write', '--bs=1m', '--end_fsync=1'], where);
  return directory;
}

export const syncBenchmark: BenchmarkSection = async (options) => {
  const lack = mountObstacle() ?? programObstacle(['fio', 'mountpoint', 'umount']);
  if (lack !== undefined) throw new Error(lack);
  const { secondsPerMeasurement, rounds, rowPattern } = options;
  const workspace = Workspace.create();
  const directory = workspace.makeDirectory('alone');
  const ceiling = await CeilingProcess.start({
    directory,
    contentBytes: FILE_BYTES,
    kind: 'alone',
  });
  try {
    const places = await openPlaces(workspace, ceiling);
    const wanted = pairs.filter(({ name }) => rowPattern.test(name));
    const each = WARMING_SECONDS + secondsPerMeasurement * (2 * rounds + 1);
    const progress = new Progress(wanted.length * each);
    const rows: BenchmarkRow[] = [];
    for (const pair of wanted) {
      rows.push(await measurePair(pair, places, secondsPerMeasurement, rounds, progress));
    }
    return rows;
  } finally {
    await ceiling.stop();
    await workspace.dispose();
  }
};
