/**
 * The memory through which a queue pair talks to its peer: one page of state and the send ring. Its
 * owner writes it, the peer maps it read-only.
 *
 * Concurrency. One writer (the owner's thread), one reader (the peer's). A slot is published by its
 * sequence word, which is stored last and says which message the slot holds (message n, counted from
 * 0, has sequence n + 1): the reader polls the sequence of the slot it expects and needs no shared
 * tail. The owner reuses a slot only when the peer's `consumed` count (in the peer's own page) has
 * passed it. Counts are 32 bits and wrap; they are compared by difference.
 *
 * The reader trusts nothing that it reads here: lengths are held against the true slot size, and
 * control words are read once each.
 */
import { defineLayout } from './binary-layout.ts';
import { NicError } from './error.ts';
import { type MappedMemory, SharedSegment } from './mapped-memory.ts';
import { loadAcquire, storeRelease } from './memory-order.ts';
import { PAGE_BYTES, wholePages } from './system-calls-memory.ts';

// Each group of words has a cache line of its own, because each changes at its own pace.
const pageLayout = defineLayout('QueuePairPage', 256, {
  /** QueuePairState, or CLOSED. */
  state: 'i32',
  /** Why the owner refused the message number `refused`; a WcStatus, 0 while it has not. */
  refusal: 'i32',
  refused: 'i32',
  statePadding: 52,
  /** Messages of the peer's ring that the owner has taken. */
  consumed: 'i32',
  /** n + 1 while message n of the peer waits because no receive is posted. */
  notReady: 'i32',
  consumedPadding: 56,
  /** 1 while the owner reads or writes memory of the peer. */
  active: 'i32',
  activePadding: 60,
  reserved: 64,
});
const { state: STATE, refusal: REFUSAL, refused: REFUSED } = pageLayout.word;
const { consumed: CONSUMED, notReady: NOT_READY, active: ACTIVE } = pageLayout.word;

/** In the page's state word: the owner took leave in good order; what it sent before still counts. */
export const STATE_CLOSED = 7;

const slotLayout = defineLayout('SendSlot', 16, {
  sequence: 'i32',
  /** Opcode in the low byte, SendFlag in the next. */
  operation: 'i32',
  byteLength: 'i32',
  immediate: 'i32',
});
const { sequence: SEQUENCE, operation: OPERATION } = slotLayout.word;
const { byteLength: BYTE_LENGTH, immediate: IMMEDIATE } = slotLayout.word;
const SLOT_UNIT_BYTES = 64;

/** Bytes of a slot that can carry messages of up to `maxMessageBytes`. */
function slotBytesFor(maxMessageBytes: number): number {
  return Math.ceil((slotLayout.bytes + maxMessageBytes) / SLOT_UNIT_BYTES) * SLOT_UNIT_BYTES;
}

/** The owner's side. */
export class SendRing {
  readonly slots: number;
  readonly slotBytes: number;
  readonly segment: SharedSegment;
  readonly memory: MappedMemory;
  readonly #words: Int32Array;
  /** The next message's slot. */
  #at = PAGE_BYTES / 4;
  /** Messages published so far. */
  published = 0;

  constructor(minimumSlots: number, maxMessageBytes: number) {
    this.slots = 2 ** Math.ceil(Math.log2(minimumSlots));
    this.slotBytes = slotBytesFor(maxMessageBytes);
    const bytes = PAGE_BYTES + this.slots * this.slotBytes;
    this.segment = new SharedSegment('dafs-queue-pair', bytes, 'read');
    this.memory = this.segment.memory;
    this.#words = this.memory.words;
  }

  /** Where the payload of the next message goes, as an offset into the memory. */
  get payloadOffset(): number {
    return this.#at * 4 + slotLayout.bytes;
  }

  /** Publishes the next message, whose payload is in place, and returns its number. */
  publish(opcode: number, flags: number, byteLength: number, immediate: number): number {
    const words = this.#words;
    const at = this.#at;
    const number = this.published;
    words[at + OPERATION] = opcode | (flags << 8);
    words[at + BYTE_LENGTH] = byteLength;
    words[at + IMMEDIATE] = immediate;
    this.published = (number + 1) | 0;
    Atomics.store(words, at + SEQUENCE, this.published);
    this.#at = (PAGE_BYTES + (this.published & (this.slots - 1)) * this.slotBytes) / 4;
    return number;
  }

