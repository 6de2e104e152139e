import { closeSync, existsSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

/** What a statement is given. */
export type Value = number | Uint8Array;

/** A statement that changes rows, and its values. */
export interface Intent {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** Length of the file; a batch that does not fit is committed to the database. */
const capacity = 1 << 20;

/** Before a batch: checksum of the rest, bytes after the header, epoch, number of the batch. */
const header = { CHECKSUM: 0, BYTES: 4, EPOCH: 8, SEQUENCE: 16, LENGTH: 24 } as const;

const tag = { NUMBER: 0, BYTES: 1 } as const;
const numberBytes = 1 + 8;
const lengthBytes = 1 + 4;
/** Length of the statement, number of values. */
const intentBytes = 2 + 1;

/**
 * Changes that were acknowledged before the database has committed them: a batch of statements is
 * written to a file with one system call, where a commit writes several pages. What the kernel has
 * taken survives the end of the process; a later commit takes many batches into the database.
 *
 * A batch can be made again only over what it was made over. So each has the epoch of the database,
 * which every commit changes, and its number: the file begins anew after each commit, and what is
 * left of earlier epochs is nothing to anybody.
 */
export class IntentLog {
  readonly #path: string;
  readonly #seed: number;
  readonly #file: number;
  readonly #buffer = Buffer.alloc(capacity);
  readonly #view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, capacity);
  #epoch: number;
  #sequence = 0;
  /** Where the open batch begins, and where its next intent goes. */
  #batch = 0;
  #end: number = header.LENGTH;
  #isWhole = true;
  /** Intents since the last commit to the database, those of the open batch included. */
  #count = 0;
  #firstMs = 0;

  /**
   * Makes the file, in place of one whose batches are in the database.
   * @throws the system's error.
   */
  constructor(databasePath: string, identity: Uint8Array, epoch: number) {
    this.#path = pathOf(databasePath);
    this.#seed = seedOf(identity);
    this.#epoch = epoch;
    this.#file = openSync(this.#path, 'w', 0o600);
  }

  get count(): number {
    return this.#count;
  }

  /** Which state of the database the batches are made over. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Number of the open batch in its epoch. */
  get sequence(): number {
    return this.#sequence;
  }

  /** No batch has been appended in this epoch. */
  get isEmpty(): boolean {
    return this.#batch === 0;
  }

  /** How long the oldest batch has been here, in milliseconds; 0: there is none. */
  get ageMs(): number {
    return this.isEmpty ? 0 : performance.now() - this.#firstMs;
  }

  /** Adds a change to the open batch. */
  record(sql: Uint8Array, values: readonly Value[]): void {
    if (this.#end + sizeOf(sql, values) > capacity) {
      this.#isWhole = false;
      return;
    }
    const view = this.#view;
    let at = this.#end;
    view.setUint16(at, sql.length, true);
    view.setUint8(at + 2, values.length);
    at += intentBytes;
    this.#buffer.set(sql, at);
    at += sql.length;
    for (const value of values) {
      if (typeof value === 'number') {
        view.setUint8(at, tag.NUMBER);
        view.setFloat64(at + 1, value, true);
        at += numberBytes;
      } else {
        view.setUint8(at, tag.BYTES);
        view.setUint32(at + 1, value.length, true);
        this.#buffer.set(value, at + lengthBytes);
        at += lengthBytes + value.length;
      }
    }
    this.#end = at;
    this.#count++;
  }

  /** The open batch lacks a change: only a commit to the database keeps it. */
  omit(): void {
    this.#isWhole = false;
  }

  /** Ends the open batch. @returns false when it is not safe here, and stays open. */
  append(): boolean {
    if (!this.#isWhole) {
      return false;
    }
    const bytes = this.#end - this.#batch;
    if (bytes === header.LENGTH) {
      return true;
    }
    const view = this.#view;
    view.setUint32(this.#batch + header.BYTES, bytes - header.LENGTH, true);
    view.setFloat64(this.#batch + header.EPOCH, this.#epoch, true);
    view.setFloat64(this.#batch + header.SEQUENCE, this.#sequence, true);
    const batch = this.#buffer.subarray(this.#batch + header.BYTES, this.#end);
    const checksum = crc32(batch, this.#seed);
    view.setUint32(this.#batch + header.CHECKSUM, checksum, true);
    if (!this.#write(bytes)) {
      return false;
    }
    if (this.isEmpty) {
      this.#firstMs = performance.now();
    }
    this.#sequence++;
    this.#begin(this.#end);
    return true;
  }

  /** Forgets the open batch. */
  drop(): void {
    this.#begin(this.#batch);
  }

  /** All changes are in the database, whose epoch is another one now. */
  restart(epoch: number): void {
    this.#epoch = epoch;
    this.#sequence = 0;
    this.#count = 0;
    this.#begin(0);
  }

  /** The intents of all batches of this epoch but the open one. */
  intents(): readonly Intent[] {
    return readIntents(this.#buffer.subarray(0, this.#batch), this.#seed, this.#epoch).intents;
  }

  /** @param isObsolete Everything is in the database: the file is removed. */
  close(isObsolete: boolean): void {
    closeSync(this.#file);
    if (isObsolete) {
      rmSync(this.#path, { force: true });
    }
  }

  /** A disk that takes no more, or fails, is the database's to report. */
  #write(bytes: number): boolean {
    try {
      return writeSync(this.#file, this.#buffer, this.#batch, bytes, this.#batch) === bytes;
    } catch {
      return false;
    }
  }

  #begin(batch: number): void {
    this.#batch = batch;
    this.#end = batch + header.LENGTH;
    this.#isWhole = this.#end <= capacity;
  }
}

/**
 * A number for a new epoch that no other has. Counting would come to the same one again after a power
 * cut took commits back, whose batches may be in the file still.
 */
export function newEpoch(): number {
  return Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
}

/** Whole batches of an epoch. */
export interface LeftIntents {
  readonly batches: number;
  readonly intents: readonly Intent[];
}

/** What a process left which did not close the database: nothing, when the database has it. */
export function leftIntents(
  databasePath: string,
  identity: Uint8Array,
  epoch: number,
): LeftIntents {
  const path = pathOf(databasePath);
  const file = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  return readIntents(file, seedOf(identity), epoch);
}

const pathOf = (databasePath: string): string => `${databasePath}-intents`;

/** What is whole and of this epoch, from the beginning on. */
function readIntents(file: Buffer, seed: number, epoch: number): LeftIntents {
  const intents: Intent[] = [];
  let at = 0;
  let sequence = 0;
  for (; at + header.LENGTH <= file.length; sequence++) {
    const end = at + header.LENGTH + file.readUInt32LE(at + header.BYTES);
    const isNext =
      end <= file.length &&
      file.readDoubleLE(at + header.EPOCH) === epoch &&
      file.readDoubleLE(at + header.SEQUENCE) === sequence &&
      file.readUInt32LE(at + header.CHECKSUM) ===
        crc32(file.subarray(at + header.BYTES, end), seed);
    if (!isNext) {
      break;
    }
    for (let from = at + header.LENGTH; from < end; ) {
      from = readIntent(file, from, intents);
    }
    at = end;
  }
  return { batches: sequence, intents };
}

/** @returns where the next one begins. */
function readIntent(file: Buffer, from: number, intents: Intent[]): number {
  const sqlEnd = from + intentBytes + file.readUInt16LE(from);
  const sql = file.toString('latin1', from + intentBytes, sqlEnd);
  const values: Value[] = [];
  let at = sqlEnd;
  for (let left = file.readUInt8(from + 2); left > 0; left--) {
    if (file.readUInt8(at) === tag.NUMBER) {
      values.push(file.readDoubleLE(at + 1));
      at += numberBytes;
    } else {
      const end = at + lengthBytes + file.readUInt32LE(at + 1);
      values.push(file.subarray(at + lengthBytes, end));
      at = end;
    }
  }
  intents.push({ sql, values });
  return at;
}

function sizeOf(sql: Uint8Array, values: readonly Value[]): number {
  let bytes = intentBytes + sql.length;
  for (const value of values) {
    bytes += typeof value === 'number' ? numberBytes : lengthBytes + value.length;
  }
  return bytes;
}

/**
 * What checksums begin with: a batch of another database, copied to this one's place, has another
 * checksum.
 */
const seedOf = (identity: Uint8Array): number => crc32(identity);
