import {
  ATTRIBUTES_TYPE_SHIFT,
  AttributesEntry,
  AttributesExtra,
  type ExportedCacheLayout,
} from '../../client/protocol/exported-cache.ts';
import type { FileId, Inode } from '../store/index.ts';
import { EntrySets } from './entry-sets.ts';

const NONE = -1;

const HIGHEST_WORD = 0xffff_ffff;

/**
 * Attributes of files, in memory that clients see. What is listed is what a client would be told: it has
 * been committed, and is withdrawn before anything of it changes.
 */
export class ExportedAttributes {
  readonly #layout: ExportedCacheLayout;
  readonly #entries: EntrySets;
  /** Files that were written to in this round: a killed server's successor may not know of that. */
  readonly #written = new Set<FileId>();

  /** @param memory of the export; zeros. */
  constructor(layout: ExportedCacheLayout, memory: Uint8Array) {
    const { attributesWord: firstWord, nameSets: sets } = layout;
    this.#layout = layout;
    this.#entries = new EntrySets(memory, { firstWord, sets, words: AttributesEntry.words });
  }

  /** Lists attributes that have been committed, and are as good as told to somebody. */
  admit(inode: Inode): void {
    const { id } = inode;
    const isOpen = inode.isUncommitted || this.#written.has(id);
    const isListed = this.#find(id) !== NONE;
    if (isListed || isOpen || inode.nlink === 0 || !hasRoomFor(inode)) {
      return;
    }
    const word = this.#entries.vacate(this.#layout.attributesSetWord(id));
    this.#entries.advance(word);
    this.#fillFloats(word / 2, inode);
    this.#fillWords(word, inode);
    this.#entries.advance(word);
  }

  #fillFloats(float: number, inode: Inode): void {
    const { floats } = this.#entries;
    floats[float + AttributesEntry.id] = inode.id;
    floats[float + AttributesEntry.size] = inode.size;
    floats[float + AttributesEntry.usedBytes] = inode.usedBytes;
    floats[float + AttributesEntry.change] = inode.change;
    const seconds = float + AttributesEntry.seconds;
    floats[seconds] = inode.atime.seconds;
    floats[seconds + 1] = inode.mtime.seconds;
    floats[seconds + 2] = inode.ctime.seconds;
    floats[seconds + 3] = inode.btime.seconds;
  }

  #fillWords(word: number, inode: Inode): void {
    const { words } = this.#entries;
    const extended = inode.attributeKinds === 0 ? 0 : AttributesExtra.EXTENDED;
    const accessAcl = inode.accessAcl === undefined ? 0 : AttributesExtra.ACCESS_ACL;
    words[word + AttributesEntry.mode] = (inode.type << ATTRIBUTES_TYPE_SHIFT) | inode.mode;
    const nseconds = word + AttributesEntry.nseconds;
    words[nseconds] = inode.atime.nseconds;
    words[nseconds + 1] = inode.mtime.nseconds;
    words[nseconds + 2] = inode.ctime.nseconds;
    words[nseconds + 3] = inode.btime.nseconds;
    words[word + AttributesEntry.links] = inode.nlink;
    words[word + AttributesEntry.uid] = inode.uid;
    words[word + AttributesEntry.gid] = inode.gid;
    words[word + AttributesEntry.rdevMajor] = inode.rdev.major;
    words[word + AttributesEntry.rdevMinor] = inode.rdev.minor;
    words[word + AttributesEntry.flags] = inode.flags;
    words[word + AttributesEntry.extra] = extended | accessAcl;
  }

  /** Something of the file is about to change. */
  withdraw(id: FileId): void {
    const word = this.#find(id);
    if (word !== NONE) {
      this.#entries.clear(word);
    }
  }

  /** Data are about to be written to the file, in memory: its attributes count when that is acknowledged. */
  withdrawWritten(id: FileId): void {
    this.#written.add(id);
    this.withdraw(id);
  }

  /** What was done so far may be acknowledged. */
  accepted(): void {
    this.#written.clear();
  }

  /** Index of the first word of the file's entry, or NONE. */
  #find(id: FileId): number {
    return this.#entries.find(this.#layout.attributesSetWord(id), id);
  }
}

/** Whether the entry's words hold the numbers of a device. */
const hasRoomFor = ({ rdev }: Inode): boolean =>
  rdev.major <= HIGHEST_WORD && rdev.minor <= HIGHEST_WORD;
