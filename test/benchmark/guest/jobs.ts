/**
 * The jobs, each of a fixed number of operations: the guest's clock counts instructions, so that the
 * time they take says how many. fio and other programs in C do them, of which the jobs' own part is
 * small; the place `local` shows it.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { runFio } from '../../../mount/bench/fio.ts';
import { succeed } from '../../support/run.ts';

export interface Job {
  readonly name: string;
  readonly unit: 'k/s' | 'GB/s' | 'billion/GiB';
  /** How long it takes by the guest's clock, about. */
  readonly seconds: number;
  /** Whether it changes anything, so that it matters when that is stable. */
  readonly changes: boolean;
  /** Does it once. @returns the figure, in the unit */
  measure(directory: string): Promise<number>;
}

const FILE_BYTES = 64 << 20;
const LIMIT_MS = 300_000;

interface FileJob {
  readonly name: string;
  readonly direction: 'read' | 'write';
  readonly unit: 'k/s' | 'GB/s';
  readonly options: readonly string[];
}

/**
 * Waits for what was put off, so that the next job does not pay for it. What it takes counts nowhere: in
 * the tables `async` for nobody, and with `sync` nothing is put off.
 */
const settle = (path: string): Promise<string> => succeed('sync', [path], { limitMs: LIMIT_MS });

/** Reads or writes of one file, O_DIRECT. */
const fileJob = ({ name, direction, unit, options }: FileJob): Job => ({
  name,
  unit,
  seconds: 0.35,
  changes: direction === 'write',
  measure: async (directory) => {
    const file = `${directory}/data`;
    const where = [`--filename=${file}`, `--size=${FILE_BYTES}`, '--direct=1'];
    const report = await runFio([...where, ...options], { extraMs: LIMIT_MS });
    if (direction === 'write') await settle(file);
    const { iops, bw_bytes: bytes } = report[direction];
    return unit === 'k/s' ? iops / 1e3 : bytes / 1e9;
  },
});

const FILES = 1500;

/**
 * Names and attributes, so that whoever serves them is asked: proc_sys_vm(5). fio looks at all files before
 * it begins, and drops them after that: in parentheses, since it sends the command's output elsewhere.
 */
const DROP_NAMES = '--exec_prerun=(echo 2 > /proc/sys/vm/drop_caches)';

/** One operation of each of many files, one after the other. */
const nameJob = (
  name: string,
  { changes, isCold }: { changes: boolean; isCold: boolean },
  options: readonly string[],
): Job => ({
  name,
  unit: 'k/s',
  seconds: 0.4,
  changes,
  measure: async (directory) => {
    mkdirSync(`${directory}/names`, { recursive: true });
    const words = [
      ...[`--directory=${directory}/names`, '--filename_format=$filenum'],
      ...[`--nrfiles=${FILES}`, '--filesize=1k', '--bs=1k', '--file_service_type=sequential'],
      ...['--openfiles=1', ...(isCold ? [DROP_NAMES] : []), ...options],
    ];
    const { read, write } = await runFio(words, { extraMs: LIMIT_MS });
    if (changes) await settle(`${directory}/names`);
    const { total_ios: done, iops } = read.total_ios > 0 ? read : write;
    if (done !== FILES) throw new Error(`${name}: ${done} of ${FILES} done`);
    return iops / 1e3;
  },
});

/** Seconds of the guest's clock, one of which is 10^9 instructions. */
const now = (): number => performance.now() / 1000;

/** For how long nobody has had anything to do: proc_uptime(5). */
const idleSeconds = (): number => Number(readFileSync('/proc/uptime', 'latin1').split(' ')[1]);

/** What programs take, without the time in which nobody did anything. */
async function busySeconds(work: () => Promise<unknown>): Promise<number> {
  const started = now();
  const idle = idleSeconds();
  await work();
  return now() - started - (idleSeconds() - idle);
}

const PASSES = 3;
const GIB = 2 ** 30;

/** What all of reading costs: program, kernel, client and server. */
const readCost: Job = {
  name: 'instructions, read 1 MiB',
  unit: 'billion/GiB',
  seconds: 0.5,
  changes: false,
  measure: async (directory) => {
    const words = [`if=${directory}/data`, 'of=/dev/null', 'bs=1M', 'iflag=direct'];
    const seconds = await busySeconds(async () => {
      for (let pass = 0; pass < PASSES; pass++) await succeed('dd', words);
    });
    return (seconds / (PASSES * FILE_BYTES)) * GIB;
  },
};

const TREE_FOLDERS = 200;
const TREE_FILES = 2600;
/** Sizes as sources have them: a median of 3 KB, a mean of 8. */
const TREE_SIZES = [300, 700, 1200, 2000, 2600, 3100, 4200, 6000, 9000, 14_000, 22_000, 36_000];
const ARCHIVE = '/tmp/tree.tar';

/** Packs a tree to be extracted: once. */
export async function packTree(): Promise<void> {
  for (let folder = 0; folder < TREE_FOLDERS; folder++) {
    mkdirSync(`/tmp/tree/${folder % 14}/${folder}`, { recursive: true });
  }
  for (let file = 0; file < TREE_FILES; file++) {
    const folder = file % TREE_FOLDERS;
    const content = Buffer.alloc(TREE_SIZES[file % TREE_SIZES.length] as number, `file ${file}\n`);
    writeFileSync(`/tmp/tree/${folder % 14}/${folder}/file-${file}`, content);
  }
  await succeed('tar', ['-cf', ARCHIVE, '-C', '/tmp', 'tree']);
  rmSync('/tmp/tree', { recursive: true });
}

const extraction: Job = {
  name: 'tar x of 2,600 files',
  unit: 'k/s',
  seconds: 1.8,
  changes: true,
  measure: async (directory) => {
    const started = now();
    await succeed('tar', ['-xf', ARCHIVE, '-C', directory], { limitMs: LIMIT_MS });
    const seconds = now() - started;
    await settle(directory);
    await succeed('rm', ['-rf', `${directory}/tree`], { limitMs: LIMIT_MS });
    return TREE_FILES / seconds / 1e3;
  },
};

/** In the order in which they are done: the file that is read is written first, and so are names. */
export const jobs: readonly Job[] = [
  fileJob({
    name: 'write 1 MiB',
    direction: 'write',
    unit: 'GB/s',
    options: ['--ioengine=psync', '--rw=write', '--bs=1m'],
  }),
  fileJob({
    name: '4 KiB random read QD1',
    direction: 'read',
    unit: 'k/s',
    options: ['--ioengine=psync', '--rw=randread', '--bs=4k', '--number_ios=4000'],
  }),
  fileJob({
    name: '4 KiB random read 4 × QD16',
    direction: 'read',
    unit: 'k/s',
    options: [
      ...['--ioengine=libaio', '--iodepth=16', '--numjobs=4'],
      ...['--rw=randread', '--bs=4k', '--number_ios=1000'],
    ],
  }),
  fileJob({
    name: 'read 1 MiB',
    direction: 'read',
    unit: 'GB/s',
    options: ['--ioengine=psync', '--rw=read', '--bs=1m', '--loops=2'],
  }),
  readCost,
  nameJob('create 1 KiB files', { changes: true, isCold: true }, [
    ...['--ioengine=psync', '--rw=write', '--create_on_open=1', '--invalidate=0'],
  ]),
  nameJob('stat cold', { changes: false, isCold: true }, ['--ioengine=filestat']),
  nameJob('unlink', { changes: true, isCold: false }, ['--ioengine=filedelete']),
  extraction,
];
