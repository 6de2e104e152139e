/** Many small files: made, looked at, read, renamed and removed. */
import { join } from 'node:path';
import { coldNames, dropCaches } from './caches.ts';
import type { Job, JobContext } from './jobs.ts';
import type { FilePlace } from './place.ts';
import { type SmallFilesPhase, smallFilesWork } from './small-files.ts';

interface Phase {
  readonly name: string;
  readonly phase: SmallFilesPhase;
  /** Whether the kernel is made to forget files and names before. */
  readonly isCold: boolean;
}

/** In this order: each finds what the one before has left. */
const phases: readonly Phase[] = [
  { name: 'create files of 1 KiB', phase: 'create', isCold: false },
  { name: 'stat, cold', phase: 'stat', isCold: true },
  { name: 'stat, warm', phase: 'stat', isCold: false },
  { name: 'readdir', phase: 'names', isCold: true },
  { name: 'readdir with attributes', phase: 'attributes', isCold: true },
  { name: 'read small files, cold', phase: 'read', isCold: true },
  { name: 'read small files, warm', phase: 'read', isCold: false },
  { name: 'storm of small reads, 16 at once', phase: 'storm', isCold: true },
  { name: 'rename', phase: 'rename', isCold: false },
  { name: 'unlink', phase: 'unlink', isCold: false },
];

/** In one second, at the slower targets. */
const FILES_PER_SECOND = 10_000;
const STARTING_SECONDS = 0.2;

function conditionOf(isCold: boolean, files: number): string {
  const count = `${files.toLocaleString('en')} files of 1 KiB in one directory`;
  const found = isCold ? coldNames() : 'the kernel may have names, attributes and data cached';
  return `${count}; ${found}`;
}

export function metadataJobs({ files }: JobContext): Job[] {
  return phases.map(
    ({ name, phase, isCold }): Job => ({
      name,
      group: 'metadata',
      unit: 'k/s',
      condition: conditionOf(isCold, files),
      expectedSeconds: () => files / FILES_PER_SECOND + STARTING_SECONDS,
      obstacle: (place) => (place.files ? undefined : 'the library is measured by block size only'),
      prepare: () => {
        if (isCold) dropCaches();
      },
      run: (place, _seconds, options) =>
        smallFilesWork(phase, join((place.files as FilePlace).directory, 'files'), files, options),
    }),
  );
}
