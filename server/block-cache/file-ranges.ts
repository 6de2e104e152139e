import type { BlockCache } from '../block-cache.ts';
import { type FileId, maxFileBytes, type Store, StoreError } from '../store/index.ts';
import type { InodeRecord } from '../store/inode-record.ts';
import type { CachedFiles } from './cached-files.ts';

/** What ranges that are taken out or put in begin and end at: a block as statfs(2) tells it. */
const shiftAlignmentBytes = 4096;

/**
 * What fallocate(2), lseek(2) and copy_file_range(2) do to ranges of files. Blocks are the unit of
 * holes: a block that was written is data, and one that was not, or was cleared, is a hole, whether
 * it is allocated or not.
 */
export class FileRanges {
  readonly #store: Store;
  readonly #cache: BlockCache;
  readonly #files: CachedFiles;
  readonly #memory: Uint8Array;
  readonly #blockBytes: number;
  /** Where data lie on their way from one file to another. */
  readonly #scratch: Uint8Array;

  constructor(store: Store, cache: BlockCache, files: CachedFiles, memory: Uint8Array) {
    this.#store = store;
    this.#cache = cache;
    this.#files = files;
    this.#memory = memory;
    this.#blockBytes = store.blockBytes;
    this.#scratch = new Uint8Array(store.blockBytes);
  }

