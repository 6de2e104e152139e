/**
 * Writes that are synced one by one, as logs of databases are, while others sync other files: they are sent
 * to be stable at once, in one request, and the fsync behind each finds nothing left to do. Who is alone
 * gains nothing by that: for him the server begins the sync ahead, while the answer to his write travels.
 *
 * Which writes those are is told by the last ones: each was synced before the next. Whether an fsync has
 * nothing to do is told by counts of changes, which other workers may be at as well: those of the file, by
 * writing, and all others of the mount. Each change counts when it begins and when it ends, so that one
 * which a stable write may not have seen is not taken for one that it covers. And no other client may have
 * been known of since the write began: of what others change we know nothing.
 */

import type { Nodeid } from '../../file-system.ts';
import { opcodesOf } from '../../kernel-abi/operations.ts';
import { type CacheBoard, CacheMode } from './cache-board.ts';
import { releasePlace, takePlace } from './place-locks.ts';

/** So often in a row a file was synced after each write before that is expected again. */
const ENOUGH_ROUNDS = 8;

/** Files share places by their numbers; a file that comes to another's place begins anew. */
const PLACES = 256;

/** The words of a place: numbers beyond 32 bits among them. */
const Word = {
  FILE: 0,
  /** Beginnings and ends of writes, and changes of the file that has the place. */
  CHANGES: 1,
  /** At this count of them everything was stable, if nothing of the following has changed, either. */
  STABLE: 2,
  /** How many other changes had begun when the last expected write did; none was under way then. */
  OTHERS: 3,
  /** Since the last fsync. */
  WRITES: 4,
  /** How often in a row there was one write before an fsync, and others synced other files meanwhile. */
  ROUNDS: 5,
  /** How many syncs there had been at the last one. */
  SYNCS: 6,
  /** How often the mode had been set when the last expected write began. */
  MODES: 7,
} as const;
const WORDS = 8;

/** Locks of the places, and behind them counts: of other changes that have begun, and ended, and of all syncs. */
const BEGUN = PLACES;
const ENDED = PLACES + 1;
const SYNCS = PLACES + 2;
/** Whole words of 64 bits. */
const LOCK_BYTES = (PLACES + 4) * Int32Array.BYTES_PER_ELEMENT;

/** Another change was under way: no count of them. */
const UNDER_WAY = -1;

/** No number of a write. */
export const NOT_EXPECTED = 0;

/** What is counted by file, and what changes nothing but times of access: those wait for no disk. */
const uncounted = opcodesOf([
  'WRITE',
  'FSYNC',
  'READ',
  'GETATTR',
  'STATX',
  'LOOKUP',
  'FORGET',
  'BATCH_FORGET',
  'READLINK',
  'STATFS',
  'RELEASE',
  'FLUSH',
  'ACCESS',
  'OPENDIR',
  'READDIR',
  'READDIRPLUS',
  'RELEASEDIR',
  'FSYNCDIR',
  'GETXATTR',
  'LISTXATTR',
  'GETLK',
  'SETLK',
  'SETLKW',
  'INTERRUPT',
  'LSEEK',
]);

/** What one worker knows and tells of them. */
export class StableWrites {
  readonly #locks: Int32Array;
  readonly #words: Float64Array;
  readonly #board: Pick<CacheBoard, 'mode' | 'modes'>;

  constructor(memory: SharedArrayBuffer, board: Pick<CacheBoard, 'mode' | 'modes'>) {
    this.#locks = new Int32Array(memory, 0, LOCK_BYTES / Int32Array.BYTES_PER_ELEMENT);
    this.#words = new Float64Array(memory, LOCK_BYTES);
    this.#board = board;
  }

  /** Memory for all workers of a mount; hand it to each. */
  static createMemory(): SharedArrayBuffer {
    return new SharedArrayBuffer(LOCK_BYTES + PLACES * WORDS * Float64Array.BYTES_PER_ELEMENT);
  }

  /** A request was taken; the server has not been asked yet. */
  begin(opcode: number): void {
    if (!uncounted.has(opcode)) Atomics.add(this.#locks, BEGUN, 1);
  }

  /** The request was answered; perhaps who asked goes on already. */
  end(opcode: number): void {
    if (!uncounted.has(opcode)) Atomics.add(this.#locks, ENDED, 1);
  }

  /**
   * A write is about to be sent.
   * @returns NOT_EXPECTED: it is none of those; else the number by which to say that the
   *   write has become stable
   */
  beginWrite(nodeid: Nodeid): number {
    const at = this.#take(nodeid);
    const words = this.#words;
    const writes = ++(words[at + Word.WRITES] as number);
    if (writes > 1) words[at + Word.ROUNDS] = 0;
    const change = ++(words[at + Word.CHANGES] as number);
    const isFollowed = (words[at + Word.ROUNDS] as number) >= ENOUGH_ROUNDS;
    const isExpected = isFollowed && this.#isOnlyClient;
    if (isExpected) {
      words[at + Word.OTHERS] = this.#othersDone();
      words[at + Word.MODES] = this.#board.modes();
    }
    this.#release(nodeid);
    return isExpected ? change : NOT_EXPECTED;
  }

  /** A write was answered that is not known to be stable. */
  endWrite(nodeid: Nodeid): void {
    const at = this.#take(nodeid);
    ++(this.#words[at + Word.CHANGES] as number);
    this.#release(nodeid);
  }

  /** The write is stable, and all that was written to the file before. */
  becameStable(nodeid: Nodeid, change: number): void {
    const at = this.#take(nodeid);
    this.#words[at + Word.STABLE] = change;
    this.#release(nodeid);
  }

  /** An fsync is asked for. @returns whether everything is stable already */
  sync(nodeid: Nodeid): boolean {
    const at = this.#take(nodeid);
    const words = this.#words;
    const writes = words[at + Word.WRITES] as number;
    if (writes > 0) {
      const syncs = Atomics.add(this.#locks, SYNCS, 1) + 1;
      const hasCompany = syncs !== (words[at + Word.SYNCS] as number) + 1;
      const isRound = writes === 1 && hasCompany;
      words[at + Word.ROUNDS] = isRound ? (words[at + Word.ROUNDS] as number) + 1 : 0;
      words[at + Word.SYNCS] = syncs;
    }
    words[at + Word.WRITES] = 0;
    const isStable =
      words[at + Word.STABLE] === words[at + Word.CHANGES] &&
      words[at + Word.OTHERS] === Atomics.load(this.#locks, BEGUN) &&
      words[at + Word.MODES] === this.#board.modes();
    this.#release(nodeid);
    return isStable && this.#isOnlyClient;
  }

  /** How many other changes there have been, if none is under way. */
  #othersDone(): number {
    const ended = Atomics.load(this.#locks, ENDED);
    return Atomics.load(this.#locks, BEGUN) === ended ? ended : UNDER_WAY;
  }

  get #isOnlyClient(): boolean {
    return this.#board.mode() === CacheMode.ALONE;
  }

  /** Locks the place of a file, which begins there if it was another's. @returns where its words are */
  #take(nodeid: Nodeid): number {
    const place = nodeid % PLACES;
    takePlace(this.#locks, place);
    const at = place * WORDS;
    const words = this.#words;
    if (words[at + Word.FILE] !== nodeid) {
      words[at + Word.FILE] = nodeid;
      ++(words[at + Word.CHANGES] as number);
      words[at + Word.WRITES] = 0;
      words[at + Word.ROUNDS] = 0;
    }
    return at;
  }

  #release(nodeid: Nodeid): void {
    releasePlace(this.#locks, nodeid % PLACES);
  }
}
