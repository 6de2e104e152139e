import Database from 'better-sqlite3';
import { StoreError, type StoreErrorCode } from './errors.ts';

/** What keeps state in memory that has to follow the database's transactions. */
export interface TransactionObserver {
  /** Last chance to write rows that belong to the transaction. */
  beforeCommit?(): void;
  committed?(): void;
  /** The database is as it was after the last commit: be so too. */
  rolledBack?(): void;
}

/**
 * The one transaction of the store's connection. Modifications check everything they can refuse
 * before they touch a row, so a refusal needs no undoing; a failure of the database itself undoes
 * all since the last commit. If that was more than the modification that failed, every further one
 * fails until commit() has told it to who believes that the others were done.
 */
export class Transaction {
  readonly #observers: TransactionObserver[] = [];
  readonly #begin: Database.Statement;
  readonly #commit: Database.Statement;
  readonly #rollback: Database.Statement;
  readonly #database: Database.Database;
  #open = false;
  #isModifying = false;
  /** Modifications that the open transaction holds. */
  #modifications = 0;
  #failure: StoreError | undefined;
  /** Commits so far that changed anything. */
  commits = 0;

  constructor(database: Database.Database) {
    this.#database = database;
    this.#begin = database.prepare('BEGIN');
    this.#commit = database.prepare('COMMIT');
    this.#rollback = database.prepare('ROLLBACK');
  }

  /** commit() has something to do, or a failure to tell. */
  get isOpen(): boolean {
    return this.#open || this.#failure !== undefined;
  }

  /** Observers are told in the order they came. */
  observe(observer: TransactionObserver): void {
    this.#observers.push(observer);
  }

  /** Nothing, if it has begun. */
  begin(): void {
    if (!this.#open) {
      this.#begin.run();
      this.#open = true;
    }
  }

  /** Runs a modification inside the transaction; one within another is a part of it. */
  modify<Result>(action: () => Result): Result {
    if (this.#isModifying) {
      return action();
    }
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    this.#isModifying = true;
    try {
      this.begin();
      const result = action();
      this.#modifications++;
      return result;
    } catch (error) {
      throw this.#failed(error);
    } finally {
      this.#isModifying = false;
    }
  }

  /** @throws {StoreError} when nothing since the last commit was kept. */
  commit(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) {
      throw failure;
    }
    if (!this.#open) {
      return;
    }
    try {
      for (const observer of this.#observers) {
        observer.beforeCommit?.();
      }
      this.#commit.run();
    } catch (error) {
      this.rollback();
      throw storeErrorOf(error);
    }
    this.#open = false;
    this.#modifications = 0;
    this.commits++;
    for (const observer of this.#observers) {
      observer.committed?.();
    }
  }

  /**
   * Commits while others go on to add to what they take for one transaction: a failure is theirs,
   * too, so their commit() throws as well.
   */
  commitEarly(): void {
    try {
      this.commit();
    } catch (error) {
      this.#failure = storeErrorOf(error);
      throw error;
    }
  }

  rollback(): void {
    this.#failure = undefined;
    // Some failures make SQLite roll back by itself.
    if (this.#database.inTransaction) {
      this.#rollback.run();
    }
    if (!this.#open) {
      return;
    }
    this.#open = false;
    this.#modifications = 0;
    for (const observer of this.#observers) {
      observer.rolledBack?.();
    }
  }

  #failed(error: unknown): unknown {
    if (error instanceof StoreError) {
      return error;
    }
    const isMoreLost = this.#modifications > 0;
    this.rollback();
    const failure = storeErrorOf(error);
    this.#failure = isMoreLost ? failure : undefined;
    return failure;
  }
}

const codes: readonly (readonly [prefix: string, code: StoreErrorCode])[] = [
  ['SQLITE_FULL', 'ENOSPC'],
  ['SQLITE_READONLY', 'EROFS'],
  ['SQLITE_TOOBIG', 'EFBIG'],
];

/** The store's error for a failure of the database; EIO for all that has no better name. */
export function storeErrorOf(error: unknown): StoreError {
  if (error instanceof StoreError) {
    return error;
  }
  const name = error instanceof Database.SqliteError ? error.code : '';
  const code = codes.find(([prefix]) => name.startsWith(prefix))?.[1] ?? 'EIO';
  const message = error instanceof Error ? error.message : String(error);
  return new StoreError(code, `the database failed: ${message}`, { cause: error });
}
