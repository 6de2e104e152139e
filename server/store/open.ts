import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { isDiskFull } from './database-error.ts';
import { StoreOpenError } from './errors.ts';
import { checkHeader, checkIntegrity, damaged, knownRefusal, refusal } from './integrity.ts';
import { leftIntents, newEpoch } from './intent-log.ts';
import { LeftData } from './left-data.ts';
import { storeLoggedData } from './logged-data.ts';
import { Ownership } from './ownership.ts';
import {
  defaultBlockBytes,
  firstVersionWithIntents,
  initialize,
  maxBlockBytes,
  migrate,
  minBlockBytes,
} from './schema.ts';
import { makeAgain } from './statements.ts';
import type { StoreOptions } from './types.ts';
import { unstablePath } from './unstable-layout.ts';

/** Pages that SQLite keeps in memory, in KiB: metadata; data are kept by the block cache. */
const pageCacheKib = 16_384;

export interface OpenedDatabase {
  readonly path: string;
  readonly database: Database.Database;
  readonly ownership: Ownership;
  /** Data that a killed process left, which the database lacks. */
  readonly left: LeftData | undefined;
}

/**
 * Opens or makes the database of a store and takes it for this process.
 * A database that is refused is left as it is, byte for byte.
 * @throws {StoreOpenError}
 */
export function openDatabase(givenPath: string, options: StoreOptions): OpenedDatabase {
  const path = locate(givenPath, options);
  const ownership = Ownership.acquire(path);
  try {
    return { path, ownership, ...prepareDatabase(path, options) };
  } catch (error) {
    ownership.release();
    throw refusalOf(path, error);
  }
}

/**
 * Takes a database for this process in which there may be any damage: only that it is ours is certain.
 * Nothing is changed yet; `bringUpToDate` does that.
 * @throws {StoreOpenError}
 */
export function openDamaged(givenPath: string): Omit<OpenedDatabase, 'left'> {
  const path = locate(givenPath, { create: false });
  const ownership = Ownership.acquire(path);
  try {
    if (!checkHeader(path)) {
      throw new StoreOpenError('NOT_OURS', path, `${path} is empty: it holds no file system`);
    }
    return { path, database: connect(path), ownership };
  } catch (error) {
    ownership.release();
    throw refusalOf(path, error);
  }
}

/** What an error means that came up while a database, or what goes with it, was opened. */
export function refusalOf(path: string, error: unknown): unknown {
  if (error instanceof Database.SqliteError) {
    return refusal(path, error);
  }
  if (error instanceof Error && 'code' in error && 'errno' in error) {
    const message = `${path} cannot be opened: ${error.message}`;
    return (
      knownRefusal(path, error as Error & { code: string }) ??
      new StoreOpenError('READ_ONLY', path, message, { cause: error })
    );
  }
  return error;
}

