import { randomBytes } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { currentTime, nextChange } from './clock.ts';
import { FileType, rootId } from './types.ts';

/** `DAFS` in ASCII, at offset 68 of every database of ours. */
export const applicationId = 0x44414653;

/** Measured: server/store/README.md. */
export const pageBytes = 16_384;
export const defaultBlockBytes = 65_536;
export const minBlockBytes = 512;
export const maxBlockBytes = 1_048_576;

export interface Migration {
  /** What `user_version` says once it is done. */
  readonly version: number;
  readonly statements: string;
}

/** One step per schema version, oldest first; a step that was released is never edited. */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    statements: `
      CREATE TABLE filesystem (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        identity BLOB NOT NULL,
        nameSeed INTEGER NOT NULL,
        blockBytes INTEGER NOT NULL,
        nextInode INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE inode (
        id INTEGER PRIMARY KEY,
        type INTEGER NOT NULL,
        mode INTEGER NOT NULL,
        uid INTEGER NOT NULL,
        gid INTEGER NOT NULL,
        nlink INTEGER NOT NULL,
        size INTEGER NOT NULL,
        storedBytes INTEGER NOT NULL,
        content INTEGER NOT NULL,
        parent INTEGER NOT NULL,
        rdevMajor INTEGER NOT NULL,
        rdevMinor INTEGER NOT NULL,
        atimeSeconds INTEGER NOT NULL,
        atimeNseconds INTEGER NOT NULL,
        mtimeSeconds INTEGER NOT NULL,
        mtimeNseconds INTEGER NOT NULL,
        ctimeSeconds INTEGER NOT NULL,
        ctimeNseconds INTEGER NOT NULL,
        btimeSeconds INTEGER NOT NULL,
        btimeNseconds INTEGER NOT NULL,
        change INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX orphan ON inode (id) WHERE nlink = 0;
      CREATE TABLE entry (
        directory INTEGER NOT NULL,
        cookie INTEGER NOT NULL,
        name BLOB NOT NULL,
        inode INTEGER NOT NULL,
        PRIMARY KEY (directory, cookie)
      ) STRICT, WITHOUT ROWID;
      CREATE TABLE block (
        id INTEGER PRIMARY KEY,
        content INTEGER NOT NULL,
        number INTEGER NOT NULL,
        data BLOB NOT NULL
      ) STRICT;
      CREATE UNIQUE INDEX blockByNumber ON block (content, number);
      CREATE TABLE symlink (
        inode INTEGER PRIMARY KEY,
        target BLOB NOT NULL
      ) STRICT;
      CREATE TABLE attribute (
        inode INTEGER NOT NULL,
        name BLOB NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (inode, name)
      ) STRICT, WITHOUT ROWID;
    `,
  },
];

/** The schema that this program writes, and the newest that it reads. */
export const schemaVersion = migrations.at(-1)?.version ?? 0;

/** Every table there must be for a database to be whole. */
export const tableNames = [
  'filesystem',
  'inode',
  'entry',
  'block',
  'symlink',
  'attribute',
] as const;

/**
 * Brings the database to the newest schema, in one transaction. The caller checked that it is ours
 * and not newer.
 */
export function migrate(database: Database, steps: readonly Migration[] = migrations): void {
  const current = Number(database.pragma('user_version', { simple: true }));
  const missing = steps.filter((step) => step.version > current);
  if (missing.length === 0) {
    return;
  }
  database.transaction(() => {
    for (const step of missing) {
      database.exec(step.statements);
      database.pragma(`user_version = ${step.version}`);
    }
  })();
}

/**
 * Fills an empty database: application id, schema and the root directory, which belongs to who
 * makes it. Either all of it is there afterwards, or the file is empty still.
 */
export function initialize(database: Database, blockBytes: number): void {
  database.pragma(`page_size = ${pageBytes}`);
  database.transaction(() => {
    database.pragma(`application_id = ${applicationId}`);
    migrate(database);
    database
      .prepare('INSERT INTO filesystem VALUES (1, ?, ?, ?, ?)')
      .run(randomBytes(16), randomBytes(6).readUIntBE(0, 6), blockBytes, rootId + 1);
    const now = currentTime();
    const times = Array.from({ length: 4 }, () => [now.seconds, now.nseconds]).flat();
    const owner = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
    const values = [rootId, FileType.DIRECTORY, 0o755, ...owner, 2, 0, 0, rootId, rootId, 0, 0];
    database
      .prepare(`INSERT INTO inode VALUES (${Array(21).fill('?').join(', ')})`)
      .run(...values, ...times, nextChange(0, now));
  })();
}
