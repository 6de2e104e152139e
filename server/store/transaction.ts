import type Database from 'better-sqlite3';
import { isBreakdown, storeErrorOf } from './database-error.ts';
import { DamagedBlock, StoreError } from './errors.ts';
import type { WriteStably } from './intent-file.ts';
import { type IntentLog, newEpoch } from './intent-log.ts';
import { makeAgain } from './statements.ts';

/** What keeps state in memory that has to follow the database's transactions. */
export interface TransactionObserver {
  /**
   * Last chance to record changes that belong to the transaction.
   * @param sequence number of the intent log's batch that it may become
   */
  beforeCommit?(sequence: number): void;
  committed?(): void;
  /** The database is going to commit: last chance to add what only the intent log has. */
  beforeApply?(): void;
  /** There is nothing left to commit: what was done so far may be acknowledged. */
  accepted?(): void;
  /** The database is as it was after the last commit: be so too. */
  rolledBack?(): void;
  /**
   * Last chance to make changes that have been recorded only.
   * @param epoch of the database when it has committed
   */
  beforeStore?(epoch: number): void;
  /** The database has committed. @param changes that were recorded since it did so last */
  stored?(changes: number): void;
  /** Data that were read are not what was written: whoever wants them fails, and nobody else. */
  damaged?(cause: DamagedBlock): void;
  /** The database's storage has failed: nothing is changed any more. Told once. */
  failed?(cause: StoreError): void;
}

/**
 * The one transaction of the store's connection. Modifications check everything they can refuse
 * before they touch a row, so a refusal needs no undoing; a failure of the database itself undoes
 * all since the last commit. If that was more than the modification that failed, every further one
 * fails until commit() has told it to who believes that the others were done.
 *
 * Many of these transactions share one of SQLite's: commit() appends what was changed to the intent
 * log, and apply() makes the database commit. When SQLite's has to be rolled back, what the intent
 * log holds is made again.
 */
export class Transaction {
  readonly #observers: TransactionObserver[] = [];
  readonly #beginning: Database.Statement;
  readonly #commit: Database.Statement;
  readonly #rollback: Database.Statement;
  readonly #setEpoch: Database.Statement<[number]>;
  readonly #database: Database.Database;
  readonly #intents: IntentLog;
  /** SQLite has a transaction open. */
  #active = false;
  /** Something has begun since the last commit. */
  #open = false;
  #isModifying = false;
  /** Modifications that the open transaction holds. */
  #modifications = 0;
  #failure: StoreError | undefined;
  /** The database did not commit when it should last: nothing is acknowledged before it does. */
  #isFailing = false;
  /** What was acknowledged could not be made again: only a new process can do that. */
  #loss: StoreError | undefined;
  #breakdown: StoreError | undefined;
  /** Commits of the database so far. */
  stores = 0;
  /** Modifications of files so far, undone ones too. */
  modificationCount = 0;

  constructor(database: Database.Database, intents: IntentLog) {
    this.#database = database;
    this.#intents = intents;
    this.#beginning = database.prepare('BEGIN');
    this.#commit = database.prepare('COMMIT');
    this.#rollback = database.prepare('ROLLBACK');
    this.#setEpoch = database.prepare('UPDATE filesystem SET intentEpoch = ? WHERE id = 1');
  }

  /** commit() has something to do, or a failure to tell. */
  get isOpen(): boolean {
    return this.#open || this.#failure !== undefined;
  }

  /** A modification is being made. */
  get isModifying(): boolean {
    return this.#isModifying;
  }

  /** Observers are told in the order they came. */
  observe(observer: TransactionObserver): void {
    this.#observers.push(observer);
  }

  /** @throws {StoreError} EIO when the database is not what was acknowledged. */
  requireWhole(): void {
    if (this.#loss !== undefined) {
      throw this.#loss;
    }
  }

  /** Why nothing may be changed any more: storage has failed. Undefined while all is well. */
  get breakdown(): StoreError | undefined {
    return this.#breakdown;
  }

  /** @throws {StoreError} EROFS when storage has failed. */
  requireWritable(): void {
    if (this.#breakdown !== undefined) {
      throw new StoreError('EROFS', `nothing is changed any more: ${this.#breakdown.message}`);
    }
  }

  /** Allows no changes from now on: nobody can tell what became of those before. */
  breakDown(cause: StoreError): void {
    if (this.#breakdown === undefined) {
      this.#breakdown = cause;
      for (const observer of this.#observers) {
        observer.failed?.(cause);
      }
    }
  }

