import type { RemoteRegion } from '../nic/index.ts';
import { entryOf, NO_ENTRY } from './exported-entries.ts';
import type { FileStatus } from './file-status.ts';
import {
  ATTRIBUTES_TYPE_SHIFT,
  AttributesEntry,
  AttributesExtra,
  Capability,
  type ExportedCacheLayout,
  FILE_CAPABILITIES,
  type Filehandle,
  fileIdOf,
  isOfFileSystem,
  NameEntry,
  ObjectType,
  PackedName,
  type Time,
  WAYS,
} from './protocol/index.ts';

/** How often something that meets a change is tried before the server is asked. */
const ATTEMPTS = 3;

/** An entry tells of access, modify, change and create. */
const TIMES = 4;
const PERMISSION_BITS = 0o7777;
const EXECUTE = 1;

/** On whose behalf a directory is searched. */
export interface Searcher {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  /** Bits of Capability; when left out root has all, others none. */
  readonly capabilities: number | undefined;
}

/**
 * Reads names and attributes where the server keeps them, without a message and without the server's
 * processor (extension ORDMA; EXTENSIONS.md tells how and why that is right). Undefined stands for
 * whatever only the server can tell: that there is no such name, or that it may not be looked up, too.
 * Nothing that is found is believed beyond what the server could say in a response.
 */
export class ExportedStatus {
  readonly #region: RemoteRegion;
  readonly #layout: ExportedCacheLayout;
  readonly #root: Filehandle;
  readonly #packed = new PackedName();
  /** What an entry's floats held, by their places. */
  readonly #integers = new Float64Array(AttributesEntry.seconds + TIMES);

  /**
   * @param region the export, of `layout.bytes`
   * @param root the handle of the directory that all lies in: handles of other file systems mean nothing
   */
  constructor(region: RemoteRegion, layout: ExportedCacheLayout, root: Filehandle) {
    this.#region = region;
    this.#layout = layout;
    this.#root = root;
  }

  /** The status of a file. */
  of(file: Filehandle): FileStatus | undefined {
    const id = this.#idOf(file);
    return id === undefined ? undefined : this.#statusOf(id);
  }

  #idOf(handle: Filehandle): number | undefined {
    return isOfFileSystem(handle, this.#root) ? fileIdOf(handle) : undefined;
  }

