/** Reading and writing one file, by fio. */
import type { Workspace } from '../../support/workspace.ts';
import { withBusyProcesses } from '../support/busy-processes.ts';
import { type FioJob, fioJobs, runFio } from '../support/fio.ts';
import type { Measurement } from './measurement.ts';
import type { Place } from './places.ts';

/** Half of what a server caches by default: what was read once is read warm. */
export const FILE_BYTES = 128 << 20;

/** fio itself takes so long to start and to end. */
const STARTING_SECONDS = 0.5;
/** With the same, to read the file once. */
const WARMING_SECONDS = 0.7;

/** Beside others, things take longer to start. */
const BUSY_STARTING_SECONDS = 3;

/** Jobs that are also run while processes take the processors from everybody. */
const BUSY_JOBS: readonly string[] = ['4 KiB random read, 4 × 16', '128 KiB read'];

const whereOf = ({ file, mount }: Place) => ({
  file,
  fileBytes: FILE_BYTES,
  ...(mount !== undefined && { mount }),
});

/** Moves all of the file once. */
function moveAll(place: Place, direction: 'read' | 'write'): Promise<number> {
  const options = ['--ioengine=psync', '--direct=1', '--bs=1m', `--rw=${direction}`];
  const job = { name: `preparing ${place.name}`, unit: 'GB/s', direction, options } as const;
  return runFio(job, whereOf(place));
}

/** Gives each place its file. */
export async function prepareFile(place: Place): Promise<void> {
  await moveAll(place, 'write');
}

/** Has the server take the file into its cache, which thousands of small files have passed since it was there. */
async function warm(place: Place, { direction }: FioJob): Promise<void> {
  if (direction === 'read' && place.mount !== undefined) await moveAll(place, 'read');
}

const runJob = (job: FioJob, place: Place, seconds: number): Promise<number> =>
  runFio(job, { ...whereOf(place), seconds });

/** Every job at every place. */
export function fileMeasurements(seconds: number): Measurement[] {
  return fioJobs.map((job) => ({
    rows: [job],
    places: ['kernel', 'ceiling', 'fuse-native', 'local'],
    seconds: seconds + WARMING_SECONDS + STARTING_SECONDS,
    async measure(place) {
      await warm(place, job);
      return [await runJob(job, place, seconds)];
    },
  }));
}

/** Some of them beside four busy processes for each processor. */
export function busyMeasurements(workspace: Workspace, seconds: number): Measurement[] {
  const jobs = fioJobs.filter(({ name }) => BUSY_JOBS.includes(name));
  return jobs.map((job) => ({
    rows: [{ name: `${job.name}, processors busy`, unit: job.unit }],
    places: ['kernel', 'never polling'],
    // The scheduler deals in slices of milliseconds: what is fair shows over a longer time.
    seconds: 2 * seconds + BUSY_STARTING_SECONDS,
    async measure(place) {
      await warm(place, job);
      return withBusyProcesses(workspace, async () => [await runJob(job, place, 2 * seconds)]);
    },
  }));
}
