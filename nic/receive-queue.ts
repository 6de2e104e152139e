import { defineLayout } from './binary-layout.ts';
import { DescriptorRing } from './descriptor-ring.ts';
import { NicError } from './error.ts';
import type { ScatterGatherEntry } from './work-request.ts';

const layout = defineLayout('ReceiveDescriptor', 32, {
  wrId: 'f64',
  address: 'f64',
  length: 'f64',
  lkey: 'i32',
  padding: 4,
});
const { wrId: WR_ID, address: ADDRESS, length: LENGTH, lkey: LKEY } = layout.word;

/** Posted receives; the getters describe the oldest. */
export class ReceiveQueue extends DescriptorRing {
  constructor(capacity: number) {
    super(layout, capacity);
  }

  /** @throws NicError QUEUE_FULL */
  push(wrId: number, sge: ScatterGatherEntry): void {
    if (this.isFull)
      throw new NicError('QUEUE_FULL', `${this.capacity} receives are posted already`);
    const at = this.claim();
    const { floats } = this;
    floats[(at + WR_ID) >> 1] = wrId;
    floats[(at + ADDRESS) >> 1] = sge.address;
    floats[(at + LENGTH) >> 1] = sge.length;
    this.words[at + LKEY] = sge.lkey;
  }

  get wrId(): number {
    return this.floats[(this.oldest + WR_ID) >> 1] as number;
  }

  get address(): number {
    return this.floats[(this.oldest + ADDRESS) >> 1] as number;
  }

  /** Bytes that the receive has room for. */
  get byteLength(): number {
    return this.floats[(this.oldest + LENGTH) >> 1] as number;
  }

  get lkey(): number {
    return (this.words[this.oldest + LKEY] as number) >>> 0;
  }
}
