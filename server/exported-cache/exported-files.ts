import { type ExportedCacheLayout, FileEntry } from '../../client/protocol/exported-cache.ts';
import type { FileId, Inode } from '../store/index.ts';
import { EntrySets } from './entry-sets.ts';

const NONE = -1;

/**
 * The files whose cached blocks clients may read by themselves, in memory that they see. Whoever changes
 * the size or the data of a file withdraws it first, and whoever takes a slot away from a file disturbs
 * it after the slot's block cannot be found any more and before the slot gets other content: so what
 * was read while the entry's sequence stayed the same is one state of the file.
 */
export class ExportedFiles {
  readonly #layout: ExportedCacheLayout;
  readonly #entries: EntrySets;

  /** @param memory of the export; zeros. */
  constructor(layout: ExportedCacheLayout, memory: Uint8Array) {
    const { filesWord: firstWord, fileSets: sets } = layout;
    this.#layout = layout;
    this.#entries = new EntrySets(memory, { firstWord, sets, words: FileEntry.words });
  }

  /** The file may be read as it is, until it is withdrawn, or as long as its access time is good. */
  admit({ id, size }: Inode, accessTimeGoodUntil: number): void {
    const entries = this.#entries;
    const known = this.#find(id);
    const word = known === NONE ? entries.vacate(this.#layout.fileSetWord(id)) : known;
    const { floats } = entries;
    const float = word / 2;
    const isSame =
      known !== NONE &&
      floats[float + FileEntry.size] === size &&
      floats[float + FileEntry.accessTimeGoodUntil] === accessTimeGoodUntil;
    if (isSame) {
      return;
    }
    entries.advance(word);
    floats[float + FileEntry.id] = id;
    floats[float + FileEntry.size] = size;
    floats[float + FileEntry.accessTimeGoodUntil] = accessTimeGoodUntil;
    entries.advance(word);
  }

  /** The file is about to change: reads under way fail, and later ones find nothing. */
  withdraw(id: FileId): void {
    const word = this.#find(id);
    if (word !== NONE) {
      this.#entries.clear(word);
    }
  }

  /** A block of the file cannot be found any more: reads under way that may have found it fail. */
  disturb(id: FileId): void {
    const word = this.#find(id);
    if (word !== NONE) {
      this.#entries.advance(word);
      this.#entries.advance(word);
    }
  }

  withdrawAll(): void {
    this.#entries.clearAll();
  }

  /** Index of the first word of the file's entry, or NONE. */
  #find(id: FileId): number {
    return this.#entries.find(this.#layout.fileSetWord(id), id);
  }
}
