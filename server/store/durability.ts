import { closeSync, fdatasyncSync, openSync } from 'node:fs';
import type { Checkpointer } from './checkpointer.ts';
import type { IntentLog } from './intent-log.ts';
import { storeErrorOf, type Transaction } from './transaction.ts';

/** The way of what was committed: from the intent log into the database's log, onto the disk. */
export class Durability {
  readonly #transaction: Transaction;
  readonly #intents: IntentLog;
  readonly #checkpointer: Checkpointer;
  readonly #logFile: number;
  #syncedStores = 0;

  constructor(
    path: string,
    transaction: Transaction,
    intents: IntentLog,
    checkpointer: Checkpointer,
  ) {
    this.#transaction = transaction;
    this.#intents = intents;
    this.#checkpointer = checkpointer;
    this.#logFile = openSync(`${path}-wal`, 'r');
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
    this.#transaction.apply();
    if (this.#syncedStores === this.#transaction.stores) {
      return;
    }
    try {
      fdatasyncSync(this.#logFile);
    } catch (error) {
      throw storeErrorOf(error);
    }
    this.#syncedStores = this.#transaction.stores;
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
      this.applyIntents();
      isApplied = true;
    } finally {
      this.#intents.close(isApplied);
      this.#checkpointer.close();
      closeSync(this.#logFile);
    }
  }
}
