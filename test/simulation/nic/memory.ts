/** Memory of the simulated adapter: ordinary, with addresses that nothing else has. */

import { NicError } from '../../../nic/error.ts';
import { Access } from '../../../nic/translation-protection-table.ts';
import { network, type Process } from './network.ts';

const pageBytes = 4096;
let nextAddress = pageBytes;

export class Arena {
  readonly bytes: number;
  readonly address: number;
  readonly memory: Uint8Array<ArrayBuffer>;

  private constructor(bytes: number) {
    this.bytes = Math.ceil(bytes / pageBytes) * pageBytes;
    this.address = nextAddress;
    nextAddress += this.bytes + pageBytes;
    this.memory = new Uint8Array(this.bytes);
  }

  static create(bytes: number): Arena {
    return new Arena(bytes);
  }

  /** Memory that outlives the process: the machine keeps it by its path. */
  static inFile(path: string, bytes: number) {
    const arena = new Arena(bytes);
    network.machine.keepMemory(path, arena.memory);
    return { arena, reserve: () => true };
  }

  close(): void {}
}

export class MemoryRegion {
  readonly address: number;
  readonly bytes: number;
  readonly lkey: number;
  readonly rkey: number;
  readonly access: number;
  readonly memory: Uint8Array;
  readonly #domain: ProtectionDomain;

  constructor(
    domain: ProtectionDomain,
    arena: Arena,
    offset: number,
    bytes: number,
    access: number,
  ) {
    this.#domain = domain;
    this.address = arena.address + offset;
    this.bytes = bytes;
    this.access = access;
    this.lkey = domain.nextKey();
    this.rkey = this.lkey;
    this.memory = arena.memory.subarray(offset, offset + bytes);
  }

  deregister(): void {
    this.#domain.regions.delete(this.rkey);
  }
}

/** What regions, and who they belong to: queue pairs reach those of their own domain. */
export class ProtectionDomain {
  readonly process: Process;
  readonly regions = new Map<number, MemoryRegion>();
  readonly #makeQueuePair: (domain: ProtectionDomain, options: never) => unknown;
  #lastKey = 0;

  constructor(
    process: Process,
    makeQueuePair: (domain: ProtectionDomain, options: never) => unknown,
  ) {
    this.process = process;
    this.#makeQueuePair = makeQueuePair;
  }

  nextKey(): number {
    this.#lastKey += 1;
    return this.#lastKey;
  }

  registerMemory(arena: Arena, offset: number, bytes: number, access: number): MemoryRegion {
    const region = new MemoryRegion(this, arena, offset, bytes, access);
    this.regions.set(region.rkey, region);
    return region;
  }

  createQueuePair(options: never): unknown {
    return this.#makeQueuePair(this, options);
  }

  /** The bytes that a key opens, or undefined when it does not. */
  find(key: number, address: number, length: number, access: number): Uint8Array | undefined {
    const region = this.regions.get(key);
    if (region === undefined || (region.access & access) !== access) return undefined;
    const offset = address - region.address;
    const isInside = offset >= 0 && offset + length <= region.bytes;
    return isInside ? region.memory.subarray(offset, offset + length) : undefined;
  }

  /** The same for a piece of a work request of this process's own. @throws NicError */
  local(piece: { lkey: number; address: number; length: number }, access = 0): Uint8Array {
    const found = this.find(piece.lkey, piece.address, piece.length, access);
    if (found === undefined)
      throw new NicError('INVALID_ARGUMENT', 'memory that is not registered');
    return found;
  }
}

export { Access };
