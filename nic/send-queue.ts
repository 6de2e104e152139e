import { defineLayout } from './binary-layout.ts';
import { DescriptorRing } from './descriptor-ring.ts';

const layout = defineLayout('SendDescriptor', 32, {
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
const { wrId: WR_ID, opcode: OPCODE, flags: FLAGS, message: MESSAGE } = layout.word;
const { byteLength: BYTE_LENGTH, status: STATUS } = layout.word;
const { vendorError: VENDOR_ERROR } = layout.word;

/** Posted send requests whose completion is still due; the getters describe the oldest. */
export class SendQueue extends DescriptorRing {
  constructor(capacity: number) {
    super(layout, capacity);
  }

  get isHalfFull(): boolean {
    return this.length * 2 >= this.capacity;
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
    const at = this.claim();
    this.floats[(at + WR_ID) >> 1] = wrId;
    const { words } = this;
    words[at + OPCODE] = opcode;
    words[at + FLAGS] = flags;
    words[at + BYTE_LENGTH] = byteLength;
    words[at + STATUS] = status;
    words[at + VENDOR_ERROR] = vendorError;
    words[at + MESSAGE] = message;
  }

  get wrId(): number {
    return this.floats[(this.oldest + WR_ID) >> 1] as number;
  }

  get opcode(): number {
    return this.words[this.oldest + OPCODE] as number;
  }

  get flags(): number {
    return this.words[this.oldest + FLAGS] as number;
  }

  get byteLength(): number {
    return this.words[this.oldest + BYTE_LENGTH] as number;
  }

  get status(): number {
    return this.words[this.oldest + STATUS] as number;
  }

  get vendorError(): number {
    return this.words[this.oldest + VENDOR_ERROR] as number;
  }

  get message(): number {
    return this.words[this.oldest + MESSAGE] as number;
  }
}
