import { CachedFiles } from './block-cache/cached-files.ts';
import { FileRanges } from './block-cache/file-ranges.ts';
import type { SlotOptions } from './block-cache/slot-options.ts';
import { none, SlotState } from './block-cache/slot-table.ts';
import { ZeroTails } from './block-cache/zero-tails.ts';
import type { ExportedCache } from './exported-cache/exported-cache.ts';
import { lastBlock } from './store/block-table.ts';
import { currentTime, nextChange } from './store/clock.ts';
import { type FileId, maxFileBytes, type Store, StoreError } from './store/index.ts';
import type { InodeRecord } from './store/inode-record.ts';

/** Fewer slots could all be waiting for the store while one transfer needs some. */
const fewestSlots = 8;

export interface BlockCacheOptions extends SlotOptions {
  /**
   * Above so many unwritten bytes a write first waits until older ones are in the store. At least
   * one transfer, at most three quarters of the memory, which is also the default.
   */
  readonly dirtyLimitBytes?: number;
}

/** Of the limit of unwritten blocks: above, they are better written before a write has to wait. */
const crowdedShare = 5 / 6;
/** Blocks that a write which has to wait gets written at least, for one commit. */
const fewestWrittenBack = 8;

/** Takes a piece of a file: `cacheOffset` bytes from the memory's start; -1: a hole, zeros. */
export type EmitRead = (cacheOffset: number, length: number) => void;

/** Must fill the piece of the memory before it returns. */
export type EmitWrite = (cacheOffset: number, length: number) => void;

/**
 * The data of files in memory that the caller gave, so that a NIC can move them from and to there:
 * blocks in slots of equal size, the least recently used replaced first. Written data stay here
 * until flush() or until there are too many; the store takes them in its open transaction,
 * together with the sizes and times that belong to them.
 *
 * Bytes of a slot beyond the end of the file are zeros, always: a file can grow without a look at
 * its last block.
 */
export class BlockCache {
  /** Largest length of one read or write, in bytes. */
  readonly maxTransferBytes: number;
  /** Holes, allocations and copies. */
  readonly ranges: FileRanges;
  readonly #store: Store;
  readonly #memory: Uint8Array;
  readonly #blockBytes: number;
  readonly #files: CachedFiles;
  readonly #tails: ZeroTails;
  readonly #exported: ExportedCache | undefined;
  readonly #dirtyLimit: number;
  /** What the write under way replaced in slots that readers see, to be put back if it fails. */
  readonly #replaced: Uint8Array;
  /** The pieces of the write under way. */
  readonly #pieces: Piece[] = [];

