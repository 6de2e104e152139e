/**
 * Requests that cannot be answered yet: waits for locks. A worker that met one goes on with others;
 * the answer is given later by whichever thread learns of the grant, or of the interruption.
 *
 * The table is shared by all threads of a mount. A place of it goes through these states, each step
 * being one compare-and-swap:
 *
 * ```
 * FREE -> FILLING -> OWNED <-> WAITING -> FREE     granted, or called off
 *                    OWNED -> GRANTED -> FREE      granted while a thread had it to itself
 * ```
 *
 * Whether a wait ends with a grant or an interruption is decided where the locks are kept, and a thread
 * that has a wait to itself is the only one that asks there. Before it lets go it does what has come up
 * meanwhile: asks again when the server has been away, and calls off what was interrupted.
 */

import { constants } from 'node:os';
import { writeFrom } from '../../../nic/system-calls-fuse.ts';
import { addressOf } from '../../../nic/system-calls-memory.ts';
import { ErrnoError, errnoOf } from '../../errno.ts';
import type { Fh, FileLocks, LockRequest, LockWait, Nodeid } from '../../file-system.ts';
import { OutHeader } from '../../kernel-abi/structures.ts';

const { EINTR, EIO } = constants.errno;

const State = { FREE: 0, FILLING: 1, OWNED: 2, WAITING: 3, GRANTED: 4 } as const;
const STATE_MASK = 7;

/**
 * A state and which request's it is, in one word: who takes a step does not take it for a later request
 * that has got the same place. Ids of requests are even.
 */
const stateOf = (unique: number, state: number): number =>
  (Math.floor(unique / 2) % 2 ** 28) * (STATE_MASK + 1) + state;

/** How many lock waits of a mount there may be at a time. */
const PLACES = 1024;

/** How many interruptions are remembered whose request no worker has entered yet. */
const REMEMBERED = 64;

/** The words of a place; those of 64 bits lie on multiples of 8 bytes. */
const Word = {
  /** Of {@link stateOf}. */
  STATE: 0,
  /** Where the answer is to be written to. */
  CHANNEL: 1,
  UNIQUE_LOW: 2,
  UNIQUE_HIGH: 3,
  /** How often the server had come back when it was asked last. */
  ASKED: 4,
  /** The lower half of the id of the request that was interrupted here last. */
  INTERRUPTED: 5,
  /** How often the server had come back when it was called off in vain. */
  CALLED_OFF: 6,
  TYPE: 7,
  PID: 8,
  IS_FLOCK: 9,
  MAY_WAIT: 10,
  /** 64 bits each, from here on. */
  NODEID: 12,
  FH: 14,
  OWNER: 16,
  START: 18,
  END: 20,
} as const;
const WORDS = 22;

/** No id of a request, which are even. */
const NOT_INTERRUPTED = 1;
const NEVER = -1;

const HIGH = 4294967296;

/** Behind the places: the interruptions that are remembered and their counter, and what follows. */
const REMEMBERED_AT = PLACES * WORDS;
const COUNTER = REMEMBERED_AT + REMEMBERED * 2;
/** Not 0 when nothing will be granted any more. */
const ABANDONED = COUNTER + 1;
/** How often the server has come back, and knew nothing of waits. */
const RETURNS = ABANDONED + 1;
/** Not 0 when the channels are about to be closed. */
const ENDED = RETURNS + 1;
/** How many threads are about to write an answer to a channel. */
const ANSWERING = ENDED + 1;

/** How often it is looked whether an answer has been written; that waits for nothing. */
const LOOK_AGAIN_MS = 0.1;

/** Memory for the table; hand it to every thread of the mount. */
export function createParkedMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(Math.ceil((ANSWERING + 1) / 2) * 8);
}

/** What a request has asked for. */
export interface LockDemand {
  readonly nodeid: Nodeid;
  readonly fh: Fh;
  readonly lock: LockRequest;
  readonly mayWait: boolean;
}

/** What a thread does for a wait that it has to itself. @returns the errno that ends it; 0: granted */
type Business = (wait: LockWait, locks: FileLocks) => number | undefined;

function errnoUnless(action: () => number | undefined): number | undefined {
  try {
    return action();
  } catch (error) {
    return errnoOf(error) ?? EIO;
  }
}

