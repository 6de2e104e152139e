import { NicError, requireInteger } from './error.ts';
import type { ProtectionDomain } from './protection-domain.ts';
import type { QueuePair } from './queue-pair.ts';
import { ReceiveQueue } from './receive-queue.ts';
import type { ScatterGatherEntry } from './work-request.ts';

/** @internal The most requests that any queue holds. */
export const MAXIMUM_WORK_REQUESTS = 1 << 16;

/** Receives that several queue pairs draw on. It outlives their errors: what is posted stays. */
export class SharedReceiveQueue {
  readonly maxWr: number;
  readonly protectionDomain: ProtectionDomain;
  /** @internal */ readonly queue: ReceiveQueue;
  /** @internal Queue pairs that draw on it. */
  readonly queuePairs = new Set<QueuePair>();
  #closed = false;

  /** @internal Made by ProtectionDomain.createSharedReceiveQueue. */
  constructor(protectionDomain: ProtectionDomain, maxWr: number) {
    requireInteger('maxWr', maxWr, 1, MAXIMUM_WORK_REQUESTS);
    this.protectionDomain = protectionDomain;
    this.maxWr = maxWr;
    this.queue = new ReceiveQueue(maxWr);
    protectionDomain.sharedReceiveQueues.add(this);
  }

  /** @throws NicError QUEUE_FULL when maxWr receives are posted. */
  postReceive(wrId: number, sge: ScatterGatherEntry): void {
    if (this.#closed) throw new NicError('CLOSED', 'the shared receive queue is closed');
    const wasEmpty = this.queue.isEmpty;
    this.queue.push(wrId, sge);
    if (!wasEmpty) return;
    for (const queuePair of this.queuePairs) queuePair.receivesArePosted();
  }

  /** @throws NicError BUSY while queue pairs draw on it. */
  close(): void {
    if (this.#closed) return;
    if (this.queuePairs.size > 0) {
      throw new NicError('BUSY', 'queue pairs still draw on the shared receive queue');
    }
    this.#closed = true;
    this.protectionDomain.sharedReceiveQueues.delete(this);
    this.queue.close();
  }
}
