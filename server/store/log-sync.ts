import { fdatasyncSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';

/**
 * Brings what was written to the store's logs onto the disk, one sync at a time. A sync covers what
 * was written before it began, and nothing else.
 */
export interface LogSync {
  /**
   * Begins a sync. None may be under way.
   * @param files open descriptors, to be synced in this order; one or two
   * @param isAlone nobody minds if this takes as long as a short sync
   */
  begin(files: readonly number[], isAlone?: boolean): void;
  /**
   * Writes to a log for who is alone, where that takes no longer than a short sync.
   * @param descriptor opened so that it is on the disk when the call returns
   * @returns false: it was not tried, or not all was written
   * @throws the system's error
   */
  writeAtOnce(descriptor: number, bytes: Uint8Array, offset: number): boolean;
  /** Whether the sync that was begun last has ended. @throws the system's error, when it failed. */
  hasEnded(): boolean;
  /** Waits until it has ended, well or not. */
  await(): void;
  /** Waits for a sync under way and ends. */
  close(): void;
}

/** Makes what syncs the logs. */
export type OpenLogSync = () => LogSync;

/** @returns 0, or a negative errno. */
export function syncFiles(files: Iterable<number>): number {
  try {
    for (const file of files) {
      fdatasyncSync(file);
    }
    return 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno ?? -constants.errno.EIO;
  }
}

/** @returns whether all was written. @throws the system's error */
export const writeWhole = (descriptor: number, bytes: Uint8Array, offset: number): boolean =>
  writeSync(descriptor, bytes, 0, bytes.length, offset) === bytes.length;

/** @throws the system's error of a sync that failed. */
export function requireSynced(errno: number): void {
  if (errno !== 0) {
    throw new Error(`${getSystemErrorName(errno)}: fdatasync of a log`);
  }
}

/** Syncs in the caller's thread: a sync has ended when `begin` returns. */
export class BlockingLogSync implements LogSync {
  #errno = 0;

  begin(files: readonly number[]): void {
    this.#errno = syncFiles(files);
  }

  writeAtOnce(descriptor: number, bytes: Uint8Array, offset: number): boolean {
    return writeWhole(descriptor, bytes, offset);
  }

  hasEnded(): boolean {
    requireSynced(this.#errno);
    return true;
  }

  await(): void {}

  close(): void {}
}