  /**
   * The first byte from `offset` on that lies in no hole.
   * @returns undefined when there is none, or no byte at `offset`
   * @throws {StoreError} ESTALE, EISDIR, EINVAL, EIO
   */
  nextData(id: FileId, offset: number): number | undefined {
    const { contents } = this.#store;
    const record = contents.file(id);
    const number = Math.floor(offset / this.#blockBytes);
    const stored = contents.nextStored(record, number) ?? Number.POSITIVE_INFINITY;
    const next = Math.min(stored, this.#files.nextDirty(id, number));
    const start = Math.max(offset, next * this.#blockBytes);
    return start < record.size ? start : undefined;
  }

  /**
   * The first byte from `offset` on that lies in a hole; the end of the file is one.
   * @returns undefined when there is no byte at `offset`
   * @throws {StoreError} ESTALE, EISDIR, EINVAL, EIO
   */
  nextHole(id: FileId, offset: number): number | undefined {
    const { contents } = this.#store;
    const record = contents.file(id);
    if (offset >= record.size) {
      return undefined;
    }
    let number = Math.floor(offset / this.#blockBytes);
    for (;;) {
      while (this.#files.isDirty(id, number)) {
        number++;
      }
      const missing = contents.nextMissing(record, number);
      if (missing === number) {
        return Math.min(record.size, Math.max(offset, number * this.#blockBytes));
      }
      number = missing;
    }
  }

  /**
   * Gives a range room in the store whether it is written or not, by whole blocks.
   * @throws {StoreError} ESTALE, EISDIR, EINVAL, EFBIG, ENOSPC, EIO
   */
  allocate(id: FileId, offset: number, length: number): void {
    const { contents } = this.#store;
    const record = contents.file(id);
    requireRange(offset, length);
    const first = Math.floor(offset / this.#blockBytes);
    const last = Math.ceil((offset + length) / this.#blockBytes) - 1;
    this.#requireDisk(record, first, last);
    contents.modify(() => {
      this.#files.flushWithin(id, first, last);
      contents.allocate(record, first, last);
      contents.touch(record);
    });
  }

  /**
   * Makes a range a hole: what is left of blocks is zeros.
   * @throws {StoreError} ESTALE, EISDIR, EINVAL, EFBIG, ENOSPC, EIO
   */
  punch(id: FileId, offset: number, length: number): void {
    this.#clear(id, offset, length, false);
  }

  /**
   * Makes a range zeros, and gives it room.
   * @throws {StoreError} ESTALE, EISDIR, EINVAL, EFBIG, ENOSPC, EIO
   */
  zero(id: FileId, offset: number, length: number): void {
    this.allocate(id, offset, length);
    this.#clear(id, offset, length, true);
  }

  /**
   * Takes bytes out of a file; what is behind them moves to their place.
   * @throws {StoreError} ESTALE, EISDIR, EIO; EINVAL, too, for a range that reaches the file's end or
   * does not begin and end with a block of statfs(2)
   */
  collapse(id: FileId, offset: number, length: number): void {
    const record = this.#store.contents.file(id);
    requireRange(offset, length);
    if (offset + length >= record.size) {
      throw new StoreError('EINVAL', 'the range reaches the end of the file');
    }
    this.#shift(record, 'collapse', offset, length);
  }

  /**
   * Puts a hole into a file; what is behind `offset` moves to behind it.
   * @throws {StoreError} ESTALE, EISDIR, EFBIG, ENOSPC, EIO; EINVAL, too, for an offset outside of the
   * file, or a range that does not begin and end with a block of statfs(2)
   */
  insert(id: FileId, offset: number, length: number): void {
    const record = this.#store.contents.file(id);
    requireRange(offset, length);
    if (offset >= record.size) {
      throw new StoreError('EINVAL', 'there is nothing behind the offset');
    }
    if (record.size > maxFileBytes - length) {
      throw new StoreError('EFBIG', `a file has at most ${maxFileBytes} bytes`);
    }
    this.#shift(record, 'insert', offset, length);
  }

  /**
   * Copies a range of a file to another place or another file, holes as holes.
   * @param maxDataBytes it stops early after so many bytes that are no holes
   * @returns the bytes copied: `length`, less at the source's end or when it stopped
   * @throws {StoreError} ESTALE, EISDIR, EFBIG, ENOSPC, EIO; EINVAL, too, for ranges that overlap
   */
  copy(
    source: { readonly id: FileId; readonly offset: number },
    target: { readonly id: FileId; readonly offset: number },
    length: number,
    maxDataBytes: number,
  ): number {
    const { contents } = this.#store;
    const record = contents.file(source.id);
    const { id } = contents.file(target.id);
    requireRange(source.offset, length);
    requireRange(target.offset, length);
    if (id === source.id && Math.abs(source.offset - target.offset) < length) {
      throw new StoreError('EINVAL', 'the ranges overlap');
    }
    const distance = target.offset - source.offset;
    const end = Math.min(source.offset + length, record.size);
    let left = maxDataBytes;
    let position = source.offset;
    while (position < end && left > 0) {
      const data = Math.min(this.nextData(source.id, position) ?? end, end);
      this.#copyHole(id, position + distance, data - position);
      const hole = this.nextHole(source.id, data) ?? end;
      position = Math.min(hole, end, data + left);
      this.#copyData(source.id, data, position, id, distance);
      left -= position - data;
    }
    return Math.max(0, position - source.offset);
  }

  #copyHole(id: FileId, offset: number, length: number): void {
    if (length === 0) {
      return;
    }
    const { size } = this.#store.contents.file(id);
    this.punch(id, offset, length);
    if (offset + length > size) {
      this.#cache.truncate(id, offset + length);
    }
  }

  #copyData(source: FileId, start: number, end: number, target: FileId, distance: number): void {
    for (let position = start; position < end; ) {
      const bytes = Math.min(this.#blockBytes - (position % this.#blockBytes), end - position);
      this.#cache.read(source, position, bytes, (from, length) => {
        this.#scratch.set(this.#memory.subarray(from, from + length));
      });
      let copied = 0;
      this.#cache.write(target, position + distance, bytes, (to, length) => {
        this.#memory.set(this.#scratch.subarray(copied, copied + length), to);
        copied += length;
      });
      position += bytes;
    }
  }

  /** @throws {StoreError} ENOSPC when the disk could not hold what is to be promised. */
  #requireDisk(record: InodeRecord, first: number, last: number): void {
    const { contents, room } = this.#store;
    const bytes = contents.unallocatedBytes(record, first, last);
    const need = { bytes: 0, newBytes: bytes, unpromisedBytes: bytes };
    if (!room.fitsDisk(need)) {
      this.#cache.flush();
      room.makeDiskRoom(need);
    }
  }

  /** @param isKept what is allocated of the range stays so */
  #clear(id: FileId, offset: number, length: number, isKept: boolean): void {
    const { contents } = this.#store;
    const record = contents.file(id);
    requireRange(offset, length);
    const blockBytes = this.#blockBytes;
    const end = Math.min(offset + length, record.size);
    let first = Math.ceil(offset / blockBytes);
    let last = Math.floor((offset + length) / blockBytes) - 1;
    if (offset + length >= record.size) {
      last = Math.max(last, Math.ceil(record.size / blockBytes) - 1);
    }
    const tail = Math.max(first, last + 1) * blockBytes;
    // Blocks that are cleared in part; they go, too, when nothing but zeros is left.
    if (this.#fillZeros(record, offset, Math.min(end, first * blockBytes))) {
      first--;
      last = Math.max(last, first);
    }
    if (this.#fillZeros(record, tail, end)) {
      last++;
    }
    contents.modify(() => {
      if (first <= last) {
        this.#drop(record, first, last, isKept);
      }
      contents.touch(record);
    });
    contents.changed(record, offset, offset + length);
  }

  #drop(record: InodeRecord, first: number, last: number, isKept: boolean): void {
    const { contents } = this.#store;
    const wasAhead = record.dataPending;
    contents.clear(record, first, last, isKept);
    this.#files.drop(record.id, first, last);
    if (wasAhead && !record.dataPending) {
      contents.settle(record);
    }
  }

