import type { Worker } from 'node:worker_threads';
import type Database from 'better-sqlite3';
import { startThread } from '../../nic/index.ts';
import { isBreakdown, isDiskFull } from './database-error.ts';
import type { DiskRoom } from './disk-room.ts';
import { pageBytes } from './schema.ts';
import type { TransactionObserver } from './transaction.ts';

const mebibyte = 1024 * 1024;
/** Bytes in the log from which on a checkpoint is worth its two syncs. */
const worthwhileBytes = 16 * mebibyte;
/**
 * Length from which on the log starts over as soon as little of it is left to move: writing pages
 * that the kernel has in memory costs a quarter of what it costs to make a file longer.
 */
const reusableBytes = 64 * mebibyte;
/** So little is moved by the store's own thread, in a few milliseconds. */
const littleBytes = mebibyte;
/** Length from which on what can wait should not make the log longer. */
const crowdedBytes = 128 * mebibyte;
/** Length at which the log has to start over, if that stops the writer or not. */
const longestBytes = 1024 * mebibyte;
/** What a commit writes besides data, in pages: more the more it changes, and many change the same. */
const fewestPages = 4;
const mostPages = 64;
/** Closing waits so long for a checkpoint that is under way, in milliseconds. */
const closingMs = 30_000;

/** Places in the memory shared with the worker. */
export const Shared = {
  STATE: 0,
  LOG_PAGES: 1,
  WRITTEN_PAGES: 2,
  /** Not 0: storage failed. */
  HAS_FAILED: 3,
  LENGTH: 4,
} as const;
/** Values of the place STATE. */
export const State = { IDLE: 0, REQUESTED: 1, CLOSING: 2, CLOSED: 3 } as const;

/**
 * Moves the write-ahead log's pages into the database while the store goes on. A thread with a
 * connection of its own does it and syncs both files, so that the store's thread does not wait for
 * the disk. SQLite starts the log over when all of it has been moved, which does not happen by itself
 * while somebody writes: so the worker goes on until little is left, and the store's thread moves
 * that. Only a log that grew much faster than the disk takes it stops the writer for longer.
 *
 * The store's thread asks after a commit and looks for the result after a later one, or when it has
 * nothing else to do: it may be a loop that never returns to its event loop.
 */
export class Checkpointer implements TransactionObserver {
  readonly #database: Database.Database;
  readonly #path: string;
  readonly #disk: DiskRoom;
  readonly #onFailure: (error: unknown) => void;
  readonly #shared = new Int32Array(
    new SharedArrayBuffer(Shared.LENGTH * Int32Array.BYTES_PER_ELEMENT),
  );
  #worker: Worker | undefined;
  #requested = false;
  /** Estimates: bytes of the log that the database lacks, and of the log since it started over. */
  #outstandingBytes = 0;
  #logBytes = 0;
  #bytesSinceRequest = 0;

  /** @param onFailure is told when storage fails: all is in the log still, but that may fail as well */
  constructor(
    database: Database.Database,
    path: string,
    disk: DiskRoom,
    onFailure: (error: unknown) => void,
  ) {
    this.#database = database;
    this.#path = path;
    this.#disk = disk;
    this.#onFailure = onFailure;
  }

  /** Data that the next commit writes. */
  note(bytes: number): void {
    this.#outstandingBytes += bytes;
    this.#logBytes += bytes;
    this.#bytesSinceRequest += bytes;
    this.#disk.spend(bytes);
  }

  stored(changes: number): void {
    this.note(Math.min(fewestPages + changes, mostPages) * pageBytes);
    if (this.#disk.isScarce()) {
      this.empty();
    } else if (this.#logBytes >= worthwhileBytes) {
      this.advance();
    }
  }

  /** The log is long: who can wait with what would make it longer calls advance() until it is not. */
  get isCrowded(): boolean {
    return this.#logBytes >= crowdedBytes;
  }

  /** The worker has not done yet what it was asked for last: until then there is nothing to do. */
  get isAtWork(): boolean {
    return this.#requested && Atomics.load(this.#shared, Shared.STATE) !== State.IDLE;
  }

  /** Does what is next for the log; not within a transaction. */
  advance(): void {
    if (this.#requested && !this.isAtWork) {
      this.#takeResult();
    }
    if (this.#logBytes >= longestBytes) {
      this.#startOver();
    } else if (!this.#requested && this.#logBytes >= reusableBytes) {
      this.#shorten();
    } else if (!this.#requested && this.#outstandingBytes >= worthwhileBytes) {
      this.#request();
    }
  }

  #shorten(): void {
    if (this.#outstandingBytes <= littleBytes) {
      this.#startOver();
    } else {
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
    if (Atomics.load(this.#shared, Shared.HAS_FAILED) !== 0) {
      // That was the last request.
      this.#onFailure(new Error('the log could not be moved into the database'));
      return;
    }
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

  /** Moves all of the log and gives the room back that it takes on the disk; not in a transaction. */
  empty(): void {
    this.#startOver('TRUNCATE');
  }

  /** Waits for the worker, moves the rest and makes the next commit begin the log anew. */
  #startOver(mode: 'RESTART' | 'TRUNCATE' = 'RESTART'): void {
    this.#awaitIdle();
    this.#requested = Atomics.load(this.#shared, Shared.STATE) === State.CLOSED;
    try {
      const [result] = this.#database.pragma(`wal_checkpoint(${mode})`) as [
        { busy: number; log: number; checkpointed: number },
      ];
      this.#account(result.log, result.checkpointed, 0);
    } catch (error) {
      // Nothing is lost: what the disk did not take stays in the log.
      if (isBreakdown(error)) {
        this.#onFailure(error);
      } else if (!isDiskFull(error)) {
        throw error;
      }
    }
  }

  #awaitIdle(): void {
    Atomics.wait(this.#shared, Shared.STATE, State.REQUESTED, closingMs);
  }

  #start(): Worker {
    const worker = startThread(new URL('./checkpoint-worker.ts', import.meta.url), {
      path: this.#path,
      shared: this.#shared,
    });
    worker.unref();
    return worker;
  }
}
