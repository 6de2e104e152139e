import type Database from 'better-sqlite3';
import type { AllocationTable } from './allocation-table.ts';
import { checksumOf, checksumOfCut, isWhole } from './block-checksum.ts';
import { blocksIn } from './block-ranges.ts';
import { DamagedBlock } from './errors.ts';
import type { InodeRecord } from './inode-record.ts';
import type { Change, Statements, UnrecordedChange } from './statements.ts';

/** A block's number within its file, its bytes, and their checksum; what they lack at the end is zeros. */
export type BlockRow = [number: number, data: Buffer, checksum: number | null];

/** Blocks that one piece of work deletes. */
const blocksPerPiece = 256;

/** The number of the last block that a file can have, and more. */
export const lastBlock = Number.MAX_SAFE_INTEGER;

/**
 * The data of files, a row per block. A block that holds zeros only because nobody wrote it has no
 * row, and a row has no bytes beyond the end of the file: a small file costs what it holds.
 *
 * A block's row is found by its content number, which is the file's id until a large file is cut
 * to nothing: then its rows stay where they are and the file gets another number (reclaimer.ts).
 *
 * Each row has a checksum of its bytes, which is looked at whenever they are read.
 *
 * The caller of what changes a record has announced that.
 */
export class BlockTable {
  readonly #blockBytes: number;
  readonly #allocations: AllocationTable;
  readonly #range: Database.Statement<[number, number, number], BlockRow>;
  readonly #find: Database.Statement<[number, number], [id: number, bytes: number]>;
  readonly #insert: UnrecordedChange<[number, number, Uint8Array, number]>;
  readonly #update: UnrecordedChange<[Uint8Array, number, number]>;
  readonly #cut: Change<[number, number, number]>;
  readonly #bytes: Database.Statement<[number, number, number], number>;
  readonly #delete: Change<[number, number, number]>;
  readonly #deleteAll: Change<[number]>;
  readonly #deleteSome: Change<[number]>;
  readonly #next: Database.Statement<[number, number], number>;
  readonly #nextEnd: Database.Statement<[number, number], number>;
  readonly #numbers: Database.Statement<[number, number], number>;

