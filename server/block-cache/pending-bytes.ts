import type { BlockRange } from '../store/block-ranges.ts';
import type { Store } from '../store/index.ts';
import type { InodeRecord } from '../store/inode-record.ts';
import { none, type SlotTable } from './slot-table.ts';

/** What blocks need that they do not have: room in the store, and what of it nobody promised. */
export interface Growth {
  newBytes: number;
  unpromisedBytes: number;
}

/**
 * What the blocks in the slots will take in the store beyond what they take there already. It counts
 * as used as soon as it is in memory, so that nothing is let in that would not fit later.
 */
export class PendingBytes {
  readonly #store: Store;
  readonly #blockBytes: number;
  /** Bytes that the block's row has; 0 for none. */
  readonly #rows: Int32Array;
  /** Bytes that the file's use counts for the slot. */
  readonly #counted: Int32Array;

  constructor(store: Store, slots: number) {
    this.#store = store;
    this.#blockBytes = store.blockBytes;
    this.#rows = new Int32Array(slots);
    this.#counted = new Int32Array(slots);
  }

  /** The slot's block has a row of so many bytes, and nothing beyond. */
  setStored(slot: number, rowBytes: number): void {
    this.#rows[slot] = rowBytes;
    this.#counted[slot] = 0;
  }

  /** The slot becomes a block's that no slot had. */
  adopt(slot: number, record: InodeRecord, number: number): void {
    this.setStored(slot, this.#store.contents.rowBytes(record, number));
  }

  /** The slot becomes the block's of another slot. */
  inherit(slot: number, other: number): void {
    this.#rows[slot] = this.#rows[other] as number;
    this.#counted[slot] = this.#counted[other] as number;
  }

  /** Counts what the slot's block takes now, in a file of its present size. */
  count(slot: number, record: InodeRecord, number: number): void {
    const isPromised = this.#store.contents.isAllocated(record, number);
    const bytes = isPromised ? 0 : this.newBytesIn(slot, number, record.size);
    this.#change(record, bytes - (this.#counted[slot] as number));
    this.#counted[slot] = bytes;
  }

  /** Counts nothing for the slot any more. */
  clear(slot: number, record: InodeRecord | undefined): void {
    if (record !== undefined) {
      this.#change(record, -(this.#counted[slot] as number));
    }
    this.#counted[slot] = 0;
  }

  /** What is counted for the slot. */
  counted(slot: number): number {
    return this.#counted[slot] as number;
  }

  /** What the slot's block would take beyond its row in a file of that size. */
  newBytesIn(slot: number, number: number, size: number): number {
    return this.#beyond(this.#rows[slot] as number, number, size);
  }

  /** The same for a block that no slot has. */
  newBytes(record: InodeRecord, number: number, size: number): number {
    return this.#beyond(this.#store.contents.rowBytes(record, number), number, size);
  }

  /** Adds what blocks first to last of a file would need if they were dirty, and it had that size. */
  addGrowth(
    growth: Growth,
    table: SlotTable,
    record: InodeRecord,
    [first, last]: BlockRange,
    size: number,
  ): void {
    for (let number = first; number <= last; number++) {
      this.#addGrowth(growth, table.find(record.id, number), record, number, size);
    }
  }

  #addGrowth(
    growth: Growth,
    slot: number,
    record: InodeRecord,
    number: number,
    size: number,
  ): void {
    const bytes =
      slot === none ? this.newBytes(record, number, size) : this.newBytesIn(slot, number, size);
    growth.newBytes += bytes;
    if (!this.#store.contents.isAllocated(record, number)) {
      growth.unpromisedBytes += bytes - (slot === none ? 0 : this.counted(slot));
    }
  }

  #beyond(rowBytes: number, number: number, size: number): number {
    return Math.max(0, Math.min(this.#blockBytes, size - number * this.#blockBytes) - rowBytes);
  }

  #change(record: InodeRecord, bytes: number): void {
    if (bytes !== 0) {
      record.pendingBytes += bytes;
      this.#store.contents.useChanged(record);
    }
  }
}