  #statusOf(id: number): FileStatus | undefined {
    if (!isFileId(id)) {
      return undefined;
    }
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const entry = this.#attributesOf(id);
      if (entry === NO_ENTRY) {
        return undefined;
      }
      const sequence = this.#region.word(entry + AttributesEntry.sequence);
      const status = this.#statusAt(entry, id);
      if (this.#isSame(entry, sequence)) {
        return this.#region.isReadable() ? status : undefined;
      }
    }
    return undefined;
  }

  /** The status of the file that a name in a directory leads to. */
  lookup(parent: Filehandle, name: Uint8Array, searcher: Searcher): FileStatus | undefined {
    const directory = this.#idOf(parent);
    if (directory === undefined || !isFileId(directory) || !this.#packed.set(name)) {
      return undefined;
    }
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const directoryEntry = this.#attributesOf(directory);
      const nameEntry = this.#entryOf(directory);
      if (directoryEntry === NO_ENTRY || nameEntry === NO_ENTRY) {
        return undefined;
      }
      const region = this.#region;
      const directorySequence = region.word(directoryEntry + AttributesEntry.sequence);
      const nameSequence = region.word(nameEntry + NameEntry.sequence);
      const isAllowed = this.#maySearch(directoryEntry, directory, searcher);
      const id = this.#entryId(nameEntry, directory);
      const status = id === undefined ? undefined : this.#statusOf(id);
      const isOneState =
        this.#isSame(nameEntry, nameSequence) && this.#isSame(directoryEntry, directorySequence);
      if (isOneState) {
        return isAllowed ? status : undefined;
      }
    }
    return undefined;
  }

  /** Whether the entry has not changed since it had that sequence, nor was changing then. */
  #isSame(entry: number, sequence: number): boolean {
    const isStill = (sequence & 1) === 0;
    return isStill && this.#region.wordAfterReads(entry) === sequence;
  }

  /** Index of the first word of the entry with the file's attributes, or NO_ENTRY. */
  #attributesOf(id: number): number {
    const set = this.#layout.attributesSetWord(id);
    return entryOf(this.#region, set, AttributesEntry.words, id);
  }

  /** Index of the first word of the entry of the packed name, or NO_ENTRY. */
  #entryOf(directory: number): number {
    let at = this.#layout.nameSetWord(directory, this.#packed);
    for (let way = 0; way < WAYS; way += 1) {
      if (this.#entryId(at, directory) !== undefined) {
        return at;
      }
      at += NameEntry.words;
    }
    return NO_ENTRY;
  }

  /** Where the packed name leads by an entry; undefined when that is another name's. */
  #entryId(entry: number, directory: number): number | undefined {
    const region = this.#region;
    const { words, length } = this.#packed;
    const isOfDirectory = region.float(entry / 2 + NameEntry.directory) === directory;
    if (!isOfDirectory || region.word(entry + NameEntry.length) !== length) {
      return undefined;
    }
    for (let index = 0; index * 4 < length; index += 1) {
      if (region.word(entry + NameEntry.name + index) !== words[index]) {
        return undefined;
      }
    }
    return region.float(entry / 2 + NameEntry.id);
  }

  /**
   * Whether somebody may search the directory, as far as its mode says so (path_resolution(7)). Where an
   * access control list says it, the server is asked.
   */
  #maySearch(entry: number, directory: number, searcher: Searcher): boolean {
    const region = this.#region;
    const { uid, gid, groups } = searcher;
    const mode = region.word(entry + AttributesEntry.mode);
    const isDirectory = mode >>> ATTRIBUTES_TYPE_SHIFT === ObjectType.DAFS_TYPE_DIR;
    if (!isDirectory || region.float(entry / 2 + AttributesEntry.id) !== directory) {
      return false;
    }
    const capabilities = searcher.capabilities ?? (uid === 0 ? FILE_CAPABILITIES : 0);
    if ((capabilities & (Capability.DAC_OVERRIDE | Capability.DAC_READ_SEARCH)) !== 0) {
      return true;
    }
    if ((region.word(entry + AttributesEntry.extra) & AttributesExtra.ACCESS_ACL) !== 0) {
      return false;
    }
    if (region.word(entry + AttributesEntry.uid) >>> 0 === uid) {
      return ((mode >>> 6) & EXECUTE) !== 0;
    }
    const group = region.word(entry + AttributesEntry.gid) >>> 0;
    const isInGroup = group === gid || groups.includes(group);
    return ((isInGroup ? mode >>> 3 : mode) & EXECUTE) !== 0;
  }

  /** What an entry says of a file; undefined when no server could. */
  #statusAt(entry: number, fileId: number): FileStatus | undefined {
    const region = this.#region;
    const float = entry / 2;
    const mode = region.word(entry + AttributesEntry.mode);
    if (region.float(float + AttributesEntry.id) !== fileId || !this.#takeIntegers(float)) {
      return undefined;
    }
    return {
      type: (mode >>> ATTRIBUTES_TYPE_SHIFT) as ObjectType,
      mode: mode & PERMISSION_BITS,
      links: region.word(entry + AttributesEntry.links) >>> 0,
      uid: region.word(entry + AttributesEntry.uid) >>> 0,
      gid: region.word(entry + AttributesEntry.gid) >>> 0,
      sizeBytes: this.#integers[AttributesEntry.size] as number,
      usedBytes: this.#integers[AttributesEntry.usedBytes] as number,
      fileId,
      rdevMajor: region.word(entry + AttributesEntry.rdevMajor) >>> 0,
      rdevMinor: region.word(entry + AttributesEntry.rdevMinor) >>> 0,
      accessTime: this.#timeAt(entry, 0),
      modifyTime: this.#timeAt(entry, 1),
      changeTime: this.#timeAt(entry, 2),
      createTime: this.#timeAt(entry, 3),
      change: BigInt(this.#integers[AttributesEntry.change] as number),
      flags: region.word(entry + AttributesEntry.flags) >>> 0,
      mayHaveAttributes:
        (region.word(entry + AttributesEntry.extra) & AttributesExtra.EXTENDED) !== 0,
    };
  }

  /**
   * Takes the integers of an entry that begins with that float, each once: the next look may find
   * something else. @returns whether they are such as responses have
   */
  #takeIntegers(entry: number): boolean {
    for (let at = AttributesEntry.size; at < this.#integers.length; at += 1) {
      const integer = this.#region.float(entry + at);
      const isTime = at >= AttributesEntry.seconds;
      if (!Number.isSafeInteger(integer) || (integer < 0 && !isTime)) {
        return false;
      }
      this.#integers[at] = integer;
    }
    return true;
  }

  /** One of the times of an entry, by its place among them. */
  #timeAt(entry: number, index: number): Time {
    const seconds = this.#integers[AttributesEntry.seconds + index] as number;
    const nseconds = this.#region.word(entry + AttributesEntry.nseconds + index) >>> 0;
    return { seconds, nseconds };
  }
}

/** Entries of nobody have id 0, and no message can tell of other numbers than these. */
const isFileId = (id: number): boolean => Number.isSafeInteger(id) && id > 0;
