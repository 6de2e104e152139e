import { type ExportedCacheLayout, FileEntry, WAYS } from '../../client/protocol/exported-cache.ts';
import { fence } from '../../nic/index.ts';
import type { FileId, Inode } from '../store/index.ts';

/** No file has this id. */
const NOBODY = 0;
const FLOATS = FileEntry.words / 2;
const NONE = -1;

/**
 * The files whose cached blocks clients may read by themselves, in memory that they see.
 *
 * Concurrency. One writer, this thread; any number of readers in other processes, which wait for
 * nothing. Each entry has a sequence: a reader takes it before it reads anything of the file, and
 * again when it has its copy; both the same and even, nothing of the file has changed in between. So
 * whoever changes the size or the data of a file withdraws it first, and whoever takes a slot away
 * from a file disturbs it after the slot's block cannot be found any more and before the slot gets
 * other content.
 */
export class ExportedFiles {
  readonly #layout: ExportedCacheLayout;
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  /** The way of each set that is taken next when all are. */
  readonly #nextWays: Uint8Array;

  /** @param memory of the export; zeros. */
  constructor(layout: ExportedCacheLayout, memory: Uint8Array) {
    this.#layout = layout;
    this.#words = new Int32Array(memory.buffer, memory.byteOffset, memory.byteLength >> 2);
    this.#floats = new Float64Array(memory.buffer, memory.byteOffset, memory.byteLength >> 3);
    this.#nextWays = new Uint8Array(layout.fileSets);
  }

  /** The file may be read as it is, until it is withdrawn, or as long as its access time is good. */
  admit({ id, size }: Inode, accessTimeGoodUntil: number): void {
    const word = this.#find(id);
    const float = (word === NONE ? this.#vacate(id) : word) / 2;
    const floats = this.#floats;
    const isSame =
      word !== NONE &&
      floats[float + FileEntry.size] === size &&
      floats[float + FileEntry.accessTimeGoodUntil] === accessTimeGoodUntil;
    if (isSame) {
      return;
    }
    this.#advance(float * 2);
    floats[float + FileEntry.id] = id;
    floats[float + FileEntry.size] = size;
    floats[float + FileEntry.accessTimeGoodUntil] = accessTimeGoodUntil;
    this.#advance(float * 2);
  }

  /** The file is about to change: reads under way fail, and later ones find nothing. */
  withdraw(id: FileId): void {
    const word = this.#find(id);
    if (word !== NONE) {
      this.#clear(word);
    }
  }

  /** A block of the file cannot be found any more: reads under way that may have found it fail. */
  disturb(id: FileId): void {
    const word = this.#find(id);
    if (word !== NONE) {
      this.#advance(word);
      this.#advance(word);
    }
  }

  withdrawAll(): void {
    const { filesWord, fileSets } = this.#layout;
    for (let entry = 0; entry < fileSets * WAYS; entry += 1) {
      const word = filesWord + entry * FileEntry.words;
      if (this.#floats[word / 2 + FileEntry.id] !== NOBODY) {
        this.#clear(word);
      }
    }
  }

  /** Index of the first word of the file's entry, or NONE. */
  #find(id: FileId): number {
    const word = this.#layout.fileSetWord(id);
    for (let way = 0; way < WAYS; way += 1) {
      const float = word / 2 + way * FLOATS;
      if (this.#floats[float + FileEntry.id] === id) {
        return float * 2;
      }
    }
    return NONE;
  }

  /** An entry of the file's set that is nobody's, or was just taken from somebody. */
  #vacate(id: FileId): number {
    const setWord = this.#layout.fileSetWord(id);
    for (let way = 0; way < WAYS; way += 1) {
      const word = setWord + way * FileEntry.words;
      if (this.#floats[word / 2 + FileEntry.id] === NOBODY) {
        return word;
      }
    }
    const set = (setWord - this.#layout.filesWord) / (WAYS * FileEntry.words);
    const way = this.#nextWays[set] as number;
    this.#nextWays[set] = (way + 1) % WAYS;
    const word = setWord + way * FileEntry.words;
    this.#clear(word);
    return word;
  }

  #clear(word: number): void {
    this.#advance(word);
    this.#floats[word / 2 + FileEntry.id] = NOBODY;
    this.#advance(word);
  }

  /** Changes the entry's sequence; what is stored afterwards is seen only by who sees that, too. */
  #advance(word: number): void {
    const at = word + FileEntry.sequence;
    Atomics.store(this.#words, at, ((this.#words[at] as number) + 1) | 0);
    fence();
  }
}
