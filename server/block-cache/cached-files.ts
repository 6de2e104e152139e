import type { FileId, Store } from '../store/index.ts';
import type { InodeRecord } from '../store/inode-record.ts';
import { none, SlotState, SlotTable } from './slot-table.ts';

/** A file with blocks in the cache. */
export interface CachedFile {
  readonly id: FileId;
  readonly slots: Set<number>;
  readonly dirty: Set<number>;
}

/** What `pending` says of a slot whose block has a row, or may have one. */
const stored = -1;

/**
 * Which blocks of which files are in the slots, and how they get into the store. A slot follows the
 * store's transactions: what the open one wrote or dropped stays in memory until it is committed,
 * and is dirty again if it is undone. So nothing is lost but what its owner gave up, and no slot
 * that the store lacks is ever taken for another block.
 */
export class CachedFiles {
  readonly table: SlotTable;
  readonly #store: Store;
  readonly #memory: Uint8Array;
  readonly #blockBytes: number;
  readonly #files = new Map<FileId, CachedFile>();
  /** Files that the open transaction cut, and from which block on. */
  readonly #cuts = new Map<FileId, number>();
  readonly #dirtySince: Float64Array;
  /** Bytes that the slot's block will add to its file's use of the store; `stored`: not known. */
  readonly #pending: Int32Array;

  constructor(store: Store, memory: Uint8Array, slots: number) {
    this.table = new SlotTable(slots);
    this.#store = store;
    this.#memory = memory;
    this.#blockBytes = store.blockBytes;
    this.#dirtySince = new Float64Array(slots);
    this.#pending = new Int32Array(slots).fill(stored);
    store.observe({
      committed: () => this.#committed(),
      rolledBack: () => this.#rolledBack(),
    });
  }

  /** Slots whose data are in memory only, or would be if the open transaction were undone. */
  get unsettled(): number {
    const { counts } = this.table;
    const dirty = counts[SlotState.DIRTY] as number;
    return dirty + (counts[SlotState.FLUSHED] as number) + (counts[SlotState.RETIRED] as number);
  }

  get dirtyAgeMs(): number {
    const slot = this.table.first(SlotState.DIRTY);
    return slot === none ? 0 : performance.now() - (this.#dirtySince[slot] as number);
  }

  /**
   * A slot for new content, LOOSE. If all are waiting for the store, the oldest are written and
   * committed first.
   * @throws {StoreError} when that fails.
   */
  acquire(): number {
    const slot = this.#vacant();
    if (slot !== none) {
      return slot;
    }
    this.writeBack(Math.ceil(this.table.slots / 4));
    return this.#vacant();
  }

  #vacant(): number {
    let slot = this.table.first(SlotState.FREE);
    if (slot === none) {
      slot = this.table.first(SlotState.CLEAN);
      if (slot === none) {
        return none;
      }
      this.#leave(slot);
    }
    this.table.moveTo(slot, SlotState.LOOSE);
    return slot;
  }

  /** Gives back a LOOSE slot. */
  release(slot: number): void {
    this.table.moveTo(slot, SlotState.FREE);
  }

  /** A LOOSE slot becomes a block as the store has it. */
  addClean(slot: number, id: FileId, number: number): void {
    this.#pending[slot] = stored;
    this.table.enter(slot, id, number);
    this.#fileOf(id).slots.add(slot);
    this.table.moveTo(slot, SlotState.CLEAN);
  }

  /**
   * A LOOSE slot becomes a block that the store has not, in the place of the one that had it.
   * @param isNew The store has no row of the block.
   */
  addDirty(slot: number, record: InodeRecord, number: number, isNew: boolean): void {
    const old = this.table.find(record.id, number);
    this.#pending[slot] = isNew ? 0 : stored;
    if (old !== none) {
      this.#pending[slot] = this.#pending[old] as number;
      this.#leave(old);
    }
    this.table.enter(slot, record.id, number);
    this.#fileOf(record.id).slots.add(slot);
    if (old !== none && this.table.stateOf(old) === SlotState.DIRTY) {
      this.#dirtySince[slot] = this.#dirtySince[old] as number;
      this.table.takePlace(slot, old);
    }
    if (old !== none) {
      this.release(old);
    }
    this.markDirty(slot, record);
  }

