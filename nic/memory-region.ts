import type { Arena } from './arena.ts';
import { NicError } from './error.ts';
import type { ProtectionDomain } from './protection-domain.ts';

/** A registered piece of an arena: what the keys stand for. */
export class MemoryRegion {
  readonly address: number;
  readonly bytes: number;
  /** @internal Where it begins in its arena. */ readonly offset: number;
  /** Names the region in this process's own work requests. */
  readonly lkey: number;
  /** Names it in the peers' requests, as far as `access` grants them. */
  readonly rkey: number;
  readonly access: number;
  readonly memory: Uint8Array;
  /** @internal */ readonly arena: Arena;
  /** @internal Bound to it now. */ windows = 0;
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
    this.offset = offset;
    this.access = access;
    this.lkey = key;
    this.rkey = key;
    this.memory = arena.memory.subarray(offset, offset + bytes);
  }

  /**
   * Makes the keys miss. When it returns, no request of a connected peer that was under way writes
   * into the region any more.
   * @throws NicError BUSY while memory windows are bound to it.
   */
  deregister(): void {
    if (!this.#registered) return;
    if (this.windows > 0) {
      throw new NicError('BUSY', `the region still has ${this.windows} memory windows`);
    }
    this.#registered = false;
    this.#domain.withdraw(this);
  }
}
