import { Access, Arena, type MemoryRegion, type ProtectionDomain } from '../nic/index.ts';
import { DafsError } from './dafs-error.ts';

/** What a server may do with a registered buffer. */
export type BufferUse = 'read' | 'write' | 'both';

const ACCESS_FOR_USE: Readonly<Record<BufferUse, number>> = {
  // Named after the file operation: a file read is an RDMA write into the buffer.
  read: Access.LOCAL_WRITE | Access.REMOTE_WRITE,
  write: Access.REMOTE_READ,
  both: Access.LOCAL_WRITE | Access.REMOTE_WRITE | Access.REMOTE_READ,
};

/**
 * Memory that the server moves file data into and out of by itself. `memory` is plain memory to the
 * program; ranges of it are named to FileClient by their offset in it.
 */
export class RegisteredBuffer {
  readonly memory: Uint8Array;
  /** Address of the first byte, as the server is told it. */
  readonly address: number;
  readonly bytes: number;
  /** The handle that goes with the address (`memhandle` in the draft). */
  readonly handle: number;

  /** @internal */ readonly region: MemoryRegion;
  readonly #arena: Arena;
  #isClosed = false;

  private constructor(arena: Arena, region: MemoryRegion) {
    this.#arena = arena;
    this.region = region;
    this.memory = region.memory;
    this.address = region.address;
    this.bytes = region.bytes;
    this.handle = region.rkey;
  }

  /** Allocates `bytes` of shared memory and registers them in `domain`. */
  static allocate(domain: ProtectionDomain, bytes: number, use: BufferUse): RegisteredBuffer {
    const arena = Arena.create(bytes, use === 'write' ? 'read' : 'write');
    return new RegisteredBuffer(arena, domain.registerMemory(arena, 0, bytes, ACCESS_FOR_USE[use]));
  }

  /** From here on the server's handle is stale; `memory` must not be touched any more. */
  close(): void {
    if (!this.#isClosed) {
      this.#isClosed = true;
      this.region.deregister();
      this.#arena.close();
    }
  }
}

/** A part of the transfer arena, lent to one transfer. */
export interface TransferSlot {
  readonly index: number;
  /** Where the slot begins in the arena's buffer, in bytes. */
  readonly offset: number;
  /** Address of the slot's first byte, as the server is told it. */
  readonly address: number;
  readonly memory: Uint8Array;
}

/**
 * The session's own registered memory, for transfers from and to memory that is not registered:
 * `count` slots of `slotBytes` each. The slot given back last is lent first, its cache lines are warm.
 */
export class TransferArena {
  readonly buffer: RegisteredBuffer;
  readonly slotBytes: number;
  readonly #free: TransferSlot[];

  constructor(domain: ProtectionDomain, count: number, slotBytes: number) {
    this.buffer = RegisteredBuffer.allocate(domain, count * slotBytes, 'both');
    this.slotBytes = slotBytes;
    this.#free = Array.from({ length: count }, (_, index) => {
      const offset = index * slotBytes;
      return {
        index,
        offset,
        address: this.buffer.address + offset,
        memory: this.buffer.memory.subarray(offset, offset + slotBytes),
      };
    }).reverse();
  }

  get freeSlots(): number {
    return this.#free.length;
  }

  /** Lends a slot; undefined while all are lent. */
  acquire(): TransferSlot | undefined {
    return this.#free.pop();
  }

  release(slot: TransferSlot): void {
    this.#free.push(slot);
  }

  /** Lends a slot for as long as `use` runs. @throws DafsError ENOBUFS while all are lent */
  use<Result>(operation: string, use: (slot: TransferSlot) => Result): Result {
    const slot = this.acquire() ?? allLent(operation);
    try {
      return use(slot);
    } finally {
      this.release(slot);
    }
  }

  close(): void {
    this.buffer.close();
  }
}

/** @throws DafsError ENOBUFS: who waits for no transfer of its own can wait for none. */
export function allLent(operation: string): never {
  const reason = 'every slot of the transfer arena is in use by an unfinished transfer';
  throw DafsError.local(operation, 'INVALID_ARGUMENT', 'ENOBUFS', reason);
}
