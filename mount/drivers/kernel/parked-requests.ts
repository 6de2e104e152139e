/**
 * Requests that cannot be answered yet: waits for locks. A worker that met one goes on with others;
 * the answer is given later by whichever thread learns of the grant, or of the interruption.
 *
 * The table is shared by all threads of a mount. A place of it goes through these states, each step
 * being one compare-and-swap:
 *
 * ```
 * FREE -> FILLING -> DECIDING -> WAITING -> FREE        the usual way
 *                    DECIDING -> GRANTED -> FREE        granted before the worker let go of it
 *                    DECIDING -> INTERRUPTED -> FREE    interrupted before the worker let go of it
 * ```
 *
 * Whether a wait ends with a grant or an interruption is decided where the locks are kept: who is to
 * interrupt one calls it off there first, and leaves it alone when it is too late for that.
 */

import { constants } from 'node:os';
import { addressOf, writeFrom } from '../../../nic/system-calls-fuse.ts';
import { ErrnoError } from '../../errno.ts';
import type { LockWait } from '../../file-system.ts';
import { OutHeader } from '../../kernel-abi/structures.ts';

const { EINTR, EIO } = constants.errno;

const State = {
  FREE: 0,
  FILLING: 1,
  DECIDING: 2,
  WAITING: 3,
  GRANTED: 4,
  INTERRUPTED: 5,
} as const;

/** How many lock waits of a mount there may be at a time. */
const PLACES = 1024;

/** How many interruptions are remembered whose request no worker has entered yet. */
const REMEMBERED = 64;

/** The words of a place: state, channel, the two halves of the request's id, and who was asked. */
const WORDS = 5;
const CHANNEL = 1;
const UNIQUE_LOW = 2;
const UNIQUE_HIGH = 3;
const KEEPER = 4;

const HIGH = 4294967296;

/** Behind the places: the interruptions that are remembered and their counter, and what follows. */
const REMEMBERED_AT = PLACES * WORDS;
const COUNTER = REMEMBERED_AT + REMEMBERED * 2;
/** Not 0 when nothing will be granted any more. */
const ABANDONED = COUNTER + 1;
/** Not 0 when the channels are about to be closed. */
const ENDED = ABANDONED + 1;
/** How many threads are about to write an answer to a channel. */
const ANSWERING = ENDED + 1;

/** How often it is looked whether an answer has been written; that waits for nothing. */
const LOOK_AGAIN_MS = 0.1;

/** Memory for the table; hand it to every thread of the mount. */
export function createParkedMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer((ANSWERING + 1) * 4);
}

