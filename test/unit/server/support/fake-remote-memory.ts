import type { DirectOpBuffer } from '../../../../client/protocol/types.ts';
import type { Direction, LocalMemory, RemoteMemory } from '../../../../server/engine/memory.ts';

/** Memory that a client has registered; a handle is an index and the address an offset. */
export class FakeRemoteMemory implements RemoteMemory {
  readonly #regions: { memory: Uint8Array; access: Direction | 'both' }[] = [];
  transfers = 0;

  register(memory: Uint8Array, access: Direction | 'both' = 'both'): DirectOpBuffer {
    this.#regions.push({ memory, access });
    return { address: 0, byteCount: memory.length, handle: this.#regions.length - 1 };
  }

  admits(buffer: DirectOpBuffer, length: number, direction: Direction): boolean {
    const region = this.#regions[buffer.handle];
    return (
      region !== undefined &&
      (region.access === 'both' || region.access === direction) &&
      buffer.address + length <= region.memory.length
    );
  }

  write(local: LocalMemory, localOffset: number, length: number, handle: number, address: number) {
    const source = local.memory.subarray(localOffset, localOffset + length);
    this.#regions[handle]?.memory.set(source, address);
    this.transfers += 1;
  }

  read(local: LocalMemory, localOffset: number, length: number, handle: number, address: number) {
    const source = this.#regions[handle]?.memory.subarray(address, address + length);
    local.memory.set(source as Uint8Array, localOffset);
    this.transfers += 1;
  }
}
