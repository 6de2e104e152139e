import { fstatSync } from 'node:fs';
import { DOORBELL_BYTES, ring } from './doorbell.ts';
import { NicError } from './error.ts';
import { MappedMemory } from './mapped-memory.ts';

/** Plain and postMessage-able; `Waker.open` it in another thread of this process. */
export interface WakerToken {
  /** The context's doorbell, and its inode, by which a descriptor that was reused is recognised. */
  readonly fd: number;
  readonly inode: number;
  readonly counter: SharedArrayBuffer;
}

/** Wakes a context's sleeping `wait` from another thread of its process. */
export class Waker {
  readonly #bell: MappedMemory;
  readonly #counter: Int32Array;
  #closed = false;

  private constructor(token: WakerToken) {
    this.#bell = MappedMemory.ofDescriptor(token.fd, DOORBELL_BYTES, true);
    this.#counter = new Int32Array(token.counter);
  }

  /** @throws NicError CLOSED when the context is closed already. */
  static open(token: WakerToken): Waker {
    if (!refersToDoorbell(token)) throw new NicError('CLOSED', 'the context is closed');
    return new Waker(token);
  }

  /** Makes the context's wait return, now or when it is next called. */
  wake(): void {
    if (this.#closed) throw new NicError('CLOSED', 'the waker is closed');
    Atomics.add(this.#counter, 0, 1);
    ring(this.#bell);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#bell.unmap();
  }
}

function refersToDoorbell(token: WakerToken): boolean {
  try {
    return fstatSync(token.fd).ino === token.inode;
  } catch {
    return false;
  }
}
