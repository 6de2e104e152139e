import { Worker } from 'node:worker_threads';
import type Database from 'better-sqlite3';
import { pageBytes } from './schema.ts';
import type { TransactionObserver } from './transaction.ts';

/** Bytes in the log from which on a checkpoint is worth its two syncs. */
const worthwhileBytes = 64 * 1024 * 1024;
/** Length at which the log has to start over, if that stops the writer or not. */
const longestBytes = 512 * 1024 * 1024;
/** What a commit writes besides data: a few pages of inodes, entries and indexes. */
const metadataBytes = 4 * pageBytes;
/** Closing waits so long for a checkpoint that is under way, in milliseconds. */
const closingMs = 30_000;

/** Places in the memory shared with the worker. */
export const Shared = { STATE: 0, LOG_PAGES: 1, WRITTEN_PAGES: 2, LENGTH: 3 } as const;
/** Values of the place STATE. */
export const State = { IDLE: 0, REQUESTED: 1, CLOSING: 2, CLOSED: 3 } as const;

/**
 * Moves the write-ahead log's pages into the database while the store goes on. A thread with a
 * connection of its own does it and syncs both files, so that the store's thread does not wait for
 * the disk; only a log that grew faster than the disk takes it stops the writer for a moment.
 *
 * The store's thread asks after a commit and looks for the result after a later one: it may be a
 * loop that never returns to its event loop.
 */
export class Checkpointer implements TransactionObserver {
  readonly #database: Database.Database;
  readonly #path: string;
  readonly #shared = new Int32Array(
    new SharedArrayBuffer(Shared.LENGTH * Int32Array.BYTES_PER_ELEMENT),
  );
  #worker: Worker | undefined;
  #requested = false;
  /** Estimates: bytes of the log that the database lacks, and of the log since it started over. */
  #outstandingBytes = 0;
  #logBytes = 0;
  #bytesSinceRequest = 0;

  constructor(database: Database.Database, path: string) {
    this.#database = database;
    this.#path = path;
  }

  /** Data that the next commit writes. */
  note(bytes: number): void {
    this.#outstandingBytes += bytes;
    this.#logBytes += bytes;
    this.#bytesSinceRequest += bytes;
  }

  committed(): void {
    this.note(metadataBytes);
    if (this.#outstandingBytes < worthwhileBytes) {
      return;
    }
    if (this.#requested && Atomics.load(this.#shared, Shared.STATE) === State.IDLE) {
      this.#takeResult();
    }
    if (this.#logBytes > longestBytes) {
      this.#startOver();
    } else if (!this.#requested && this.#outstandingBytes >= worthwhileBytes) {
      this.#request();
    }
  }

  close(): void {
    if (this.#worker === undefined) {
      return;
    }
    this.#awaitIdle();
    if (Atomics.load(this.#shared, Shared.STATE) === State.IDLE) {
      Atomics.store(this.#shared, Shared.STATE, State.CLOSING);
      Atomics.notify(this.#shared, Shared.STATE);
      Atomics.wait(this.#shared, Shared.STATE, State.CLOSING, closingMs);
    }
    this.#worker = undefined;
  }

  #request(): void {
    this.#worker ??= this.#start();
    this.#requested = true;
    this.#bytesSinceRequest = 0;
    Atomics.store(this.#shared, Shared.STATE, State.REQUESTED);
    Atomics.notify(this.#shared, Shared.STATE);
  }

  #takeResult(): void {
    this.#requested = false;
    const logPages = Atomics.load(this.#shared, Shared.LOG_PAGES);
    const writtenPages = Atomics.load(this.#shared, Shared.WRITTEN_PAGES);
    this.#account(logPages, writtenPages, this.#bytesSinceRequest);
  }

  #account(logPages: number, writtenPages: number, bytesSince: number): void {
    // SQLite starts the log over by itself at the first write after all of it has been moved.
    const isComplete = logPages === writtenPages && bytesSince === 0;
    this.#outstandingBytes = (logPages - writtenPages) * pageBytes + bytesSince;
    this.#logBytes = isComplete ? 0 : logPages * pageBytes + bytesSince;
  }

  /** Waits for the worker, moves the rest and makes the next commit begin the log anew. */
  #startOver(): void {
    this.#awaitIdle();
    this.#requested = Atomics.load(this.#shared, Shared.STATE) === State.CLOSED;
    const [result] = this.#database.pragma('wal_checkpoint(RESTART)') as [
      { busy: number; log: number; checkpointed: number },
    ];
    this.#account(result.log, result.checkpointed, 0);
  }

  #awaitIdle(): void {
    Atomics.wait(this.#shared, Shared.STATE, State.REQUESTED, closingMs);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./checkpoint-worker.ts', import.meta.url), {
      workerData: { path: this.#path, shared: this.#shared },
    });
    worker.unref();
    return worker;
  }
}