  setState(state: number): void {
    Atomics.store(this.#words, STATE, state);
  }

  /** Tells the peer why its message was not taken; to be followed by the error state. */
  refuse(number: number, status: number): void {
    this.#words[REFUSED] = number;
    Atomics.store(this.#words, REFUSAL, status);
  }

  /** @param isAwaited whether the peer may sleep until it sees this. */
  setConsumed(count: number, isAwaited: boolean): void {
    if (isAwaited) Atomics.store(this.#words, CONSUMED, count);
    else storeRelease(this.#words, CONSUMED, count);
  }

  /** Says that message `number` waits for a receive; -1 says that none does. */
  setNotReady(number: number): void {
    Atomics.store(this.#words, NOT_READY, (number + 1) | 0);
  }

  /** Says that the peer's table and memory are about to be read: it sees this before they are. */
  begin(): void {
    Atomics.store(this.#words, ACTIVE, 1);
  }

  /** Says that the peer's memory is left alone again. */
  end(): void {
    storeRelease(this.#words, ACTIVE, 0);
  }

  close(): void {
    this.segment.close();
  }
}

/** The peer's side: a ring that may hold anything. */
export class PeerRing {
  readonly #mapping: MappedMemory;
  readonly #words: Int32Array;
  readonly #slotMask: number;
  readonly #slotWords: number;
  readonly #payloadLimit: number;
  /** Messages taken so far. */
  taken = 0;
  #at = PAGE_BYTES / 4;
  // Of the message at hand, after `next`.
  opcode = 0;
  flags = 0;
  byteLength = 0;
  immediate = 0;

  /** @throws NicError EPROTO when the mapping is not as large as its geometry demands. */
  constructor(mapping: MappedMemory, slots: number, slotBytes: number) {
    if (mapping.bytes !== PeerRing.bytes(slots, slotBytes)) {
      throw new NicError('EPROTO', "a peer's ring is smaller than it says");
    }
    this.#mapping = mapping;
    this.#words = mapping.words;
    this.#slotMask = slots - 1;
    this.#slotWords = slotBytes / 4;
    this.#payloadLimit = slotBytes - slotLayout.bytes;
  }

  /** Bytes of the segment of a ring of this geometry. */
  static bytes(slots: number, slotBytes: number): number {
    return wholePages(PAGE_BYTES + slots * slotBytes);
  }

  /** Whether another message is there; it is then described by this object's fields. */
  next(): boolean {
    const words = this.#words;
    const at = this.#at;
    if (loadAcquire(words, at + SEQUENCE) !== ((this.taken + 1) | 0)) return false;
    const operation = loadAcquire(words, at + OPERATION);
    this.opcode = operation & 0xff;
    this.flags = (operation >>> 8) & 0xff;
    this.byteLength = loadAcquire(words, at + BYTE_LENGTH);
    this.immediate = loadAcquire(words, at + IMMEDIATE) >>> 0;
    return true;
  }

  /** Whether the message at hand fits its slot. */
  isByteLengthSound(): boolean {
    return this.byteLength >= 0 && this.byteLength <= this.#payloadLimit;
  }

  get memory(): MappedMemory {
    return this.#mapping;
  }

  /** Where the payload of the message at hand lies, as an offset into the memory. */
  get payloadOffset(): number {
    return this.#at * 4 + slotLayout.bytes;
  }

  /** Goes on to the next message. */
  take(): void {
    this.taken = (this.taken + 1) | 0;
    this.#at = PAGE_BYTES / 4 + (this.taken & this.#slotMask) * this.#slotWords;
  }

  get state(): number {
    return loadAcquire(this.#words, STATE);
  }

  /** The status with which the peer refused message `number`, 0 when it did not. */
  refusalOf(number: number): number {
    const status = loadAcquire(this.#words, REFUSAL);
    return status !== 0 && loadAcquire(this.#words, REFUSED) === number ? status : 0;
  }

  /** Messages of ours that the peer says it has taken. */
  get consumed(): number {
    return loadAcquire(this.#words, CONSUMED);
  }

  /** Whether the peer says that it has no receive for message `number` of ours. */
  isNotReadyFor(number: number): boolean {
    return loadAcquire(this.#words, NOT_READY) === ((number + 1) | 0);
  }

  get isActive(): boolean {
    return loadAcquire(this.#words, ACTIVE) !== 0;
  }

  close(): void {
    this.#mapping.unmap();
  }
}
