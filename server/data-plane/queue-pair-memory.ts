import { DafsStatus } from '../../client/protocol/status.ts';
import type { DirectOpBuffer } from '../../client/protocol/types.ts';
import { Access, NicError, Opcode, type QueuePair, type SendWorkRequest } from '../../nic/index.ts';
import type { Direction, LocalMemory, RemoteMemory } from '../engine/memory.ts';
import { refuse } from '../engine/refusal.ts';

const neededAccess: Readonly<Record<Direction, number>> = {
  'rdma-write': Access.REMOTE_WRITE,
  'rdma-read': Access.REMOTE_READ,
};

/**
 * The memory of the process at the other end of a queue pair. RDMA is done when it is posted, and is
 * not signalled: its success shows in that the queue pair lives on.
 */
export class QueuePairMemory implements RemoteMemory {
  readonly #queuePair: QueuePair;
  readonly #onFailure: (reason: string) => void;
  readonly #element = { lkey: 0, address: 0, length: 0 };
  readonly #request: SendWorkRequest & { remoteAddress: number; rkey: number };

  /** @param onFailure closes the connection, which cannot be used after a failure */
  constructor(queuePair: QueuePair, onFailure: (reason: string) => void) {
    this.#queuePair = queuePair;
    this.#onFailure = onFailure;
    this.#request = {
      wrId: 0,
      opcode: Opcode.RDMA_WRITE,
      flags: 0,
      sgList: [this.#element],
      remoteAddress: 0,
      rkey: 0,
    };
  }

  admits(buffer: DirectOpBuffer, length: number, direction: Direction): boolean {
    const { handle, address } = buffer;
    return this.#queuePair.checkRemote(handle, address, length, neededAccess[direction]);
  }

  write(
    local: LocalMemory,
    localOffset: number,
    length: number,
    handle: number,
    address: number,
  ): void {
    this.#request.opcode = Opcode.RDMA_WRITE;
    this.#post(local, localOffset, length, handle, address);
  }

  read(
    local: LocalMemory,
    localOffset: number,
    length: number,
    handle: number,
    address: number,
  ): void {
    this.#request.opcode = Opcode.RDMA_READ;
    this.#post(local, localOffset, length, handle, address);
  }

  #post(
    local: LocalMemory,
    localOffset: number,
    length: number,
    handle: number,
    address: number,
  ): void {
    this.#element.lkey = local.lkey;
    this.#element.address = local.address + localOffset;
    this.#element.length = length;
    this.#request.rkey = handle;
    this.#request.remoteAddress = address;
    try {
      this.#queuePair.postSend(this.#request);
    } catch (error) {
      if (!(error instanceof NicError)) {
        throw error;
      }
      this.#fail(error.message);
    }
    if (this.#queuePair.hasFailed) {
      // The peer took its memory back after it was checked: what was read is not its data.
      this.#fail('the memory of the client is gone');
    }
  }

  #fail(reason: string): never {
    this.#onFailure(reason);
    refuse(DafsStatus.DAFSERR_IO);
  }
}
