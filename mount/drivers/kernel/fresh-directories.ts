/**
 * What names are not in directories that this mount has made: the kernel asks for each name before it has
 * a file made, and for those the server need not be asked. `tar x`, `git clone` and `npm install` make
 * thousands in directories that they have just made.
 *
 * While there are no other clients, all names of such a directory came through the workers of this mount.
 * Each is marked in the directory's filter before the server is asked for it, and its mark stays. So a name
 * without marks is not there; one with marks may be, or another has the same. It is the same as a negative
 * entry of the kernel's cache, and ends as those do: when another client comes (cache-board.ts).
 */

import type { Attributes, Caller, Nodeid } from '../../file-system.ts';
import { type CacheBoard, CacheMode } from './cache-board.ts';
import { releasePlace, takePlace } from './place-locks.ts';

/** Directories share places by their numbers; the last one made has the place. */
const PLACES = 256;

/** Of 10,000 names one in fourteen is then taken for one that may be there. */
const FILTER_BITS = 1 << 16;
const FILTER_BYTES = FILTER_BITS / 8;

/** The longest name that there is: what is wrong with a longer one the server says. */
const MOST_NAME_BYTES = 255;

const OWNER_MAY_SEARCH = 0o100;
const DOT = 0x2e;

/** The words of a place. */
const Word = {
  /** 0: nobody's. */
  DIRECTORY: 0,
  /** Who made it, and so may look for names. */
  OWNER: 1,
  /** How often the mode had been set before it was made. */
  MODES: 2,
} as const;
const WORDS = 3;

const LOCK_BYTES = PLACES * Int32Array.BYTES_PER_ELEMENT;
const WORD_BYTES = PLACES * WORDS * Float64Array.BYTES_PER_ELEMENT;

type Board = Pick<CacheBoard, 'mode' | 'modes'>;

/** What one worker knows and tells of them. */
export class FreshDirectories {
  readonly #locks: Int32Array;
  readonly #words: Float64Array;
  readonly #filters: Uint8Array;
  readonly #board: Board;

  constructor(memory: SharedArrayBuffer, board: Board) {
    this.#locks = new Int32Array(memory, 0, PLACES);
    this.#words = new Float64Array(memory, LOCK_BYTES, PLACES * WORDS);
    this.#filters = new Uint8Array(memory, LOCK_BYTES + WORD_BYTES);
    this.#board = board;
  }

  /** Memory for all workers of a mount; hand it to each. */
  static createMemory(): SharedArrayBuffer {
    return new SharedArrayBuffer(LOCK_BYTES + WORD_BYTES + PLACES * FILTER_BYTES);
  }

  /** A directory is about to be made. @returns what to hand to `made` */
  begin(): number {
    return this.#board.modes();
  }

  /** The directory was made, and its maker has not been told. @param begun what `begin` returned */
  made({ nodeid, uid, mode }: Attributes, caller: Caller, begun: number): void {
    const isSearchable = uid === caller.uid && (mode & OWNER_MAY_SEARCH) !== 0;
    if (!isSearchable || this.#board.mode() !== CacheMode.ALONE) return;
    const place = this.#take(nodeid);
    const at = place * WORDS;
    this.#words[at + Word.DIRECTORY] = nodeid;
    this.#words[at + Word.OWNER] = uid;
    this.#words[at + Word.MODES] = begun;
    this.#filters.fill(0, place * FILTER_BYTES, (place + 1) * FILTER_BYTES);
    this.#release(place);
  }

  /** The server is about to be asked to put a name into the directory. */
  adds(directory: Nodeid, name: Uint8Array): void {
    const place = this.#take(directory);
    if (this.#words[place * WORDS + Word.DIRECTORY] === directory) {
      const hash = hashOf(name);
      this.#mark(place, hash >>> 16);
      this.#mark(place, hash & 0xffff);
    }
    this.#release(place);
  }

  /** Other users may look for names in the directory, or its owner may not any more. */
  forget(directory: Nodeid): void {
    const place = this.#take(directory);
    if (this.#words[place * WORDS + Word.DIRECTORY] === directory) {
      this.#words[place * WORDS + Word.DIRECTORY] = 0;
    }
    this.#release(place);
  }

  /** Whether it is known that the directory has no such name, and that the caller may know. */
  lacks(directory: Nodeid, name: Uint8Array, { uid }: Caller): boolean {
    if (this.#board.mode() !== CacheMode.ALONE || !isOrdinary(name)) return false;
    const place = this.#take(directory);
    const at = place * WORDS;
    const isKnown =
      this.#words[at + Word.DIRECTORY] === directory &&
      this.#words[at + Word.OWNER] === uid &&
      this.#words[at + Word.MODES] === this.#board.modes();
    const isLacking = isKnown && !this.#isMarked(place, name);
    this.#release(place);
    return isLacking;
  }

  #isMarked(place: number, name: Uint8Array): boolean {
    const hash = hashOf(name);
    return this.#isSet(place, hash >>> 16) && this.#isSet(place, hash & 0xffff);
  }

  #mark(place: number, bit: number): void {
    const at = place * FILTER_BYTES + (bit >>> 3);
    this.#filters[at] = (this.#filters[at] as number) | (1 << (bit & 7));
  }

  #isSet(place: number, bit: number): boolean {
    const byte = this.#filters[place * FILTER_BYTES + (bit >>> 3)] as number;
    return (byte & (1 << (bit & 7))) !== 0;
  }

  /** Locks the place of a directory. */
  #take(directory: Nodeid): number {
    const place = directory % PLACES;
    takePlace(this.#locks, place);
    return place;
  }

  #release(place: number): void {
    releasePlace(this.#locks, place);
  }
}

/** Not `.` or `..`, and of a length that names have. */
function isOrdinary(name: Uint8Array): boolean {
  const isDots = name.length <= 2 && name.every((byte) => byte === DOT);
  return !isDots && name.length <= MOST_NAME_BYTES;
}

/** FNV-1a of the bytes, with the halves mixed once more: each is used by itself. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < bytes.length; index++) {
    hash = Math.imul(hash ^ (bytes[index] as number), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
