import type Database from 'better-sqlite3';
import { showName } from '../store/names.ts';
import { FileType, rootId } from '../store/types.ts';
import { type Check, isNamed, type Row, sqlCheck } from './check.ts';
import { LostAndFound } from './lost-and-found.ts';

const isCalled = 'EXISTS (SELECT 1 FROM naming WHERE naming.inode = inode.id)';

/** The better of two names of a directory is in the one that it calls its parent. */
const rankOf = (naming: string): string =>
  `(${naming}.directory != inode.parent, ${naming}.directory, ${naming}.cookie)`;

/** What is reached from the root, and what from the uppermost of what is not. */
class Reach {
  readonly #add: Database.Statement<[number]>;
  readonly #uppermost: Database.Statement<[], number>;
  readonly #any: Database.Statement<[], number>;
  readonly #above: Database.Statement<[number], number>;

  constructor(database: Database.Database) {
    database.exec(`DROP TABLE IF EXISTS temp.reached;
      CREATE TABLE temp.reached (id INTEGER PRIMARY KEY)`);
    this.#add = database.prepare(`INSERT OR IGNORE INTO reached
      WITH RECURSIVE below (id) AS (
        SELECT ? UNION SELECT entry.inode FROM below JOIN entry ON entry.directory = below.id
      ) SELECT id FROM below`);
    // Without a link and without a name it is an orphan, which waits to be freed.
    const stray = `SELECT id FROM inode WHERE NOT EXISTS
        (SELECT 1 FROM reached WHERE reached.id = inode.id)
      AND (${isNamed} OR ${isCalled} OR EXISTS (SELECT 1 FROM entry WHERE directory = inode.id))`;
    this.#uppermost = database.prepare<[], number>(`${stray} AND NOT ${isCalled}`).pluck();
    this.#any = database.prepare<[], number>(`${stray} LIMIT 1`).pluck();
    this.#above = database
      .prepare<[number], number>(
        `SELECT directory FROM naming JOIN inode ON inode.id = directory AND type = 2
          WHERE naming.inode = ? LIMIT 1`,
      )
      .pluck();
  }

  /** The uppermost of what cannot be reached: nothing names it, or only what is below itself. */
  unreachable(): Row[] {
    this.#add.run(rootId);
    const found: Row[] = [];
    for (const inode of this.#uppermost.all()) {
      this.#add.run(inode);
      found.push({ inode, isCircle: 0 });
    }
    for (let inode = this.#any.get(); inode !== undefined; inode = this.#any.get()) {
      const uppermost = this.#onCircle(inode);
      this.#add.run(uppermost);
      found.push({ inode: uppermost, isCircle: 1 });
    }
    return found;
  }

  /** Goes up until it comes to the same directory again. */
  #onCircle(inode: number): number {
    const seen = new Set<number>();
    let current = inode;
    while (!seen.has(current)) {
      seen.add(current);
      current = this.#above.get(current) ?? current;
    }
    return current;
  }
}

/** What must hold of the tree that the entries make. */
export const treeChecks: readonly Check[] = [
  sqlCheck({
    kind: 'second-parent',
    subject: 'directories with two names',
    needs: ['naming'],
    query: `SELECT naming.*, name FROM naming JOIN inode ON inode.id = naming.inode
      JOIN entry ON entry.directory = naming.directory AND entry.cookie = naming.cookie
      WHERE type = ${FileType.DIRECTORY} AND (naming.inode = ${rootId} OR EXISTS (
        SELECT 1 FROM naming AS other WHERE other.inode = naming.inode
          AND ${rankOf('other')} < ${rankOf('naming')}))`,
    describe: ({ directory, name }) =>
      `as a directory it has one place, and not also ${JSON.stringify(showName(name as Uint8Array))} in ${directory}`,
    remedy: 'this name was removed',
    changes: ['DELETE FROM entry WHERE directory = @directory AND cookie = @cookie'],
  }),
  {
    kind: 'unreachable',
    subject: 'ways from the root',
    needs: ['naming'],
    find: (database) => new Reach(database).unreachable(),
    describe: ({ isCircle }) =>
      isCircle === 1 ? 'it is below itself, and not below the root' : 'no name leads to it',
    mending: {
      remedy: 'it was moved to /lost+found',
      repair: (database, rows) => {
        const lostAndFound = new LostAndFound(database);
        const names = database.prepare<unknown[], Row>(
          'SELECT directory, cookie FROM naming WHERE inode = ?',
        );
        const remove = database.prepare('DELETE FROM entry WHERE directory = ? AND cookie = ?');
        for (const { inode } of rows) {
          for (const { directory, cookie } of names.all(inode)) {
            remove.run(directory, cookie);
          }
          lostAndFound.take(inode as number);
        }
      },
    },
  },
  sqlCheck({
    kind: 'parent',
    subject: 'parents',
    needs: ['naming'],
    query: `SELECT inode, parent, expected FROM (SELECT id AS inode, parent, CASE
        WHEN id = ${rootId} THEN ${rootId}
        WHEN type != ${FileType.DIRECTORY} THEN 0
        ELSE (SELECT directory FROM naming WHERE naming.inode = inode.id
          ORDER BY directory != parent, directory LIMIT 1) END AS expected FROM inode)
      WHERE parent != expected`,
    describe: ({ parent, expected }) => `its parent is ${expected}, and it says ${parent}`,
    remedy: 'it was set right',
    changes: ['UPDATE inode SET parent = @expected WHERE id = @inode'],
  }),
  sqlCheck({
    kind: 'link-count',
    subject: 'link counts',
    needs: ['naming', 'listing'],
    query: `SELECT inode, nlink, expected FROM (SELECT id AS inode, nlink, CASE type
        WHEN ${FileType.DIRECTORY} THEN 2 + coalesce(
          (SELECT subdirectories FROM listing WHERE directory = inode.id), 0)
        ELSE (SELECT count(*) FROM naming WHERE naming.inode = inode.id) END AS expected
        FROM inode WHERE id = ${rootId} OR ${isCalled})
      WHERE nlink != expected`,
    describe: ({ nlink, expected }) => `it has ${expected} links and counts ${nlink}`,
    remedy: 'they were counted anew',
    changes: ['UPDATE inode SET nlink = @expected WHERE id = @inode'],
  }),
];
