/** A tree such as that of a program's sources: extracted by tar(1) and removed by rm(1). */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Job, JobContext } from './jobs.ts';
import type { FilePlace, Place } from './place.ts';
import { outputOf, type ProgramOptions } from './programs.ts';
import type { WorkDone } from './work.ts';

const FILES_PER_DIRECTORY = 12;
const FILES_PER_SECOND = 4000;
const STARTING_SECONDS = 0.1;

/** Bytes of files, as sources have them: most are small, few are large. */
const FILE_SIZES = [300, 900, 1500, 2600, 4000, 4800, 7000, 9500, 13_000, 20_000, 38_000, 90_000];

interface Archive {
  readonly path: string;
  readonly files: number;
  readonly bytes: number;
}

/** Makes the tree, and of it the archive that all targets get. */
async function makeArchive(scratch: string, files: number): Promise<Archive> {
  const source = join(scratch, 'tree');
  let bytes = 0;
  for (let index = 0; index < files; index += 1) {
    const folder = Math.floor(index / FILES_PER_DIRECTORY);
    const directory = join(source, `part-${folder % FILES_PER_DIRECTORY}`, `folder-${folder}`);
    mkdirSync(directory, { recursive: true });
    const size = FILE_SIZES[index % FILE_SIZES.length] as number;
    writeFileSync(join(directory, `file-${index}.txt`), Buffer.alloc(size, 'text of a program\n'));
    bytes += size;
  }
  const path = join(scratch, 'tree.tar');
  await outputOf('tar', ['-cf', path, '-C', source, '.']);
  rmSync(source, { recursive: true });
  return { path, files, bytes };
}

async function timed(run: () => Promise<unknown>, { files, bytes }: Archive): Promise<WorkDone> {
  const startedMs = performance.now();
  await run();
  const seconds = (performance.now() - startedMs) / 1000;
  return { operations: files, bytes, seconds };
}

export function treeJobs({ scratch, treeFiles }: JobContext): Job[] {
  let made: Promise<Archive> | undefined;
  const archive = () => {
    made ??= makeArchive(scratch, treeFiles);
    return made;
  };
  const treeOf = (place: Place) => join((place.files as FilePlace).directory, 'tree');
  const common = {
    group: 'tree',
    unit: 'k/s',
    expectedSeconds: () => treeFiles / FILES_PER_SECOND + STARTING_SECONDS,
    obstacle: (place: Place) =>
      place.files ? undefined : 'the library is measured by block size only',
  } as const;
  const what = `${treeFiles.toLocaleString('en')} files of 0.3 to 90 kB in many directories, nothing synced`;
  return [
    {
      ...common,
      name: 'tar x of a tree',
      condition: what,
      async prepare(place) {
        await archive();
        mkdirSync(treeOf(place));
      },
      async run(place: Place, _seconds: number, options: ProgramOptions) {
        const tree = await archive();
        const args = ['-xf', tree.path, '-C', treeOf(place)];
        return timed(() => outputOf('tar', args, options), tree);
      },
    },
    {
      ...common,
      name: 'rm -r of a tree',
      condition: `${what}; just extracted`,
      prepare: () => undefined,
      async run(place: Place, _seconds: number, options: ProgramOptions) {
        const tree = { ...(await archive()), bytes: 0 };
        return timed(() => outputOf('rm', ['-r', treeOf(place)], options), tree);
      },
    },
  ];
}
