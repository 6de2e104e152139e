import type { FileId } from '../store/index.ts';
import type { SlotTable } from './slot-table.ts';

/** A file with blocks in the cache: their slots. */
export interface CachedFile {
  readonly id: FileId;
  readonly slots: Set<number>;
  readonly dirty: Set<number>;
  /** Those of the dirty ones with something that the store's intent log lacks. */
  readonly unlogged: Set<number>;
}

/** The files that have blocks in the slots. */
export class FileSlots {
  readonly #table: SlotTable;
  readonly #files = new Map<FileId, CachedFile>();

  constructor(table: SlotTable) {
    this.#table = table;
  }

  find(id: FileId): CachedFile | undefined {
    return this.#files.get(id);
  }

  /** As they are now. */
  all(): readonly CachedFile[] {
    return [...this.#files.values()];
  }

  /** The file, which has blocks from now on if it had none. */
  of(id: FileId): CachedFile {
    let file = this.#files.get(id);
    if (file === undefined) {
      file = { id, slots: new Set(), dirty: new Set(), unlogged: new Set() };
      this.#files.set(id, file);
    }
    return file;
  }

  /** The slots of a file's blocks first to last. */
  within(id: FileId, first: number, last: number): number[] {
    return [...(this.#files.get(id)?.slots ?? [])].filter((slot) => {
      const number = this.#table.numberOf(slot);
      return number >= first && number <= last;
    });
  }

  /** The slot is the file's no more. */
  remove(id: FileId, slot: number): void {
    const file = this.of(id);
    file.slots.delete(slot);
    file.dirty.delete(slot);
    file.unlogged.delete(slot);
    if (file.slots.size === 0) {
      this.#files.delete(id);
    }
  }

  /** The first dirty block of a file from `number` on; Infinity: there is none. */
  nextDirty(id: FileId, number: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const slot of this.#files.get(id)?.dirty ?? []) {
      const dirty = this.#table.numberOf(slot);
      next = dirty >= number && dirty < next ? dirty : next;
    }
    return next;
  }
}