  /** The slot's bytes have changed; the record has its new size already. */
  markDirty(slot: number, record: InodeRecord): void {
    if (this.table.stateOf(slot) !== SlotState.DIRTY) {
      this.#dirtySince[slot] = performance.now();
      this.table.moveTo(slot, SlotState.DIRTY);
    }
    this.#fileOf(record.id).dirty.add(slot);
    record.dataPending = true;
    const pending = this.#pending[slot] as number;
    if (pending !== stored) {
      const bytes = this.#lengthOf(record, this.table.numberOf(slot));
      record.pendingBytes += bytes - pending;
      this.#pending[slot] = bytes;
    }
  }

  /** Bytes of the block that are inside of the file. */
  #lengthOf(record: InodeRecord, number: number): number {
    return Math.min(this.#blockBytes, record.size - number * this.#blockBytes);
  }

  /** Drops the blocks of a file from `firstNumber` on, written or not; its row has its size. */
  drop(id: FileId, firstNumber: number): void {
    const file = this.#files.get(id);
    for (const slot of file?.slots ?? []) {
      if (this.table.numberOf(slot) >= firstNumber) {
        this.#drop(slot);
      }
    }
    if (this.#store.inTransaction) {
      this.#cuts.set(id, Math.min(firstNumber, this.#cuts.get(id) ?? firstNumber));
    }
    const record = this.#store.contents.peek(id);
    if (record !== undefined) {
      record.dataPending = (file?.dirty.size ?? 0) > 0;
    }
  }

