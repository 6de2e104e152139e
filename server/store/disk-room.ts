import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type Database from 'better-sqlite3';

/** What the disk says is believed for so long. */
const measureMs = 100;
/** What data take in the log and in the database, against their own length: pages are not full. */
const overhead = 1.25;
/** Of the disk this much is left to what makes room: removing needs some of the log, too. */
const reserveShare = 1 / 64;
const largestReserveBytes = 16 * 1024 * 1024;
const smallestReserveBytes = 4 * 1024 * 1024;

/** What data need of the disk. */
export interface DiskNeed {
  /** So many bytes are written, and go through the log. */
  readonly bytes: number;
  /** So many of them have no place in the database yet. */
  readonly newBytes: number;
  /** So many of these were not promised one. */
  readonly unpromisedBytes: number;
}

/**
 * The room on the disk that the database lies on. Data go to the log first and from there to the
 * database, so they need room twice before the log starts over. What is promised to files
 * (allocation-table.ts) is nobody else's.
 */
export class DiskRoom {
  readonly #path: string;
  readonly #pageCounts: Database.Statement<[], [pages: number, freePages: number, bytes: number]>;
  readonly #promised: Database.Statement<[], number>;
  #measuredMs = Number.NEGATIVE_INFINITY;
  #reserveBytes = 0;
  /** What is left of the disk when the log has been moved, which makes the database longer. */
  #freeBytes = 0;
  #promisedBytes = 0;
  /** What was let in since the disk was asked. */
  #admittedBytes = 0;

  constructor(database: Database.Database, path: string) {
    this.#path = path;
    this.#pageCounts = database
      .prepare<[], [number, number, number]>(
        `SELECT page_count, freelist_count, page_size
         FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()`,
      )
      .raw();
    this.#promised = database
      .prepare<[], number>('SELECT total(reservedBytes) FROM inode WHERE allocatedBlocks > 0')
      .pluck();
  }

  /** Bytes of the database that hold something. */
  get usedBytes(): number {
    const [pages, freePages, bytes] = this.#pages();
    return (pages - freePages) * bytes;
  }

  /** Bytes that can still be written: on the disk, and in pages that the database does not need. */
  get freeBytes(): number {
    this.measure();
    const available = this.#freeBytes - this.#reserveBytes - this.#promisedBytes;
    return Math.max(0, available + this.#reusableBytes());
  }

  /** Only what makes room may take from what is left. */
  isScarce(): boolean {
    this.#remeasure();
    if (this.#freeBytes < this.#reserveBytes) {
      this.measure();
    }
    return this.#freeBytes < this.#reserveBytes;
  }

  /** So many bytes went to the disk. */
  spend(bytes: number): void {
    this.#freeBytes -= bytes;
  }

  /**
   * Lets data in that will be written, if there is ample room.
   * @param waitingBytes what is in memory only, these data included
   * @param bytes the data
   */
  admit(waitingBytes: number, bytes: number): boolean {
    this.#remeasure();
    if (!this.#isAmple(waitingBytes)) {
      this.measure();
      if (!this.#isAmple(waitingBytes)) {
        return false;
      }
    }
    this.#admittedBytes += 2 * overhead * bytes;
    return true;
  }

  /** Whether data fit when nothing else waits and the log is empty. */
  fits({ bytes, newBytes, unpromisedBytes }: DiskNeed): boolean {
    this.measure();
    const reusable = this.#reusableBytes();
    const logged = overhead * bytes;
    const grown = Math.max(0, overhead * newBytes - reusable);
    if (logged + grown + this.#reserveBytes / 2 > this.#freeBytes) {
      return false;
    }
    const needed = logged + overhead * unpromisedBytes + this.#promisedBytes + this.#reserveBytes;
    return unpromisedBytes === 0 || needed <= this.#freeBytes + reusable;
  }

  /** What was known is not to be believed any more: something did not fit. */
  doubt(): void {
    this.#measuredMs = Number.NEGATIVE_INFINITY;
  }

  /** Asks the disk now. */
  measure(): void {
    const { bavail, blocks, bsize } = statfsSync(dirname(this.#path));
    const [pages, , pageBytes] = this.#pages();
    const owedBytes = Math.max(0, pages * pageBytes - statSync(this.#path).size);
    const share = Math.floor(blocks * bsize * reserveShare);
    this.#reserveBytes = Math.min(largestReserveBytes, Math.max(smallestReserveBytes, share));
    this.#measuredMs = performance.now();
    this.#freeBytes = bavail * bsize - owedBytes;
    this.#promisedBytes = overhead * (this.#promised.get() as number);
    this.#admittedBytes = 0;
  }

  #isAmple(waitingBytes: number): boolean {
    const needed = 2 * overhead * waitingBytes + this.#admittedBytes + this.#promisedBytes;
    return needed + 2 * this.#reserveBytes <= this.#freeBytes;
  }

  #remeasure(): void {
    if (performance.now() - this.#measuredMs > measureMs) {
      this.measure();
    }
  }

  #reusableBytes(): number {
    const [, freePages, bytes] = this.#pages();
    return freePages * bytes;
  }

  #pages(): [pages: number, freePages: number, bytes: number] {
    return this.#pageCounts.get() as [number, number, number];
  }
}
