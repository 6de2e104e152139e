/** One expectation of a file system, as a program over any target. */
import { constants } from 'node:fs';
import type { Target } from './target.ts';

/**
 * What a case needs of the machine (not of the target: what a target cannot carry is in
 * skip-list.ts): `root` to become other users and to make devices, `size limit` where the reference
 * must be a file system that has one, `large attributes` where it must have extended attributes that
 * are longer than a block, `inode flags` to set what chattr(1) sets, `one kernel` where two processes
 * must share what their kernel has cached.
 */
export type Requirement = 'root' | 'size limit' | 'large attributes' | 'inode flags' | 'one kernel';

export interface ConformanceCase {
  /** `topic: sentence`, unique. */
  readonly name: string;
  readonly requires: readonly Requirement[];
  run(target: Target): void;
}

export type CaseBody = (target: Target) => void;

/** Names the cases of a topic; each runs in an empty directory of its own with umask 022. */
export function defineCases(
  topic: string,
  bodies: Readonly<Record<string, CaseBody>>,
  requires: readonly Requirement[] = [],
): ConformanceCase[] {
  return Object.entries(bodies).map(([sentence, run]) => ({
    name: `${topic}: ${sentence}`,
    requires,
    run,
  }));
}

const {
  O_RDONLY,
  O_WRONLY,
  O_RDWR,
  O_CREAT,
  O_EXCL,
  O_TRUNC,
  O_APPEND,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_SYNC,
  O_DSYNC,
  O_NONBLOCK,
} = constants;

/** open(2)'s flags, by their own names. */
export const O = {
  RDONLY: O_RDONLY,
  WRONLY: O_WRONLY,
  RDWR: O_RDWR,
  CREAT: O_CREAT,
  EXCL: O_EXCL,
  TRUNC: O_TRUNC,
  APPEND: O_APPEND,
  DIRECTORY: O_DIRECTORY,
  NOFOLLOW: O_NOFOLLOW,
  SYNC: O_SYNC,
  DSYNC: O_DSYNC,
  NONBLOCK: O_NONBLOCK,
} as const;
