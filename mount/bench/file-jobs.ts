/** Reading and writing one file, in blocks. */
import { coldData, dropCaches, fillCache, writeWhole } from './caches.ts';
import type { Generator } from './generator.ts';
import type { Job, JobContext } from './jobs.ts';
import { libraryWork } from './library.ts';
import type { FilePlace, Place } from './place.ts';
import type { GroupName, JobDescription } from './result.ts';
import type { FileWork } from './work.ts';

const KIBIBYTE = 1 << 10;
const MEBIBYTE = 1 << 20;

/** As in the DAFS papers' figures of throughput by block size. */
const SIZES = [4, 8, 16, 32, 64, 128, 256, 512, 1024].map((size) => size * KIBIBYTE);

/** Programs take so long to start and to end. */
const STARTING_SECONDS = 0.5;

/** There are many sizes: each is measured for so much of the time of another job. */
const SIZE_PART = 0.5;

/** What of the work the job says; the rest comes from where and how long. */
type Pattern = Omit<FileWork, 'file' | 'fileBytes' | 'seconds'>;

interface FileJob {
  readonly name: string;
  readonly group: GroupName;
  readonly pattern: Pattern;
}

const syncConditions: Readonly<Record<FileWork['sync'], string>> = {
  never: '',
  each: '; fsync(2) after each write',
  end: '; one fsync(2) at the end, in the figure',
};

function conditionOf({ cache, sync, direction }: Pattern, { forgets }: Generator): string {
  const through = "through the kernel's cache";
  const conditions: Readonly<Record<FileWork['cache'], string>> = {
    direct: 'O_DIRECT; the server may have all of the file cached',
    cold: `${through}; ${coldData(forgets)}`,
    warm: direction === 'write' ? through : `${through}, which has what it keeps of the file`,
  };
  return conditions[cache] + syncConditions[sync];
}

/** How the kernel's cache takes part, by what it is called in the names of jobs. */
const readCaches = {
  O_DIRECT: 'direct',
  'buffered, cold': 'cold',
  'buffered, warm': 'warm',
} as const;
const writeCaches = { O_DIRECT: 'direct', buffered: 'warm' } as const;

function randomJobs(): FileJob[] {
  const depths = [
    { suffix: '', jobs: 1, depth: 1 },
    { suffix: ', 4 × 16', jobs: 4, depth: 16 },
  ];
  const common = { isRandom: true, blockBytes: 4 * KIBIBYTE } as const;
  return depths.flatMap(({ suffix, ...parallel }) => [
    ...Object.entries(readCaches).map(
      ([how, cache]): FileJob => ({
        name: `4 KiB random read${suffix}, ${how}`,
        group: 'random',
        pattern: { ...common, ...parallel, direction: 'read', cache, sync: 'never' },
      }),
    ),
    ...Object.entries(writeCaches).map(
      ([how, cache]): FileJob => ({
        name: `4 KiB random write${suffix}, ${how}`,
        group: 'random',
        pattern: {
          ...common,
          ...parallel,
          direction: 'write',
          cache,
          sync: cache === 'direct' ? 'never' : 'end',
        },
      }),
    ),
  ]);
}

function sequentialJobs(): FileJob[] {
  const sizes = { '128 KiB': 128 * KIBIBYTE, '1 MiB': MEBIBYTE };
  const common = { isRandom: false, jobs: 1, depth: 1 } as const;
  return Object.entries(sizes).flatMap(([size, blockBytes]) => [
    ...Object.entries(readCaches).map(
      ([how, cache]): FileJob => ({
        name: `${size} read, ${how}`,
        group: 'sequential',
        pattern: { ...common, blockBytes, direction: 'read', cache, sync: 'never' },
      }),
    ),
    ...Object.entries(writeCaches).map(
      ([how, cache]): FileJob => ({
        name: `${size} write, ${how}`,
        group: 'sequential',
        pattern: { ...common, blockBytes, direction: 'write', cache, sync: 'end' },
      }),
    ),
  ]);
}

const syncJob: FileJob = {
  name: '4 KiB random write, each fsynced',
  group: 'sync',
  pattern: {
    direction: 'write',
    isRandom: true,
    blockBytes: 4 * KIBIBYTE,
    jobs: 1,
    depth: 1,
    cache: 'warm',
    sync: 'each',
  },
};