/** The database's true path, checked as far as that goes without opening it. */
function locate(givenPath: string, options: StoreOptions): string {
  const path = existsSync(givenPath) ? realpathSync(givenPath) : resolve(givenPath);
  const directory = dirname(path);
  if (path !== path.trim()) {
    const message = `"${path}" ends in white space, which gets lost on the way to SQLite: rename it`;
    throw new StoreOpenError('NO_SUCH_FILE', path, message);
  }
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    const message = `the directory ${directory} does not exist: make it first`;
    throw new StoreOpenError('NO_SUCH_DIRECTORY', path, message);
  }
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined && !options.create) {
    throw new StoreOpenError('NO_SUCH_FILE', path, `${path} does not exist: check its name`);
  }
  if (status !== undefined && !status.isFile()) {
    const message = `${path} is not a file: name the file that holds the file system`;
    throw new StoreOpenError('NOT_OURS', path, message);
  }
  // Root may write what nobody is meant to write: the file's own bits count for everyone.
  const marked = status !== undefined && (status.mode & 0o222) === 0;
  if (marked || !mayWrite(directory) || (status !== undefined && !mayWrite(path))) {
    const message = `${path} cannot be written: allow writing to it and its directory`;
    throw new StoreOpenError('READ_ONLY', path, message);
  }
  return path;
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function prepareDatabase(
  path: string,
  options: StoreOptions,
): Pick<OpenedDatabase, 'database' | 'left'> {
  const status = statSync(path, { throwIfNoEntry: false });
  const filled = status !== undefined && checkHeader(path);
  if (!filled) {
    if (!options.create) {
      throw new StoreOpenError('NOT_OURS', path, `${path} is empty: it holds no file system`);
    }
    createDatabase(path, options.blockBytes ?? defaultBlockBytes, status === undefined);
  } else {
    checkWithoutTrace(path, status.size);
  }
  const database = connect(path);
  try {
    return { database, left: bringUpToDate(database, path, options.unstableDirectory) };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** The check makes SQLite's side files where there are none; a refused database loses them again. */
function checkWithoutTrace(path: string, databaseBytes: number): void {
  const sideFiles = [`${path}-wal`, `${path}-shm`];
  const added = sideFiles.filter((sideFile) => !existsSync(sideFile));
  try {
    checkIntegrity(path, databaseBytes);
  } catch (error) {
    for (const sideFile of added) {
      rmSync(sideFile, { force: true });
    }
    throw error;
  }
}

function createDatabase(path: string, blockBytes: number, isNew: boolean): void {
  const isPowerOfTwo = Number.isInteger(Math.log2(blockBytes));
  if (!isPowerOfTwo || blockBytes < minBlockBytes || blockBytes > maxBlockBytes) {
    throw new RangeError(
      `blockBytes must be a power of two from ${minBlockBytes} to ${maxBlockBytes}, not ${blockBytes}`,
    );
  }
  if (isNew) {
    // The file holds everybody's data, so it is its owner's alone.
    closeSync(openSync(path, 'wx', 0o600));
  }
  const database = new Database(path, { timeout: 0 });
  try {
    initialize(database, blockBytes);
    database.close();
  } catch (error) {
    database.close();
    if (isNew) {
      rmSync(path, { force: true });
    }
    throw error;
  }
}

/** The connection that the store works with. Checkpoints are not its business: checkpointer.ts. */
function connect(path: string): Database.Database {
  const database = new Database(path, { timeout: 0, fileMustExist: true });
  try {
    database.pragma(`cache_size = -${pageCacheKib}`);
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    database.pragma('wal_autocheckpoint = 0');
    database.pragma('foreign_keys = OFF');
    // The names of the database and of its log are on stable storage before anything relies on it.
    const directory = openSync(dirname(path), 'r');
    fsyncSync(directory);
    closeSync(directory);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Makes the changes again that a process had acknowledged when it was ended, and then migrates: the
 * changes are written for the schema of that process.
 * @returns the data that it left besides: they go with the state of the database that this gives
 */
export function bringUpToDate(
  database: Database.Database,
  path: string,
  unstableDirectory?: string,
): LeftData | undefined {
  const left = recoverIntents(database, path, unstableDirectory);
  migrate(database);
  if (!database.inTransaction) {
    makeStable(database, path);
  }
  return left;
}

/**
 * Brings what the database's log holds onto the disk, before anything relies on it. That a sync of the
 * log succeeds does not do: one of an earlier process may have failed, after which the kernel takes
 * for written what is not. So the pages are written anew, into the database.
 */
function makeStable(database: Database.Database, path: string): void {
  if (!isMoved(database)) {
    const log = openSync(`${path}-wal`, 'r');
    fdatasyncSync(log);
    closeSync(log);
  }
}

/** Moves the log into the database; false when somebody reads the database, or its disk is full. */
function isMoved(database: Database.Database): boolean {
  try {
    const [result] = database.pragma('wal_checkpoint(TRUNCATE)') as [{ busy: number }];
    return result.busy === 0;
  } catch (error) {
    if (!isDiskFull(error)) {
      throw error;
    }
    return false;
  }
}

function recoverIntents(
  database: Database.Database,
  path: string,
  unstableDirectory: string | undefined,
): LeftData | undefined {
  if (Number(database.pragma('user_version', { simple: true })) < firstVersionWithIntents) {
    return undefined;
  }
  const { identity, intentEpoch } = database
    .prepare<[], { identity: Uint8Array; intentEpoch: number }>(
      'SELECT identity, intentEpoch FROM filesystem',
    )
    .get() as { identity: Uint8Array; intentEpoch: number };
  const { intents, batches } = leftIntents(path, identity, intentEpoch);
  const epoch = newEpoch();
  const leftPath = unstablePath(path, identity, unstableDirectory);
  const state = { epoch: intentEpoch, batches, path };
  const left = LeftData.find(leftPath, identity, state, epoch);
  if (intents.length === 0) {
    return left;
  }
  if (!database.inTransaction) {
    // A disk that is full has room for this where the log begins.
    database.pragma('wal_checkpoint(RESTART)');
  }
  database.transaction(() => {
    try {
      makeAgain(database, intents);
      storeLoggedData(database, intents);
    } catch (error) {
      // Values that are not those of the statement.
      const isOurs = error instanceof RangeError || error instanceof TypeError;
      throw isOurs ? damaged(path, 'its intent log', error) : error;
    }
    database.prepare('UPDATE filesystem SET intentEpoch = ?').run(epoch);
  })();
  return left;
}
