import { closeSync, openSync } from 'node:fs';
import type { Checkpointer } from './checkpointer.ts';
import { storeErrorOf } from './database-error.ts';
import type { IntentLog } from './intent-log.ts';
import { BlockingLogSync, type LogSync, type OpenLogSync } from './log-sync.ts';
import type { Transaction } from './transaction.ts';

/** The way of what was committed: from the intent log into the database's log, onto the disk. */
export class Durability {
  readonly #transaction: Transaction;
  readonly #intents: IntentLog;
  readonly #checkpointer: Checkpointer;
  readonly #logFile: number;
  readonly #logSync: LogSync;
  /** Commits of the database that are on stable storage, and that the sync under way covers. */
  #stableStores = 0;
  #coveredStores = 0;

  constructor(
    path: string,
    transaction: Transaction,
    intents: IntentLog,
    checkpointer: Checkpointer,
    openLogSync: OpenLogSync = (logFile) => new BlockingLogSync(logFile),
  ) {
    this.#transaction = transaction;
    this.#intents = intents;
    this.#checkpointer = checkpointer;
    this.#logFile = openSync(`${path}-wal`, 'r');
    this.#logSync = openLogSync(this.#logFile);
  }

  /** Grows with each modification of files: who has made none does not depend on a commit. */
  get modificationCount(): number {
    return this.#transaction.modificationCount;
  }

  /**
   * The database has not committed all rows that were changed. What the server knows of its clients
   * has none before that, and may wait in the intent log.
   */
  get hasChangedRows(): boolean {
    return this.#transaction.hasChangedRows;
  }

  /** The state of the database that the intent log's batches are made over. */
  get epoch(): number {
    return this.#intents.epoch;
  }

  /** The intent log holds commits that the database lacks. */
  get hasIntents(): boolean {
    return !this.#intents.isEmpty;
  }

  /** How long the oldest of them has been there, in milliseconds. */
  get intentAgeMs(): number {
    return this.#intents.ageMs;
  }

  /**
   * Commits, and takes over into the database what the intent log holds: for times in which nobody
   * waits for an answer.
   * @throws {StoreError} as commit does; what was committed before stays so.
   */
  applyIntents(): void {
    this.#transaction.apply();
  }

  /** Commits, and returns when all commits so far are on stable storage. @throws {StoreError} */
  sync(): void {
    this.#transaction.requireWritable();
    this.#logSync.await();
    this.syncHasEnded();
    this.beginSync();
    this.#logSync.await();
    this.syncHasEnded();
  }

  /**
   * Commits, and begins to bring all commits so far onto stable storage, where they are when
   * `syncHasEnded` says so. No sync may be under way.
   * @throws {StoreError} as commit does; EROFS: storage has failed, and no sync proves anything any more.
   */
  beginSync(): void {
    this.#transaction.requireWritable();
    this.#transaction.apply();
    this.#coveredStores = this.#transaction.stores;
    if (this.#coveredStores !== this.#stableStores) {
      this.#logSync.begin();
    }
  }

  /**
   * Whether the sync that was begun last has ended.
   * @throws {StoreError} EIO: it failed, which ends all changes. The kernel takes data that it could not
   * write for written, so another sync would succeed and prove nothing.
   */
  syncHasEnded(): boolean {
    if (this.#coveredStores === this.#stableStores) {
      return true;
    }
    try {
      if (!this.#logSync.hasEnded()) {
        return false;
      }
    } catch (error) {
      const failure = storeErrorOf(error);
      this.#transaction.breakDown(failure);
      throw failure;
    }
    this.#stableStores = this.#coveredStores;
    return true;
  }

  /**
   * The database's log is so long that data which can wait should not be written now. Who waits calls
   * `advanceLog` from time to time.
   */
  get isLogCrowded(): boolean {
    return this.#checkpointer.isCrowded;
  }

  /** Goes on with moving the log into the database. @throws {StoreError} as commit does. */
  advanceLog(): void {
    this.applyIntents();
    this.#checkpointer.advance();
  }

  /**
   * Commits everything to the database and ends; what fails is left in the intent log, and so is all
   * of it when storage has failed.
   */
  close(): void {
    let isApplied = false;
    try {
      this.#logSync.close();
      if (this.#transaction.breakdown === undefined) {
        this.applyIntents();
        isApplied = true;
      }
    } finally {
      this.#intents.close(isApplied);
      this.#checkpointer.close();
      closeSync(this.#logFile);
    }
  }
}
