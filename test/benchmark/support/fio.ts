/** Jobs of fio: what every mount is measured by, and how one is run. */

import { runFio as callFio, type FioFigures } from '../../../mount/bench/fio.ts';
import { requireMount } from './require-mount.ts';

export interface FioJob {
  readonly name: string;
  readonly options: readonly string[];
  /** Whose figures of fio's report count. */
  readonly direction: 'read' | 'write';
  readonly unit: 'k/s' | 'GB/s';
}

const DIRECT = ['--direct=1', '--ioengine=psync'];
const BUFFERED = ['--direct=0', '--ioengine=psync'];

/** What is asked of each place. */
export const fioJobs: readonly FioJob[] = [
  {
    name: '4 KiB random read',
    options: [...DIRECT, '--rw=randread', '--bs=4k'],
    direction: 'read',
    unit: 'k/s',
  },
  {
    name: '4 KiB random read, 4 × 16',
    options: [
      ...['--direct=1', '--ioengine=libaio', '--iodepth=16', '--numjobs=4'],
      ...['--rw=randread', '--bs=4k'],
    ],
    direction: 'read',
    unit: 'k/s',
  },
  {
    name: '4 KiB random write',
    options: [...DIRECT, '--rw=randwrite', '--bs=4k'],
    direction: 'write',
    unit: 'k/s',
  },
  {
    name: '128 KiB read',
    options: [...DIRECT, '--rw=read', '--bs=128k'],
    direction: 'read',
    unit: 'GB/s',
  },
  {
    name: '1 MiB read',
    options: [...DIRECT, '--rw=read', '--bs=1m'],
    direction: 'read',
    unit: 'GB/s',
  },
  {
    // The fsync at the end is in the figure.
    name: '1 MiB write, fsync',
    options: [...DIRECT, '--rw=write', '--bs=1m', '--end_fsync=1'],
    direction: 'write',
    unit: 'GB/s',
  },
  {
    // Each pass over the file begins with an empty page cache: fio calls posix_fadvise(DONTNEED).
    name: 'buffered read, cold',
    options: [...BUFFERED, '--rw=read', '--bs=1m', '--invalidate=1'],
    direction: 'read',
    unit: 'GB/s',
  },
  {
    name: 'buffered write, fsync',
    options: [...BUFFERED, '--rw=write', '--bs=1m', '--end_fsync=1'],
    direction: 'write',
    unit: 'GB/s',
  },
];

export interface FioRun {
  readonly file: string;
  readonly fileBytes: number;
  /** Each job has a file of its own, whose name begins with that of `file`. */
  readonly isPerJob?: boolean;
  /** How long; when left out, one pass over the file. */
  readonly seconds?: number;
  /** The mount that the file must be on: without it, fio would measure the local disk. */
  readonly mount?: string;
}

/** Runs fio and returns what it tells of all its jobs together. */
export async function reportOfFio(
  options: readonly string[],
  { file, fileBytes, isPerJob, seconds, mount }: FioRun,
): Promise<FioFigures> {
  await requireMount(mount);
  const milliseconds = seconds === undefined ? undefined : Math.round(seconds * 1000);
  const timed = milliseconds === undefined ? [] : ['--time_based', `--runtime=${milliseconds}ms`];
  const where = isPerJob ? `--filename_format=${file}.$jobnum` : `--filename=${file}`;
  return callFio([where, `--size=${fileBytes}`, ...timed, ...options], {
    extraMs: milliseconds ?? 0,
  });
}

/** Runs a job and returns its figure in the job's unit. */
export async function runFio(job: FioJob, where: FioRun): Promise<number> {
  const figures = (await reportOfFio(job.options, where))[job.direction];
  return job.unit === 'k/s' ? figures.iops / 1e3 : figures.bw_bytes / 1e9;
}
