/** Jobs of fio: what every mount is measured by, and how one is run. */

import { run } from '../../support/run.ts';
import { isMountPoint } from '../../support/workspace.ts';

export interface FioJob {
  readonly name: string;
  readonly options: readonly string[];
  /** Whose figures of fio's report count. */
  readonly direction: 'read' | 'write';
  readonly unit: 'k/s' | 'GB/s';
}

const DIRECT = ['--direct=1', '--ioengine=psync'];

/** What is asked of a mount, each with the local directory's answer beside it. */
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
    name: '1 MiB write',
    options: [...DIRECT, '--rw=write', '--bs=1m', '--end_fsync=1'],
    direction: 'write',
    unit: 'GB/s',
  },
  {
    // Each pass begins with an empty page cache (fadvise DONTNEED), and is one pass over the file.
    name: 'buffered read, cold',
    options: ['--direct=0', '--ioengine=psync', '--rw=read', '--bs=1m', '--invalidate=1'],
    direction: 'read',
    unit: 'GB/s',
  },
];

interface FioReport {
  readonly jobs: readonly Readonly<Record<'read' | 'write', { iops: number; bw_bytes: number }>>[];
}

export interface FioRun {
  readonly file: string;
  readonly fileBytes: number;
  readonly seconds: number;
  /** The mount that the file must be on: without it, fio would measure the local disk. */
  readonly mount?: string;
}

/** Runs a job and returns its figure in the job's unit. */
export async function runFio(job: FioJob, where: FioRun): Promise<number> {
  if (where.mount !== undefined && !(await isMountPoint(where.mount))) {
    throw new Error(`${where.mount} is not mounted: its figures would be the local disk's`);
  }
  const isBuffered = job.options.includes('--direct=0');
  const seconds = Math.max(1, Math.round(where.seconds));
  const timed = isBuffered ? [] : ['--time_based', `--runtime=${seconds}`];
  const { status, stdout, stderr } = await run(
    'fio',
    [
      '--name=bench',
      `--filename=${where.file}`,
      `--size=${where.fileBytes}`,
      '--fallocate=none',
      '--thread',
      '--group_reporting',
      '--output-format=json',
      ...timed,
      ...job.options,
    ],
    { limitMs: 60_000 + seconds * 1000 },
  );
  if (status !== 0) throw new Error(`fio, ${job.name}: ${stderr.slice(-1000)}`);
  const report = JSON.parse(stdout.slice(stdout.indexOf('{'))) as FioReport;
  const figures = report.jobs[0]?.[job.direction];
  if (figures === undefined) throw new Error(`fio tells nothing of ${job.name}`);
  return job.unit === 'k/s' ? figures.iops / 1e3 : figures.bw_bytes / 1e9;
}
