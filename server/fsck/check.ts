import type Database from 'better-sqlite3';
import type { ScratchTable } from './scratch.ts';

/** What a check found, by the names of its columns: what its message and its repair need. */
export type Row = Readonly<Record<string, number | Uint8Array | null>>;

/** Something that must hold of every database, and what is done where it does not. */
export interface Check {
  /** What the finding is called, by programs too. */
  readonly kind: string;
  /** What is looked at, for a person who waits. */
  readonly subject: string;
  /** What `find` and `repair` want to look up. */
  readonly needs?: readonly ScratchTable[];
  /** @param tellPart is told from time to time which part of the work is done, 0 to 1 */
  find(database: Database.Database, tellPart: (part: number) => void): Row[];
  /** Says of an `inode`, if the row has one, or of the file system what is wrong. */
  describe(row: Row): string;
  /** How it is mended; undefined: it cannot be. */
  readonly mending?: Mending;
}

export interface Mending {
  /** What is done, in words. */
  readonly remedy: string;
  /** Called in a transaction, with everything that `find` found. */
  repair(database: Database.Database, rows: readonly Row[]): void;
}

/** A check that is said in SQL. */
export interface SqlCheck extends Omit<Check, 'find' | 'mending'> {
  /** What the changes do, in words. */
  readonly remedy: string;
  /** Finds what is wrong, a row each. */
  readonly query: string;
  /** Mend what one row says; its columns are the parameters. */
  readonly changes: readonly string[];
}

export function sqlCheck({ query, changes, remedy, ...check }: SqlCheck): Check {
  return {
    ...check,
    find: (database) => database.prepare<[], Row>(query).all(),
    mending: {
      remedy,
      repair: (database, rows) => {
        const statements = changes.map((sql) => database.prepare<[Row]>(sql));
        for (const row of rows) {
          for (const statement of statements) {
            statement.run(row);
          }
        }
      },
    },
  };
}

/** A scalar of the one row of the file system, for queries. */
export const blockBytes = '(SELECT blockBytes FROM filesystem)';

/** A file that somebody has removed or never named: what it counts may lag while it is taken apart. */
export const isNamed = 'nlink > 0';