export class ParkedRequests {
  readonly #words: Int32Array;
  readonly #longs: BigUint64Array;
  readonly #reply = new Uint8Array(OutHeader.bytes);
  readonly #replyHeader = OutHeader.at(new DataView(this.#reply.buffer));
  readonly #replyAddress = addressOf(this.#reply);

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#longs = new BigUint64Array(memory);
  }

  /**
   * Enters a request that may have to wait, before anybody is asked whether it must. It is the thread's
   * own until it is left or parked.
   * @throws ErrnoError ENOLCK when too many wait already
   */
  enter(fd: number, unique: number, demand: LockDemand): LockWait {
    for (let place = 0; place < PLACES; place++) {
      if (!this.#exchange(place, State.FREE, State.FILLING)) continue;
      this.#set(place, Word.CHANNEL, fd);
      this.#set(place, Word.UNIQUE_LOW, unique | 0);
      this.#set(place, Word.UNIQUE_HIGH, Math.floor(unique / HIGH));
      this.#set(place, Word.ASKED, Atomics.load(this.#words, RETURNS));
      this.#set(place, Word.INTERRUPTED, NOT_INTERRUPTED);
      this.#set(place, Word.CALLED_OFF, NEVER);
      this.#setDemand(place, demand);
      this.#set(place, Word.STATE, stateOf(unique, State.OWNED));
      // Another worker may have read its INTERRUPT first. It looks here after it has written it
      // down, and we look at what it wrote down after we are here: one of us sees the other.
      if (this.#isRemembered(unique)) this.#set(place, Word.INTERRUPTED, unique | 0);
      return { place, unique };
    }
    throw new ErrnoError('ENOLCK', 'too many requests wait for locks');
  }

  /** The worker answers the request itself after all. */
  leave({ place }: LockWait): void {
    this.#set(place, Word.STATE, State.FREE);
  }

  /** The worker lets go of a request that waits: it is answered here, now or later. */
  park(wait: LockWait, locks: FileLocks): void {
    this.#letGo(wait, locks);
  }

  /** Answers a request that waits, from any thread; one that does not any more is left alone. */
  grant(unique: number): void {
    const wait = this.#find(unique);
    if (wait === undefined || this.#step(wait, State.OWNED, State.GRANTED)) return;
    if (this.#step(wait, State.WAITING, State.OWNED)) this.#end(wait, 0);
  }

  /** The kernel interrupts a request: a wait is called off, anything else is about to be answered. */
  interrupt(unique: number, locks: FileLocks): void {
    this.#remember(unique);
    const wait = this.#find(unique);
    if (wait === undefined) return;
    // Who has it to himself looks at this when he lets go of it.
    this.#set(wait.place, Word.INTERRUPTED, unique | 0);
    if (this.#step(wait, State.WAITING, State.OWNED)) this.#letGo(wait, locks);
  }

  /** The process of a request that waits; 0: it does not. */
  waiterOf(unique: number): number {
    const wait = this.#find(unique);
    return wait === undefined ? 0 : this.#get(wait.place, Word.PID);
  }

  /** The server has come back and knows nothing of waits: asks again, in the order in which they came. */
  askAgain(locks: FileLocks): void {
    Atomics.add(this.#words, RETURNS, 1);
    for (const wait of this.#waits()) {
      if (this.#step(wait, State.WAITING, State.OWNED)) this.#letGo(wait, locks);
    }
  }

  /** Nothing will be granted any more: answers all waits, and those that come later, with EIO. */
  abandon(): void {
    Atomics.store(this.#words, ABANDONED, 1);
    this.endWaits(() => EIO);
  }

  /** Ends waits without asking where the locks are kept. @param errnoFor undefined: he goes on waiting */
  endWaits(errnoFor: (waiterPid: number) => number | undefined): void {
    for (const wait of this.#waits()) {
      if (!this.#step(wait, State.WAITING, State.OWNED)) continue;
      const errno = errnoFor(this.#get(wait.place, Word.PID));
      if (errno !== undefined) this.#end(wait, errno);
      else if (!this.#step(wait, State.OWNED, State.WAITING)) this.#end(wait, 0);
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

  /** Does what has come up for a wait that this thread has to itself, and gives it back to all. */
  #letGo(wait: LockWait, locks: FileLocks): void {
    for (;;) {
      if (!this.#step(wait, State.OWNED, State.WAITING)) {
        this.#end(wait, 0);
        return;
      }
      // Who wants something of it says so first and looks then for its state; we do it the other way round.
      const business = this.#businessWith(wait);
      if (business === undefined || !this.#step(wait, State.WAITING, State.OWNED)) return;
      const errno = business(wait, locks);
      if (errno !== undefined) {
        this.#end(wait, errno);
        return;
      }
    }
  }

  /** What is to be done for a wait; what that returns is how the wait ends, undefined while it does not. */
  #businessWith({ place }: LockWait): Business | undefined {
    const returns = Atomics.load(this.#words, RETURNS);
    if (Atomics.load(this.#words, ABANDONED) !== 0) return () => EIO;
    if (this.#get(place, Word.ASKED) !== returns) return this.#askOnce;
    const isInterrupted = this.#get(place, Word.INTERRUPTED) === this.#get(place, Word.UNIQUE_LOW);
    return isInterrupted && this.#get(place, Word.CALLED_OFF) !== returns
      ? this.#callOff
      : undefined;
  }

  #askOnce: Business = (wait, locks) => {
    this.#set(wait.place, Word.ASKED, Atomics.load(this.#words, RETURNS));
    const { nodeid, fh, lock, mayWait } = this.#demandOf(wait.place);
    return errnoUnless(() => (locks.set(nodeid, fh, lock, wait, mayWait) ? 0 : undefined));
  };

  #callOff: Business = (wait, locks) => {
    this.#set(wait.place, Word.CALLED_OFF, Atomics.load(this.#words, RETURNS));
    // Too late: it was granted, and who learns of that answers. Or the server has been away, and is asked.
    return errnoUnless(() => (locks.cancel(wait) ? EINTR : undefined));
  };

  /** Frees a place that is this thread's, and answers. Nobody may be left to take it. */
  #end({ place, unique }: LockWait, errno: number): void {
    const fd = this.#get(place, Word.CHANNEL);
    this.#set(place, Word.STATE, State.FREE);
    this.#send(fd, unique, errno);
  }

  #setDemand(place: number, { nodeid, fh, lock, mayWait }: LockDemand): void {
    this.#set(place, Word.TYPE, lock.type);
    this.#set(place, Word.PID, lock.pid);
    this.#set(place, Word.IS_FLOCK, Number(lock.isFlock));
    this.#set(place, Word.MAY_WAIT, Number(mayWait));
    this.#setLong(place, Word.NODEID, BigInt(nodeid));
    this.#setLong(place, Word.FH, fh);
    this.#setLong(place, Word.OWNER, lock.owner);
    this.#setLong(place, Word.START, lock.start);
    this.#setLong(place, Word.END, lock.end);
  }

  #demandOf(place: number): LockDemand {
    return {
      nodeid: Number(this.#long(place, Word.NODEID)) as Nodeid,
      fh: this.#long(place, Word.FH) as Fh,
      mayWait: this.#get(place, Word.MAY_WAIT) !== 0,
      lock: {
        isFlock: this.#get(place, Word.IS_FLOCK) !== 0,
        type: this.#get(place, Word.TYPE),
        pid: this.#get(place, Word.PID),
        owner: this.#long(place, Word.OWNER),
        start: this.#long(place, Word.START),
        end: this.#long(place, Word.END),
      },
    };
  }

  /** All that wait, who has waited longest first. */
  #waits(): LockWait[] {
    const waits: LockWait[] = [];
    for (let place = 0; place < PLACES; place++) {
      const wait = this.#waitAt(place);
      if (this.#get(place, Word.STATE) === stateOf(wait.unique, State.WAITING)) waits.push(wait);
    }
    return waits.sort((one, other) => one.unique - other.unique);
  }

  #find(unique: number): LockWait | undefined {
    for (let place = 0; place < PLACES; place++) {
      const state = this.#get(place, Word.STATE);
      const isHeld = (state & STATE_MASK) >= State.OWNED;
      if (isHeld && this.#waitAt(place).unique === unique) return { place, unique };
    }
    return undefined;
  }

  #waitAt(place: number): LockWait {
    const low = this.#get(place, Word.UNIQUE_LOW) >>> 0;
    return { place, unique: this.#get(place, Word.UNIQUE_HIGH) * HIGH + low };
  }

  #get(place: number, word: number): number {
    return Atomics.load(this.#words, place * WORDS + word);
  }

  #set(place: number, word: number, value: number): void {
    Atomics.store(this.#words, place * WORDS + word, value);
  }

  #long(place: number, word: number): bigint {
    return Atomics.load(this.#longs, (place * WORDS + word) / 2);
  }

  #setLong(place: number, word: number, value: bigint): void {
    Atomics.store(this.#longs, (place * WORDS + word) / 2, value);
  }

  /** @returns whether the wait was in that state, and is in the other now */
  #step({ place, unique }: LockWait, from: number, to: number): boolean {
    return this.#exchange(place, stateOf(unique, from), stateOf(unique, to));
  }

  #exchange(place: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#words, place * WORDS + Word.STATE, from, to) === from;
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

  /** Sent by the channel that the request came in by. */
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
