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

/** Beside others, things take longer to start. */
const BUSY_STARTING_SECONDS = 3;

/** Jobs that are also run while processes take the processors from everybody. */
const BUSY_JOBS: readonly string[] = ['4 KiB random read, 4 × 16', '128 KiB read'];

const runJob = (job: FioJob, { file, mount }: Place, seconds: number): Promise<number> =>
  runFio(job, { file, fileBytes: FILE_BYTES, seconds, ...(mount !== undefined && { mount }) });

/** Gives each place its file, and reads it once, so that servers have it in their caches. */
export async function prepareFile({ name, file, mount }: Place): Promise<void> {
  const where = { file, fileBytes: FILE_BYTES, ...(mount !== undefined && { mount }) };
  const common = { unit: 'GB/s', name: `preparing ${name}` } as const;
  const options = ['--ioengine=psync', '--direct=1', '--bs=1m'];
  await runFio({ ...common, direction: 'write', options: [...options, '--rw=write'] }, where);
  await runFio({ ...common, direction: 'read', options: [...options, '--rw=read'] }, where);
}

/** Every job at every place. */
export function fileMeasurements(seconds: number): Measurement[] {
  return fioJobs.map((job) => ({
    rows: [job],
    places: ['kernel', 'ceiling', 'fuse-native', 'local'],
    seconds: seconds + STARTING_SECONDS,
    measure: async (place) => [await runJob(job, place, seconds)],
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
    measure: (place) =>
      withBusyProcesses(workspace, async () => [await runJob(job, place, 2 * seconds)]),
  }));
}
