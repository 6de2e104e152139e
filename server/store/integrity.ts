import { closeSync, openSync, readSync } from 'node:fs';
import Database from 'better-sqlite3';
import { StoreOpenError, type StoreOpenErrorCode } from './errors.ts';
import { applicationId, schemaVersion, tableVersions } from './schema.ts';
import { FileType, rootId } from './types.ts';

const sqliteMagic = 'SQLite format 3\0';
const headerBytes = 100;
const userVersionOffset = 60;
const applicationIdOffset = 68;

/** Up to this size a database is checked wholly: SQLite reads about 1 GB/s for it. */
const fullCheckBytes = 64 * 1024 * 1024;
/** What walking through a larger one may take, in milliseconds. */
const sampleMs = 200;

/**
 * Reads the first bytes of a file and refuses what is not ours or of a newer schema, without
 * SQLite: it would recover a foreign journal.
 * @returns false for an empty file.
 * @throws {StoreOpenError} NOT_OURS, NEWER_SCHEMA
 */
export function checkHeader(path: string): boolean {
  const header = Buffer.alloc(headerBytes);
  const file = openSync(path, 'r');
  let length: number;
  try {
    length = readSync(file, header, 0, headerBytes, 0);
  } finally {
    closeSync(file);
  }
  if (length === 0) {
    return false;
  }
  const isSqlite = length === headerBytes && header.toString('latin1', 0, 16) === sqliteMagic;
  if (!isSqlite || header.readUInt32BE(applicationIdOffset) !== applicationId) {
    const message = `${path} is not a file system of dafs: name another file, or a new one`;
    throw new StoreOpenError('NOT_OURS', path, message);
  }
  checkVersion(path, header.readUInt32BE(userVersionOffset));
  return true;
}

function checkVersion(path: string, version: number): void {
  if (version > schemaVersion) {
    const message = `${path} has schema ${version}, this dafs knows up to ${schemaVersion}: update dafs`;
    throw new StoreOpenError('NEWER_SCHEMA', path, message);
  }
}

/**
 * Looks for damage through a connection that cannot write, within a bounded time: all of a small
 * database, the structure and samples of a large one.
 * @throws {StoreOpenError} DAMAGED, NEWER_SCHEMA, BUSY
 */
export function checkIntegrity(path: string, databaseBytes: number): void {
  let database: Database.Database | undefined;
  try {
    database = new Database(path, { readonly: true, timeout: 0 });
    const version = Number(database.pragma('user_version', { simple: true }));
    checkVersion(path, version);
    const finding = findDamage(database, version, databaseBytes);
    if (finding !== undefined) {
      throw damaged(path, finding);
    }
  } catch (error) {
    throw error instanceof Database.SqliteError ? refusal(path, error) : error;
  } finally {
    database?.close();
  }
}

function findDamage(
  database: Database.Database,
  version: number,
  databaseBytes: number,
): string | undefined {
  const missing = missingPart(database, version);
  if (missing !== undefined) {
    return missing;
  }
  const rootType = database.prepare('SELECT type FROM inode WHERE id = ?').pluck().get(rootId);
  if (rootType !== FileType.DIRECTORY) {
    return 'the root directory is missing';
  }
  if (databaseBytes <= fullCheckBytes) {
    const result = String(database.pragma('quick_check(1)', { simple: true }));
    return result === 'ok' ? undefined : result;
  }
  walkTables(database);
  return undefined;
}

/** Says what a database of this version of the schema lacks without which it means nothing. */
export function missingPart(database: Database.Database, version: number): string | undefined {
  const names = database.prepare('SELECT name FROM sqlite_schema').pluck().all();
  const missing = Object.entries(tableVersions).find(
    ([name, since]) => since <= version && !names.includes(name),
  );
  if (missing !== undefined) {
    return `table ${missing[0]} is missing`;
  }
  const hasRow = database.prepare('SELECT 1 FROM filesystem WHERE id = 1').get() !== undefined;
  return hasRow ? undefined : 'the row of the file system is missing';
}

/** Steps through rows until the time is up; SQLite throws at a page that is not what it should be. */
function walkTables(database: Database.Database): void {
  const columns = { inode: 'id', entry: 'inode', block: 'length(data)' };
  const share = sampleMs / Object.keys(columns).length;
  for (const [table, column] of Object.entries(columns)) {
    const deadline = performance.now() + share;
    let rows = 0;
    for (const _ of database.prepare(`SELECT ${column} FROM ${table}`).pluck().iterate()) {
      if (++rows % 256 === 0 && performance.now() > deadline) {
        break;
      }
    }
  }
}

/** The refusal of a database that is not what was written to it. @param finding what is wrong, for a person */
export function damaged(path: string, finding: string, cause?: unknown): StoreOpenError {
  const advice = 'try dafs fsck --repair, or restore it from a copy';
  const message = `${path} is damaged (${finding}): ${advice}; it was left as it is`;
  return new StoreOpenError('DAMAGED', path, message, { cause });
}

const noRoom = 'has no room left on its disk: make some';

const refusals: readonly (readonly [prefix: string, code: StoreOpenErrorCode, advice: string])[] = [
  ['SQLITE_BUSY', 'BUSY', 'is in use by another program: end that program first'],
  ['SQLITE_READONLY', 'READ_ONLY', 'cannot be written: allow writing to it and its directory'],
  ['SQLITE_FULL', 'NO_SPACE', noRoom],
  ['ENOSPC', 'NO_SPACE', noRoom],
  ['EDQUOT', 'NO_SPACE', noRoom],
  ['SQLITE_CANTOPEN', 'READ_ONLY', 'cannot be opened: allow access to it and its directory'],
];

type CodedError = Error & { readonly code: string };

/** The refusal that stands for an error of SQLite while a database was opened. */
export const refusal = (path: string, error: CodedError): StoreOpenError =>
  knownRefusal(path, error) ?? damaged(path, error.message, error);

/** The same for an error of SQLite or of the system; undefined for one that nothing is known of. */
export function knownRefusal(path: string, error: CodedError): StoreOpenError | undefined {
  const known = refusals.find(([prefix]) => error.code.startsWith(prefix));
  return (
    known &&
    new StoreOpenError(known[1], path, `${path} ${known[2]} (${error.message})`, { cause: error })
  );
}
