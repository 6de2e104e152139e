import type { MemoryRegion } from './memory-region.ts';
import type { ProtectionDomain } from './protection-domain.ts';

/**
 * A region opened for reading to the peer of one queue pair and to nobody else: what verbs calls a
 * memory window of type 2. No other peer is sent the region's arena, so that none can map it. The
 * window ends with the connection.
 */
export class MemoryWindow {
  /** Names the region in the peer's requests. */
  readonly rkey: number;
  readonly address: number;
  readonly bytes: number;
  /** @internal */ readonly region: MemoryRegion;
  readonly #domain: ProtectionDomain;
  #allocated = true;

  /** @internal Made by QueuePair.bindWindow. */
  constructor(domain: ProtectionDomain, region: MemoryRegion, rkey: number) {
    this.#domain = domain;
    this.region = region;
    this.rkey = rkey;
    this.address = region.address;
    this.bytes = region.bytes;
  }

  /** @internal Makes the key miss. */
  deallocate(): void {
    if (!this.#allocated) return;
    this.#allocated = false;
    this.#domain.withdrawWindow(this);
  }
}
