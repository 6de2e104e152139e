import type Database from 'better-sqlite3';
import type { InodeRecord } from './inode-record.ts';

/** A block's number within its file and its bytes; what they lack at the end is zeros. */
export type BlockRow = [number: number, data: Buffer];

/**
 * The data of files, a row per block. A block that holds zeros only because nobody wrote it has no
 * row, and a row has no bytes beyond the end of the file: a small file costs what it holds.
 *
 * A block's row is found by its content number, which is the file's id until a large file is cut
 * to nothing: then its rows stay where they are and the file gets another number (reclaimer.ts).
 */
export class BlockTable {
  readonly #blockBytes: number;
  readonly #range: Database.Statement<[number, number, number], BlockRow>;
  readonly #find: Database.Statement<[number, number], [id: number, bytes: number]>;
  readonly #insert: Database.Statement<[number, number, Uint8Array]>;
  readonly #update: Database.Statement<[Uint8Array, number]>;
  readonly #cut: Database.Statement<[number, number]>;
  readonly #bytesFrom: Database.Statement<[number, number], number>;
  readonly #deleteFrom: Database.Statement<[number, number]>;
  readonly #deleteSome: Database.Statement<[number, number]>;

  constructor(database: Database.Database, blockBytes: number) {
    this.#blockBytes = blockBytes;
    this.#range = database
      .prepare<[number, number, number], BlockRow>(
        'SELECT number, data FROM block WHERE content = ? AND number BETWEEN ? AND ? ORDER BY number',
      )
      .raw();
    this.#find = database
      .prepare<[number, number], [number, number]>(
        'SELECT id, length(data) FROM block WHERE content = ? AND number = ?',
      )
      .raw();
    this.#insert = database.prepare('INSERT INTO block (content, number, data) VALUES (?, ?, ?)');
    this.#update = database.prepare('UPDATE block SET data = ? WHERE id = ?');
    this.#cut = database.prepare('UPDATE block SET data = substr(data, 1, ?) WHERE id = ?');
    this.#bytesFrom = database
      .prepare<[number, number], number>(
        'SELECT coalesce(sum(length(data)), 0) FROM block WHERE content = ? AND number >= ?',
      )
      .pluck();
    this.#deleteFrom = database.prepare('DELETE FROM block WHERE content = ? AND number >= ?');
    this.#deleteSome = database.prepare('DELETE FROM block WHERE content = ? LIMIT ?');
  }

  /** Rows of the blocks first to last, in order; holes have none. */
  read(record: InodeRecord, first: number, last: number): BlockRow[] {
    return this.#range.all(record.content, first, last);
  }

  /** Stores a block. The caller has announced the change of the record. */
  write(record: InodeRecord, number: number, data: Uint8Array): void {
    const start = number * this.#blockBytes;
    const stored = start < record.storedSize ? this.#find.get(record.content, number) : undefined;
    if (stored === undefined) {
      this.#insert.run(record.content, number, data);
    } else {
      this.#update.run(data, stored[0]);
    }
    record.storedBytes += data.length - (stored?.[1] ?? 0);
    record.storedSize = Math.max(
      record.storedSize,
      Math.min(record.size, start + this.#blockBytes),
    );
  }

  /** Removes all bytes from `size` on. The caller has announced the change of the record. */
  truncate(record: InodeRecord, size: number): void {
    const kept = Math.floor(size / this.#blockBytes);
    const tail = size - kept * this.#blockBytes;
    const firstDropped = tail === 0 ? kept : kept + 1;
    record.storedBytes -= this.#bytesFrom.get(record.content, firstDropped) as number;
    this.#deleteFrom.run(record.content, firstDropped);
    const partial = tail === 0 ? undefined : this.#find.get(record.content, kept);
    if (partial !== undefined && partial[1] > tail) {
      this.#cut.run(tail, partial[0]);
      record.storedBytes -= partial[1] - tail;
    }
  }

  /** Deletes up to `limit` blocks of a content; true when more are left. */
  deleteSome(content: number, limit: number): boolean {
    return this.#deleteSome.run(content, limit).changes === limit;
  }
}
