import { Access, Arena, type MemoryRegion, type ProtectionDomain } from '../../nic/index.ts';
import type { LocalMemory } from '../engine/memory.ts';
import { ExportedCache } from '../exported-cache/exported-cache.ts';

/** Memory of the block cache, and what lets clients read it, if they may. */
export interface CacheMemory {
  readonly cacheMemory: LocalMemory;
  readonly exported: ExportedCache | undefined;
  /** The whole of what is exported. */
  readonly exportedRegion: MemoryRegion | undefined;
}

/** What the data plane registers for as long as it works. Nobody can write to any of it. */
export class RegisteredMemory {
  readonly #domain: ProtectionDomain;
  readonly #arenas: Arena[] = [];

  constructor(domain: ProtectionDomain) {
    this.#domain = domain;
  }

  /** Memory that no client sees. */
  private(bytes: number): LocalMemory {
    const arena = Arena.create(bytes, 'none');
    this.#arenas.push(arena);
    return this.#domain.registerMemory(arena, 0, bytes, Access.LOCAL_WRITE);
  }

  /** Memory of the cache; when it is exported, clients see it that a window is bound for. */
  cache(cacheBytes: number, blockBytes: number, isExported: boolean): CacheMemory {
    if (!isExported) {
      const cacheMemory = this.private(cacheBytes);
      return { cacheMemory, exported: undefined, exportedRegion: undefined };
    }
    const layout = ExportedCache.layoutFor(cacheBytes, blockBytes);
    const arena = Arena.create(layout.bytes, 'read');
    this.#arenas.push(arena);
    const access = Access.LOCAL_WRITE | Access.MW_BIND;
    const region = this.#domain.registerMemory(arena, 0, layout.bytes, access);
    const exported = new ExportedCache(layout, region.memory);
    const cacheMemory = {
      memory: exported.blocks,
      address: region.address + layout.blocksOffset,
      lkey: region.lkey,
    };
    return { cacheMemory, exported, exportedRegion: region };
  }

  /** Gives it back, once the context that it was registered in is closed. */
  close(): void {
    for (const arena of this.#arenas) {
      arena.close();
    }
  }
}
