/**
 * What the threads of a mount know together of the kernel's caches: plain words in memory that they
 * share. Workers look at it for each request, so nothing of it waits.
 */

/** How far the kernel may believe what it remembers. */
export const CacheMode = {
  /** Nobody tells us what others change. */
  UNTOLD: 0,
  /** There are other clients, and we are told what they change. */
  SHARED: 1,
  /** There are no other clients; we shall be told when one comes. */
  ALONE: 2,
} as const;
export type CacheMode = (typeof CacheMode)[keyof typeof CacheMode];

const MODE = 0;
const GENERATION = 1;
const CHANGES = 2;
const UNDER_WAY = 3;
const MODES = 4;
const FIRST_WORKER = 5;

/** No count of changes. */
const NEVER = -1;

export class CacheBoard {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** Memory for a board of so many workers; hand it to every thread of the mount. */
  static createMemory(workers: number): SharedArrayBuffer {
    return new SharedArrayBuffer((FIRST_WORKER + workers) * 4);
  }

  mode(): CacheMode {
    return Atomics.load(this.#words, MODE) as CacheMode;
  }

  setMode(mode: CacheMode): void {
    Atomics.store(this.#words, MODE, mode);
    Atomics.add(this.#words, MODES, 1);
    Atomics.add(this.#words, CHANGES, 1);
  }

  /** Counts how often the mode was set: between two looks at it, it may have been another. */
  modes(): number {
    return Atomics.load(this.#words, MODES);
  }

  /** Counts how often everything that was cached before became doubtful. */
  generation(): number {
    return Atomics.load(this.#words, GENERATION);
  }

  /** Everything that was cached until now is doubtful. */
  nextGeneration(): void {
    Atomics.add(this.#words, GENERATION, 1);
  }

  /** Counts beginnings and ends of changes by workers, and what else makes earlier answers untrue. */
  changes(): number {
    return Atomics.load(this.#words, CHANGES);
  }

  /** A worker is about to change something. @returns the count of changes, to hand to endChange */
  beginChange(): number {
    Atomics.add(this.#words, UNDER_WAY, 1);
    return (Atomics.add(this.#words, CHANGES, 1) + 1) | 0;
  }

  /**
   * The change was answered.
   * @returns the count of changes at which what was learnt with it is true; a number that the count
   *   never is when others were at changes meanwhile
   */
  endChange(begun: number): number {
    const isLast = Atomics.sub(this.#words, UNDER_WAY, 1) === 1;
    const isAlone = Atomics.add(this.#words, CHANGES, 1) === begun;
    return isLast && isAlone ? (begun + 1) | 0 : NEVER;
  }

  /** Whether workers are at changes. */
  isChanging(): boolean {
    return Atomics.load(this.#words, UNDER_WAY) > 0;
  }

  /** A worker has taken a request and has not asked the server anything for it yet. */
  begin(worker: number): void {
    Atomics.add(this.#words, FIRST_WORKER + worker, 1);
  }

  /** The worker's reply to the request has reached the kernel. */
  end(worker: number): void {
    Atomics.add(this.#words, FIRST_WORKER + worker, 1);
  }

  /** The worker has died, and nobody waits for what it was at. */
  abandon(worker: number): void {
    const count = Atomics.load(this.#words, FIRST_WORKER + worker);
    if (!isIdle(count)) this.end(worker);
  }

  /** Which requests the workers are at now, by their counts. */
  requestsUnderWay(): Int32Array {
    return Int32Array.from(this.#words.subarray(FIRST_WORKER), (_, worker) =>
      Atomics.load(this.#words, FIRST_WORKER + worker),
    );
  }

  /** Whether none of these requests is under way any more. */
  areDone(requests: Int32Array): boolean {
    return requests.every(
      (count, worker) =>
        isIdle(count) || Atomics.load(this.#words, FIRST_WORKER + worker) !== count,
    );
  }
}

/** Whether a worker with this count was at no request. */
export const isIdle = (count: number): boolean => (count & 1) === 0;