  /**
   * @param memory For at least 8 blocks of the store, zeros; it must lie still as long as the cache is
   * used.
   */
  constructor(store: Store, memory: Uint8Array, options: BlockCacheOptions = {}) {
    const { blockBytes } = store;
    const slots = Math.floor(memory.length / blockBytes);
    if (slots < fewestSlots) {
      throw new RangeError(`the memory must hold ${fewestSlots} blocks of ${blockBytes} bytes`);
    }
    const quarter = Math.floor(slots / 4);
    const wanted = Math.floor((options.dirtyLimitBytes ?? memory.length) / blockBytes);
    this.maxTransferBytes = (quarter - 1) * blockBytes;
    this.#store = store;
    this.#memory = memory;
    this.#blockBytes = blockBytes;
    this.#files = new CachedFiles(store, memory, slots, options);
    this.#tails = new ZeroTails(memory, slots, blockBytes);
    this.#exported = options.exported;
    this.#dirtyLimit = Math.max(quarter, Math.min(wanted, Math.floor((slots * 3) / 4)));
    this.#replaced = new Uint8Array(2 * blockBytes);
    this.ranges = new FileRanges(store, this, this.#files, memory);
  }

  /** Bytes of the slots whose data the store lacks. */
  get dirtyBytes(): number {
    return (this.#files.table.counts[SlotState.DIRTY] as number) * this.#blockBytes;
  }

  /** So many data wait for the store that writes will soon have to wait, too. */
  get isCrowded(): boolean {
    return this.#files.unsettled > this.#dirtyLimit * crowdedShare;
  }

  /** How long the oldest data have been here only, and not in the intent log, in milliseconds; 0: none are. */
  get unloggedAgeMs(): number {
    return this.#files.unloggedAgeMs;
  }

  /**
   * Reads a range of a file, as far as the file goes, piece by piece in order. What was emitted
   * stays where it is until the next call of the cache.
   * @returns the bytes read: `length`, less at the end of the file.
   * @throws {StoreError} ESTALE, EISDIR, EINVAL, EIO
   */
  read(id: FileId, offset: number, length: number, emit: EmitRead): number {
    const record = this.#store.contents.file(id);
    this.#checkRange(offset, length);
    const { table } = this.#files;
    const blockBytes = this.#blockBytes;
    const end = Math.min(offset + length, record.size);
    let looked = -1;
    for (let position = offset; position < end; ) {
      const number = Math.floor(position / blockBytes);
      const within = position - number * blockBytes;
      const piece = Math.min(blockBytes - within, end - position);
      let slot = table.find(id, number);
      if (slot === none && number > looked) {
        looked = this.#load(record, number, Math.floor((end - 1) / blockBytes));
        slot = table.find(id, number);
      }
      if (slot === none) {
        emit(-1, piece);
      } else {
        table.touch(slot);
        emit(slot * blockBytes + within, piece);
      }
      position += piece;
    }
    return Math.max(0, end - offset);
  }

  /**
   * Writes a range of a file, which grows if need be; mtime, ctime and change follow. If `emit`
   * throws, nothing of the write has happened. Too many unwritten data in memory make it write
   * older ones to the store and commit first.
   * @throws {StoreError} ESTALE, EISDIR, EINVAL, EFBIG, ENOSPC, EIO
   */
  write(id: FileId, offset: number, length: number, emit: EmitWrite): void {
    const record = this.#store.contents.file(id);
    this.#checkRange(offset, length);
    if (offset + length > maxFileBytes) {
      throw new StoreError('EFBIG', `a file has at most ${maxFileBytes} bytes`);
    }
    if (length === 0) {
      return;
    }
    this.#store.contents.requireWritable();
    this.#makeRoom(record, offset, length);
    this.#exported?.files.withdraw(id);
    try {
      this.#receive(record, offset, length, emit);
      // Storage may have failed while blocks were brought in: then nobody could be told of the write.
      this.#store.contents.requireWritable();
    } catch (error) {
      this.#takeBack();
      throw error;
    }
    this.#publish(record, offset, offset + length);
  }

  /**
   * Sets the size of a file, in the store's open transaction; what lies beyond is gone.
   * @throws {StoreError} ESTALE, EISDIR, EINVAL, EFBIG, ENOSPC, EIO
   */
  truncate(id: FileId, size: number): void {
    const record = this.#store.contents.file(id);
    const oldSize = record.size;
    if (size >= oldSize) {
      // The block that the file ended in gets longer when it waits to be stored.
      const { unpromisedBytes } = this.#files.growth(record, 0, -1, size);
      this.#store.room.requireBytes(record.uid, unpromisedBytes);
      this.#store.setAttributes(id, { size });
      this.#files.grown(record, oldSize);
      return;
    }
    const number = Math.floor(size / this.#blockBytes);
    const tail = size - number * this.#blockBytes;
    const shortened = tail > 0 ? this.#shorten(record, number, tail) : none;
    try {
      this.#store.setAttributes(id, { size });
    } catch (error) {
      if (shortened !== none) {
        this.#files.release(shortened);
      }
      throw error;
    }
    this.#files.drop(id, number, lastBlock);
    if (shortened !== none) {
      this.#files.addDirty(shortened, record, number);
    }
  }

  /**
   * Writes a file's data to the store, in its open transaction; without an id, of all files. They
   * are there when the store has committed.
   * @throws {StoreError}
   */
  flush(id?: FileId): void {
    if (id === undefined) {
      this.#files.flushOldest();
    } else {
      this.#files.flush(id);
    }
  }

  /**
   * Puts a file's data into the store's open transaction, without an id those of all files: into the
   * rows of blocks, or, if they are few, into the intent log, and into rows with other data later.
   * They survive what the transaction survives. @throws {StoreError}
   */
  secure(id?: FileId): void {
    if (id === undefined || !this.#files.log(id)) {
      this.flush(id);
    }
  }

  /**
   * Writes what has been waiting longest: up to `maxBytes` of data in up to `maxBlocks` blocks, and one
   * block at least. @throws {StoreError}
   */
  flushSome(maxBytes: number, maxBlocks = Number.POSITIVE_INFINITY): void {
    this.#files.flushOldest(maxBlocks, maxBytes);
  }

  /**
   * Others have read blocks in memory: of the slots from `first` on, those whose bits are set, the
   * lowest of a byte first. They are kept as if they had been read here.
   */
  used(first: number, bits: Uint8Array): void {
    const { table } = this.#files;
    for (const [index, byte] of bits.entries()) {
      for (let rest = byte; rest !== 0; rest &= rest - 1) {
        const slot = first + index * 8 + (31 - Math.clz32(rest & -rest));
        if (slot < table.slots) {
          table.touch(slot);
        }
      }
    }
  }

  /** Drops a file's data, written or not: for a file that is reclaimed. */
  forget(id: FileId): void {
    this.#files.drop(id, 0, lastBlock);
  }

  #checkRange(offset: number, length: number): void {
    const isRange = Number.isInteger(offset) && Number.isInteger(length);
    if (!isRange || offset < 0 || length < 0 || length > this.maxTransferBytes) {
      throw new StoreError('EINVAL', `${length} bytes at ${offset} are no range to transfer`);
    }
  }

  /** Loads blocks from `first` on until one is here already; returns the last it looked for. */
  #load(record: InodeRecord, first: number, end: number): number {
    const { table } = this.#files;
    const lastStored = Math.ceil(record.storedSize / this.#blockBytes) - 1;
    let last = first;
    while (last < Math.min(end, lastStored) && table.find(record.id, last + 1) === none) {
      last++;
    }
    if (first <= lastStored) {
      for (const [number, data] of this.#store.contents.read(record, first, last)) {
        const slot = this.#files.acquire();
        this.#tails.prepare(slot, 0, data.length);
        this.#memory.set(data, slot * this.#blockBytes);
        this.#files.addClean(slot, record.id, number, data.length);
      }
    }
    return last;
  }

  /**
   * Makes sure that a write finds room, in memory now and in the store later.
   * @throws {StoreError} ENOSPC, EDQUOT
   */
  #makeRoom(record: InodeRecord, offset: number, length: number): void {
    const first = Math.floor(offset / this.#blockBytes);
    const last = Math.floor((offset + length - 1) / this.#blockBytes);
    const blocks = last - first + 1;
    const { room } = this.#store;
    const bytes = blocks * this.#blockBytes;
    const size = Math.max(record.size, offset + length);
    if (!room.admits(record.uid, bytes)) {
      room.requireBytes(record.uid, this.#files.growth(record, first, last, size).unpromisedBytes);
    }
    if (!room.admitToDisk(this.#files.unsettled * this.#blockBytes + bytes, bytes)) {
      this.flush();
      room.makeDiskRoom({ bytes, ...this.#files.growth(record, first, last, size) });
    }
    while (this.#files.unsettled + blocks > this.#dirtyLimit) {
      this.#files.writeBack(Math.max(2 * blocks, fewestWrittenBack));
    }
  }

  /** Gets the bytes of a write into slots of which readers know nothing, or keeps what they replace. */
  #receive(record: InodeRecord, offset: number, length: number, emit: EmitWrite): void {
    const blockBytes = this.#blockBytes;
    const end = offset + length;
    this.#pieces.length = 0;
    for (let position = offset; position < end; ) {
      const number = Math.floor(position / blockBytes);
      const within = position - number * blockBytes;
      const bytes = Math.min(blockBytes - within, end - position);
      const piece =
        bytes < blockBytes
          ? this.#preparePartial(record, number, within, bytes)
          : this.#prepareWhole(number);
      this.#pieces.push(piece);
      emit(piece.slot * blockBytes + within, bytes);
      position += bytes;
    }
  }

  #prepareWhole(number: number): Piece {
    const slot = this.#files.acquire();
    this.#tails.prepare(slot, 0, this.#blockBytes);
    return { slot, number, isFresh: true, start: 0, bytes: 0 };
  }

  #preparePartial(record: InodeRecord, number: number, within: number, bytes: number): Piece {
    const { table } = this.#files;
    let slot = table.find(record.id, number);
    if (slot === none) {
      this.#load(record, number, number);
      slot = table.find(record.id, number);
    }
    if (slot === none) {
      slot = this.#files.acquire();
      this.#tails.prepare(slot, within, within + bytes);
      return { slot, number, isFresh: true, start: 0, bytes: 0 };
    }
    table.touch(slot);
    this.#tails.reach(slot, within + bytes);
    // A write has two partial blocks at most, the first and the last.
    const start = slot * this.#blockBytes + within;
    const kept = this.#pieces.length === 0 ? 0 : this.#blockBytes;
    this.#replaced.set(this.#memory.subarray(start, start + bytes), kept);
    return { slot, number, isFresh: false, start, bytes };
  }

  #takeBack(): void {
    for (const [index, piece] of this.#pieces.entries()) {
      if (piece.isFresh) {
        this.#files.release(piece.slot);
      } else {
        const kept = index === 0 ? 0 : this.#blockBytes;
        this.#memory.set(this.#replaced.subarray(kept, kept + piece.bytes), piece.start);
      }
    }
  }

  #publish(record: InodeRecord, offset: number, end: number): void {
    const now = currentTime();
    const oldSize = record.size;
    this.#exported?.attributes.withdrawWritten(record.id);
    record.size = Math.max(oldSize, end);
    this.#files.grown(record, oldSize);
    record.mtime = now;
    record.ctime = now;
    record.change = nextChange(record.change, now);
    this.#store.contents.changed(record, offset, end);
    for (const { slot, number, isFresh } of this.#pieces) {
      if (isFresh) {
        this.#files.addDirty(slot, record, number);
      } else {
        const start = number * this.#blockBytes;
        this.#files.markDirty(
          slot,
          record,
          Math.max(0, offset - start),
          Math.min(this.#blockBytes, end - start),
        );
      }
    }
  }

  /** A copy of a block that is not in the store, cut; `none` if the store can cut what it has. */
  #shorten(record: InodeRecord, number: number, tail: number): number {
    const copy = this.#files.acquire();
    const slot = this.#files.table.find(record.id, number);
    if (slot === none || this.#files.table.stateOf(slot) === SlotState.CLEAN) {
      this.#files.release(copy);
      return none;
    }
    const from = slot * this.#blockBytes;
    this.#tails.prepare(copy, 0, tail);
    this.#memory.copyWithin(copy * this.#blockBytes, from, from + tail);
    return copy;
  }
}

/** One block's part of a write. */
interface Piece {
  readonly slot: number;
  readonly number: number;
  /** The slot is new and not yet the block's; else it is, and `bytes` from `start` were kept. */
  readonly isFresh: boolean;
  readonly start: number;
  readonly bytes: number;
}