export class ParkedRequests {
  readonly #words: Int32Array;
  readonly #reply = new Uint8Array(OutHeader.bytes);
  readonly #replyHeader = OutHeader.at(new DataView(this.#reply.buffer));
  readonly #replyAddress = addressOf(this.#reply);

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /**
   * Enters a request that may have to wait, before anybody is asked whether it must.
   * @throws ErrnoError ENOLCK when too many wait already
   */
  enter(fd: number, unique: number): LockWait {
    for (let place = 0; place < PLACES; place++) {
      if (!this.#step(place, State.FREE, State.FILLING)) continue;
      const at = place * WORDS;
      Atomics.store(this.#words, at + CHANNEL, fd);
      Atomics.store(this.#words, at + UNIQUE_LOW, unique | 0);
      Atomics.store(this.#words, at + UNIQUE_HIGH, Math.floor(unique / HIGH));
      Atomics.store(this.#words, at, State.DECIDING);
      // Another worker may have read its INTERRUPT first. It looks here after it has written it
      // down, and we look at what it wrote down after we are here: one of us sees the other.
      if (this.#isRemembered(unique)) this.#step(place, State.DECIDING, State.INTERRUPTED);
      return { place, unique };
    }
    throw new ErrnoError('ENOLCK', 'too many requests wait for locks');
  }

  /** The worker answers the request itself after all. */
  leave({ place }: LockWait): void {
    Atomics.store(this.#words, place * WORDS, State.FREE);
  }

  /**
   * The worker lets go of the request: somebody else will answer it.
   * @param keeperPid who will grant it
   * @returns what has happened meanwhile, if anything: then the worker answers
   */
  park(
    { place, unique }: LockWait,
    keeperPid: number,
  ): 'parked' | 'granted' | 'interrupted' | 'abandoned' {
    Atomics.store(this.#words, place * WORDS + KEEPER, keeperPid);
    if (this.#step(place, State.DECIDING, State.WAITING)) {
      // Who abandons all waits looks through the table after it has said so, and we look whether it
      // has after we are in the table: one of us sees the other.
      const isAbandoned = Atomics.load(this.#words, ABANDONED) !== 0;
      return isAbandoned && this.#take(place, unique) !== undefined ? 'abandoned' : 'parked';
    }
    const state = Atomics.exchange(this.#words, place * WORDS, State.FREE);
    return state === State.GRANTED ? 'granted' : 'interrupted';
  }

  /** Answers a request that waits, from any thread; one that does not any more is left alone. */
  grant(unique: number): void {
    const place = this.#find(unique);
    if (place === undefined || this.#step(place, State.DECIDING, State.GRANTED)) return;
    this.#answer(place, unique, 0);
  }

  /**
   * The kernel interrupts a request. One that a worker is entering just now will be answered by it;
   * any other that does not wait is about to be answered anyway.
   * @returns the wait that is to be called off, if there is one: then `interrupt` answers it
   */
  waitToInterrupt(unique: number): LockWait | undefined {
    this.#remember(unique);
    const place = this.#find(unique);
    if (place === undefined || this.#step(place, State.DECIDING, State.INTERRUPTED)) {
      return undefined;
    }
    return { place, unique };
  }

  /** Answers a wait that has been called off. */
  interrupt({ place, unique }: LockWait): void {
    this.#answer(place, unique, EINTR);
  }

  /** Nothing will be granted any more: answers all waits, and those that come later, with EIO. */
  abandon(): void {
    Atomics.store(this.#words, ABANDONED, 1);
    this.#answerAll(EIO);
  }

  /**
   * Another process keeps the locks now, and knows only of the waits that it was told of: the others end.
   * Of EINTR without a signal the kernel would make errno 512.
   */
  keepOnly(keeperPid: number): void {
    this.#answerAll(EIO, (place) => {
      return Atomics.load(this.#words, place * WORDS + KEEPER) !== keeperPid;
    });
  }

  #answerAll(errno: number, isMeant: (place: number) => boolean = () => true): void {
    for (let place = 0; place < PLACES; place++) {
      if (Atomics.load(this.#words, place * WORDS) === State.WAITING && isMeant(place)) {
        this.#answer(place, this.#uniqueAt(place), errno);
      }
    }
  }

  /**
   * The channels are about to be closed, and their numbers may then be those of other files: when this
   * returns, nobody will write to them any more. The kernel takes back what waits.
   */
  end(): void {
    Atomics.store(this.#words, ENDED, 1);
    for (let left = 1; left > 0; ) {
      left = Atomics.load(this.#words, ANSWERING);
      if (left > 0) Atomics.wait(this.#words, ANSWERING, left, LOOK_AGAIN_MS);
    }
  }

  #find(unique: number): number | undefined {
    for (let place = 0; place < PLACES; place++) {
      if (this.#holds(place, unique)) return place;
    }
    return undefined;
  }

  #answer(place: number, unique: number, errno: number): void {
    const fd = this.#take(place, unique);
    if (fd !== undefined) this.#send(fd, unique, errno);
  }

  /** Takes a wait out of the table: the channel to answer it by, unless somebody else has. */
  #take(place: number, unique: number): number | undefined {
    if (!this.#holds(place, unique)) return undefined;
    const fd = Atomics.load(this.#words, place * WORDS + CHANNEL);
    return this.#step(place, State.WAITING, State.FREE) ? fd : undefined;
  }

  #uniqueAt(place: number): number {
    const at = place * WORDS;
    const low = Atomics.load(this.#words, at + UNIQUE_LOW) >>> 0;
    return Atomics.load(this.#words, at + UNIQUE_HIGH) * HIGH + low;
  }

  #step(place: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#words, place * WORDS, from, to) === from;
  }

  #holds(place: number, unique: number): boolean {
    const at = place * WORDS;
    return (
      Atomics.load(this.#words, at) >= State.DECIDING &&
      Atomics.load(this.#words, at + UNIQUE_LOW) === (unique | 0) &&
      Atomics.load(this.#words, at + UNIQUE_HIGH) === Math.floor(unique / HIGH)
    );
  }

  /** Ids are never used again, so what is forgotten late does no harm. */
  #remember(unique: number): void {
    const turn = Atomics.add(this.#words, COUNTER, 1) & (REMEMBERED - 1);
    const at = REMEMBERED_AT + turn * 2;
    Atomics.store(this.#words, at + 1, Math.floor(unique / HIGH));
    Atomics.store(this.#words, at, unique | 0);
  }

  #isRemembered(unique: number): boolean {
    for (let turn = 0; turn < REMEMBERED; turn++) {
      const at = REMEMBERED_AT + turn * 2;
      const isLow = Atomics.load(this.#words, at) === (unique | 0);
      if (isLow && Atomics.load(this.#words, at + 1) === Math.floor(unique / HIGH)) return true;
    }
    return false;
  }

  /** Sent by the channel that the request came in by. Nobody may be left to take it. */
  #send(fd: number, unique: number, errno: number): void {
    this.#replyHeader.len = OutHeader.bytes;
    this.#replyHeader.error = -errno;
    this.#replyHeader.unique = unique;
    // Who ends it says so first and looks then whether we are here; we do it the other way round.
    Atomics.add(this.#words, ANSWERING, 1);
    if (Atomics.load(this.#words, ENDED) === 0) {
      writeFrom(fd, this.#replyAddress, OutHeader.bytes);
    }
    Atomics.sub(this.#words, ANSWERING, 1);
  }
}
