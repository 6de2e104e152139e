import type Database from 'better-sqlite3';
import { StoreError } from './errors.ts';
import { type Entry, NameCache, type Place } from './name-cache.ts';
import { bucketEntries, bucketOf } from './names.ts';
import type { Change, Statements } from './statements.ts';
import type { Transaction } from './transaction.ts';
import type { FileId } from './types.ts';

/** Rows that one query of a directory's listing takes. */
const pageEntries = 64;

type BucketRow = [cookie: number, name: Buffer, id: FileId];

/**
 * Directory entries in one b-tree, ordered by directory and by a hash of the name that is the
 * entry's cookie at once: a name is found through it, a listing goes along it, and an entry keeps
 * its cookie as long as it exists, whatever comes and goes around it.
 */
export class EntryTable {
  readonly #seed: number;
  readonly #cache = new NameCache();
  readonly #bucket: Database.Statement<[number, number, number], BucketRow>;
  readonly #page: Database.Statement<[number, number], BucketRow>;
  readonly #insert: Change<[number, number, Uint8Array, number]>;
  readonly #delete: Change<[number, number]>;
  readonly #any: Database.Statement<[number]>;

  constructor(statements: Statements, transaction: Transaction) {
    transaction.observe(this.#cache);
    this.#seed = statements
      .query<[], number>('SELECT nameSeed FROM filesystem')
      .pluck()
      .get() as number;
    this.#bucket = statements
      .query<[number, number, number], BucketRow>(
        'SELECT cookie, name, inode FROM entry WHERE directory = ? AND cookie BETWEEN ? AND ?',
      )
      .raw();
    this.#page = statements
      .query<
        [number, number],
        BucketRow
      >(`SELECT cookie, name, inode FROM entry WHERE directory = ? AND cookie > ?
         ORDER BY cookie LIMIT ${pageEntries}`)
      .raw();
    this.#insert = statements.change('INSERT INTO entry VALUES (?, ?, ?, ?)');
    this.#delete = statements.change('DELETE FROM entry WHERE directory = ? AND cookie = ?');
    this.#any = statements.query('SELECT 1 FROM entry WHERE directory = ? LIMIT 1');
  }

  find(directory: FileId, name: Uint8Array): Entry | undefined {
    return this.place(directory, name).entry;
  }

  /** Where a name is or could be. */
  place(directory: FileId, name: Uint8Array): Place {
    const bucket = bucketOf(name, this.#seed);
    const key = textOf(name);
    const known = this.#cache.get(directory, bucket, key);
    if (known !== undefined) {
      return known;
    }
    const place = this.#query(directory, bucket, name);
    this.#cache.note(directory, bucket, key, place);
    return place;
  }

  #query(directory: FileId, bucket: number, name: Uint8Array): Place {
    let freeCookie = bucket;
    const last = bucket + bucketEntries - 1;
    for (const [cookie, other, id] of this.#bucket.all(directory, bucket, last)) {
      if (other.equals(name)) {
        return { entry: { cookie, id }, freeCookie: undefined };
      }
      freeCookie += cookie === freeCookie ? 1 : 0;
    }
    return { entry: undefined, freeCookie: freeCookie > last ? undefined : freeCookie };
  }

  insert(directory: FileId, cookie: number, name: Uint8Array, id: FileId): void {
    this.#insert.run(directory, cookie, name, id);
    const place = { entry: { cookie, id }, freeCookie: undefined };
    this.#cache.change(directory, bucketOf(name, this.#seed), textOf(name), place);
  }

  delete(directory: FileId, cookie: number, name: Uint8Array): void {
    this.#delete.run(directory, cookie);
    const place = { entry: undefined, freeCookie: cookie };
    this.#cache.change(directory, bucketOf(name, this.#seed), textOf(name), place);
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
      const rows = this.#page.all(directory, last);
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

/**
 * The cookie that a name has or gets.
 * @throws {StoreError} ENOSPC when the name is new and 256 others hash as it does.
 */
export function cookieAt({ entry, freeCookie }: Place): number {
  const cookie = entry?.cookie ?? freeCookie;
  if (cookie === undefined) {
    throw new StoreError('ENOSPC', 'too many names of the directory hash alike');
  }
  return cookie;
}

/** A byte a character: names are bytes, and strings are compared fast. */
function textOf(name: Uint8Array): string {
  return Buffer.prototype.latin1Slice.call(name, 0, name.length);
}
