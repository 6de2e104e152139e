import { closeSync, constants, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { StoreOpenError } from './errors.ts';

/**
 * The right to use a database, held by one Store on the machine at a time. It is an exclusive lock
 * that SQLite takes on an empty file beside the database, so the kernel gives it back when the
 * process dies, however it dies, and two threads of one process exclude each other too.
 *
 * The database's own lock cannot serve: it is shared with the connection that writes checkpoints,
 * and to try it means to read the database, which a refused Store must not do.
 */
export class Ownership {
  readonly #lock: Database.Database;
  readonly #lockPath: string;

  private constructor(lock: Database.Database, lockPath: string) {
    this.#lock = lock;
    this.#lockPath = lockPath;
  }

  /** @throws {StoreOpenError} BUSY when the database is in use, READ_ONLY when no lock can be made. */
  static acquire(databasePath: string): Ownership {
    const lockPath = `${databasePath}-lock`;
    // A file that its owner removes while we open it would be a lock on nothing: take the next one.
    for (let attempt = 0; attempt < 10; attempt++) {
      const lock = openLock(lockPath, databasePath);
      const opened = inodeOf(lockPath);
      if (!lockExclusively(lock)) {
        lock.close();
        throw new StoreOpenError('BUSY', databasePath, busyMessage(databasePath, lockPath));
      }
      if (opened !== undefined && opened === inodeOf(lockPath)) {
        return new Ownership(lock, lockPath);
      }
      lock.close();
    }
    throw new StoreOpenError('BUSY', databasePath, busyMessage(databasePath, lockPath));
  }

  release(): void {
    // Removed while it is still locked: who opens the path from now on makes a new file.
    rmSync(this.#lockPath, { force: true });
    this.#lock.close();
  }
}

function openLock(lockPath: string, databasePath: string): Database.Database {
  try {
    // Who could read the file could hold a lock on it, and so keep the database from everybody.
    closeSync(openSync(lockPath, constants.O_RDONLY | constants.O_CREAT, 0o600));
    const lock = new Database(lockPath, { timeout: 0 });
    // The lock's file stays empty, and no journal appears beside it.
    lock.pragma('journal_mode = MEMORY');
    return lock;
  } catch (error) {
    if (isBusy(error)) {
      throw new StoreOpenError('BUSY', databasePath, busyMessage(databasePath, lockPath));
    }
    const message = `cannot make the lock ${lockPath}: allow writing to its directory`;
    throw new StoreOpenError('READ_ONLY', databasePath, message, { cause: error });
  }
}

function lockExclusively(lock: Database.Database): boolean {
  try {
    lock.pragma('locking_mode = EXCLUSIVE');
    lock.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (isBusy(error)) {
      return false;
    }
    throw error;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

function busyMessage(databasePath: string, lockPath: string): string {
  const owner = lockOwner(lockPath);
  const by = owner === undefined ? 'another process' : `process ${owner}`;
  return `${databasePath} is already served by ${by}: mount that server's name, or end it first`;
}

/** Who holds the lock, if the kernel tells: /proc/locks names the process by the file's inode. */
function lockOwner(lockPath: string): number | undefined {
  try {
    const inode = inodeOf(lockPath);
    const lines = readFileSync('/proc/locks', 'utf8').split('\n');
    const line = lines.find(
      (candidate) => candidate.includes(` WRITE `) && candidate.includes(`:${inode} `),
    );
    const pid = line?.trim().split(/\s+/)[4];
    return pid === undefined ? undefined : Number(pid);
  } catch {
    return undefined;
  }
}
