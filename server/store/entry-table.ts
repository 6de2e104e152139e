import type Database from 'better-sqlite3';
import { StoreError } from './errors.ts';
import { bucketEntries, bucketOf } from './names.ts';
import type { FileId } from './types.ts';

/** Rows that one query of a directory's listing takes. */
const pageEntries = 64;

/** An entry that exists. */
export interface Entry {
  readonly cookie: number;
  readonly id: FileId;
}

/** What the table knows about a name: its entry, or the cookie that a new one would get. */
export interface Place {
  readonly entry: Entry | undefined;
  readonly freeCookie: number;
}

type BucketRow = [cookie: number, name: Buffer, id: FileId];

/**
 * Directory entries in one b-tree, ordered by directory and by a hash of the name that is the
 * entry's cookie at once: a name is found through it, a listing goes along it, and an entry keeps
 * its cookie as long as it exists, whatever comes and goes around it.
 */
export class EntryTable {
  readonly #seed: number;
  readonly #find: Database.Statement<
    [number, number, number, Uint8Array],
    [cookie: number, id: FileId]
  >;
  readonly #bucket: Database.Statement<[number, number, number], BucketRow>;
  readonly #page: Database.Statement<[number, number, number], BucketRow>;
  readonly #insert: Database.Statement<[number, number, Uint8Array, number]>;
  readonly #delete: Database.Statement<[number, number]>;
  readonly #any: Database.Statement<[number]>;

  constructor(database: Database.Database) {
    this.#seed = database
      .prepare<[], number>('SELECT nameSeed FROM filesystem')
      .pluck()
      .get() as number;
    this.#find = database
      .prepare<[number, number, number, Uint8Array], [number, FileId]>(
        `SELECT cookie, inode FROM entry
         WHERE directory = ? AND cookie BETWEEN ? AND ? AND name = ?`,
      )
      .raw();
    this.#bucket = database
      .prepare<[number, number, number], BucketRow>(
        'SELECT cookie, name, inode FROM entry WHERE directory = ? AND cookie BETWEEN ? AND ?',
      )
      .raw();
    this.#page = database
      .prepare<[number, number, number], BucketRow>(
        `SELECT cookie, name, inode FROM entry WHERE directory = ? AND cookie > ?
         ORDER BY cookie LIMIT ?`,
      )
      .raw();
    this.#insert = database.prepare('INSERT INTO entry VALUES (?, ?, ?, ?)');
    this.#delete = database.prepare('DELETE FROM entry WHERE directory = ? AND cookie = ?');
    this.#any = database.prepare('SELECT 1 FROM entry WHERE directory = ? LIMIT 1');
  }

  find(directory: FileId, name: Uint8Array): Entry | undefined {
    const first = bucketOf(name, this.#seed);
    const row = this.#find.get(directory, first, first + bucketEntries - 1, name);
    return row && { cookie: row[0], id: row[1] };
  }

  /**
   * Where a name is or could be.
   * @throws {StoreError} ENOSPC when the name is new and 256 others hash as it does.
   */
  place(directory: FileId, name: Uint8Array): Place {
    const first = bucketOf(name, this.#seed);
    let freeCookie = first;
    for (const [cookie, other, id] of this.#bucket.all(
      directory,
      first,
      first + bucketEntries - 1,
    )) {
      if (other.equals(name)) {
        return { entry: { cookie, id }, freeCookie };
      }
      freeCookie += cookie === freeCookie ? 1 : 0;
    }
    if (freeCookie === first + bucketEntries) {
      throw new StoreError('ENOSPC', 'too many names of the directory hash alike');
    }
    return { entry: undefined, freeCookie };
  }

  insert(directory: FileId, cookie: number, name: Uint8Array, id: FileId): void {
    this.#insert.run(directory, cookie, name, id);
  }

  delete(directory: FileId, cookie: number): void {
    this.#delete.run(directory, cookie);
  }

  isEmpty(directory: FileId): boolean {
    return this.#any.get(directory) === undefined;
  }

  /** `Store.readDirectory`. Between two visits entries may come and go. */
  list(
    directory: FileId,
    afterCookie: number,
    visit: (name: Uint8Array, id: FileId, cookie: number) => boolean,
  ): boolean {
    let last = afterCookie;
    for (;;) {
      const rows = this.#page.all(directory, last, pageEntries);
      for (const [cookie, name, id] of rows) {
        if (!visit(name, id, cookie)) {
          return false;
        }
        last = cookie;
      }
      if (rows.length < pageEntries) {
        return true;
      }
    }
  }
}
