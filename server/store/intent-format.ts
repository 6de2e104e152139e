import { crc32 } from 'node:zlib';
import { wholePages } from '../../nic/index.ts';
import { pages } from './intent-file.ts';

/** What a statement is given. */
export type Value = number | Uint8Array;

/** A statement that changes rows, and its values; or, without a statement, logged data (logged-data.ts). */
export interface Intent {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** Before a batch: checksum of the rest, bytes after the header, epoch, number of the batch. */
export const header = { CHECKSUM: 0, BYTES: 4, EPOCH: 8, SEQUENCE: 16, LENGTH: 24 } as const;

const tag = { NUMBER: 0, BYTES: 1 } as const;
const numberBytes = 1 + 8;
const lengthBytes = 1 + 4;
/** Length of the statement, number of values. */
const intentBytes = 2 + 1;

/** Bytes that an intent takes. */
export function sizeOf(sql: Uint8Array, values: readonly Value[]): number {
  let bytes = intentBytes + sql.length;
  for (const value of values) {
    bytes += typeof value === 'number' ? numberBytes : lengthBytes + value.length;
  }
  return bytes;
}

/** Intents one after the other, in memory of a fixed length. */
export class IntentBuffer {
  readonly bytes: Buffer;
  readonly #view: DataView;
  /** Where the next intent goes. */
  end: number;

  /** @param start where the first intent goes */
  constructor(capacity: number, start = 0) {
    this.bytes = pages(capacity);
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, capacity);
    this.end = start;
  }

  /** @returns false: there is no room for it. */
  add(sql: Uint8Array, values: readonly Value[]): boolean {
    if (this.end + sizeOf(sql, values) > this.bytes.length) {
      return false;
    }
    const view = this.#view;
    let at = this.end;
    view.setUint16(at, sql.length, true);
    view.setUint8(at + 2, values.length);
    at += intentBytes;
    this.bytes.set(sql, at);
    at += sql.length;
    for (const value of values) {
      if (typeof value === 'number') {
        view.setUint8(at, tag.NUMBER);
        view.setFloat64(at + 1, value, true);
        at += numberBytes;
      } else {
        view.setUint8(at, tag.BYTES);
        view.setUint32(at + 1, value.length, true);
        this.bytes.set(value, at + lengthBytes);
        at += lengthBytes + value.length;
      }
    }
    this.end = at;
    return true;
  }
}

/** What a batch's header says. */
interface BatchPlace {
  readonly seed: number;
  readonly epoch: number;
  readonly sequence: number;
}

/** Writes the header of a batch, whose first bytes are for it. */
export function sealBatch(batch: Buffer, { seed, epoch, sequence }: BatchPlace): void {
  batch.writeUInt32LE(batch.length - header.LENGTH, header.BYTES);
  batch.writeDoubleLE(epoch, header.EPOCH);
  batch.writeDoubleLE(sequence, header.SEQUENCE);
  batch.writeUInt32LE(crc32(batch.subarray(header.BYTES), seed), header.CHECKSUM);
}

/** Whole batches of an epoch. */
export interface LeftIntents {
  readonly batches: number;
  readonly intents: readonly Intent[];
}

/**
 * The batches of one epoch that are whole, from the beginning of a file on: each begins where the one
 * before has ended, or on the next page.
 */
export function readBatches(file: Buffer, seed: number, epoch: number): LeftIntents {
  const intents: Intent[] = [];
  let at = 0;
  let sequence = 0;
  for (; ; sequence++) {
    const place = { seed, epoch, sequence };
    const start = [at, wholePages(at)].find((start) => isBatch(file, start, place));
    if (start === undefined) {
      return { batches: sequence, intents };
    }
    at = endOfBatch(file, start);
    readIntents(file, start + header.LENGTH, at, intents);
  }
}

const endOfBatch = (file: Buffer, start: number): number =>
  start + header.LENGTH + file.readUInt32LE(start + header.BYTES);

/** Whether there is this batch, and whole. */
function isBatch(file: Buffer, start: number, { seed, epoch, sequence }: BatchPlace): boolean {
  if (start + header.LENGTH > file.length) {
    return false;
  }
  const end = endOfBatch(file, start);
  return (
    end <= file.length &&
    file.readDoubleLE(start + header.EPOCH) === epoch &&
    file.readDoubleLE(start + header.SEQUENCE) === sequence &&
    file.readUInt32LE(start + header.CHECKSUM) ===
      crc32(file.subarray(start + header.BYTES, end), seed)
  );
}

/** Adds the intents from `start` to before `end`. @throws RangeError when one does not end there */
export function readIntents(file: Buffer, start: number, end: number, intents: Intent[]): void {
  let at = start;
  while (at < end) {
    at = readIntent(file, at, intents);
  }
  if (at !== end) {
    throw new RangeError('an intent is longer than its batch');
  }
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

/**
 * What checksums begin with: a batch of another database, copied to this one's place, has another
 * checksum.
 */
export const seedOf = (identity: Uint8Array): number => crc32(identity);