  /** Fills a part of a block with zeros. @returns whether the block is there and may go altogether */
  #fillZeros(record: InodeRecord, start: number, end: number): boolean {
    const number = Math.floor(start / this.#blockBytes);
    if (start >= end || this.#isHole(record, number)) {
      return false;
    }
    this.#cache.write(record.id, start, end - start, (from, length) => {
      this.#memory.fill(0, from, from + length);
    });
    const from = this.#files.table.find(record.id, number) * this.#blockBytes;
    const block = Buffer.from(
      this.#memory.buffer,
      this.#memory.byteOffset + from,
      this.#blockBytes,
    );
    this.#scratch.fill(0);
    return block.equals(this.#scratch) && !this.#store.contents.isAllocated(record, number);
  }

  #isHole(record: InodeRecord, number: number): boolean {
    const isStored = this.#store.contents.nextStored(record, number) === number;
    return !isStored && !this.#files.isDirty(record.id, number);
  }

  #shift(record: InodeRecord, how: 'collapse' | 'insert', offset: number, length: number): void {
    if (offset % shiftAlignmentBytes !== 0 || length % shiftAlignmentBytes !== 0) {
      const message = `the range must begin and end with a block of ${shiftAlignmentBytes} bytes`;
      throw new StoreError('EINVAL', message);
    }
    const { contents, room } = this.#store;
    const first = Math.floor(offset / this.#blockBytes);
    const isSplitting = offset % this.#blockBytes !== 0 || length % this.#blockBytes !== 0;
    if (isSplitting && record.usedBytes < record.size) {
      // Each block that lies between holes may become two.
      room.requireBytes(record.uid, record.usedBytes);
    }
    room.requireDisk();
    contents.modify(() => {
      this.#files.flush(record.id);
      contents.shift(record, how, offset, length);
      this.#files.drop(record.id, first, Number.MAX_SAFE_INTEGER);
      contents.touch(record);
    });
    contents.changed(record, offset, Number.POSITIVE_INFINITY);
  }
}

function requireRange(offset: number, length: number): void {
  const isRange = Number.isInteger(offset) && Number.isInteger(length);
  if (!isRange || offset < 0 || length < 0) {
    throw new StoreError('EINVAL', `${length} bytes at ${offset} are no range`);
  }
  if (offset > maxFileBytes - length) {
    throw new StoreError('EFBIG', `a file has at most ${maxFileBytes} bytes`);
  }
}
