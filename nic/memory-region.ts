import type { Arena } from './arena.ts';
import type { ProtectionDomain } from './protection-domain.ts';

/** A registered piece of an arena: what the keys stand for. */
export class MemoryRegion {
  readonly address: number;
  readonly bytes: number;
  /** Names the region in this process's own work requests. */
  readonly lkey: number;
  /** Names it in the peers' requests, as far as `access` grants them. */
  readonly rkey: number;
  readonly access: number;
  readonly memory: Uint8Array;
  /** @internal */ readonly arena: Arena;
  readonly #domain: ProtectionDomain;
  #registered = true;

  /** @internal Made by ProtectionDomain.registerMemory. */
  constructor(
    domain: ProtectionDomain,
    arena: Arena,
    offset: number,
    bytes: number,
    access: number,
    key: number,
  ) {
    this.#domain = domain;
    this.arena = arena;
    this.address = arena.address + offset;
    this.bytes = bytes;
    this.access = access;
    this.lkey = key;
    this.rkey = key;
    this.memory = arena.memory.subarray(offset, offset + bytes);
  }

  /**
   * Makes the keys miss. When it returns, no request of a connected peer that was under way writes
   * into the region any more.
   */
  deregister(): void {
    if (!this.#registered) return;
    this.#registered = false;
    this.#domain.withdraw(this);
  }
}
