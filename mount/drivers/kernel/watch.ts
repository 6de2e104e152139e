/**
 * Who watches the device: one worker at a time.
 *
 * The kernel wakes everybody who waits for requests, and one of them gets the request. The others
 * have only taken a processor from those who answer it, or would make the next one. So the watch is
 * one worker's, also while it works on a request; the others sleep apart from the device. A worker
 * hands the watch over when it is about to sleep for an answer, and when requests pile up.
 */

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

  /** Lets another worker take it. */
  handOver(): void {
    if (!this.isMine) return;
    this.isMine = false;
    Atomics.store(this.#memory, 0, FREE);
    Atomics.notify(this.#memory, 0, 1);
  }
}
