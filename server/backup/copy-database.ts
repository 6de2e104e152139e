import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type Database from 'better-sqlite3';
import { BackupError } from './backup-error.ts';

/** Pages that are copied at a go: 4 MiB, between which there is a look at whether to go on. */
const pagesPerStep = 256;

export interface CopyOptions {
  /** Told which part of the file is there, 0 to 1. */
  readonly onProgress?: (part: number) => void;
  /** Asked from time to time. */
  readonly isCancelled?: () => boolean;
}

/**
 * From now on the connection sees the database as it is now, whatever others change. SQLite keeps in
 * its log what they do, until the connection is closed.
 */
export function beginSnapshot(database: Database.Database): void {
  database.exec('BEGIN');
  // Only the first look fixes what is seen.
  database.prepare('SELECT intentEpoch FROM filesystem').get();
}

/**
 * Copies what the connection's transaction sees into a new file, which is whole and on stable storage,
 * or not there. Only its owner may read it, since it holds everybody's data.
 * @returns the bytes of the copy
 * @throws {BackupError} TARGET_EXISTS, CANCELLED; and what the file system or SQLite throw.
 */
export async function copyDatabase(
  database: Database.Database,
  target: string,
  { onProgress, isCancelled }: CopyOptions = {},
): Promise<number> {
  const requireWanted = (): void => {
    if (isCancelled?.() === true) {
      throw new BackupError('CANCELLED', 'the backup was cancelled');
    }
  };
  const partial = reserve(target);
  try {
    await database.backup(partial, {
      progress: ({ totalPages, remainingPages }) => {
        requireWanted();
        onProgress?.(totalPages === 0 ? 0 : 1 - remainingPages / totalPages);
        return pagesPerStep;
      },
    });
    // To sync what is not wanted any more can take half a minute on a busy disk.
    requireWanted();
    sync(partial);
    requireAbsent(target);
    renameSync(partial, target);
    sync(dirname(target));
  } catch (error) {
    removePartial(target);
    throw error;
  }
  return statSync(target).size;
}

const partialOf = (target: string): string => `${target}.partial`;

/** Removes what there is of a copy that was not finished. */
export function removePartial(target: string): void {
  rmSync(partialOf(target), { force: true });
  rmSync(`${partialOf(target)}-journal`, { force: true });
}

/** Makes the file that becomes the target when it is whole. */
function reserve(target: string): string {
  const partial = partialOf(target);
  requireAbsent(target);
  requireAbsent(partial);
  closeSync(openSync(partial, 'wx', 0o600));
  return partial;
}

function requireAbsent(path: string): void {
  if (existsSync(path)) {
    throw new BackupError('TARGET_EXISTS', `${path} exists: name a new file, or remove it first`);
  }
}

function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