  #drop(slot: number): void {
    const isClean = this.table.stateOf(slot) === SlotState.CLEAN;
    const isSafe = isClean || !this.#store.inTransaction;
    const record = this.#store.contents.peek(this.table.idOf(slot) as FileId);
    if (record !== undefined) {
      this.#countAsStored(slot, record);
    }
    this.#leave(slot);
    this.table.moveTo(slot, isSafe ? SlotState.FREE : SlotState.RETIRED);
  }

  /** Writes a file's dirty blocks to the store, in the open transaction. @throws {StoreError} */
  flush(id: FileId): void {
    this.#write([...(this.#files.get(id)?.dirty ?? [])]);
  }

  /** The same for all files. @throws {StoreError} */
  flushAll(): void {
    this.flushOldest(this.table.slots);
  }

  /** Writes the blocks that have been dirty longest, in the open transaction. @throws {StoreError} */
  flushOldest(count: number): void {
    const slots: number[] = [];
    let slot = this.table.first(SlotState.DIRTY);
    while (slot !== none && slots.length < count) {
      slots.push(slot);
      slot = this.table.after(slot);
    }
    this.#write(slots);
  }

  /** Writes the oldest blocks and commits, so that their slots can be taken. @throws {StoreError} */
  writeBack(count: number): void {
    this.flushOldest(count);
    this.#store.contents.commitEarly();
  }

  /** Writes slots in the order in which a reader of the files will want their rows to lie. */
  #write(slots: number[]): void {
    const { table } = this;
    slots.sort((a, b) => table.idOf(a) - table.idOf(b) || table.numberOf(a) - table.numberOf(b));
    const writeAll = (): void => {
      for (const [index, slot] of slots.entries()) {
        const id = table.idOf(slot) as FileId;
        this.#writeSlot(slot, id);
        const next = slots[index + 1];
        if (next === undefined || table.idOf(next) !== id) {
          this.#settle(id);
        }
      }
    };
    if (slots.length > 0) {
      this.#store.contents.modify(writeAll);
    }
  }

  #writeSlot(slot: number, id: FileId): void {
    const record = this.#store.contents.peek(id);
    if (record === undefined) {
      // Reclaimed with blocks in the cache: nobody can want them.
      this.#drop(slot);
      return;
    }
    const start = slot * this.#blockBytes;
    const length = this.#lengthOf(record, this.table.numberOf(slot));
    const data = this.#memory.subarray(start, start + length);
    this.#store.contents.write(record, this.table.numberOf(slot), data);
    this.#countAsStored(slot, record);
    this.#files.get(id)?.dirty.delete(slot);
    this.table.moveTo(slot, SlotState.FLUSHED);
  }

  #countAsStored(slot: number, record: InodeRecord): void {
    if (this.#pending[slot] !== stored) {
      record.pendingBytes -= this.#pending[slot] as number;
      this.#pending[slot] = stored;
    }
  }

  /** A file without dirty blocks left has its size in its row, too. */
  #settle(id: FileId): void {
    const record = this.#store.contents.peek(id);
    if (record?.dataPending && this.#files.get(id)?.dirty.size === 0) {
      this.#store.contents.settle(record);
      record.dataPending = false;
    }
  }

  #fileOf(id: FileId): CachedFile {
    let file = this.#files.get(id);
    if (file === undefined) {
      file = { id, slots: new Set(), dirty: new Set() };
      this.#files.set(id, file);
    }
    return file;
  }

  /** The slot's block is no longer in the cache; the slot stays in its list. */
  #leave(slot: number): void {
    const id = this.table.idOf(slot) as FileId;
    const file = this.#fileOf(id);
    this.table.remove(slot);
    file.slots.delete(slot);
    file.dirty.delete(slot);
    if (file.slots.size === 0) {
      this.#files.delete(id);
    }
  }

  #committed(): void {
    const { table } = this;
    this.#cuts.clear();
    for (let slot = table.first(SlotState.FLUSHED); slot !== none; ) {
      table.moveTo(slot, SlotState.CLEAN);
      slot = table.first(SlotState.FLUSHED);
    }
    for (let slot = table.first(SlotState.RETIRED); slot !== none; ) {
      table.moveTo(slot, SlotState.FREE);
      slot = table.first(SlotState.RETIRED);
    }
  }

  #rolledBack(): void {
    const { table } = this;
    for (const [id, firstNumber] of this.#cuts) {
      this.#forgetFrom(id, firstNumber);
    }
    this.#cuts.clear();
    for (let slot = table.first(SlotState.RETIRED); slot !== none; ) {
      this.#revive(slot);
      slot = table.first(SlotState.RETIRED);
    }
    for (let slot = table.first(SlotState.FLUSHED); slot !== none; ) {
      table.moveTo(slot, SlotState.DIRTY);
      this.#fileOf(table.idOf(slot) as FileId).dirty.add(slot);
      slot = table.first(SlotState.FLUSHED);
    }
    for (const file of [...this.#files.values()]) {
      this.#clip(file);
    }
  }

  /** What was written behind a cut rests on it: it goes with the cut that is undone. */
  #forgetFrom(id: FileId, firstNumber: number): void {
    for (const slot of this.#files.get(id)?.slots ?? []) {
      if (this.table.numberOf(slot) >= firstNumber) {
        this.#leave(slot);
        this.release(slot);
      }
    }
  }

  /** Brings back a block that the undone transaction had dropped. */
  #revive(slot: number): void {
    const id = this.table.idOf(slot) as FileId;
    if (this.table.find(id, this.table.numberOf(slot)) !== none) {
      // Dropped a second time: what was dropped first is what the transaction found.
      this.release(slot);
      return;
    }
    this.table.enter(slot, id, this.table.numberOf(slot));
    this.table.moveTo(slot, SlotState.DIRTY);
    const file = this.#fileOf(id);
    file.slots.add(slot);
    file.dirty.add(slot);
  }

  /** Makes a file's blocks fit the inode as the undone transaction found it. */
  #clip(file: CachedFile): void {
    const record = this.#store.contents.peek(file.id);
    const size = record?.size ?? 0;
    for (const slot of file.slots) {
      const excess = this.table.numberOf(slot) * this.#blockBytes + this.#blockBytes - size;
      if (excess >= this.#blockBytes) {
        this.#leave(slot);
        this.release(slot);
      } else if (excess > 0) {
        const end = (slot + 1) * this.#blockBytes;
        this.#memory.fill(0, end - excess, end);
      }
    }
    if (record !== undefined) {
      record.dataPending = file.dirty.size > 0;
    }
  }
}
