import type { Worker } from 'node:worker_threads';
import { startThread, type WakerToken } from '../../nic/index.ts';
import { type LogSync, requireSynced, syncFiles, writeWhole } from './log-sync.ts';

/** Places in the memory shared with the thread. */
export const Shared = {
  STATE: 0,
  ERRNO: 1,
  /** Descriptors of what is to be synced, and how many. */
  COUNT: 2,
  FILES: 3,
  LENGTH: 5,
} as const;
/** Values of the place STATE. */
export const State = { IDLE: 0, REQUESTED: 1, CLOSING: 2, CLOSED: 3 } as const;

/** A sync that takes longer is nothing to wait for, but for what it writes by the way: */
const longMs = 2;
const bytesPerMs = 256 << 10;
/** How many syncs go to the thread after one that took longer. */
const cautiousSyncs = 16;

/** What the thread is started with. */
export interface LogSyncThreadData {
  readonly shared: Int32Array;
  readonly waker: WakerToken;
}

/**
 * Syncs in a thread of its own, which the first sync starts: whoever writes to the logs goes on
 * meanwhile, and is woken at the end, when he sleeps in a wait of a NIC's context.
 *
 * To go to another thread and back takes as long as a fast disk takes for a sync. So who is alone has
 * it done at once, unless the disk was slow when that was last tried.
 */
export class LogSyncThread implements LogSync {
  readonly #waker: WakerToken;
  readonly #shared = new Int32Array(
    new SharedArrayBuffer(Shared.LENGTH * Int32Array.BYTES_PER_ELEMENT),
  );
  #thread: Worker | undefined;
  /** Syncs that are not done at once, since one took long. */
  #cautiousSyncs = 0;

  /** @param waker of the context that the caller sleeps in */
  constructor(waker: WakerToken) {
    this.#waker = waker;
  }

  begin(files: readonly number[], isAlone = false): void {
    if (isAlone && this.#cautiousSyncs === 0) {
      Atomics.store(
        this.#shared,
        Shared.ERRNO,
        this.#atOnce(() => syncFiles(files)),
      );
      return;
    }
    this.#cautiousSyncs = Math.max(0, this.#cautiousSyncs - 1);
    this.#shared.set(files, Shared.FILES);
    this.#shared[Shared.COUNT] = files.length;
    this.#thread ??= this.#start();
    this.#tell(State.REQUESTED);
  }

  hasEnded(): boolean {
    if (Atomics.load(this.#shared, Shared.STATE) === State.REQUESTED) {
      return false;
    }
    requireSynced(Atomics.load(this.#shared, Shared.ERRNO));
    return true;
  }

  await(): void {
    Atomics.wait(this.#shared, Shared.STATE, State.REQUESTED);
  }

  close(): void {
    if (this.#thread === undefined) {
      return;
    }
    this.await();
    this.#tell(State.CLOSING);
    Atomics.wait(this.#shared, Shared.STATE, State.CLOSING);
    this.#thread = undefined;
  }

  writeAtOnce(descriptor: number, bytes: Uint8Array, offset: number): boolean {
    return (
      this.#cautiousSyncs === 0 &&
      this.#atOnce(() => writeWhole(descriptor, bytes, offset), bytes.length)
    );
  }

  /** Waits for the disk, and finds out whether it is quick. */
  #atOnce<Result>(action: () => Result, bytes = 0): Result {
    const beganMs = performance.now();
    const result = action();
    if (performance.now() - beganMs > longMs + bytes / bytesPerMs) {
      this.#cautiousSyncs = cautiousSyncs;
    }
    return result;
  }

  #tell(state: number): void {
    Atomics.store(this.#shared, Shared.STATE, state);
    Atomics.notify(this.#shared, Shared.STATE);
  }

  #start(): Worker {
    const data: LogSyncThreadData = { shared: this.#shared, waker: this.#waker };
    const thread = startThread(new URL('./log-sync-worker.ts', import.meta.url), data);
    thread.unref();
    return thread;
  }
}
