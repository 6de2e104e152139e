/**
 * Requests that cannot be answered yet: waits for locks. A worker that met one goes on with others;
 * the answer is given later by whichever thread learns of the grant, or of the interruption.
 *
 * The table is shared by all threads of a mount. A place of it goes through these states, and each
 * step is one compare-and-swap, so that of a grant and an interruption exactly one wins:
 *
 * ```
 * FREE -> FILLING -> DECIDING -> WAITING -> FREE        the usual way
 *                    DECIDING -> GRANTED -> FREE        granted before the worker let go of it
 *                    DECIDING -> INTERRUPTED -> FREE    interrupted before the worker let go of it
 * ```
 */

import { constants } from 'node:os';
import { addressOf, writeFrom } from '../../../nic/system-calls-fuse.ts';
import { ErrnoError } from '../../errno.ts';
import type { LockWait } from '../../file-system.ts';
import { OutHeader } from '../../kernel-abi/structures.ts';

const { EINTR } = constants.errno;

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

/** The words of a place: state, channel, and the two halves of the request's id. */
const WORDS = 4;
const CHANNEL = 1;
const UNIQUE_LOW = 2;
const UNIQUE_HIGH = 3;

const HIGH = 4294967296;

/** Memory for the table; hand it to every thread of the mount. */
export function createParkedMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer((PLACES * WORDS + REMEMBERED * 2 + 1) * 4);
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
   * @returns `'granted'` or `'interrupted'` when that has happened meanwhile: then the worker answers
   */
  park({ place }: LockWait): 'parked' | 'granted' | 'interrupted' {
    if (this.#step(place, State.DECIDING, State.WAITING)) return 'parked';
    const state = Atomics.exchange(this.#words, place * WORDS, State.FREE);
    return state === State.GRANTED ? 'granted' : 'interrupted';
  }

  /**
   * Answers a request that waits, from any thread.
   * @param errno 0 for a grant
   * @returns false when it was interrupted first: what was granted is to be given back
   */
  answer(token: LockWait, errno: number): boolean {
    const { place, unique } = token;
    if (!this.#holds(place, unique)) return false;
    if (errno === 0 && this.#step(place, State.DECIDING, State.GRANTED)) return true;
    const fd = Atomics.load(this.#words, place * WORDS + CHANNEL);
    if (!this.#step(place, State.WAITING, State.FREE)) return false;
    this.#send(fd, unique, errno);
    return true;
  }

  /**
   * The kernel interrupts a request. One that waits is answered with EINTR at once; one that a
   * worker is entering just now will be; any other is about to be answered anyway.
   * @returns the wait that is to be called off, if there was one
   */
  interrupt(unique: number): LockWait | undefined {
    this.#remember(unique);
    for (let place = 0; place < PLACES; place++) {
      if (!this.#holds(place, unique)) continue;
      if (this.#step(place, State.DECIDING, State.INTERRUPTED)) return undefined;
      const fd = Atomics.load(this.#words, place * WORDS + CHANNEL);
      if (!this.#step(place, State.WAITING, State.FREE)) return undefined;
      this.#send(fd, unique, EINTR);
      return { place, unique };
    }
    return undefined;
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
    const counter = PLACES * WORDS + REMEMBERED * 2;
    const turn = Atomics.add(this.#words, counter, 1) & (REMEMBERED - 1);
    const at = PLACES * WORDS + turn * 2;
    Atomics.store(this.#words, at + 1, Math.floor(unique / HIGH));
    Atomics.store(this.#words, at, unique | 0);
  }

  #isRemembered(unique: number): boolean {
    for (let turn = 0; turn < REMEMBERED; turn++) {
      const at = PLACES * WORDS + turn * 2;
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
    writeFrom(fd, this.#replyAddress, OutHeader.bytes);
  }
}