  constructor(statements: Statements, blockBytes: number, allocations: AllocationTable) {
    this.#blockBytes = blockBytes;
    this.#allocations = allocations;
    this.#range = statements
      .query<[number, number, number], BlockRow>(
        `SELECT number, data, checksum FROM block
         WHERE content = ? AND number BETWEEN ? AND ? ORDER BY number`,
      )
      .raw();
    this.#find = statements
      .query<[number, number], [number, number]>(
        'SELECT id, length(data) FROM block WHERE content = ? AND number = ?',
      )
      .raw();
    this.#insert = statements.unrecordedChange(
      'INSERT INTO block (content, number, data, checksum) VALUES (?, ?, ?, ?)',
    );
    this.#update = statements.unrecordedChange(
      'UPDATE block SET data = ?, checksum = ? WHERE id = ?',
    );
    this.#cut = statements.change(
      'UPDATE block SET data = substr(data, 1, ?), checksum = ? WHERE id = ?',
    );
    this.#bytes = statements
      .query<[number, number, number], number>(`SELECT coalesce(sum(length(data)), 0) FROM block
         WHERE content = ? AND number BETWEEN ? AND ?`)
      .pluck();
    this.#delete = statements.change(
      'DELETE FROM block WHERE content = ? AND number BETWEEN ? AND ?',
    );
    this.#deleteAll = statements.change('DELETE FROM block WHERE content = ?');
    this.#deleteSome = statements.change(
      `DELETE FROM block WHERE content = ? LIMIT ${blocksPerPiece}`,
    );
    this.#next = statements
      .query<[number, number], number>(
        'SELECT number FROM block WHERE content = ? AND number >= ? ORDER BY number LIMIT 1',
      )
      .pluck();
    this.#nextEnd = statements
      .query<
        [number, number],
        number
      >(`SELECT number FROM block AS this WHERE content = ? AND number >= ? AND NOT EXISTS
         (SELECT 1 FROM block WHERE content = this.content AND number = this.number + 1)
         ORDER BY number LIMIT 1`)
      .pluck();
    this.#numbers = statements
      .query<[number, number], number>(
        'SELECT number FROM block WHERE content = ? AND number >= ? ORDER BY number',
      )
      .pluck();
  }

  /** Bytes of a block's row; 0: it has none. */
  rowBytes(record: InodeRecord, number: number): number {
    const start = number * this.#blockBytes;
    if (start >= record.storedSize) {
      return 0;
    }
    if (record.storedBytes === record.storedSize) {
      // There are no holes: the rows are as long as they can be.
      return Math.min(this.#blockBytes, record.storedSize - start);
    }
    return this.#find.get(record.content, number)?.[1] ?? 0;
  }

  /** The blocks from `first` on that have rows, in order. */
  numbers(record: InodeRecord, first: number): number[] {
    return this.#numbers.all(record.content, first);
  }

  /**
   * Rows of the blocks first to last, in order; holes have none.
   * @throws {DamagedBlock} One of them is not what was written.
   */
  read(record: InodeRecord, first: number, last: number): BlockRow[] {
    const rows = this.#range.all(record.content, first, last);
    for (const [number, data, checksum] of rows) {
      if (!isWhole(data, checksum)) {
        throw new DamagedBlock(record.id, number);
      }
    }
    return rows;
  }

  /** The first block from `number` on that has a row; undefined: none has. */
  nextStored(record: InodeRecord, number: number): number | undefined {
    return this.#next.get(record.content, number);
  }

  /** The first block from `number` on that has no row. */
  nextMissing(record: InodeRecord, number: number): number {
    return this.nextStored(record, number) === number
      ? (this.#nextEnd.get(record.content, number) as number) + 1
      : number;
  }

  /** Stores a block. */
  write(record: InodeRecord, number: number, data: Uint8Array): void {
    const start = number * this.#blockBytes;
    const stored = start < record.storedSize ? this.#find.get(record.content, number) : undefined;
    if (stored === undefined) {
      this.#insert.run(record.content, number, data, checksumOf(data));
    } else {
      this.#update.run(data, checksumOf(data), stored[0]);
    }
    this.#count(record, number, data.length - (stored?.[1] ?? 0));
    record.storedSize = Math.max(
      record.storedSize,
      Math.min(record.size, start + this.#blockBytes),
    );
  }

  /** Removes all bytes from `size` on, and what was allocated behind. */
  truncate(record: InodeRecord, size: number): void {
    const kept = Math.floor(size / this.#blockBytes);
    const tail = size - kept * this.#blockBytes;
    const firstDropped = tail === 0 ? kept : kept + 1;
    this.clear(record, firstDropped, lastBlock);
    this.deallocate(record, firstDropped, lastBlock);
    const partial = tail === 0 ? undefined : this.#find.get(record.content, kept);
    if (partial !== undefined && partial[1] > tail) {
      const [[, data, checksum]] = this.#range.all(record.content, kept, kept) as [BlockRow];
      this.#cut.run(tail, checksumOfCut(data, checksum, tail), partial[0]);
      this.#count(record, kept, tail - partial[1]);
    }
  }

  /** Removes the rows of the blocks first to last; what is allocated among them stays so. */
  clear(record: InodeRecord, first: number, last: number): void {
    for (const [from, to] of this.#allocations.within(record, first, last)) {
      record.reservedBytes += this.#bytesOf(record, from, to);
    }
    record.storedBytes -= this.#bytesOf(record, first, last);
    this.#delete.run(record.content, first, last);
  }

  /** Gives the blocks first to last room whether they are written or not. */
  allocate(record: InodeRecord, first: number, last: number): void {
    record.reservedBytes += this.unallocatedBytes(record, first, last);
    this.#allocations.add(record, first, last);
  }

  /** The room that `allocate` would take. */
  unallocatedBytes(record: InodeRecord, first: number, last: number): number {
    const gaps = this.#allocations.missing(record, first, last);
    return gaps.reduce(
      (sum, [from, to]) => sum - this.#bytesOf(record, from, to),
      blocksIn(gaps) * this.#blockBytes,
    );
  }

  /** Takes back what was allocated among first to last. */
  deallocate(record: InodeRecord, first: number, last: number): void {
    for (const [from, to] of this.#allocations.within(record, first, last)) {
      this.#allocations.remove(record, from, to);
      const bytes = (to - from + 1) * this.#blockBytes;
      record.reservedBytes -= bytes - this.#bytesOf(record, from, to);
    }
  }

  /** Parts a file from all its rows, which become another one's; it gets that one's number. */
  handOver(record: InodeRecord, heir: InodeRecord): void {
    heir.content = record.content;
    heir.storedBytes = record.storedBytes;
    record.content = heir.id;
    record.storedBytes = 0;
    record.reservedBytes = record.allocatedBlocks * this.#blockBytes;
    this.deallocate(record, 0, lastBlock);
  }

  isAllocated(record: InodeRecord, number: number): boolean {
    return this.#allocations.has(record, number);
  }

  /** Deletes so many blocks of a file as one piece of work may; true when more are left. */
  deletePiece(record: InodeRecord): boolean {
    // Not by its size: what a large file was parted from belongs to an orphan whose size is nothing.
    if (record.storedBytes <= blocksPerPiece * this.#blockBytes) {
      this.#deleteAll.run(record.content);
      return false;
    }
    return this.#deleteSome.run(record.content) === blocksPerPiece;
  }

  /** A row of the block has become so many bytes longer. */
  #count(record: InodeRecord, number: number, bytes: number): void {
    record.storedBytes += bytes;
    if (this.#allocations.has(record, number)) {
      record.reservedBytes -= bytes;
    }
  }

  #bytesOf(record: InodeRecord, first: number, last: number): number {
    return this.#bytes.get(record.content, first, last) as number;
  }
}
