import { closeSync, openSync } from 'node:fs';
import type { Checkpointer } from './checkpointer.ts';
import type { StoreError } from './errors.ts';
import type { IntentLog } from './intent-log.ts';
import { BlockingLogSync, type LogSync, type OpenLogSync } from './log-sync.ts';
import { storeErrorOf, type Transaction } from './transaction.ts';

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
  /** A sync failed: what it should have covered is lost to the kernel, and no later one covers it. */
  #failure: StoreError | undefined;

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
    this.#logSync.await();
    this.syncHasEnded();
    this.beginSync();
    this.#logSync.await();
    this.syncHasEnded();
  }

  /**
   * Commits, and begins to bring all commits so far onto stable storage, where they are when
   * `syncHasEnded` says so. No sync may be under way.
   * @throws {StoreError} as commit does; EIO: a sync has failed, and none is begun any more.
   */
  beginSync(): void {
    this.#requireWhole();
    this.#transaction.apply();
    this.#coveredStores = this.#transaction.stores;
    if (this.#coveredStores !== this.#stableStores) {
      this.#logSync.begin();
    }
  }

  /**
   * Whether the sync that was begun last has ended.
   * @throws {StoreError} EIO: it failed, or an earlier one. The kernel takes data that it could not
   * write for written, so nothing that was not stable by then ever is.
   */
  syncHasEnded(): boolean {
    this.#requireWhole();
    if (this.#coveredStores === this.#stableStores) {
      return true;
    }
    try {
      if (!this.#logSync.hasEnded()) {
        return false;
      }
    } catch (error) {
      this.#failure = storeErrorOf(error);
      throw this.#failure;
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

  /** Commits everything to the database and ends; what fails is left in the intent log. */
  close(): void {
    let isApplied = false;
    try {
      this.#logSync.close();
      this.applyIntents();
      isApplied = true;
    } finally {
      this.#intents.close(isApplied);
      this.#checkpointer.close();
      closeSync(this.#logFile);
    }
  }

  #requireWhole(): void {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }
}
