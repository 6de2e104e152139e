/**
 * What the processes of a test know of each other's files: in memory that all of them map, the
 * versions of each record that a write was begun and acknowledged for, and what the record was to be
 * in each.
 */
import { openSync, truncateSync, writeFileSync } from 'node:fs';
import { MappedMemory } from '../../../../nic/mapped-memory.ts';

export const FILES = 6;
export const RECORDS = 16;
/** Not a multiple of anything, so that records share blocks and begin within them. */
export const RECORD_BYTES = 36_900;
const RECORD_WORDS = RECORD_BYTES / 4;

/** A file is deleted and made anew under another name; so many of its lives are remembered. */
export const LIVES = 8;
/** Versions of a record whose kinds are remembered. */
const KINDS = 256;

/** What a record is: there, a part of the file that was never written, or beyond the file's end. */
export const Kind = { DATA: 1, ZEROS: 2, ABSENT: 3 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** What all processes together have done. */
export const Count = { WRITES: 0, READS_BY_ITSELF: 1, READS_BY_MESSAGE: 2, SCANS: 3 } as const;

const BEGUN = 0;
const ACKNOWLEDGED = 1;
const FIRST_KIND = 2;
const SLOT_WORDS = FIRST_KIND + KINDS;
const STOP = 0;
const FIRST_COUNT = 1;
const FIRST_PUBLISHED = FIRST_COUNT + 5;
const FIRST_LIFE = FIRST_PUBLISHED + 5;
const FIRST_SLOT = FIRST_LIFE + FILES;
const WORDS = FIRST_SLOT + FILES * LIVES * RECORDS * SLOT_WORDS;
const BYTES = Math.ceil(WORDS / 1024) * 4096;

export const nameOf = (file: number, life: number): Uint8Array =>
  new TextEncoder().encode(`file-${file}-${life}`);

/** Of two of them, not the data change but the attributes, and the name. */
export const ATTRIBUTES_FILE = 0;
export const MOVED_FILE = 1;

/** The name of the file that moves, by the version or its parity. */
export const movedName = (version: number): Uint8Array =>
  new TextEncoder().encode(`moved-${version % 2}`);

export class Versions {
  readonly #words: Int32Array;

  private constructor(path: string) {
    this.#words = MappedMemory.ofDescriptor(openSync(path, 'r+'), BYTES, true).words;
  }

  static create(path: string): Versions {
    writeFileSync(path, '');
    truncateSync(path, BYTES);
    return new Versions(path);
  }

  static open(path: string): Versions {
    return new Versions(path);
  }

  get mustStop(): boolean {
    return Atomics.load(this.#words, STOP) !== 0;
  }

  stop(): void {
    Atomics.store(this.#words, STOP, 1);
  }

  /** Tells the other processes two numbers. */
  publish([one, other]: readonly [number, number]): void {
    const floats = new Float64Array(this.#words.buffer, FIRST_PUBLISHED * 4, 2);
    floats.set([one, other]);
    Atomics.store(this.#words, FIRST_PUBLISHED + 4, 1);
  }

  /** The two numbers, as soon as they are told. */
  awaitPublished(): readonly [number, number] {
    while (Atomics.load(this.#words, FIRST_PUBLISHED + 4) === 0);
    const [one = 0, other = 0] = new Float64Array(this.#words.buffer, FIRST_PUBLISHED * 4, 2);
    return [one, other];
  }

  count(what: number): void {
    Atomics.add(this.#words, FIRST_COUNT + what, 1);
  }

  counted(what: number): number {
    return Atomics.load(this.#words, FIRST_COUNT + what);
  }

  /** Which life of a file is the present one; 0 before there is any. */
  lifeOf(file: number): number {
    return Atomics.load(this.#words, FIRST_LIFE + file);
  }

  /** Begins a new life, all of whose records are absent. */
  begin(file: number, life: number): void {
    for (let record = 0; record < RECORDS; record += 1) {
      const at = slotOf(file, life, record);
      this.#words.fill(0, at, at + SLOT_WORDS);
      this.#words[at + FIRST_KIND] = Kind.ABSENT;
    }
    Atomics.store(this.#words, FIRST_LIFE + file, life);
  }

  begun(file: number, life: number, record: number): number {
    return Atomics.load(this.#words, slotOf(file, life, record) + BEGUN);
  }

  acknowledged(file: number, life: number, record: number): number {
    return Atomics.load(this.#words, slotOf(file, life, record) + ACKNOWLEDGED);
  }

  kindOf(file: number, life: number, record: number, version: number): number {
    return this.#words[slotOf(file, life, record) + FIRST_KIND + (version % KINDS)] as number;
  }

  /** Announces that a record is about to become this; returns the version that it will be. */
  announce(file: number, life: number, record: number, kind: Kind): number {
    const at = slotOf(file, life, record);
    const version = (this.#words[at + BEGUN] as number) + 1;
    this.#words[at + FIRST_KIND + (version % KINDS)] = kind;
    Atomics.store(this.#words, at + BEGUN, version);
    return version;
  }

  acknowledge(file: number, life: number, record: number): void {
    const at = slotOf(file, life, record);
    Atomics.store(this.#words, at + ACKNOWLEDGED, this.#words[at + BEGUN] as number);
  }

  /** Why what was read of a record cannot be; undefined when it can. */
  problemOf(
    { file, life, record }: { file: number; life: number; record: number },
    data: Uint8Array,
    acknowledged: number,
  ): string | undefined {
    const begun = this.begun(file, life, record);
    const versions = `versions ${acknowledged} to ${begun}`;
    const hasBeen = (kind: Kind): boolean => {
      // The kinds of older ones are forgotten.
      if (begun - acknowledged >= KINDS - 1) return true;
      for (let version = acknowledged; version <= begun; version += 1) {
        if (this.kindOf(file, life, record, version) === kind) return true;
      }
      return false;
    };
    if (data.length === 0) {
      return hasBeen(Kind.ABSENT) ? undefined : `absent, which it was not in ${versions}`;
    }
    if (data.length !== RECORD_BYTES) return `torn: ${data.length} bytes`;
    const words = new Int32Array(data.buffer, data.byteOffset, RECORD_WORDS);
    const version = words[2] as number;
    for (let index = 3; index < RECORD_WORDS; index += 1) {
      if (words[index] !== version) {
        return `torn: version ${version}, from word ${index} on ${words[index]}`;
      }
    }
    if (version === 0) {
      if (words[0] !== 0 || words[1] !== 0) return 'torn: a head without a body';
      return hasBeen(Kind.ZEROS) ? undefined : `zeros, which it was not in ${versions}`;
    }
    if (words[0] !== file * RECORDS + record || words[1] !== life) {
      return `another record: ${words[0]} of life ${words[1]}`;
    }
    const isPossible = version >= acknowledged && version <= begun;
    return isPossible ? undefined : `version ${version}, of ${versions}`;
  }
}

/** Makes a record that tells whether it is whole, and which it is. */
export function fillRecord(
  into: Uint8Array,
  { file, life, record }: { file: number; life: number; record: number },
  version: number,
): void {
  const words = new Int32Array(into.buffer, into.byteOffset, RECORD_WORDS);
  words.fill(version);
  words[0] = file * RECORDS + record;
  words[1] = life;
}

function slotOf(file: number, life: number, record: number): number {
  return FIRST_SLOT + ((file * LIVES + (life % LIVES)) * RECORDS + record) * SLOT_WORDS;
}

/** Numbers from a seed (mulberry32): from 0 to below `limit`. */
export function randomFrom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
