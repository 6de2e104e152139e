import type Database from 'better-sqlite3';
import { added, type BlockRange, blocksIn, missing, removed, within } from './block-ranges.ts';
import type { InodeRecord } from './inode-record.ts';
import type { Statements, UnrecordedChange } from './statements.ts';

const noRanges: readonly BlockRange[] = [];

/**
 * Blocks of files that have room in the store whether they are written or not (fallocate(2)). An
 * allocated block counts with its full length, so nothing that is written to it takes more.
 *
 * The ranges of a file are kept with its record, which follows the transaction as a whole.
 */
export class AllocationTable {
  readonly #select: Database.Statement<[number], [first: number, last: number]>;
  readonly #insert: UnrecordedChange<[number, number, number]>;
  readonly #delete: UnrecordedChange<[number]>;

  constructor(statements: Statements) {
    this.#select = statements
      .query<[number], [number, number]>(
        'SELECT first, last FROM allocation WHERE inode = ? ORDER BY first',
      )
      .raw();
    // What is promised is asked of the database (disk-room.ts), so it has to be there.
    this.#insert = statements.unrecordedChange('INSERT INTO allocation VALUES (?, ?, ?)');
    this.#delete = statements.unrecordedChange('DELETE FROM allocation WHERE inode = ?');
  }

  has(record: InodeRecord, number: number): boolean {
    return record.allocatedBlocks > 0 && this.within(record, number, number).length > 0;
  }

  /** The allocated blocks among first to last. */
  within(record: InodeRecord, first: number, last: number): readonly BlockRange[] {
    return record.allocatedBlocks === 0 ? noRanges : within(this.#ranges(record), first, last);
  }

  /** The blocks among first to last that are not allocated. */
  missing(record: InodeRecord, first: number, last: number): readonly BlockRange[] {
    return missing(this.#ranges(record), first, last);
  }

  /** The caller has announced the change of the record, here and in `remove`. */
  add(record: InodeRecord, first: number, last: number): void {
    this.#set(record, added(this.#ranges(record), first, last));
  }

  remove(record: InodeRecord, first: number, last: number): void {
    this.#set(record, removed(this.#ranges(record), first, last));
  }

  #ranges(record: InodeRecord): readonly BlockRange[] {
    if (record.allocatedBlocks === 0) {
      return noRanges;
    }
    record.allocations ??= this.#select.all(record.id);
    return record.allocations;
  }

  #set(record: InodeRecord, ranges: readonly BlockRange[]): void {
    this.#delete.run(record.id);
    for (const [first, last] of ranges) {
      this.#insert.run(record.id, first, last);
    }
    record.allocations = ranges;
    record.allocatedBlocks = blocksIn(ranges);
  }
}
