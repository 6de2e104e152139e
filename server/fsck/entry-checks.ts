import type Database from 'better-sqlite3';
import { bucketEntries, showName } from '../store/names.ts';
import { FileType } from '../store/types.ts';
import { type Check, type Row, sqlCheck } from './check.ts';

const entry = 'SELECT directory, cookie, name, inode FROM entry';
const removeEntry = 'DELETE FROM entry WHERE directory = @directory AND cookie = @cookie';

const quoted = ({ name }: Row): string => JSON.stringify(showName(name as Uint8Array));

/**
 * A cookie for a new entry; undefined: the directory has the name, or as many that hash alike as it
 * can have.
 */
export function freeCookie(
  database: Database.Database,
  directory: number,
  name: Uint8Array,
): number | undefined {
  const first = database.prepare('SELECT bucketOf(?)').pluck().get(name) as number;
  const bucket = database
    .prepare<unknown[], { cookie: number; isName: number }>(
      `SELECT cookie, name = ? AS isName FROM entry
        WHERE directory = ? AND cookie BETWEEN ? AND ?`,
    )
    .all(name, directory, first, first + bucketEntries - 1);
  const taken = new Set(bucket.map(({ cookie }) => cookie));
  const cookies = Array.from({ length: bucketEntries }, (_, place) => first + place);
  return bucket.some(({ isName }) => isName === 1)
    ? undefined
    : cookies.find((cookie) => !taken.has(cookie));
}

/** Puts an entry where its name is looked for; one that is there already makes it superfluous. */
function moveEntry(database: Database.Database, { directory, cookie, name }: Row): void {
  const free = freeCookie(database, directory as number, name as Uint8Array);
  const values = { directory, cookie, free };
  const change =
    free === undefined
      ? removeEntry
      : 'UPDATE entry SET cookie = @free WHERE directory = @directory AND cookie = @cookie';
  database.prepare(change).run(values);
}

/** What must hold of an entry by itself. */
export const entryChecks: readonly Check[] = [
  sqlCheck({
    kind: 'entry-of-nothing',
    subject: 'directories of entries',
    query: `${entry} WHERE NOT EXISTS
      (SELECT 1 FROM inode WHERE id = directory AND type = ${FileType.DIRECTORY})`,
    describe: (row) => `its name ${quoted(row)} is in ${row.directory}, which is no directory`,
    remedy: 'the name was removed',
    changes: [removeEntry],
  }),
  sqlCheck({
    kind: 'dangling-entry',
    subject: 'what entries name',
    query: `${entry} WHERE NOT EXISTS (SELECT 1 FROM inode WHERE id = entry.inode)`,
    describe: (row) => `there is none, and it has the name ${quoted(row)} in ${row.directory}`,
    remedy: 'the name was removed',
    changes: [removeEntry],
  }),
  sqlCheck({
    kind: 'entry-name',
    subject: 'names',
    query: `${entry} WHERE NOT isName(name)`,
    describe: (row) => `${quoted(row)} in ${row.directory} cannot be a name`,
    remedy: 'the name was removed',
    changes: [removeEntry],
  }),
  {
    kind: 'entry-cookie',
    subject: 'places of names',
    find: (database) =>
      database
        .prepare<[], Row>(`${entry} WHERE cookie & ~${bucketEntries - 1} != bucketOf(name)`)
        .all(),
    describe: (row) => `its name ${quoted(row)} in ${row.directory} cannot be found`,
    mending: {
      remedy: 'the name was put where it is looked for',
      repair: (database, rows) => {
        for (const row of rows) {
          moveEntry(database, row);
        }
      },
    },
  },
  sqlCheck({
    kind: 'duplicate-name',
    subject: 'names that are there twice',
    query: `${entry} WHERE cookie & ${bucketEntries - 1} != 0 AND EXISTS (
      SELECT 1 FROM entry AS other WHERE other.directory = entry.directory
        AND other.cookie BETWEEN entry.cookie & ~${bucketEntries - 1} AND entry.cookie - 1
        AND other.name = entry.name)`,
    describe: (row) => `its name ${quoted(row)} in ${row.directory} is there before`,
    remedy: 'the later one was removed',
    changes: [removeEntry],
  }),
];
