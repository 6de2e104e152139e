import type { ExportedCache } from '../exported-cache/exported-cache.ts';
import type { BlockRange } from '../store/block-ranges.ts';
import { type FileId, type Store, StoreError } from '../store/index.ts';
import type { InodeRecord } from '../store/inode-record.ts';
import { type CachedFile, FileSlots } from './file-slots.ts';
import { OpenCuts } from './open-cuts.ts';
import { type Growth, PendingBytes } from './pending-bytes.ts';
import type { SlotOptions } from './slot-options.ts';
import { none, SlotState, SlotTable } from './slot-table.ts';
import { UnloggedBytes } from './unlogged-bytes.ts';
import { UnstableRecord } from './unstable-record.ts';

/**
 * Which blocks of which files are in the slots, and how they get into the store. A slot follows the
 * store's transactions: what the open one wrote or dropped stays in memory until it is committed,
 * and is dirty again if it is undone. So nothing is lost but what its owner gave up, and no slot
 * that the store lacks is ever taken for another block.
 */
export class CachedFiles {
  readonly table: SlotTable;
  readonly #exported: ExportedCache | undefined;
  readonly #store: Store;
  readonly #memory: Uint8Array;
  readonly #blockBytes: number;
  readonly #files: FileSlots;
  readonly #cuts = new OpenCuts();
  readonly #pending: PendingBytes;
  readonly #unstable: UnstableRecord;
  readonly #unlogged: UnloggedBytes;
  readonly #reserve: (slot: number) => boolean;

