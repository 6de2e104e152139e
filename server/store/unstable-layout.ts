import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes of a number in the file. */
export const floatBytes = 8;
const pageBytes = 4096;

/** Where a file is in the header, in bytes. */
export const HeaderBytes = {
  /** The mark, which is written last: without it the file is nothing. */
  MARK: 0,
  /** Of the running system: what was in its memory is gone with it. */
  BOOT: 8,
  /** Of the database. */
  IDENTITY: 24,
  /** What clients know that unstable data by (draft, section 6.5.8). */
  VERIFIER: 40,
  /** Path of the database, ended by a zero. */
  PATH: 512,
  LENGTH: pageBytes,
} as const;

/** Numbers in the header, by their index as floats. */
export const HeaderFloat = {
  SLOTS: 8,
  BLOCK_BYTES: 9,
  /** Offset of the first slot's block. */
  BLOCKS_OFFSET: 10,
  /** Epoch of the database (intent-log.ts), and the one that a commit under way gives it. */
  EPOCH: 16,
  NEXT_EPOCH: 17,
  /** The round that ends, and the batch of the intent log that would make it true. */
  ENDING: 18,
  SEQUENCE: 19,
  /** The last round that was acknowledged. */
  ACCEPTED: 20,
} as const;

/** What is told of a file, twice: the state of one round, and of an earlier one. */
export const FileFloat = {
  ID: 0,
  /** Where each of the two begins. */
  STATES: [1, 8],
  LENGTH: 16,
} as const;

/** One state of a file, by index from its start. */
export const StateFloat = {
  /** From which round on it holds; Infinity: never. */
  SINCE: 0,
  /** Bytes of the file; NaN: its row is right in everything. */
  SIZE: 1,
  MTIME_SECONDS: 2,
  MTIME_NSECONDS: 3,
  CTIME_SECONDS: 4,
  CTIME_NSECONDS: 5,
  CHANGE: 6,
} as const;

/** `HeaderBytes.MARK`, and with it the version of the layout. */
export const mark = Buffer.from('DAFSUNS1', 'latin1');

/**
 * Where the parts of a file are that describes unstable data (README.md tells what they mean): a
 * header, an array of numbers for each of the things that are told of a slot, and the files.
 */
export class UnstableLayout {
  readonly slots: number;
  /** How many files can be told of: one for each slot, and as many that are about to be none. */
  readonly files: number;
  /** By slot, as indexes of floats: the block's file and number in it. */
  readonly ids: number;
  readonly numbers: number;
  /** The round that the slot's block holds from, and the one that it holds until. */
  readonly since: number;
  readonly until: number;
  /** Of two slots with one block the one with the higher order holds. */
  readonly orders: number;
  /** Index of the first file's first float. */
  readonly fileStates: number;
  /** All of it, in bytes: whole pages. */
  readonly bytes: number;

  constructor(slots: number) {
    this.slots = slots;
    this.files = 2 * slots;
    this.ids = HeaderBytes.LENGTH / floatBytes;
    this.numbers = this.ids + slots;
    this.since = this.numbers + slots;
    this.until = this.since + slots;
    this.orders = this.until + slots;
    this.fileStates = this.orders + slots;
    const end = this.fileStates + this.files * FileFloat.LENGTH;
    this.bytes = Math.ceil((end * floatBytes) / pageBytes) * pageBytes;
  }
}

/** Where the file of a database's unstable data lies: memory that outlives processes. */
export const unstableDirectory = '/dev/shm';

const prefix = 'dafs-unstable-';

/** Path of the file for a database: another database at the same place has another one. */
export function unstablePath(
  databasePath: string,
  identity: Uint8Array,
  directory: string = unstableDirectory,
): string {
  const place = createHash('sha256').update(databasePath).digest('hex').slice(0, 16);
  return join(directory, `${prefix}${Buffer.from(identity).toString('hex')}-${place}`);
}

/** Which run of the system this is: 16 bytes. */
export function bootId(): Buffer {
  const text = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1');
  return Buffer.from(text.trim().replaceAll('-', ''), 'hex');
}

/** What the header says that does not change. */
export interface UnstableHeader {
  readonly store: {
    readonly path: string;
    readonly identity: Uint8Array;
    readonly blockBytes: number;
    readonly durability: { readonly epoch: number };
  };
  readonly slots: number;
  readonly blocksOffset: number;
  readonly verifier: bigint;
}

/** Makes the first page of a file that tells of nothing yet. @param memory zeros */
export function writeUnstableHeader(memory: Uint8Array, header: UnstableHeader): void {
  const { store, slots, blocksOffset, verifier } = header;
  const page = Buffer.from(memory.buffer, memory.byteOffset, HeaderBytes.LENGTH);
  const numbers: readonly (readonly [place: number, value: number])[] = [
    [HeaderFloat.SLOTS, slots],
    [HeaderFloat.BLOCK_BYTES, store.blockBytes],
    [HeaderFloat.BLOCKS_OFFSET, blocksOffset],
    [HeaderFloat.EPOCH, store.durability.epoch],
    [HeaderFloat.NEXT_EPOCH, Number.NaN],
  ];
  for (const [place, value] of numbers) {
    page.writeDoubleLE(value, place * floatBytes);
  }
  page.set(bootId(), HeaderBytes.BOOT);
  page.set(store.identity, HeaderBytes.IDENTITY);
  page.writeBigUInt64LE(verifier, HeaderBytes.VERIFIER);
  page.write(store.path, HeaderBytes.PATH, HeaderBytes.LENGTH - HeaderBytes.PATH - 1, 'utf8');
  page.set(mark, HeaderBytes.MARK);
}
