import type { FileId, Store } from '../store/index.ts';
import type { InodeRecord } from '../store/inode-record.ts';
import type { DataPiece } from '../store/logged-data.ts';
import type { CachedFile, FileSlots } from './file-slots.ts';
import type { SlotTable } from './slot-table.ts';

/** A file's data that are more than this are written into rows at once: they are not written twice then. */
const mostLoggedBytes = 256 * 1024;
/**
 * So many blocks wait for one commit of the database at most, which writes all of them; and no more than
 * half of all: others have to have room for data that are not synced.
 */
const mostOwedSlots = 2048;

/** Data that are in memory only. They keep it when they move to another slot. */
interface Stamp {
  /** By `performance.now`. */
  readonly sinceMs: number;
}

/**
 * What of the dirty blocks in the slots is in the memory only, and not in the store's intent log: one
 * range of bytes for each, which may have some that did not change among them. And of which slots the
 * log has something that their blocks' rows lack.
 */
export class UnloggedBytes {
  readonly #store: Store;
  readonly #table: SlotTable;
  readonly #files: FileSlots;
  readonly #memory: Uint8Array;
  readonly #blockBytes: number;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  /** Of all slots that have such bytes, the oldest first; and by slot. */
  readonly #stamps = new Set<Stamp>();
  readonly #stampOf: (Stamp | undefined)[];
  /** Slots whose bytes the open transaction logs. */
  #logging: number[] = [];
  readonly #owed = new Set<number>();

  constructor(store: Store, table: SlotTable, files: FileSlots, memory: Uint8Array) {
    this.#store = store;
    this.#table = table;
    this.#files = files;
    this.#memory = memory;
    this.#blockBytes = store.blockBytes;
    this.#starts = new Int32Array(table.slots).fill(store.blockBytes);
    this.#ends = new Int32Array(table.slots);
    this.#stampOf = new Array(table.slots).fill(undefined);
  }

  /** Slots whose blocks have to get rows with the database's next commit; some need none by now. */
  get owed(): ReadonlySet<number> {
    return this.#owed;
  }

  /** How long the oldest such bytes have been in memory only, in milliseconds; 0: there are none. */
  get ageMs(): number {
    for (const { sinceMs } of this.#stamps) {
      return performance.now() - sinceMs;
    }
    return 0;
  }

  /** Bytes of the slot have changed. */
  add(slot: number, start: number, end: number): void {
    if (this.#stampOf[slot] === undefined) {
      const stamp = { sinceMs: performance.now() };
      this.#stampOf[slot] = stamp;
      this.#stamps.add(stamp);
    }
    this.#starts[slot] = Math.min(this.#starts[slot] as number, start);
    this.#ends[slot] = Math.max(this.#ends[slot] as number, end);
  }

  /** The slot's block has gone to another slot, or is no more. @param heir the other one, if any */
  leave(slot: number, heir?: number): void {
    if (heir === undefined) {
      this.#removeStamp(slot);
    } else {
      this.#stampOf[heir] = this.#stampOf[slot];
      this.#stampOf[slot] = undefined;
    }
    this.#owed.delete(slot);
  }

  #removeStamp(slot: number): void {
    const stamp = this.#stampOf[slot];
    if (stamp !== undefined) {
      this.#stamps.delete(stamp);
      this.#stampOf[slot] = undefined;
    }
  }

  /** The slot has a block of the file that may be what is left of one that the log has. */
  adopt(slot: number, id: FileId): void {
    if (this.#store.contents.loggedFiles.has(id)) {
      this.#owed.add(slot);
    }
  }

  /** The slot's block has its row, or is another one. */
  clear(slot: number): void {
    this.#empty(slot);
    this.#owed.delete(slot);
  }

  /**
   * Logs what is not logged of slots of a file, in the open transaction.
   * @returns false: it is too much, and nothing has been done
   */
  log(record: InodeRecord, slots: ReadonlySet<number>): boolean {
    const most = Math.min(mostOwedSlots, this.#table.slots / 2);
    if (this.#owed.size + slots.size > most) {
      return false;
    }
    const pieces: DataPiece[] = [];
    let bytes = 0;
    for (const slot of slots) {
      const piece = this.#pieceOf(slot, record);
      pieces.push(piece);
      bytes += piece.bytes.length;
      if (bytes > mostLoggedBytes) {
        return false;
      }
    }
    if (!this.#store.contents.log(record, pieces)) {
      return false;
    }
    for (const slot of slots) {
      this.#logging.push(slot);
      this.#owed.add(slot);
    }
    return true;
  }

  #pieceOf(slot: number, record: InodeRecord): DataPiece {
    const block = this.#table.numberOf(slot) * this.#blockBytes;
    const end = Math.min(this.#ends[slot] as number, record.size - block);
    const start = Math.min(this.#starts[slot] as number, end);
    const from = slot * this.#blockBytes;
    return { offset: block + start, bytes: this.#memory.subarray(from + start, from + end) };
  }

  /** The transaction was committed: all that had changed in the slots is logged. */
  commit(): void {
    for (const slot of this.#logging) {
      this.#empty(slot);
      this.#files.of(this.#table.idOf(slot) as FileId).unlogged.delete(slot);
    }
    this.#logging = [];
  }

  /** The transaction was undone: it has logged nothing. */
  rollBack(): void {
    this.#logging = [];
  }

  /** Nothing is known of what the rows of a file's dirty blocks lack, so it is everything. */
  doubt(file: CachedFile): void {
    for (const slot of file.dirty) {
      file.unlogged.add(slot);
      this.add(slot, 0, this.#blockBytes);
      this.adopt(slot, file.id);
    }
  }

  #empty(slot: number): void {
    this.#starts[slot] = this.#blockBytes;
    this.#ends[slot] = 0;
    this.#removeStamp(slot);
  }
}
