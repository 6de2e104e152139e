import {
  type ExportedCacheLayout,
  NameEntry,
  PackedName,
  WAYS,
} from '../../client/protocol/exported-cache.ts';
import type { FileId, Inode } from '../store/index.ts';
import { EntrySets } from './entry-sets.ts';

const NONE = -1;
const SET_WORDS = NameEntry.words * WAYS;

/** A name that the open transaction has made. */
interface NewName {
  readonly directory: FileId;
  readonly name: Uint8Array;
  readonly id: FileId;
}

/**
 * Names and where they lead, in memory that clients see. What is listed has been committed, and is
 * withdrawn before it leads elsewhere. Names that are too long for an entry are not listed.
 */
export class ExportedNames {
  readonly #layout: ExportedCacheLayout;
  readonly #entries: EntrySets;
  readonly #packed = new PackedName();
  /** What the open transaction has made and not taken back, in the order in which it did. */
  #made: NewName[] = [];

  /** @param memory of the export; zeros. */
  constructor(layout: ExportedCacheLayout, memory: Uint8Array) {
    const { namesWord: firstWord, nameSets: sets } = layout;
    this.#layout = layout;
    this.#entries = new EntrySets(memory, { firstWord, sets, words: NameEntry.words });
  }

  /** Lists a name that was looked up. */
  admit(directory: Inode, name: Uint8Array, id: FileId): void {
    if (!directory.isUncommitted) {
      this.#enter(directory.id, name, id);
    }
  }

  /** The open transaction makes a name, which is listed when it is committed. */
  made(directory: FileId, name: Uint8Array, id: FileId): void {
    this.#made.push({ directory, name: name.slice(), id });
  }

  /** A name is about to lead elsewhere, or nowhere. */
  withdraw(directory: FileId, name: Uint8Array): void {
    const word = this.#packed.set(name) ? this.#find(directory) : NONE;
    if (word !== NONE) {
      this.#entries.clear(word);
    }
    if (this.#made.length > 0) {
      const isOther = (one: NewName) =>
        one.directory !== directory || Buffer.compare(one.name, name) !== 0;
      this.#made = this.#made.filter(isOther);
    }
  }

  committed(): void {
    for (const { directory, name, id } of this.#made) {
      this.#enter(directory, name, id);
    }
    this.#made.length = 0;
  }

  rolledBack(): void {
    this.#made.length = 0;
  }

  #enter(directory: FileId, name: Uint8Array, id: FileId): void {
    if (!this.#packed.set(name) || this.#find(directory) !== NONE) {
      return;
    }
    const { words: packed, length } = this.#packed;
    const entries = this.#entries;
    const word = entries.vacate(this.#layout.nameSetWord(directory, this.#packed));
    entries.advance(word);
    entries.words[word + NameEntry.length] = length;
    entries.floats[word / 2 + NameEntry.directory] = directory;
    entries.floats[word / 2 + NameEntry.id] = id;
    entries.words.set(packed, word + NameEntry.name);
    entries.advance(word);
  }

  /** Index of the first word of the entry of the packed name, or NONE. */
  #find(directory: FileId): number {
    const setWord = this.#layout.nameSetWord(directory, this.#packed);
    for (let word = setWord; word < setWord + SET_WORDS; word += NameEntry.words) {
      if (this.#isOf(word, directory)) {
        return word;
      }
    }
    return NONE;
  }

  #isOf(word: number, directory: FileId): boolean {
    const { words, floats } = this.#entries;
    const { words: packed, length } = this.#packed;
    if (
      floats[word / 2 + NameEntry.directory] !== directory ||
      words[word + NameEntry.length] !== length
    ) {
      return false;
    }
    return packed.every((part, index) => words[word + NameEntry.name + index] === part);
  }
}
