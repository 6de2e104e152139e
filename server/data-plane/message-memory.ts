import { MessageBuffer } from '../../client/protocol/message-buffer.ts';
import { Access, Arena, type MemoryRegion, type ProtectionDomain } from '../../nic/index.ts';

/** Memory for the requests and responses of one connection, registered and cut into buffers. */
export class MessageMemory {
  readonly #arena: Arena;
  readonly #region: MemoryRegion;
  readonly #requestBytes: number;
  readonly #responseBytes: number;

  /** @param requestBytes and `responseBytes` are multiples of 8 */
  constructor(
    domain: ProtectionDomain,
    count: number,
    requestBytes: number,
    responseBytes: number,
  ) {
    const bytes = count * (requestBytes + responseBytes);
    this.#arena = Arena.create(bytes, 'none');
    this.#region = domain.registerMemory(this.#arena, 0, bytes, Access.LOCAL_WRITE);
    this.#requestBytes = requestBytes;
    this.#responseBytes = responseBytes;
  }

  get lkey(): number {
    return this.#region.lkey;
  }

  get requestBytes(): number {
    return this.#requestBytes;
  }

  requestAddress(index: number): number {
    return this.#region.address + this.#requestOffset(index);
  }

  responseAddress(index: number): number {
    return this.requestAddress(index) + this.#requestBytes;
  }

  request(index: number): MessageBuffer {
    return this.#buffer(this.#requestOffset(index), this.#requestBytes);
  }

  response(index: number): MessageBuffer {
    return this.#buffer(this.#requestOffset(index) + this.#requestBytes, this.#responseBytes);
  }

  close(): void {
    this.#region.deregister();
    this.#arena.close();
  }

  #requestOffset(index: number): number {
    return index * (this.#requestBytes + this.#responseBytes);
  }

  #buffer(offset: number, bytes: number): MessageBuffer {
    const memory = this.#arena.memory.subarray(offset, offset + bytes);
    return new MessageBuffer(memory, { littleEndian: true });
  }
}
