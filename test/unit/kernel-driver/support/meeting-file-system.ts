/** A file system whose statfs waits for a second caller: two workers must be at it at a time. */

import type { CreateFileSystem } from '../../../../mount/drivers/kernel/worker.ts';
import { MemoryFileSystem } from './memory-file-system.ts';

const LIMIT_MS = 20_000;

class MeetingFileSystem extends MemoryFileSystem {
  readonly #callers: Int32Array;
  readonly #beforeSleep: (sleptMs: number) => number;

  constructor(callers: Int32Array, beforeSleep: (sleptMs: number) => number) {
    super();
    this.#callers = callers;
    this.#beforeSleep = beforeSleep;
  }

  override statfs() {
    const before = Atomics.add(this.#callers, 0, 1);
    Atomics.notify(this.#callers, 0);
    this.#beforeSleep(Number.POSITIVE_INFINITY);
    if (before === 0 && Atomics.wait(this.#callers, 0, 1, LIMIT_MS) === 'timed-out') {
      throw new Error('nobody else was served meanwhile');
    }
    return super.statfs();
  }
}

/** @param data a word that the workers share */
export const createFileSystem: CreateFileSystem = (data, { beforeSleep }) =>
  new MeetingFileSystem(data as Int32Array, beforeSleep);
