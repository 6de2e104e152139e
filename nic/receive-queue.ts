import { defineLayout } from './binary-layout.ts';
import { NicError } from './error.ts';
import { MappedMemory } from './mapped-memory.ts';
import type { ScatterGatherEntry } from './work-request.ts';

const descriptorLayout = defineLayout('ReceiveDescriptor', 32, {
  wrId: 'f64',
  address: 'f64',
  length: 'f64',
  lkey: 'i32',
  padding: 4,
});
const DESCRIPTOR_WORDS = descriptorLayout.bytes / 4;
const { wrId: WR_ID, address: ADDRESS, length: LENGTH, lkey: LKEY } = descriptorLayout.word;

/** Posted receives, oldest first; its getters describe the oldest. */
export class ReceiveQueue {
  readonly #capacity: number;
  readonly #mask: number;
  readonly #memory: MappedMemory;
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  #head = 0;
  #tail = 0;
  #at = 0;

  constructor(capacity: number) {
    const slots = 2 ** Math.ceil(Math.log2(capacity));
    this.#capacity = capacity;
    this.#mask = slots - 1;
    this.#memory = MappedMemory.private(slots * descriptorLayout.bytes);
    this.#words = this.#memory.words;
    this.#floats = this.#memory.floats;
  }

  get isEmpty(): boolean {
    return this.#head === this.#tail;
  }

  /** @throws NicError QUEUE_FULL */
  push(wrId: number, sge: ScatterGatherEntry): void {
    if (((this.#tail - this.#head) | 0) >= this.#capacity) {
      throw new NicError('QUEUE_FULL', `${this.#capacity} receives are posted already`);
    }
    const at = (this.#tail & this.#mask) * DESCRIPTOR_WORDS;
    const floats = this.#floats;
    floats[(at + WR_ID) >> 1] = wrId;
    floats[(at + ADDRESS) >> 1] = sge.address;
    floats[(at + LENGTH) >> 1] = sge.length;
    this.#words[at + LKEY] = sge.lkey;
    this.#tail = (this.#tail + 1) | 0;
  }

  get wrId(): number {
    return this.#floats[(this.#at + WR_ID) >> 1] as number;
  }

  get address(): number {
    return this.#floats[(this.#at + ADDRESS) >> 1] as number;
  }

  get length(): number {
    return this.#floats[(this.#at + LENGTH) >> 1] as number;
  }

  get lkey(): number {
    return (this.#words[this.#at + LKEY] as number) >>> 0;
  }

  /** Removes the oldest. */
  shift(): void {
    this.#head = (this.#head + 1) | 0;
    this.#at = (this.#head & this.#mask) * DESCRIPTOR_WORDS;
  }

  close(): void {
    this.#memory.unmap();
  }
}
