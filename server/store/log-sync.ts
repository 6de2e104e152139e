import { fdatasyncSync } from 'node:fs';

/**
 * Brings what was written to the store's logs onto the disk, one sync at a time. A sync covers what
 * was written before it began, and nothing else.
 */
export interface LogSync {
  /**
   * Begins a sync. None may be under way.
   * @param files open descriptors, to be synced in this order; one or two
   */
  begin(files: readonly number[]): void;
  /** Whether the sync that was begun last has ended. @throws the system's error, when it failed. */
  hasEnded(): boolean;
  /** Waits until it has ended, well or not. */
  await(): void;
  /** Waits for a sync under way and ends. */
  close(): void;
}

/** Makes what syncs the logs. */
export type OpenLogSync = () => LogSync;

/** Syncs in the caller's thread: a sync has ended when `begin` returns. */
export class BlockingLogSync implements LogSync {
  #error: unknown;

  begin(files: readonly number[]): void {
    this.#error = undefined;
    try {
      for (const file of files) {
        fdatasyncSync(file);
      }
    } catch (error) {
      this.#error = error;
    }
  }

  hasEnded(): boolean {
    if (this.#error !== undefined) {
      throw this.#error;
    }
    return true;
  }

  await(): void {}

  close(): void {}
}
