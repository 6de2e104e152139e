import { randomBytes } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import { currentTime } from './clock.ts';
import { InodeRecord, inodeColumns, rowOf, touch } from './inode-record.ts';
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

/** From this version of the schema on, an intent log may belong to a database. */
export const firstVersionWithIntents = 5;

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
  {
    // Extended attributes get numbers, which are never given twice, and inodes say what they have.
    version: 2,
    statements: `
      DROP TABLE attribute;
      CREATE TABLE attribute (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        inode INTEGER NOT NULL,
        name BLOB NOT NULL,
        value BLOB NOT NULL
      ) STRICT;
      CREATE UNIQUE INDEX attributeByName ON attribute (inode, name);
      ALTER TABLE inode ADD COLUMN attributeKinds INTEGER NOT NULL DEFAULT 0;
    `,
  },
  {
    // Blocks that are promised to a file before it has written them.
    version: 3,
    statements: `
      CREATE TABLE allocation (
        inode INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        PRIMARY KEY (inode, first)
      ) STRICT, WITHOUT ROWID;
      ALTER TABLE inode ADD COLUMN allocatedBlocks INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE inode ADD COLUMN reservedBytes INTEGER NOT NULL DEFAULT 0;
    `,
  },
  {
    // What an object takes can be told by its row alone.
    version: 4,
    statements: `
      ALTER TABLE inode ADD COLUMN attributeBytes INTEGER NOT NULL DEFAULT 0;
      UPDATE inode SET attributeBytes = (
        SELECT total(length(name) + length(value)) FROM attribute WHERE inode = inode.id
      ) WHERE attributeKinds != 0;
      CREATE INDEX promise ON inode (reservedBytes) WHERE allocatedBlocks > 0;
    `,
  },
  {
    // Which intents are to be made over this state: intent-log.ts.
    version: firstVersionWithIntents,
    statements: 'ALTER TABLE filesystem ADD COLUMN intentEpoch INTEGER NOT NULL DEFAULT 0;',
  },
  {
    // What chattr(1) sets.
    version: 6,
    statements: 'ALTER TABLE inode ADD COLUMN flags INTEGER NOT NULL DEFAULT 0;',
  },
  {
    // What the server knows of its clients: state-table.ts.
    version: 7,
    statements: `
      CREATE TABLE state (
        kind INTEGER NOT NULL,
        key BLOB NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (kind, key)
      ) STRICT, WITHOUT ROWID;
    `,
  },
  {
    // Of what is written from now on: block-checksum.ts.
    version: 8,
    statements: 'ALTER TABLE block ADD COLUMN checksum INTEGER;',
  },
  {
    // Batches of the intent log may begin on the next page: who does not look there loses the rest.
    version: 9,
    statements: '',
  },
];

/** The schema that this program writes, and the newest that it reads. */
export const schemaVersion = migrations.at(-1)?.version ?? 0;

/** Every table there must be for a database to be whole, and since which version. */
export const tableVersions = {
  filesystem: 1,
  inode: 1,
  entry: 1,
  block: 1,
  symlink: 1,
  attribute: 1,
  allocation: 3,
  state: 7,
} as const;

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
      .prepare(`INSERT INTO filesystem (id, identity, nameSeed, blockBytes, nextInode)
         VALUES (1, ?, ?, ?, ?)`)
      .run(randomBytes(16), randomBytes(6).readUIntBE(0, 6), blockBytes, rootId + 1);
    const now = currentTime();
    const root = new InodeRecord(rootId, FileType.DIRECTORY);
    root.mode = 0o755;
    root.uid = process.getuid?.() ?? 0;
    root.gid = process.getgid?.() ?? 0;
    root.nlink = 2;
    root.parent = rootId;
    root.atime = now;
    root.mtime = now;
    root.btime = now;
    touch(root, now);
    insertInode(database, root);
  })();
}

/** Writes the row of a new inode. */
export function insertInode(database: Database, record: InodeRecord): void {
  const row = rowOf(record);
  database
    .prepare(`INSERT INTO inode (${inodeColumns.join(', ')}) VALUES (${row.map(() => '?')})`)
    .run(...row);
}