  /** The store's error for one of the database, which ends all changes when its storage has failed. */
  #errorOf(error: unknown): StoreError {
    const failure = storeErrorOf(error);
    if (isBreakdown(error)) {
      this.breakDown(failure);
    }
    if (failure instanceof DamagedBlock) {
      for (const observer of this.#observers) {
        observer.damaged?.(failure);
      }
    }
    return failure;
  }

  /** SQLite has rows to commit; what the intent log holds beyond that can wait in it. */
  get hasChangedRows(): boolean {
    return this.#active;
  }

  /** Nothing, if it has begun. */
  #activate(): void {
    if (!this.#active) {
      this.#beginning.run();
      this.#active = true;
    }
  }

  /** Reads of the database. @throws {StoreError} EIO as well */
  reading<Result>(action: () => Result): Result {
    this.requireWhole();
    try {
      return action();
    } catch (error) {
      throw this.#errorOf(error);
    }
  }

  /** Runs a modification inside the transaction; one within another is a part of it. */
  modify<Result>(action: () => Result): Result {
    return this.#run(action, true);
  }

  /**
   * The same for what only records changes, that are made before the database commits: until then
   * SQLite knows nothing of them, and who reads meanwhile need not pay for them.
   */
  record(action: () => void): void {
    this.#run(action, false);
  }

  #run<Result>(action: () => Result, changesRows: boolean): Result {
    if (this.#isModifying) {
      return action();
    }
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    this.requireWritable();
    this.#isModifying = true;
    try {
      this.requireWhole();
      if (changesRows) {
        this.#activate();
        this.modificationCount++;
      }
      this.#open = true;
      const result = action();
      this.#modifications++;
      return result;
    } catch (error) {
      throw this.#failed(error);
    } finally {
      this.#isModifying = false;
    }
  }

  /**
   * @param writeStably for who knows that all before is on the disk: see IntentLog.append
   * @throws {StoreError} when nothing since the last commit was kept.
   */
  commit(writeStably?: WriteStably): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) {
      throw failure;
    }
    if (this.#open) {
      this.#end(writeStably);
    }
    for (const observer of this.#observers) {
      observer.accepted?.();
    }
  }

  #end(writeStably: WriteStably | undefined): void {
    try {
      this.#conclude();
      if (this.#isFailing || !this.#intents.append(writeStably)) {
        this.#addLoggedData();
        this.#store();
      }
    } catch (error) {
      const failure = this.#errorOf(error);
      this.rollback();
      throw failure;
    }
    this.#open = false;
    this.#modifications = 0;
    for (const observer of this.#observers) {
      observer.committed?.();
    }
  }

  #conclude(): void {
    for (const observer of this.#observers) {
      observer.beforeCommit?.(this.#intents.sequence);
    }
  }

  /** A commit of the database ends the epoch that the log's data belong to, so it takes them. */
  #addLoggedData(): void {
    if (this.#intents.dataFiles.size > 0) {
      for (const observer of this.#observers) {
        observer.beforeApply?.();
      }
      this.#conclude();
    }
  }

  /**
   * Commits, and makes the database commit everything that the intent log holds.
   * @throws {StoreError} What was committed before stays so.
   */
  apply(): void {
    this.commit();
    if (this.#intents.dataFiles.size > 0) {
      this.modify(() => this.#intents.omit());
      this.commit();
    }
    this.requireWhole();
    if (!this.#active && this.#intents.isEmpty) {
      return;
    }
    this.requireWritable();
    try {
      this.#store();
    } catch (error) {
      const failure = this.#errorOf(error);
      this.#undo();
      throw failure;
    }
  }

  /** apply() in the middle of what others take for one transaction. @throws {StoreError} */
  applyEarly(): void {
    this.commitEarly();
    this.apply();
  }

  /**
   * apply(), unless something has begun, or the database is failing, or would have to take logged data
   * first: reads are faster after it.
   */
  tryToApply(): void {
    const isUntimely = this.#open || this.#isFailing || this.#intents.dataFiles.size > 0;
    if (!this.#active || isUntimely || this.#breakdown !== undefined) {
      return;
    }
    try {
      this.apply();
    } catch {
      // Nothing is lost: who changes something next is told.
    }
  }

  #store(): void {
    this.requireWritable();
    this.#isFailing = true;
    this.#activate();
    const epoch = newEpoch();
    for (const observer of this.#observers) {
      observer.beforeStore?.(epoch);
    }
    const { count } = this.#intents;
    this.#setEpoch.run(epoch);
    this.#commit.run();
    this.#isFailing = false;
    this.#active = false;
    this.stores++;
    this.#intents.restart(epoch);
    for (const observer of this.#observers) {
      observer.stored?.(count);
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
      this.#failure = this.#errorOf(error);
      throw error;
    }
  }

  rollback(): void {
    this.#failure = undefined;
    if (!this.#open) {
      return;
    }
    this.#open = false;
    this.#modifications = 0;
    this.#undo();
  }

  #undo(): void {
    this.#intents.drop();
    // Some failures make SQLite roll back by itself.
    if (this.#database.inTransaction) {
      this.#rollback.run();
    }
    this.#active = false;
    if (!this.#intents.isEmpty) {
      this.#makeAgain();
    }
    for (const observer of this.#observers) {
      observer.rolledBack?.();
    }
  }

  /** Data of the file are cut, which cannot be told from those that were logged before or after. */
  cut(id: number): void {
    if (this.#intents.dataFiles.has(id)) {
      this.#intents.omit();
    }
  }

  /** Brings SQLite's transaction back to what was acknowledged. */
  #makeAgain(): void {
    try {
      this.#beginning.run();
      this.#active = true;
      makeAgain(this.#database, this.#intents.statements());
    } catch (error) {
      this.#loss = this.#errorOf(error);
    }
  }

  #failed(error: unknown): unknown {
    if (error instanceof StoreError) {
      return error;
    }
    const isMoreLost = this.#modifications > 0;
    const failure = this.#errorOf(error);
    this.rollback();
    this.#failure = isMoreLost ? failure : undefined;
    return failure;
  }
}
