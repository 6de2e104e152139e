import { type ExportedCacheLayout, OpenEntry, WAYS } from '../../client/protocol/exported-cache.ts';
import { storeRelease } from '../../nic/index.ts';
import type { FileId } from '../store/index.ts';

const SET_WORDS = WAYS * OpenEntry.words;
const { stateIdLow: LOW, stateIdHigh: HIGH, id: ID } = OpenEntry;

/**
 * The opens whose stateids give the right to read, in memory that clients see. It need not know all:
 * an open that it does not list is asked about by a message, after which it is listed again.
 *
 * Concurrency. One writer, this thread. An entry is valid by the low word of its stateid, which is
 * cleared first and stored last. A stateid is never given twice, nor to another file: who finds it
 * has found its open.
 */
export class ExportedOpens {
  readonly #layout: ExportedCacheLayout;
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  /** The way of each set that is taken next when all are. */
  readonly #nextWays: Uint8Array;

  /** @param memory of the export; zeros. */
  constructor(layout: ExportedCacheLayout, memory: Uint8Array) {
    this.#layout = layout;
    this.#words = new Int32Array(memory.buffer, memory.byteOffset, memory.byteLength >> 2);
    this.#floats = new Float64Array(memory.buffer, memory.byteOffset, memory.byteLength >> 3);
    this.#nextWays = new Uint8Array(layout.openSets);
  }

  /** The open may read its file from now on. */
  admit(stateId: bigint, fileId: FileId): void {
    const low = lowWordOf(stateId);
    const high = lowWordOf(stateId >> 32n);
    if (this.#find(low, high) < 0) {
      const at = this.#vacate(low);
      this.#floats[at / 2 + ID] = fileId;
      this.#words[at + HIGH] = high;
      storeRelease(this.#words, at + LOW, low);
    }
  }

  /** The open has lost the right to read, or is closed. */
  withdraw(stateId: bigint): void {
    const at = this.#find(lowWordOf(stateId), lowWordOf(stateId >> 32n));
    if (at >= 0) {
      Atomics.store(this.#words, at + LOW, 0);
    }
  }

  /** Index of the first word of the open's entry, or -1. */
  #find(low: number, high: number): number {
    const words = this.#words;
    const set = this.#layout.openSetWord(low);
    for (let at = set; at < set + SET_WORDS; at += OpenEntry.words) {
      if (words[at + LOW] === low && words[at + HIGH] === high) {
        return at;
      }
    }
    return -1;
  }

  /** An entry of the open's set that is nobody's, or was just taken from somebody. */
  #vacate(low: number): number {
    const set = this.#layout.openSetWord(low);
    for (let at = set; at < set + SET_WORDS; at += OpenEntry.words) {
      if (this.#words[at + LOW] === 0) {
        return at;
      }
    }
    const index = (set - this.#layout.opensWord) / SET_WORDS;
    const way = this.#nextWays[index] as number;
    this.#nextWays[index] = (way + 1) % WAYS;
    const at = set + way * OpenEntry.words;
    storeRelease(this.#words, at + LOW, 0);
    return at;
  }
}

const lowWordOf = (value: bigint): number => Number(BigInt.asIntN(32, value));
