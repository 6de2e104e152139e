/**
 * Keeps READs of a file behind the WRITEs that the kernel sent before them, where it matters.
 *
 * A process that writes puts the data into the kernel's page first and sends the WRITE then; the page
 * is not locked meanwhile. When such a page is taken from the kernel, because another client has
 * changed some of it, whoever reads next makes it be read anew. If another worker's READ overtook the
 * WRITE, the page would come back without it, and stay so.
 *
 * The kernel hands requests out in their order. So a worker that has taken a READ waits until each of
 * the others has done with what it may have taken earlier: it says what it is at, and it says that it
 * is about to take something before it does. Only for files that others changed lately: so stable writes
 * (stable-writes.ts), which are made without other clients alone, are not waited for.
 */

import type { Nodeid } from '../../file-system.ts';
import { opcodeOf } from '../../kernel-abi/operations.ts';

const WRITE = opcodeOf('WRITE');

/** What a worker is at: nothing of concern; an odd number: about to take a request; else a WRITE. */
const IDLE = 0;

/** Files that others changed are remembered by some bits of their numbers; a power of two. */
const REMEMBERED_FILES = 1024;

/** No WRITE is under way for so long. */
const REMEMBERED_SECONDS = 60;

/** How often a word is looked at before sleeping on it, and for how long each time. */
const LOOKS = 200;
const SLEEP_MS = 0.05;

/** Names a WRITE of the file: even, and not IDLE. */
function writeOf(nodeid: Nodeid): number {
  return (((nodeid % 0x3fff_ffff) + 1) * 2) | 0;
}

export class WriteOrder {
  readonly #words: Int32Array;
  readonly #worker: number;
  readonly #workers: number;
  #turn = 0;

  /** @param worker the index of the worker whose thread this is; the listener has none */
  constructor(memory: SharedArrayBuffer, worker = -1) {
    this.#words = new Int32Array(memory);
    this.#worker = worker;
    this.#workers = this.#words.length - REMEMBERED_FILES;
  }

  /** Memory for the words of so many workers; hand it to every thread of the mount. */
  static createMemory(workers: number): SharedArrayBuffer {
    return new SharedArrayBuffer((workers + REMEMBERED_FILES) * 4);
  }

  /** This worker is about to ask for a request. */
  asks(): void {
    this.#turn = (this.#turn + 2) | 0;
    Atomics.store(this.#words, this.#worker, this.#turn | 1);
  }

  /** There was none. */
  gotNothing(): void {
    Atomics.store(this.#words, this.#worker, IDLE);
  }

  /** This worker has taken a request. It is done with it when it asks for the next one. */
  took(opcode: number, nodeid: Nodeid): void {
    Atomics.store(this.#words, this.#worker, opcode === WRITE ? writeOf(nodeid) : IDLE);
  }

  /** Others have changed a file: its pages are about to be taken from the kernel. */
  changed(nodeid: Nodeid): void {
    Atomics.store(this.#words, this.#placeOf(nodeid), nowSeconds());
  }

  /** Waits until earlier WRITEs of a file are done. To be called before a READ asks the server. */
  awaitWrites(nodeid: Nodeid): void {
    const changedSeconds = Atomics.load(this.#words, this.#placeOf(nodeid));
    if (changedSeconds === 0 || nowSeconds() - changedSeconds > REMEMBERED_SECONDS) return;
    for (let other = 0; other < this.#workers; other++) {
      if (other === this.#worker) continue;
      const isAt = Atomics.load(this.#words, other);
      // What it was about to take may have been a WRITE from before our READ.
      const took = (isAt & 1) !== 0 ? this.#awaitChange(other, isAt) : isAt;
      if (took === writeOf(nodeid)) this.#awaitChange(other, took);
    }
  }

  /** Waits until a worker is at something else, and returns at what. */
  #awaitChange(other: number, isAt: number): number {
    for (let looks = 0; ; looks++) {
      const nowAt = Atomics.load(this.#words, other);
      if (nowAt !== isAt) return nowAt;
      if (looks >= LOOKS) Atomics.wait(this.#words, other, isAt, SLEEP_MS);
    }
  }

  #placeOf(nodeid: Nodeid): number {
    return this.#workers + (nodeid % REMEMBERED_FILES);
  }
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
