import { ENTRY_OWNER, WAYS } from '../../client/protocol/exported-cache.ts';
import { fence } from '../../nic/index.ts';

/** Whose entry it is: nobody's. */
const NOBODY = 0;
const NONE = -1;

/** Where in an entry its sequence is, in words: in every kind of entry. */
const SEQUENCE = 0;

/** Where entries lie. */
export interface EntryPlaces {
  /** Index of the first word of the first set. */
  readonly firstWord: number;
  readonly sets: number;
  /** Words of an entry. */
  readonly words: number;
}

/**
 * Entries in memory that clients see, each in one of the places of a set; a set that is full gives its
 * places away in turns.
 *
 * Concurrency. One writer, this thread; any number of readers in other processes, which wait for
 * nothing. Each entry has a sequence: a reader takes it before it reads anything else of the entry, and
 * again afterwards; both the same and even, the entry was not changed in between.
 */
export class EntrySets {
  readonly words: Int32Array;
  readonly floats: Float64Array;
  readonly #places: EntryPlaces;
  readonly #setWords: number;
  /** The way of each set that is taken next when all are. */
  readonly #nextWays: Uint8Array;

  /** @param memory of the export; zeros. */
  constructor(memory: Uint8Array, places: EntryPlaces) {
    this.words = new Int32Array(memory.buffer, memory.byteOffset, memory.byteLength >> 2);
    this.floats = new Float64Array(memory.buffer, memory.byteOffset, memory.byteLength >> 3);
    this.#places = places;
    this.#setWords = places.words * WAYS;
    this.#nextWays = new Uint8Array(places.sets);
  }

  /** Index of the first word of the entry that `owner` has in a set, or -1. */
  find(setWord: number, owner: number): number {
    const { words } = this.#places;
    for (let word = setWord; word < setWord + this.#setWords; word += words) {
      if (this.floats[word / 2 + ENTRY_OWNER] === owner) {
        return word;
      }
    }
    return NONE;
  }

  /** An entry of the set that is nobody's, or was just taken from somebody. */
  vacate(setWord: number): number {
    const free = this.find(setWord, NOBODY);
    if (free !== NONE) {
      return free;
    }
    const { firstWord, words } = this.#places;
    const set = (setWord - firstWord) / this.#setWords;
    const way = this.#nextWays[set] as number;
    this.#nextWays[set] = (way + 1) % WAYS;
    const word = setWord + way * words;
    this.clear(word);
    return word;
  }

  /** Makes an entry nobody's. */
  clear(word: number): void {
    this.advance(word);
    this.floats[word / 2 + ENTRY_OWNER] = NOBODY;
    this.advance(word);
  }

  clearAll(): void {
    const { firstWord, sets, words } = this.#places;
    for (let word = firstWord; word < firstWord + sets * this.#setWords; word += words) {
      if (this.floats[word / 2 + ENTRY_OWNER] !== NOBODY) {
        this.clear(word);
      }
    }
  }

  /** Changes the entry's sequence; what is stored afterwards is seen only by who sees that, too. */
  advance(word: number): void {
    const at = word + SEQUENCE;
    Atomics.store(this.words, at, ((this.words[at] as number) + 1) | 0);
    fence();
  }
}