  constructor(store: Store, memory: Uint8Array, slots: number, options: SlotOptions) {
    const { exported } = options;
    this.table = new SlotTable(slots, exported?.slotMemory());
    this.#files = new FileSlots(this.table);
    this.#exported = exported;
    this.#store = store;
    this.#memory = memory;
    this.#blockBytes = store.blockBytes;
    this.#pending = new PendingBytes(store, slots);
    this.#unstable = options.unstable ?? UnstableRecord.forgotten(slots);
    this.#unlogged = new UnloggedBytes(store, this.table, this.#files, memory);
    this.#reserve = options.reserve ?? (() => true);
    this.#unstable.follow(store);
    exported?.mirror(store);
    store.contents.beforeChange((id) => {
      this.#exported?.files.withdraw(id);
      this.#unstable.touch(id);
    });
    store.observe({
      beforeApply: () => this.#flushLogged(),
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

  get unloggedAgeMs(): number {
    return this.#unlogged.ageMs;
  }

  /**
   * A slot for new content, LOOSE. If all are waiting for the store, the oldest are written and
   * committed first.
   * @throws {StoreError} when that fails; ENOSPC: there is memory for fewer slots than are needed.
   */
  acquire(): number {
    let slot = this.#vacant();
    if (slot === none) {
      this.writeBack(Math.ceil(this.table.slots / 4));
      slot = this.#vacant();
    }
    if (slot === none) {
      throw new StoreError('ENOSPC', 'the block cache gets no more memory');
    }
    return slot;
  }

  #vacant(): number {
    let slot = this.table.first(SlotState.FREE);
    if (slot === none || !this.#reserve(slot)) {
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

  /** A LOOSE slot becomes a block as the store has it, in a row of so many bytes. */
  addClean(slot: number, id: FileId, number: number, rowBytes: number): void {
    this.#pending.setStored(slot, rowBytes);
    this.#unlogged.clear(slot);
    this.table.enter(slot, id, number);
    this.#files.of(id).slots.add(slot);
    this.table.moveTo(slot, SlotState.CLEAN);
  }

  /** A LOOSE slot becomes a block that the store has not, in the place of the one that had it. */
  addDirty(slot: number, record: InodeRecord, number: number): void {
    const old = this.table.find(record.id, number);
    if (old === none) {
      this.#pending.adopt(slot, record, number);
    } else {
      this.#pending.inherit(slot, old);
      this.#leave(old, slot);
    }
    this.table.enter(slot, record.id, number);
    this.#unstable.publish(slot, record.id, number, this.#cuts.cover(record.id, number));
    this.#unlogged.adopt(slot, record.id);
    this.#files.of(record.id).slots.add(slot);
    if (old !== none && this.table.stateOf(old) === SlotState.DIRTY) {
      this.table.takePlace(slot, old);
    }
    if (old !== none) {
      this.#unstable.clear(old);
      this.release(old);
    }
    this.markDirty(slot, record);
  }

  /** The slot's bytes from `start` to before `end` have changed; the record has its new size already. */
  markDirty(slot: number, record: InodeRecord, start = 0, end = this.#blockBytes): void {
    this.#unlogged.add(slot, start, end);
    const number = this.table.numberOf(slot);
    if (this.table.stateOf(slot) === SlotState.DIRTY) {
      this.#unstable.written(record.id);
    } else {
      this.#unstable.publish(slot, record.id, number, this.#cuts.cover(record.id, number));
      this.table.moveTo(slot, SlotState.DIRTY);
    }
    const file = this.#files.of(record.id);
    file.dirty.add(slot);
    file.unlogged.add(slot);
    record.dataPending = true;
    this.#pending.count(slot, record, number);
  }

  /** The file has grown: the block that its end was in, if it is dirty, will take more than before. */
  grown(record: InodeRecord, oldSize: number): void {
    const number = Math.floor((oldSize - 1) / this.#blockBytes);
    if (oldSize < record.size && this.isDirty(record.id, number)) {
      this.#pending.count(this.table.find(record.id, number), record, number);
    }
  }

  /** What the file would need more if blocks first to last were dirty and it had that size. */
  growth(record: InodeRecord, first: number, last: number, size: number): Growth {
    const growth = { newBytes: 0, unpromisedBytes: 0 };
    const end = Math.floor((record.size - 1) / this.#blockBytes);
    const isEndOutside = end >= 0 && (end < first || end > last);
    if (isEndOutside && this.isDirty(record.id, end)) {
      this.#pending.addGrowth(growth, this.table, record, [end, end], size);
    }
    this.#pending.addGrowth(growth, this.table, record, [first, last], size);
    return growth;
  }

  /** Bytes of the block that are inside of the file. */
  #lengthOf(record: InodeRecord, number: number): number {
    return Math.min(this.#blockBytes, record.size - number * this.#blockBytes);
  }

  /** Drops the blocks first to last of a file, written or not; its row has its size. */
  drop(id: FileId, first: number, last: number): void {
    const file = this.#files.find(id);
    for (const slot of this.#files.within(id, first, last)) {
      this.#drop(slot);
    }
    if (this.#store.inTransaction) {
      this.#cuts.add(id, [first, last]);
    }
    this.#unstable.touch(id);
    const record = this.#store.contents.peek(id);
    if (record !== undefined) {
      record.dataPending = (file?.dirty.size ?? 0) > 0;
    }
  }

  #drop(slot: number): void {
    const isClean = this.table.stateOf(slot) === SlotState.CLEAN;
    const isSafe = isClean || !this.#store.inTransaction;
    this.#pending.clear(slot, this.#store.contents.peek(this.table.idOf(slot) as FileId));
    this.#leave(slot);
    if (isSafe) {
      this.#unstable.clear(slot);
      this.release(slot);
    } else {
      this.#unstable.end(slot);
      this.table.moveTo(slot, SlotState.RETIRED);
    }
  }

  /** Whether the block is in memory and not in the store. */
  isDirty(id: FileId, number: number): boolean {
    const slot = this.table.find(id, number);
    return slot !== none && this.table.stateOf(slot) === SlotState.DIRTY;
  }

  /** The first such block from `number` on; Infinity: there is none. */
  nextDirty(id: FileId, number: number): number {
    return this.#files.nextDirty(id, number);
  }

  /** Writes the dirty ones of a file's blocks first to last, in the open transaction. */
  flushWithin(id: FileId, first: number, last: number): void {
    const slots = this.#files.within(id, first, last);
    this.#write(slots.filter((slot) => this.table.stateOf(slot) === SlotState.DIRTY));
  }

  /** Writes a file's dirty blocks to the store, in the open transaction. @throws {StoreError} */
  flush(id: FileId): void {
    this.#write([...(this.#files.find(id)?.dirty ?? [])]);
  }

  /**
   * Puts a file's data that are in memory only into the store's intent log, in the open transaction, if
   * they are few. @returns false: they are not, and nothing has been done
   */
  log(id: FileId): boolean {
    const record = this.#store.contents.peek(id);
    const slots = this.#files.find(id)?.unlogged;
    if (record === undefined || slots === undefined || slots.size === 0) {
      return true;
    }
    return this.#unlogged.log(record, slots);
  }

  /** Writes the blocks whose rows lack what the intent log has of them: the log's epoch ends. */
  #flushLogged(): void {
    const isDirty = (slot: number) => this.table.stateOf(slot) === SlotState.DIRTY;
    this.#write([...this.#unlogged.owed].filter(isDirty));
  }

  /**
   * Writes the blocks that have been dirty longest, in the open transaction: up to `count`, and no more
   * once they hold `maxBytes`; one at least, if there is one. @throws {StoreError}
   */
  flushOldest(count = this.table.slots, maxBytes = Number.POSITIVE_INFINITY): void {
    const slots: number[] = [];
    let bytes = 0;
    let slot = this.table.first(SlotState.DIRTY);
    while (slot !== none && slots.length < count && (bytes < maxBytes || slots.length === 0)) {
      slots.push(slot);
      bytes += this.#dataBytes(slot);
      slot = this.table.after(slot);
    }
    this.#write(slots);
  }

  /** What the block of a slot holds before the end of its file. */
  #dataBytes(slot: number): number {
    const record = this.#store.contents.peek(this.table.idOf(slot) as FileId);
    return record === undefined ? 0 : this.#lengthOf(record, this.table.numberOf(slot));
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
    this.#pending.clear(slot, record);
    this.#pending.setStored(slot, length);
    this.#unlogged.clear(slot);
    const file = this.#files.find(id);
    file?.dirty.delete(slot);
    file?.unlogged.delete(slot);
    this.#unstable.end(slot);
    this.table.moveTo(slot, SlotState.FLUSHED);
  }

  /** A file without dirty blocks left has its size in its row, too. */
  #settle(id: FileId): void {
    const record = this.#store.contents.peek(id);
    if (record?.dataPending && this.#files.find(id)?.dirty.size === 0) {
      this.#store.contents.settle(record);
      this.#unstable.touch(id);
      record.dataPending = false;
    }
  }

  /** The slot's block is no longer in the cache, or in the slot `heir`; the slot stays in its list. */
  #leave(slot: number, heir?: number): void {
    const id = this.table.idOf(slot) as FileId;
    this.#unlogged.leave(slot, heir);
    this.table.remove(slot);
    this.#exported?.files.disturb(id);
    this.#files.remove(id, slot);
  }

  #committed(): void {
    const { table } = this;
    this.#cuts.take();
    this.#unlogged.commit();
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
    this.#exported?.files.withdrawAll();
    this.#unlogged.rollBack();
    for (const { id, blocks } of this.#cuts.take()) {
      this.#forget(id, blocks);
    }
    for (let slot = table.first(SlotState.RETIRED); slot !== none; ) {
      this.#revive(slot);
      slot = table.first(SlotState.RETIRED);
    }
    for (let slot = table.first(SlotState.FLUSHED); slot !== none; ) {
      this.#unstable.restore(slot);
      table.moveTo(slot, SlotState.DIRTY);
      this.#files.of(table.idOf(slot) as FileId).dirty.add(slot);
      slot = table.first(SlotState.FLUSHED);
    }
    for (const file of this.#files.all()) {
      this.#clip(file);
    }
  }

