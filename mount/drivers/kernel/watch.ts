/**
 * Who watches the device: one worker at a time.
 *
 * The kernel wakes everybody who waits for requests, and one of them gets the request. The others
 * have only taken a processor from those who answer it, or would make the next one. So the watch is
 * one worker's, also while it works on a request; the others sleep apart from the device. A worker
 * hands the watch over when requests pile up, and when it sleeps for an answer while a request waits
 * or for longer than answers take: to wake another one costs as much as the answer.
 */

/** Longest sleep for an answer, in milliseconds, before another worker looks after the device. */
const PATIENCE_MS = 1;

const FREE = 0;
const TAKEN = 1;

/** Memory for the watch of a mount; hand it to all of its workers. */
export function createWatchMemory(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** Frees the watch of a worker that has died with it. */
export function freeWatch(memory: Int32Array): void {
  Atomics.store(memory, 0, FREE);
  Atomics.notify(memory, 0);
}

/** The watch as one worker has it. */
export class Watch {
  /** Whether this worker has the watch. */
  isMine = false;
  /** Whether requests wait; set by who can tell. */
  hasRequests: () => boolean = () => false;
  readonly #memory: Int32Array;

  constructor(memory: Int32Array) {
    this.#memory = memory;
  }

  /** Takes the watch, as soon as nobody else has it. */
  take(): void {
    while (!this.isMine) {
      if (Atomics.compareExchange(this.#memory, 0, FREE, TAKEN) === FREE) this.isMine = true;
      else Atomics.wait(this.#memory, 0, TAKEN);
    }
  }

  /**
   * To be called before this worker sleeps for an answer, and again when that takes longer.
   * @param sleptMs how long it has slept for it
   * @returns how long it may sleep until the next call, in milliseconds
   */
  beforeSleep(sleptMs: number): number {
    if (this.isMine && (sleptMs >= PATIENCE_MS || this.hasRequests())) this.handOver();
    return this.isMine ? PATIENCE_MS : Number.POSITIVE_INFINITY;
  }

  /** Lets another worker take it. */
  handOver(): void {
    if (!this.isMine) return;
    this.isMine = false;
    Atomics.store(this.#memory, 0, FREE);
    Atomics.notify(this.#memory, 0, 1);
  }
}
