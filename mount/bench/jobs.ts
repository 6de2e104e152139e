/** Everything that is measured: the one table of it. */

import { CommandError } from '../command-error.ts';
import { nearest } from '../nearest.ts';
import { fileJobs, sizeJobs } from './file-jobs.ts';
import type { Generator } from './generator.ts';
import { metadataJobs } from './metadata-jobs.ts';
import type { Place } from './place.ts';
import type { ProgramOptions } from './programs.ts';
import type { GroupName, JobDescription } from './result.ts';
import { treeJobs } from './tree-jobs.ts';
import type { WorkDone } from './work.ts';

export interface Job extends JobDescription {
  /** How long it takes at one target, about, when it is asked to measure for so many seconds. */
  expectedSeconds(seconds: number): number;
  /** Why it cannot be done there; undefined where it can. */
  obstacle(place: Place): string | undefined;
  /** Brings caches and files into the job's condition; not measured. */
  prepare(place: Place): Promise<void> | void;
  run(place: Place, seconds: number, options: ProgramOptions): Promise<WorkDone>;
}

/** What all jobs of a run share. */
export interface JobContext {
  readonly generator: Generator;
  readonly fileBytes: number;
  /** Small files. */
  readonly files: number;
  /** Of the tree that is extracted. */
  readonly treeFiles: number;
  /** A directory for what is made once. */
  readonly scratch: string;
}

/** The jobs of each group. */
const groups: Readonly<Record<GroupName, (context: JobContext) => readonly Job[]>> = {
  random: (context) => fileJobs(context, 'random'),
  sequential: (context) => fileJobs(context, 'sequential'),
  sync: (context) => fileJobs(context, 'sync'),
  sizes: sizeJobs,
  metadata: metadataJobs,
  tree: treeJobs,
};

export const groupNames = Object.keys(groups) as GroupName[];

/**
 * Reads what a user wrote for `--jobs`.
 *
 * @param text names of groups with commas between; undefined for all
 * @throws CommandError INVALID_OPTION
 */
export function parseGroups(text: string | undefined): GroupName[] {
  if (text === undefined) return groupNames;
  const names = text.split(',').map((name) => name.trim());
  for (const name of names) {
    if (groupNames.includes(name as GroupName)) continue;
    const meant = nearest(name, groupNames);
    const hint = meant === undefined ? '' : `; ${meant} perhaps?`;
    throw new CommandError(
      'INVALID_OPTION',
      `--jobs knows no "${name}"${hint} (there are ${groupNames.join(', ')})`,
    );
  }
  return groupNames.filter((name) => names.includes(name));
}

export function jobsOf(names: readonly GroupName[], context: JobContext): Job[] {
  return names.flatMap((name) => groups[name](context));
}