  /** What was written behind a cut rests on it: it goes with the cut that is undone. */
  #forget(id: FileId, [first, last]: BlockRange): void {
    const record = this.#store.contents.peek(id);
    for (const slot of this.#files.within(id, first, last)) {
      this.#vacate(slot, record);
    }
  }

  #vacate(slot: number, record: InodeRecord | undefined): void {
    this.#pending.clear(slot, record);
    this.#unstable.clear(slot);
    this.#leave(slot);
    this.release(slot);
  }

  /** Brings back a block that the undone transaction had dropped. */
  #revive(slot: number): void {
    const id = this.table.idOf(slot) as FileId;
    const isSecond = this.table.find(id, this.table.numberOf(slot)) !== none;
    if (isSecond || this.#unstable.isOfThisRound(slot)) {
      // What was dropped first is what the transaction found; what was written behind a cut was not there.
      this.#unstable.clear(slot);
      this.release(slot);
      return;
    }
    this.#unstable.restore(slot);
    this.table.enter(slot, id, this.table.numberOf(slot));
    this.table.moveTo(slot, SlotState.DIRTY);
    const file = this.#files.of(id);
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
        this.#vacate(slot, record);
      } else if (excess > 0) {
        const end = (slot + 1) * this.#blockBytes;
        this.#memory.fill(0, end - excess, end);
      }
    }
    this.#unlogged.doubt(file);
    if (record !== undefined) {
      record.dataPending = file.dirty.size > 0;
      this.#recount(file, record);
    }
  }

  /** Counts the dirty blocks anew that the undone transaction had found room for, or dropped. */
  #recount(file: CachedFile, record: InodeRecord): void {
    for (const slot of file.dirty) {
      const number = this.table.numberOf(slot);
      this.#pending.clear(slot, record);
      this.#pending.adopt(slot, record, number);
      this.#pending.count(slot, record, number);
    }
  }
}
