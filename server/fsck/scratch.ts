import type Database from 'better-sqlite3';
import { ACCESS_ACL_NAME, AttributeKind, DEFAULT_ACL_NAME } from '../store/index.ts';
import { blockBytes } from './check.ts';

/** Whether a name is this one, in SQL. */
const nameIs = (name: string): string => `(name = CAST('${name}' AS BLOB))`;

/** What the checks look up and the database has no index for: tables that are gone with the connection. */
const definitions = {
  /** Entries by what they name. */
  naming: `CREATE TABLE temp.naming (
      inode INTEGER, directory INTEGER, cookie INTEGER, PRIMARY KEY (inode, directory, cookie)
    ) WITHOUT ROWID;
    INSERT INTO naming SELECT inode, directory, cookie FROM entry;`,
  /** What the entries of each directory come to. */
  listing: `CREATE TABLE temp.listing (
      directory INTEGER PRIMARY KEY, subdirectories INTEGER, bytes INTEGER
    );
    INSERT INTO listing
      SELECT directory, sum(coalesce(inode.type = 2, 0)), sum(length(name) + 16)
      FROM entry LEFT JOIN inode ON inode.id = entry.inode GROUP BY directory;`,
  /** Which file the blocks of a content number belong to. */
  owner: `CREATE TABLE temp.owner (content INTEGER PRIMARY KEY, inode INTEGER);
    INSERT OR IGNORE INTO owner SELECT content, id FROM inode WHERE type = 1 ORDER BY id;`,
  /** What the blocks of a content number come to. */
  extent: `CREATE TABLE temp.extent (content INTEGER PRIMARY KEY, bytes INTEGER, end INTEGER);
    INSERT INTO extent
      SELECT content, sum(length(data)), max(number * ${blockBytes} + length(data))
      FROM block GROUP BY content;`,
  /** What the extended attributes of each object come to. */
  attributes: `CREATE TABLE temp.attributes (
      inode INTEGER PRIMARY KEY, bytes INTEGER, kinds INTEGER
    );
    INSERT INTO attributes SELECT inode, sum(length(name) + length(value)), ${AttributeKind.ANY}
      + ${AttributeKind.CAPABILITY} * max${nameIs('security.capability')}
      + ${AttributeKind.ACCESS_ACL} * max${nameIs(ACCESS_ACL_NAME)}
      + ${AttributeKind.DEFAULT_ACL} * max${nameIs(DEFAULT_ACL_NAME)}
      FROM attribute GROUP BY inode;`,
} as const;

export type ScratchTable = keyof typeof definitions;

/** Makes these tables when they are needed, and again when the database has changed. */
export class Scratch {
  readonly #database: Database.Database;
  readonly #made = new Set<ScratchTable>();

  constructor(database: Database.Database) {
    this.#database = database;
  }

  provide(tables: readonly ScratchTable[]): void {
    for (const table of tables) {
      if (!this.#made.has(table)) {
        this.#database.exec(definitions[table]);
        this.#made.add(table);
      }
    }
  }

  /** What the tables were made of is not the same any more. */
  discard(): void {
    for (const table of this.#made) {
      this.#database.exec(`DROP TABLE temp.${table}`);
    }
    this.#made.clear();
  }
}
