/**
 * How far into each slot there may be anything but zeros. With it a small file costs the memory that
 * it holds: of a slot that it takes over only what others have left there is made zeros, and memory
 * that nobody has used yet is not touched at all.
 */
export class ZeroTails {
  readonly #memory: Uint8Array;
  readonly #blockBytes: number;
  /** Bytes from the slot's start up to its zeros. */
  readonly #usedBytes: Int32Array;

  /** @param memory the slots, one after the other; zeros */
  constructor(memory: Uint8Array, slots: number, blockBytes: number) {
    this.#memory = memory;
    this.#blockBytes = blockBytes;
    this.#usedBytes = new Int32Array(slots);
  }

  /** Makes a slot zeros but for its bytes from `from` to `end`, which are the caller's to write. */
  prepare(slot: number, from: number, end: number): void {
    const start = slot * this.#blockBytes;
    const used = this.#usedBytes[slot] as number;
    this.#memory.fill(0, start, start + Math.min(from, used));
    if (end < used) {
      this.#memory.fill(0, start + end, start + used);
    }
    this.#usedBytes[slot] = end;
  }

  /** The slot's bytes up to `end` may be written. */
  reach(slot: number, end: number): void {
    if (end > (this.#usedBytes[slot] as number)) {
      this.#usedBytes[slot] = end;
    }
  }
}
