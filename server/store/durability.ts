import { closeSync, fdatasyncSync, openSync } from 'node:fs';
import type { Checkpointer } from './checkpointer.ts';
import { storeErrorOf } from './database-error.ts';
import type { WriteStably } from './intent-file.ts';
import type { IntentLog } from './intent-log.ts';
import { BlockingLogSync, type LogSync, type OpenLogSync } from './log-sync.ts';
import type { Transaction, TransactionObserver } from './transaction.ts';

/** So much has come to the disk, or will have: commits of the database, batches of the intent log. */
interface Progress {
  readonly stores: number;
  readonly batches: number;
}

/**
 * The way of what was committed: onto the disk with the intent log, into the database, and onto the disk
 * with the database's log.
 *
 * A batch of the intent log is stable when the log has been synced and the commit of the database has
 * that it was made over. So a sync of the intent log is enough until the database commits; after that
 * the first one syncs the database's log, too.
 */
export class Durability implements TransactionObserver {
  readonly #transaction: Transaction;
  readonly #intents: IntentLog;
  readonly #checkpointer: Checkpointer;
  readonly #logFile: number;
  readonly #logSync: LogSync;
  /** What is on stable storage, and what is when the sync under way has ended. */
  #stable: Progress = { stores: 0, batches: 0 };
  #covered: Progress = this.#stable;
  /** The commit of the database without which the idle file of the intent log is still needed. */
  #awaitedStores = 0;
  readonly #writeAtOnce: WriteStably = (descriptor, bytes, offset) =>
    this.#logSync.writeAtOnce(descriptor, bytes, offset);
  /** The commit under way makes the files of the intent log take turns. */
  #isTakingTurns = false;

  constructor(
    path: string,
    transaction: Transaction,
    intents: IntentLog,
    checkpointer: Checkpointer,
    openLogSync: OpenLogSync = () => new BlockingLogSync(),
  ) {
    this.#transaction = transaction;
    this.#intents = intents;
    this.#checkpointer = checkpointer;
    this.#logFile = openSync(`${path}-wal`, 'r');
    this.#logSync = openLogSync();
    transaction.observe(this);
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

  /** The intent log has data of files whose rows lack them. */
  get hasLoggedData(): boolean {
    return this.#intents.dataFiles.size > 0;
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
    this.#awaitSync();
    this.beginSync(true);
    this.#awaitSync();
  }

  #awaitSync(): void {
    this.#logSync.await();
    this.syncHasEnded();
  }

  /** If something relies on the file of the intent log, the log goes on in the idle one: nobody may need that. */
  beforeStore(): void {
    if (this.#intents.isPromised && this.#stable.stores < this.#awaitedStores) {
      this.#awaitSync();
      if (this.#stable.stores < this.#awaitedStores) {
        const { stores } = this.#transaction;
        this.#begin({ stores, batches: this.#stable.batches }, [this.#logFile], true);
        this.#awaitSync();
      }
    }
    this.#intents.prepareRestart();
    this.#isTakingTurns = this.#intents.isPromised;
  }

  stored(): void {
    if (this.#isTakingTurns) {
      this.#awaitedStores = this.#transaction.stores;
    }
  }

  /**
   * Commits, and begins to bring all commits so far onto stable storage, where they are when
   * `syncHasEnded` says so. No sync may be under way.
   * @param isAlone nobody minds if this takes as long as a short sync
   * @throws {StoreError} as commit does; EROFS: storage has failed, and no sync proves anything any more.
   */
  beginSync(isAlone = false): void {
    this.#transaction.requireWritable();
    const isAtOnce = isAlone && this.#isStored && this.#isLogged;
    this.#transaction.commit(isAtOnce ? this.#writeAtOnce : undefined);
    this.#transaction.requireWhole();
    const { stores } = this.#transaction;
    const { appendedBatches: batches, stableBatches, descriptor } = this.#intents;
    const isStored = this.#isStored;
    const isLogged = this.#isLogged;
    this.#intents.promise();
    if (isAtOnce && isStored && stableBatches === batches) {
      this.#stable = { stores, batches };
      this.#covered = this.#stable;
    } else if (!isStored || !isLogged) {
      const files = [...(isStored ? [] : [this.#logFile]), ...(isLogged ? [] : [descriptor])];
      this.#begin({ stores, batches }, files, isAlone);
    }
  }

  /** All commits of the database are on stable storage. */
  get #isStored(): boolean {
    return this.#transaction.stores === this.#stable.stores;
  }

  /** All batches of the intent log are, as far as they are needed. */
  get #isLogged(): boolean {
    return this.#intents.appendedBatches === this.#stable.batches || this.#intents.isEmpty;
  }

  #begin(covered: Progress, files: readonly number[], isAlone: boolean): void {
    this.#covered = covered;
    this.#logSync.begin(files, isAlone);
  }

  /**
   * Whether the sync that was begun last has ended.
   * @throws {StoreError} EIO: it failed, which ends all changes. The kernel takes data that it could not
   * write for written, so another sync would succeed and prove nothing.
   */
  syncHasEnded(): boolean {
    if (this.#covered === this.#stable) {
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
    this.#stable = this.#covered;
    return true;
  }

  /**
   * The database's log is so long that data which can wait should not be written now. Who waits calls
   * `advanceLog` from time to time.
   */
  get isLogCrowded(): boolean {
    return this.#checkpointer.isCrowded;
  }

  /** Goes on with moving the log into the database, if it is time. @throws {StoreError} as commit does. */
  advanceLog(): void {
    if (!this.#checkpointer.isAtWork) {
      this.applyIntents();
      this.#checkpointer.advance();
    }
  }

  /**
   * Commits everything to the database and ends; what fails is left in the intent log, and so is all
   * of it when storage has failed. The log is not removed before the database has it on the disk.
   */
  close(): void {
    let isApplied = false;
    try {
      this.#logSync.close();
      if (this.#transaction.breakdown === undefined) {
        this.applyIntents();
        fdatasyncSync(this.#logFile);
        isApplied = true;
      }
    } finally {
      this.#intents.close(isApplied);
      this.#checkpointer.close();
      closeSync(this.#logFile);
    }
  }
}
