/**
 * How a thread sleeps until a peer has something for it.
 *
 * Concurrency. The sleeper makes its epoch odd, looks once more at everything it waits for, and only
 * then waits on its doorbell word, whose value it read before. A peer first publishes what it has and
 * then reads the epoch: if it is odd, it changes the doorbell word and wakes the sleeper. Both sides
 * store first and load second with sequential consistency, so that at least one of them sees the
 * other. Awake, the sleeper makes the epoch even and looks at everything again, so that one ring of
 * the bell per epoch is enough, however much is published.
 *
 * Peers map the epoch read-only. The bell they can write: scribbling on it wakes the sleeper for
 * nothing, or late by one slice of its wait, and no more.
 */
import { type MappedMemory, SharedSegment } from './mapped-memory.ts';
import { loadAcquire } from './memory-order.ts';
import { futexWait, futexWake } from './system-calls.ts';
import { PAGE_BYTES } from './system-calls-memory.ts';

export const DOORBELL_BYTES = PAGE_BYTES;
const WORD = 0;

/** The sleeper's side: one for each context. */
export class Doorbell {
  readonly epochSegment = new SharedSegment('dafs-epoch', DOORBELL_BYTES, 'read');
  readonly bellSegment = new SharedSegment('dafs-doorbell', DOORBELL_BYTES, 'write');
  readonly #epoch = this.epochSegment.memory.words;
  readonly #bell = this.bellSegment.memory.words;

  /** Announces that this thread is about to sleep; returns what to hand to `sleep`. */
  prepare(): number {
    const expected = Atomics.load(this.#bell, WORD);
    Atomics.add(this.#epoch, WORD, 1);
    return expected;
  }

  /** Sleeps until the bell rings, for `timeoutMs` at most. */
  sleep(expected: number, timeoutMs: number): void {
    futexWait(this.bellSegment.memory.address, expected, timeoutMs);
  }

  /** Takes the announcement back. */
  awake(): void {
    Atomics.add(this.#epoch, WORD, 1);
  }

  close(): void {
    this.epochSegment.close();
    this.bellSegment.close();
  }
}

/** Rings a mapped bell. */
export function ring(bell: MappedMemory): void {
  Atomics.add(bell.words, WORD, 1);
  futexWake(bell.address, 1);
}

/** The peer's side: one for each connection. */
export class PeerDoorbell {
  readonly #epoch: MappedMemory;
  readonly #bell: MappedMemory;
  #rungEpoch = 0;

  constructor(epoch: MappedMemory, bell: MappedMemory) {
    this.#epoch = epoch;
    this.#bell = bell;
  }

  /** Wakes the peer if it sleeps; to be called after an Atomics.store of what it waits for. */
  wake(): void {
    const epoch = loadAcquire(this.#epoch.words, WORD);
    if ((epoch & 1) === 0 || epoch === this.#rungEpoch) return;
    this.#rungEpoch = epoch;
    ring(this.#bell);
  }

  close(): void {
    this.#epoch.unmap();
    this.#bell.unmap();
  }
}
