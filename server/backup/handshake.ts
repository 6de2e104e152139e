const State = { WAITING: 0, OFFERED: 1, TAKEN: 2, REFUSED: 3 } as const;

/** The data plane writes everything back first, which takes seconds at most. */
const offerLimitMs = 60_000;
/** So long the data plane waits, and nobody is served meanwhile; it takes a fraction of a millisecond. */
const takeLimitMs = 2000;

/**
 * How a thread that copies comes to see exactly what the data plane has in the database at one moment,
 * everything acknowledged and nothing else: the data plane does nothing until the other has begun its
 * snapshot. A number in memory that both share.
 */
export class Handshake {
  readonly shared: SharedArrayBuffer;
  readonly #state: Int32Array;

  constructor(shared = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.shared = shared;
    this.#state = new Int32Array(shared);
  }

  /** The data plane has everything in the database. @returns whether a snapshot of that was taken */
  offer(): boolean {
    this.#change(State.WAITING, State.OFFERED);
    Atomics.wait(this.#state, 0, State.OFFERED, takeLimitMs);
    this.refuse();
    return Atomics.load(this.#state, 0) === State.TAKEN;
  }

  /** There is nothing to be taken, or nothing any more. */
  refuse(): void {
    this.#change(State.WAITING, State.REFUSED);
    this.#change(State.OFFERED, State.REFUSED);
  }

  /** Waits for the offer. @param begin takes the snapshot @returns false: there was none, or too late */
  take(begin: () => void): boolean {
    Atomics.wait(this.#state, 0, State.WAITING, offerLimitMs);
    if (Atomics.load(this.#state, 0) !== State.OFFERED) {
      this.refuse();
      return false;
    }
    begin();
    return this.#change(State.OFFERED, State.TAKEN);
  }

  #change(from: number, to: number): boolean {
    const isChanged = Atomics.compareExchange(this.#state, 0, from, to) === from;
    Atomics.notify(this.#state, 0);
    return isChanged;
  }
}
