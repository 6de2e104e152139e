import { defineLayout } from './binary-layout.ts';
import { MappedMemory } from './mapped-memory.ts';

const descriptorLayout = defineLayout('SendDescriptor', 32, {
  wrId: 'f64',
  opcode: 'i32',
  flags: 'i32',
  byteLength: 'i32',
  /** WcStatus, known already when the request was carried out (or failed) at once. */
  status: 'i32',
  vendorError: 'i32',
  /** Number of the message in the send ring, for requests that need the peer to take one. */
  message: 'i32',
});
const DESCRIPTOR_WORDS = descriptorLayout.bytes / 4;
const { wrId: WR_ID, opcode: OPCODE, flags: FLAGS, message: MESSAGE } = descriptorLayout.word;
const { byteLength: BYTE_LENGTH, status: STATUS } = descriptorLayout.word;
const { vendorError: VENDOR_ERROR } = descriptorLayout.word;

/**
 * Posted send requests whose completion is still due; its getters describe the oldest of them.
 */
export class SendQueue {
  readonly #capacity: number;
  readonly #mask: number;
  readonly #memory: MappedMemory;
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  #head = 0;
  #tail = 0;
  #at = 0;

  constructor(capacity: number) {
    const slots = 2 ** Math.ceil(Math.log2(capacity));
    this.#capacity = capacity;
    this.#mask = slots - 1;
    this.#memory = MappedMemory.private(slots * descriptorLayout.bytes);
    this.#words = this.#memory.words;
    this.#floats = this.#memory.floats;
  }

  get length(): number {
    return (this.#tail - this.#head) | 0;
  }

  get isFull(): boolean {
    return this.length >= this.#capacity;
  }

  get isHalfFull(): boolean {
    return this.length * 2 >= this.#capacity;
  }

  push(
    wrId: number,
    opcode: number,
    flags: number,
    byteLength: number,
    status: number,
    vendorError: number,
    message: number,
  ): void {
    const at = (this.#tail & this.#mask) * DESCRIPTOR_WORDS;
    this.#tail = (this.#tail + 1) | 0;
    this.#floats[(at + WR_ID) >> 1] = wrId;
    const words = this.#words;
    words[at + OPCODE] = opcode;
    words[at + FLAGS] = flags;
    words[at + BYTE_LENGTH] = byteLength;
    words[at + STATUS] = status;
    words[at + VENDOR_ERROR] = vendorError;
    words[at + MESSAGE] = message;
  }

  /** Removes the oldest. */
  shift(): void {
    this.#head = (this.#head + 1) | 0;
    this.#at = (this.#head & this.#mask) * DESCRIPTOR_WORDS;
  }

  get wrId(): number {
    return this.#floats[(this.#at + WR_ID) >> 1] as number;
  }

  get opcode(): number {
    return this.#words[this.#at + OPCODE] as number;
  }

  get flags(): number {
    return this.#words[this.#at + FLAGS] as number;
  }

  get byteLength(): number {
    return this.#words[this.#at + BYTE_LENGTH] as number;
  }

  get status(): number {
    return this.#words[this.#at + STATUS] as number;
  }

  get vendorError(): number {
    return this.#words[this.#at + VENDOR_ERROR] as number;
  }

  get message(): number {
    return this.#words[this.#at + MESSAGE] as number;
  }

  close(): void {
    this.#memory.unmap();
  }
}
