import { DafsStatus } from '../../client/protocol/status.ts';
import type { DirectOpBuffer } from '../../client/protocol/types.ts';
import type { Direction, LocalMemory, RemoteMemory } from './memory.ts';
import { refuse } from './refusal.ts';

/** Where a piece of data lies that is all zeros and takes no memory: a hole of a sparse file. */
export const HOLE = -1;

/**
 * Moves bytes between the server's memory and the buffers that a request names, filling or draining
 * these in order. All of the buffers are checked before the first byte moves, so a request with a
 * bad one changes nothing. One object serves all requests of the data plane, one after the other.
 */
export class DirectTransfer {
  readonly #zeros: LocalMemory;
  readonly #maxBuffers: number;
  #remote: RemoteMemory | undefined;
  #buffers: readonly DirectOpBuffer[] = [];
  /** The buffer that is next, and how many of its bytes are used. */
  #index = 0;
  #used = 0;

  /**
   * @param zeros zeroed memory that holes are sent from; any length will do
   * @param maxBuffers how many buffers one request may name
   */
  constructor(zeros: LocalMemory, maxBuffers: number) {
    this.#zeros = zeros;
    this.#maxBuffers = maxBuffers;
  }

  /**
   * Prepares to move `length` bytes.
   *
   * @throws Refusal DAFSERR_INVAL when the buffers are too short for it, too many, or not registered
   * for this by the client.
   */
  begin(
    remote: RemoteMemory,
    buffers: readonly DirectOpBuffer[],
    length: number,
    direction: Direction,
  ): void {
    if (buffers.length > this.#maxBuffers) {
      refuse(DafsStatus.DAFSERR_INVAL);
    }
    let rest = length;
    for (const buffer of buffers) {
      const part = Math.min(rest, buffer.byteCount);
      if (part > 0 && !remote.admits(buffer, part, direction)) {
        refuse(DafsStatus.DAFSERR_INVAL);
      }
      rest -= part;
    }
    if (rest > 0) {
      refuse(DafsStatus.DAFSERR_INVAL);
    }
    this.#remote = remote;
    this.#buffers = buffers;
    this.#index = 0;
    this.#used = 0;
  }

  /** Writes the next bytes of the client's buffers from `local`, or zeros from a {@link HOLE}. */
  write(local: LocalMemory, offset: number, length: number): void {
    if (offset === HOLE) {
      this.#writeZeros(length);
    } else {
      this.#move('rdma-write', local, offset, length);
    }
  }

  /** Reads the next bytes of the client's buffers into `local`. */
  read(local: LocalMemory, offset: number, length: number): void {
    this.#move('rdma-read', local, offset, length);
  }

  #writeZeros(length: number): void {
    for (let rest = length; rest > 0; ) {
      const part = Math.min(rest, this.#zeros.memory.length);
      this.#move('rdma-write', this.#zeros, 0, part);
      rest -= part;
    }
  }

  #move(direction: Direction, local: LocalMemory, offset: number, length: number): void {
    for (let moved = 0; moved < length; ) {
      const buffer = this.#buffers[this.#index];
      if (buffer === undefined || this.#remote === undefined) {
        throw new RangeError('more bytes are moved than the transfer began with');
      }
      const part = Math.min(length - moved, buffer.byteCount - this.#used);
      const address = buffer.address + this.#used;
      if (part > 0 && direction === 'rdma-write') {
        this.#remote.write(local, offset + moved, part, buffer.handle, address);
      } else if (part > 0) {
        this.#remote.read(local, offset + moved, part, buffer.handle, address);
      }
      moved += part;
      this.#used += part;
      if (this.#used === buffer.byteCount) {
        this.#index += 1;
        this.#used = 0;
      }
    }
  }
}
