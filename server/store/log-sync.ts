import { fdatasyncSync } from 'node:fs';

/**
 * Brings what was written to the database's log onto the disk, one sync at a time. A sync covers what
 * was written before it began, and nothing else.
 */
export interface LogSync {
  /** Begins a sync. None may be under way. */
  begin(): void;
  /** Whether the sync that was begun last has ended. @throws the system's error, when it failed. */
  hasEnded(): boolean;
  /** Waits until it has ended, well or not. */
  await(): void;
  /** Waits for a sync under way and ends. */
  close(): void;
}

/** Makes what syncs a log. @param logFile an open descriptor of it */
export type OpenLogSync = (logFile: number) => LogSync;

/** Syncs in the caller's thread: a sync has ended when `begin` returns. */
export class BlockingLogSync implements LogSync {
  readonly #logFile: number;
  #error: unknown;

  constructor(logFile: number) {
    this.#logFile = logFile;
  }

  begin(): void {
    this.#error = undefined;
    try {
      fdatasyncSync(this.#logFile);
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
