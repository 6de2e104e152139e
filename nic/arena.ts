import { NicError, requireInteger } from './error.ts';
import { FileSegment } from './file-segment.ts';
import { MappedMemory, type Segment, SharedSegment } from './mapped-memory.ts';

/** What connected peers may map of an arena: nothing, read-only, or all of it writable. */
export type ArenaSharing = 'none' | 'read' | 'write';

/** An arena in a file. */
export interface FileArena {
  readonly arena: Arena;
  /** Puts memory aside for a part, which must not be touched before. @returns false: there is none */
  reserve(offset: number, bytes: number): boolean;
}

const MAXIMUM_ARENA_BYTES = 2 ** 40;

/**
 * Memory to register regions in. The grain of the hardware's protection is the whole arena: a peer
 * that is connected in a protection domain where one of its regions is registered for remote access
 * maps all of it, so put only what those peers may see (and, with 'write', change) into one arena.
 */
export class Arena {
  readonly remote: ArenaSharing;
  /** Address of the first byte in this process. */
  readonly address: number;
  readonly bytes: number;
  readonly memory: Uint8Array;
  readonly view: DataView;
  /** @internal */ readonly mapping: MappedMemory;
  /** @internal Regions registered in it now. */ regions = 0;
  /** @internal Called when it closes: the domains that announced it to peers. */
  readonly closing = new Set<(arena: Arena) => void>();
  readonly #segment: Segment | undefined;
  #closed = false;

  private constructor(bytes: number, remote: ArenaSharing, segment: Segment | undefined) {
    this.remote = remote;
    this.#segment = segment;
    this.mapping = segment?.memory ?? MappedMemory.private(bytes);
    this.address = this.mapping.address;
    this.bytes = this.mapping.bytes;
    const buffer = this.mapping.octets.buffer;
    this.memory = new Uint8Array(buffer);
    this.view = new DataView(buffer);
  }

  /**
   * Maps zeroed memory.
   * @param bytes rounded up to whole pages.
   * @throws NicError INVALID_ARGUMENT, or ENOMEM and the like when the system refuses.
   */
  static create(bytes: number, remote: ArenaSharing): Arena {
    requireInteger("an arena's size in bytes", bytes, 1, MAXIMUM_ARENA_BYTES);
    const segment = remote === 'none' ? undefined : new SharedSegment('dafs-arena', bytes, remote);
    return new Arena(bytes, remote, segment);
  }

  /**
   * Makes a file on tmpfs and maps it. Its memory outlives the process, until the file is removed.
   * @param bytes rounded up to whole pages.
   * @throws the system's error; NicError ENOTSUP where there is no tmpfs.
   */
  static inFile(path: string, bytes: number, remote: 'none' | 'read'): FileArena {
    requireInteger("an arena's size in bytes", bytes, 1, MAXIMUM_ARENA_BYTES);
    const segment = new FileSegment(path, bytes);
    return {
      arena: new Arena(bytes, remote, segment),
      reserve: (offset, length) => segment.reserve(offset, length),
    };
  }

  /** @internal What peers map it through; -1 for memory of this process alone. */
  get descriptor(): number {
    return this.#segment?.descriptor ?? -1;
  }

  /**
   * Gives the memory back; peers that mapped it are told to let go of it. Its views turn empty.
   * @throws NicError BUSY while regions are registered in it.
   */
  close(): void {
    if (this.#closed) return;
    if (this.regions > 0) {
      throw new NicError('BUSY', `the arena still has ${this.regions} registered regions`);
    }
    this.#closed = true;
    for (const told of this.closing) told(this);
    this.closing.clear();
    if (this.#segment === undefined) this.mapping.unmap();
    else this.#segment.close();
  }
}
