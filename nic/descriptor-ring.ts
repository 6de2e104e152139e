import type { Layout } from './binary-layout.ts';
import { MappedMemory } from './mapped-memory.ts';

/**
 * A first-in, first-out queue of structures of one layout, in memory of this process alone: nothing is
 * made per entry. Counts wrap at 32 bits and are compared by difference.
 */
export class DescriptorRing {
  readonly capacity: number;
  readonly words: Int32Array;
  readonly floats: Float64Array;
  /** Where the oldest entry lies, in words. */
  oldest = 0;
  readonly #entryWords: number;
  readonly #mask: number;
  readonly #memory: MappedMemory;
  #head = 0;
  #tail = 0;

  constructor(layout: Layout<string>, capacity: number) {
    const slots = 2 ** Math.ceil(Math.log2(capacity));
    this.capacity = capacity;
    this.#entryWords = layout.bytes / 4;
    this.#mask = slots - 1;
    this.#memory = MappedMemory.private(slots * layout.bytes);
    this.words = this.#memory.words;
    this.floats = this.#memory.floats;
  }

  get length(): number {
    return (this.#tail - this.#head) | 0;
  }

  get isEmpty(): boolean {
    return this.#tail === this.#head;
  }

  get isFull(): boolean {
    return this.length >= this.capacity;
  }

  /** Makes room for an entry behind the others, which the caller fills; where it lies, in words. */
  claim(): number {
    const at = (this.#tail & this.#mask) * this.#entryWords;
    this.#tail = (this.#tail + 1) | 0;
    return at;
  }

  /** Removes the oldest. */
  shift(): void {
    this.#head = (this.#head + 1) | 0;
    this.oldest = (this.#head & this.#mask) * this.#entryWords;
  }

  /** Removes all. */
  clear(): void {
    this.#head = this.#tail;
    this.oldest = (this.#head & this.#mask) * this.#entryWords;
  }

  close(): void {
    this.#memory.unmap();
  }
}
