import { bucketOf, bucketsFor, NO_SLOT } from '../../client/protocol/exported-cache.ts';
import { fence, storeRelease } from '../../nic/index.ts';

/** Where a slot is in its life; each state but LOOSE is a list. */
export const SlotState = {
  /** Holds nothing; the last given back first: the kernel has its memory, and the processor too. */
  FREE: 0,
  /** Equal to the store; the least recently used first. */
  CLEAN: 1,
  /** Newer than the store; the longest waiting first. */
  DIRTY: 2,
  /** Written to the store by the open transaction: DIRTY again if that is undone. */
  FLUSHED: 3,
  /** Dropped by the open transaction with data that the store lacks: DIRTY again if that is undone. */
  RETIRED: 4,
  /** In nobody's list: being filled. */
  LOOSE: 5,
} as const;
export type SlotState = (typeof SlotState)[keyof typeof SlotState];

const listCount = 5;

/** No slot. */
export const none = NO_SLOT;

/** What makes a block's slot be found, in arrays that may lie in memory which others see. */
export interface SlotMemory {
  /** By slot: the block's file. */
  readonly ids: Float64Array;
  /** By slot: the block's number in it. */
  readonly numbers: Float64Array;
  /** By slot: the next one of the same bucket, or `none`. */
  readonly next: Int32Array;
  /** By hash: the first slot, or `none`; a power of two of them. */
  readonly buckets: Int32Array;
}

/**
 * Bookkeeping of the cache's slots, in arrays of numbers: nothing is allocated for a lookup. A block
 * is found through a chained hash of file id and block number; every slot is in the list of its
 * state.
 *
 * Other processes may search the chains while this one changes them, as EXTENSIONS.md of the protocol
 * tells them to: a slot's block is named before the slot is put into a chain, and stays named when
 * the slot is taken out of it.
 */
export class SlotTable {
  readonly slots: number;
  readonly #ids: Float64Array;
  readonly #numbers: Float64Array;
  readonly #states: Uint8Array;
  /** Slots per state. */
  readonly counts = new Int32Array(listCount + 1);
  /** Circular lists: the place `slots + state` is the head of the state's list. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #buckets: Int32Array;
  readonly #chain: Int32Array;

  /** @param memory zeros */
  constructor(slots: number, memory: SlotMemory = ownMemory(slots)) {
    this.slots = slots;
    this.#ids = memory.ids;
    this.#numbers = memory.numbers;
    this.#buckets = memory.buckets.fill(none);
    this.#chain = memory.next.fill(none);
    this.#states = new Uint8Array(slots).fill(SlotState.LOOSE);
    this.#next = new Int32Array(slots + listCount);
    this.#previous = new Int32Array(slots + listCount);
    this.counts[SlotState.LOOSE] = slots;
    for (let head = slots; head < slots + listCount; head++) {
      this.#next[head] = head;
      this.#previous[head] = head;
    }
    for (let slot = slots - 1; slot >= 0; slot--) {
      this.moveTo(slot, SlotState.FREE);
    }
  }

  /** The slot of a block, or `none`. */
  find(id: number, number: number): number {
    let slot = this.#buckets[this.#bucketOf(id, number)] as number;
    while (slot !== none && (this.#numbers[slot] !== number || this.#ids[slot] !== id)) {
      slot = this.#chain[slot] as number;
    }
    return slot;
  }

  /** Makes the slot the block's, which has none. */
  enter(slot: number, id: number, number: number): void {
    const bucket = this.#bucketOf(id, number);
    // A reader elsewhere that is still at this slot looks at the id first: it must not find the id of
    // one block and the number of another.
    this.#numbers[slot] = number;
    fence();
    this.#ids[slot] = id;
    this.#chain[slot] = this.#buckets[bucket] as number;
    storeRelease(this.#buckets, bucket, slot);
  }

  /** Makes find() miss the slot's block; idOf and numberOf go on to tell which it was. */
  remove(slot: number): void {
    const bucket = this.#bucketOf(this.idOf(slot), this.numberOf(slot));
    const after = this.#chain[slot] as number;
    let place = this.#buckets[bucket] as number;
    if (place === slot) {
      this.#buckets[bucket] = after;
      return;
    }
    while (this.#chain[place] !== slot) {
      place = this.#chain[place] as number;
    }
    this.#chain[place] = after;
  }

  idOf(slot: number): number {
    return this.#ids[slot] as number;
  }

  numberOf(slot: number): number {
    return this.#numbers[slot] as number;
  }

  stateOf(slot: number): SlotState {
    return this.#states[slot] as SlotState;
  }

  /** The slot that is first in the state's list, or `none`. */
  first(state: SlotState): number {
    const slot = this.#next[this.slots + state] as number;
    return slot < this.slots ? slot : none;
  }

  /** The slot after this one in the list of its state, or `none`. */
  after(slot: number): number {
    const next = this.#next[slot] as number;
    return next < this.slots ? next : none;
  }

  /** Puts the slot at the end of the state's list; that of the free ones is a stack. */
  moveTo(slot: number, state: SlotState): void {
    const old = this.#states[slot] as SlotState;
    if (old !== SlotState.LOOSE) {
      this.#unlink(slot);
    }
    if (state !== SlotState.LOOSE) {
      const head = this.slots + state;
      this.#linkBefore(slot, state === SlotState.FREE ? (this.#next[head] as number) : head);
    }
    if (old !== state) {
      this.#states[slot] = state;
      (this.counts[old] as number)--;
      (this.counts[state] as number)++;
    }
  }

  /** The slot was used: of the clean ones it is the last to be taken for another block. */
  touch(slot: number): void {
    if (this.stateOf(slot) === SlotState.CLEAN) {
      this.moveTo(slot, SlotState.CLEAN);
    }
  }

  /** Gives the slot the place of another in that one's list; the other becomes LOOSE. */
  takePlace(slot: number, other: number): void {
    const state = this.stateOf(other);
    const next = this.#next[other] as number;
    this.moveTo(slot, state);
    this.moveTo(other, SlotState.LOOSE);
    if (next !== slot) {
      this.#unlink(slot);
      this.#linkBefore(slot, next);
    }
  }

  #unlink(slot: number): void {
    const previous = this.#previous[slot] as number;
    const next = this.#next[slot] as number;
    this.#next[previous] = next;
    this.#previous[next] = previous;
  }

  #linkBefore(slot: number, next: number): void {
    const previous = this.#previous[next] as number;
    this.#next[previous] = slot;
    this.#previous[slot] = previous;
    this.#next[slot] = next;
    this.#previous[next] = slot;
  }

  #bucketOf(id: number, number: number): number {
    return bucketOf(id, number, this.#buckets.length);
  }
}

/** Memory of this process alone. */
function ownMemory(slots: number): SlotMemory {
  return {
    ids: new Float64Array(slots),
    numbers: new Float64Array(slots),
    next: new Int32Array(slots),
    buckets: new Int32Array(bucketsFor(slots)),
  };
}
