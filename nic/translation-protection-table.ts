/**
 * The translation and protection table: what a key means. One table per protection domain, written by
 * the domain's owner, mapped read-only by the peers that are connected in that domain.
 *
 * Concurrency: an entry is valid while its key word holds its key. The owner writes the key last and
 * clears it first, so that whoever finds the key before and after reading the rest has read one state.
 */
import { randomInt } from 'node:crypto';
import { defineLayout, readU53, writeU53 } from './binary-layout.ts';
import { NicError } from './error.ts';
import { type MappedMemory, SharedSegment } from './mapped-memory.ts';
import { loadAcquire } from './memory-order.ts';

/** A region's rights. Remote writes and atomics need LOCAL_WRITE too. */
export const Access = {
  LOCAL_WRITE: 1,
  REMOTE_WRITE: 2,
  REMOTE_READ: 4,
  REMOTE_ATOMIC: 8,
  /** Memory windows may be bound to it. */
  MW_BIND: 16,
} as const;
export const REMOTE_ACCESS = Access.REMOTE_WRITE | Access.REMOTE_READ | Access.REMOTE_ATOMIC;
export const REMOTE_CHANGE = Access.REMOTE_WRITE | Access.REMOTE_ATOMIC;

const INDEX_BITS = 12;
/** Regions that one context can have registered at a time. */
export const TABLE_ENTRIES = 1 << INDEX_BITS;
const INDEX_MASK = TABLE_ENTRIES - 1;
const GENERATIONS = 1 << (32 - INDEX_BITS);

const entryLayout = defineLayout('TranslationEntry', 64, {
  key: 'i32',
  access: 'i32',
  address: 'u53',
  bytes: 'u53',
  segmentOffset: 'u53',
  segment: 'i32',
  /** The owner's queue pair whose peer alone may use the key; 0: all of the domain's may. */
  queuePair: 'i32',
  padding: 24,
});
const ENTRY_WORDS = entryLayout.bytes / 4;
const { key: KEY, access: ACCESS, address: ADDRESS, bytes: BYTES } = entryLayout.word;
const { segmentOffset: SEGMENT_OFFSET, segment: SEGMENT } = entryLayout.word;
const QUEUE_PAIR = entryLayout.word.queuePair;

export const TABLE_BYTES = TABLE_ENTRIES * entryLayout.bytes;

/** Which entry of the table a key names. */
export function keyIndex(key: number): number {
  return key & INDEX_MASK;
}

/**
 * Hands out keys: index and generation. Indexes belong to the context as a whole, so that a key of
 * one domain is never valid in another; generations make a key of a former region miss.
 */
export class MemoryKeys {
  readonly #generations = new Uint32Array(TABLE_ENTRIES);
  readonly #free = Array.from({ length: TABLE_ENTRIES }, (_, index) => index);

  constructor() {
    // Random, so that keys of a process that died miss in the one that took its place.
    const first = randomInt(GENERATIONS);
    this.#generations.fill(first);
  }

  /** @throws NicError ENOMEM when all entries are taken. */
  allocate(): number {
    // The index that has rested longest, so that generations come round as late as can be.
    const index = this.#free.shift();
    if (index === undefined) {
      throw new NicError('ENOMEM', `${TABLE_ENTRIES} memory regions are registered already`);
    }
    const generation = ((this.#generations[index] ?? 0) + 1) % GENERATIONS || 1;
    this.#generations[index] = generation;
    return ((generation << INDEX_BITS) | index) >>> 0;
  }

  release(key: number): void {
    this.#free.push(keyIndex(key));
  }
}

/** Whether a table that may hold anything holds this key now. */
export function holdsKey(table: MappedMemory, key: number): boolean {
  return loadAcquire(table.words, keyIndex(key) * ENTRY_WORDS + KEY) === (key | 0);
}

/** The owner's side. */
export class TranslationProtectionTable {
  readonly segment = new SharedSegment('dafs-table', TABLE_BYTES, 'read');

  /** Makes the key valid. */
  publish(key: number, entry: Omit<TableEntry, 'read'>): void {
    const words = this.segment.memory.words;
    const at = keyIndex(key) * ENTRY_WORDS;
    words[at + ACCESS] = entry.access;
    writeU53(words, at + ADDRESS, entry.address);
    writeU53(words, at + BYTES, entry.bytes);
    writeU53(words, at + SEGMENT_OFFSET, entry.segmentOffset);
    words[at + SEGMENT] = entry.segment;
    words[at + QUEUE_PAIR] = entry.queuePair;
    Atomics.store(words, at + KEY, key | 0);
  }

  /** Makes the key miss. */
  withdraw(key: number): void {
    Atomics.store(this.segment.memory.words, keyIndex(key) * ENTRY_WORDS + KEY, 0);
  }

  close(): void {
    this.segment.close();
  }
}

/** The peer's side: one entry, read out of a table that may hold anything. */
export class TableEntry {
  access = 0;
  address = 0;
  bytes = 0;
  segment = 0;
  segmentOffset = 0;
  queuePair = 0;

  /** Reads the entry of a key; false when the key is not valid. */
  read(table: MappedMemory, key: number): boolean {
    const words = table.words;
    const at = keyIndex(key) * ENTRY_WORDS;
    if (key === 0 || loadAcquire(words, at + KEY) !== (key | 0)) return false;
    this.access = loadAcquire(words, at + ACCESS);
    this.address = readU53(words, at + ADDRESS);
    this.bytes = readU53(words, at + BYTES);
    this.segmentOffset = readU53(words, at + SEGMENT_OFFSET);
    this.segment = loadAcquire(words, at + SEGMENT);
    this.queuePair = loadAcquire(words, at + QUEUE_PAIR);
    if (loadAcquire(words, at + KEY) !== (key | 0)) return false;
    return this.address >= 0 && this.bytes >= 0 && this.segmentOffset >= 0;
  }
}
