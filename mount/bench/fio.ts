/** fio: https://fio.readthedocs.io, whose options these are. */
import { outputOf, ProgramError, type ProgramOptions } from './programs.ts';
import type { FileWork, WorkDone } from './work.ts';

/** What fio tells of reading or of writing, of all jobs together. */
export interface FioDirection {
  readonly iops: number;
  readonly bw_bytes: number;
  readonly io_bytes: number;
  readonly total_ios: number;
  /** In milliseconds. */
  readonly runtime: number;
  readonly clat_ns: { readonly percentile?: Readonly<Record<string, number>> };
}

export interface FioFigures {
  readonly read: FioDirection;
  readonly write: FioDirection;
  /** Milliseconds of all jobs together, and how many of a hundred of these they had a processor. */
  readonly job_runtime: number;
  readonly usr_cpu: number;
  readonly sys_cpu: number;
}

/** What fio calls itself; undefined where it is not installed. */
export async function fioVersion(): Promise<string | undefined> {
  try {
    return (await outputOf('fio', ['--version'])).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Runs fio once, with threads instead of processes, and gives what it tells of all jobs together.
 *
 * @throws ProgramError
 */
export async function runFio(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<FioFigures> {
  const common = ['--name=bench', '--fallocate=none', '--thread', '--group_reporting'];
  const text = await outputOf('fio', [...common, '--output-format=json', ...args], options);
  const { jobs } = JSON.parse(text.slice(text.indexOf('{'))) as { jobs: FioFigures[] };
  if (jobs[0] === undefined) throw new ProgramError('fio tells nothing');
  return jobs[0];
}

const patterns = {
  read: { random: 'randread', sequential: 'read' },
  write: { random: 'randwrite', sequential: 'write' },
} as const;

const syncOptions: Readonly<Record<FileWork['sync'], readonly string[]>> = {
  never: [],
  each: ['--fsync=1'],
  end: ['--end_fsync=1'],
};

/** Requests are under way together only by an engine that does not wait for each. */
function optionsFor(work: FileWork): string[] {
  return [
    `--filename=${work.file}`,
    `--size=${work.fileBytes}`,
    `--rw=${patterns[work.direction][work.isRandom ? 'random' : 'sequential']}`,
    `--bs=${work.blockBytes}`,
    `--numjobs=${work.jobs}`,
    `--iodepth=${work.depth}`,
    `--ioengine=${work.depth > 1 ? 'libaio' : 'psync'}`,
    `--direct=${work.cache === 'direct' ? 1 : 0}`,
    // posix_fadvise(POSIX_FADV_DONTNEED) before each pass over the file.
    `--invalidate=${work.cache === 'cold' ? 1 : 0}`,
    '--time_based',
    `--runtime=${Math.round(work.seconds * 1000)}ms`,
    ...syncOptions[work.sync],
  ];
}

/** Has fio do the work. */
export async function fioWork(work: FileWork, options: ProgramOptions): Promise<WorkDone> {
  const figures = await runFio(optionsFor(work), {
    ...options,
    extraMs: work.seconds * 1000,
  });
  const { total_ios, io_bytes, runtime, clat_ns } = figures[work.direction];
  const percentile = Object.entries(clat_ns.percentile ?? {});
  return {
    operations: total_ios,
    bytes: io_bytes,
    seconds: runtime / 1000,
    callerSeconds: ((figures.usr_cpu + figures.sys_cpu) / 100) * (figures.job_runtime / 1000),
    latency: Object.fromEntries(percentile.map(([name, value]) => [String(Number(name)), value])),
  };
}
