import { Access, Arena, type MemoryRegion, type ProtectionDomain } from '../../nic/index.ts';
import type { BlockCacheOptions } from '../block-cache.ts';
import type { LocalMemory } from '../engine/memory.ts';
import { ExportedCache } from '../exported-cache/exported-cache.ts';
import type { Store } from '../store/index.ts';
import { UnstableFile, type UnstableFileOptions } from './unstable-file.ts';

/** Memory of the block cache, and what lets clients read it, if they may. */
export interface CacheMemory {
  readonly cacheMemory: LocalMemory;
  /** What the block cache has to know of it. */
  readonly options: BlockCacheOptions;
  /** The whole of what is exported. */
  readonly exportedRegion: MemoryRegion | undefined;
}

export interface CacheMemoryOptions extends Pick<UnstableFileOptions, 'directory' | 'verifier'> {
  readonly cacheBytes: number;
  readonly isExported: boolean;
  /** Told, in words for a person, what the memory is not. */
  readonly report: (message: string) => void;
}

/** What the data plane registers for as long as it works. Nobody can write to any of it. */
export class RegisteredMemory {
  readonly #domain: ProtectionDomain;
  readonly #arenas: Arena[] = [];
  #file: UnstableFile | undefined;

  constructor(domain: ProtectionDomain) {
    this.#domain = domain;
  }

  /**
   * Whose processes take the exported memory; undefined: everybody's. A file can be cut short by its
   * owner, which kills who reads it: only who could be killed by this server anyway takes it.
   */
  get exportedTo(): number | undefined {
    const uid = (process.geteuid as () => number)();
    return this.#file === undefined || uid === 0 ? undefined : uid;
  }

  /** Memory that no client sees. */
  private(bytes: number): LocalMemory {
    const arena = Arena.create(bytes, 'none');
    this.#arenas.push(arena);
    return this.#domain.registerMemory(arena, 0, bytes, Access.LOCAL_WRITE);
  }

  /**
   * Memory of the cache, which outlives the process if there is such memory; when it is exported,
   * clients see it that a window is bound for.
   */
  cache(store: Store, options: CacheMemoryOptions): CacheMemory {
    const { blockBytes } = store;
    const layout = ExportedCache.layoutFor(options.cacheBytes, blockBytes);
    const indexBytes = options.isExported ? layout.blocksOffset : 0;
    const sharing = options.isExported ? 'read' : 'none';
    const { slots } = layout;
    const file = this.#tryFile(store, { ...options, slots, indexBytes, sharing });
    const bytes = indexBytes + slots * blockBytes;
    const arena = file?.arena ?? this.#own(Arena.create(bytes, sharing));
    const access = options.isExported ? Access.LOCAL_WRITE | Access.MW_BIND : Access.LOCAL_WRITE;
    const region = this.#domain.registerMemory(arena, file?.offset ?? 0, bytes, access);
    return {
      cacheMemory: {
        memory: region.memory.subarray(indexBytes),
        address: region.address + indexBytes,
        lkey: region.lkey,
      },
      options: {
        exported: options.isExported ? new ExportedCache(layout, region.memory) : undefined,
        unstable: file?.record,
        reserve: file && ((slot) => file.reserve(slot)),
      },
      exportedRegion: options.isExported ? region : undefined,
    };
  }

  #own(arena: Arena): Arena {
    this.#arenas.push(arena);
    return arena;
  }

  #tryFile(store: Store, options: UnstableFileOptions): UnstableFile | undefined {
    try {
      this.#file = new UnstableFile(store, options);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      options.report(
        `data that are not synced will be lost if this server is killed: there is no memory that would outlive it (${reason})`,
      );
    }
    return this.#file;
  }

  /**
   * Gives it back, once the context that it was registered in is closed.
   * @param isStored Everything is in the database: nothing is left to a successor.
   */
  close(isStored: boolean): void {
    for (const arena of this.#arenas) {
      arena.close();
    }
    this.#file?.close(isStored);
  }
}
