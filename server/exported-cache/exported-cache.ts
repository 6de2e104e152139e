import { ExportedCacheLayout } from '../../client/protocol/exported-cache.ts';
import type { SlotMemory } from '../block-cache/slot-table.ts';
import type { Store } from '../store/index.ts';
import { ExportedAttributes } from './exported-attributes.ts';
import { ExportedFiles } from './exported-files.ts';
import { ExportedNames } from './exported-names.ts';
import { ExportedOpens } from './exported-opens.ts';

/**
 * A block cache in memory that clients may read by themselves (extension ORDMA): its blocks, the
 * table by which it finds them itself, and what a reader must know besides.
 */
export class ExportedCache {
  readonly layout: ExportedCacheLayout;
  readonly files: ExportedFiles;
  readonly opens: ExportedOpens;
  readonly attributes: ExportedAttributes;
  readonly names: ExportedNames;
  /** The slots' bytes. */
  readonly blocks: Uint8Array;
  readonly #memory: Uint8Array;

  /** @param memory `layout.bytes` of zeros, on a multiple of 8. */
  constructor(layout: ExportedCacheLayout, memory: Uint8Array) {
    this.layout = layout;
    this.#memory = memory;
    this.files = new ExportedFiles(layout, memory);
    this.opens = new ExportedOpens(layout, memory);
    this.attributes = new ExportedAttributes(layout, memory);
    this.names = new ExportedNames(layout, memory);
    this.blocks = memory.subarray(layout.blocksOffset, layout.bytes);
  }

  /** How it is made for a cache of at most so many bytes. */
  static layoutFor(cacheBytes: number, blockBytes: number): ExportedCacheLayout {
    return new ExportedCacheLayout(Math.floor(cacheBytes / blockBytes), blockBytes);
  }

  /** Keeps what it lists of attributes and names as the store has them. */
  mirror(store: Store): void {
    const { attributes, names } = this;
    store.changes.mirror = {
      attributesChanging: (id) => attributes.withdraw(id),
      attributesChanged: (inode) => attributes.admit(inode),
      nameChanging: (directory, name) => names.withdraw(directory, name),
      nameMade: (directory, name, id) => names.made(directory, name, id),
    };
    store.observe({
      committed: () => names.committed(),
      accepted: () => attributes.accepted(),
      rolledBack: () => names.rolledBack(),
    });
  }

  /** Where the cache keeps what its slots hold. */
  slotMemory(): SlotMemory {
    const { layout } = this;
    const { buffer, byteOffset } = this.#memory;
    const { slots, buckets, slotIdsFloat, slotNumbersFloat, slotNextWord, bucketsWord } = layout;
    const floats = (index: number) => new Float64Array(buffer, byteOffset + index * 8, slots);
    const words = (index: number, count: number) =>
      new Int32Array(buffer, byteOffset + index * 4, count);
    return {
      ids: floats(slotIdsFloat),
      numbers: floats(slotNumbersFloat),
      next: words(slotNextWord, slots),
      buckets: words(bucketsWord, buckets),
    };
  }
}