const table: readonly FileJob[] = [...randomJobs(), ...sequentialJobs(), syncJob];

const describe = ({ name, group, pattern }: FileJob, generator: Generator): JobDescription => ({
  name,
  group,
  unit: pattern.isRandom ? 'k/s' : 'GB/s',
  condition: conditionOf(pattern, generator),
  blockBytes: pattern.blockBytes,
});

/** Why a file job cannot be done there; undefined where it can. */
function obstacle({ files }: Place, cache: FileWork['cache']): string | undefined {
  if (files === undefined) return 'the library has no files that programs open';
  return cache === 'direct' && !files.isDirect ? 'this file system has no O_DIRECT' : undefined;
}

async function bringCaches({ file }: FilePlace, { cache, direction }: Pattern): Promise<void> {
  if (cache === 'cold') dropCaches();
  if (cache === 'warm' && direction === 'read') await fillCache(file);
}

/** The jobs of a group that read or write one file with the generator. */
export function fileJobs({ generator, fileBytes }: JobContext, group: GroupName): Job[] {
  return table
    .filter((job) => job.group === group)
    .map(
      (job): Job => ({
        ...describe(job, generator),
        expectedSeconds: (seconds) => seconds + STARTING_SECONDS,
        obstacle: (place) => obstacle(place, job.pattern.cache),
        prepare: (place) => bringCaches(place.files as FilePlace, job.pattern),
        run: ({ files }, seconds, options) =>
          generator.run(
            { ...job.pattern, file: (files as FilePlace).file, fileBytes, seconds },
            options,
          ),
      }),
    );
}

const sizeName = (bytes: number): string =>
  bytes < MEBIBYTE ? `${bytes / KIBIBYTE} KiB` : `${bytes / MEBIBYTE} MiB`;

/** Reading one file block by block, for each size of block: through directories, and by the library. */
export function sizeJobs({ generator, fileBytes }: JobContext): Job[] {
  return SIZES.map((blockBytes): Job => {
    const pattern = {
      direction: 'read',
      isRandom: false,
      blockBytes,
      jobs: 1,
      depth: 1,
      cache: 'direct',
      sync: 'never',
    } as const;
    return {
      name: `reads of ${sizeName(blockBytes)}`,
      group: 'sizes',
      unit: 'GB/s',
      condition: 'O_DIRECT, or into registered memory; servers have all of the file cached',
      blockBytes,
      expectedSeconds: (seconds) => SIZE_PART * seconds + STARTING_SECONDS,
      obstacle: (place) => (place.library ? undefined : obstacle(place, 'direct')),
      prepare: () => undefined,
      run({ files, library }, seconds, options) {
        const common = { fileBytes, seconds: SIZE_PART * seconds };
        return library
          ? libraryWork({ ...library, ...common, blockBytes }, options)
          : generator.run({ ...pattern, ...common, file: (files as FilePlace).file }, options);
      },
    };
  });
}

/** Gives a target its file. */
export async function prepareFile(
  { files, library, servers }: Place,
  { fileBytes }: JobContext,
  signal: AbortSignal,
): Promise<void> {
  if (library) {
    const common = { ...library, fileBytes, blockBytes: MEBIBYTE, seconds: 0 };
    await libraryWork({ ...common, isPreparing: true }, { signal, servers });
    return;
  }
  await writeWhole((files as FilePlace).file, fileBytes);
}

/**
 * Reads a target's file once, so that its server has it cached: before each round, since the small files of
 * the one before may have taken its place.
 */
export async function readFileOnce(
  { files, servers }: Place,
  { generator, fileBytes }: JobContext,
  signal: AbortSignal,
): Promise<void> {
  // Nothing else goes through the server of the library's programs.
  if (files === undefined) return;
  const { file, isDirect } = files;
  await generator.run(
    {
      file,
      fileBytes,
      seconds: STARTING_SECONDS,
      direction: 'read',
      isRandom: false,
      blockBytes: MEBIBYTE,
      jobs: 1,
      depth: 1,
      cache: isDirect ? 'direct' : 'cold',
      sync: 'never',
    },
    { signal, servers },
  );
}
