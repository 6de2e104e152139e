/**
 * A block cache that its server lets clients read (extension ORDMA): where its parts lie and how
 * they are searched. EXTENSIONS.md says what they mean and how to read them. All numbers are in the
 * byte order of the machine that both sides share.
 */

/** Bytes of a word and of a float: parts are addressed by the index of either. */
const WORD = 4;
const FLOAT = 8;
const PAGE_BYTES = 4096;

/** Entries that share a set; a file or an open may be in any of its set's. */
export const WAYS = 4;
/** Opens may be many more than files with data in the cache. */
const OPENS_PER_FILE = 4;
/** For each name, and the attributes of each file, that are listed: most files are small. */
const CACHE_BYTES_PER_NAME = 8192;
/** So that a chain has one link or two. */
const BUCKETS_PER_SLOT = 2;

/** A file that may be read: where its fields lie, in words or floats from the entry's start. */
export const FileEntry = {
  words: 8,
  /** Word: odd while the entry changes; another one after each change of it or of the file. */
  sequence: 0,
  /** Float: the file's id; 0 for nobody's entry. */
  id: 1,
  /** Float: bytes of the file. */
  size: 2,
  /** Float: until when its access time need not be updated, in seconds since 1970. */
  accessTimeGoodUntil: 3,
} as const;

/** An open for reading: two words of its stateid, then, as a float, the id of its file. */
export const OpenEntry = {
  words: 4,
  stateIdLow: 0,
  stateIdHigh: 1,
  id: 1,
} as const;

/**
 * Attributes of a file: where they lie, in words or floats from the entry's start. Floats hold
 * integers; `seconds` begins four floats and `nseconds` four words: of access, modify, change, create.
 */
export const AttributesEntry = {
  words: 32,
  /** Word: odd while the entry changes; another one after each change of it. */
  sequence: 0,
  /** Word: the permission bits (07777), and above them the type. */
  mode: 1,
  /** Float: the file's id; 0 for nobody's entry. */
  id: 1,
  size: 2,
  usedBytes: 3,
  change: 4,
  seconds: 5,
  nseconds: 18,
  links: 22,
  uid: 23,
  gid: 24,
  rdevMajor: 25,
  rdevMinor: 26,
  /** Word: what chattr(1) sets. */
  flags: 27,
  /** Word: a sum of {@link AttributesExtra}. */
  extra: 28,
} as const;

export const ATTRIBUTES_TYPE_SHIFT = 12;

/** What the draft's attributes do not tell of a file. */
export const AttributesExtra = {
  /** It has extended attributes. */
  EXTENDED: 1,
  /** The mode does not say alone who may do what. */
  ACCESS_ACL: 2,
} as const;

/** A name that leads to a file: two floats, and the name, padded with zeros. */
export const NameEntry = {
  words: 16,
  /** Word: odd while the entry changes; another one after each change of it. */
  sequence: 0,
  /** Word: bytes of the name. */
  length: 1,
  /** Float: the directory's id; 0 for nobody's entry. */
  directory: 1,
  /** Float: the id of the file that it leads to. */
  id: 2,
  /** Words: the name. */
  name: 6,
} as const;

const NAME_WORDS = NameEntry.words - NameEntry.name;

/** A name as entries hold it; longer ones than these have none. One is used again and again. */
export class PackedName {
  readonly words = new Int32Array(NAME_WORDS);
  readonly #bytes = new Uint8Array(this.words.buffer);
  /** In bytes. */
  length = 0;

  /** @returns whether the name is short enough; if not, it is not taken. */
  set(name: Uint8Array): boolean {
    if (name.length > this.#bytes.length) {
      return false;
    }
    this.words.fill(0);
    this.#bytes.set(name);
    this.length = name.length;
    return true;
  }
}

/** Float: whose an entry is, in every kind that has a sequence; 0 for nobody's. */
export const ENTRY_OWNER = 1;

/** Where a chain ends, or does not begin. */
export const NO_SLOT = -1;

/** Where the parts of the export lie, computed from how many blocks it holds. */
export class ExportedCacheLayout {
  readonly slots: number;
  readonly blockBytes: number;
  readonly fileSets: number;
  readonly openSets: number;
  /** Of attributes, and as many of names. */
  readonly nameSets: number;
  readonly buckets: number;
  /** Index of the first word of the file entries, by set and way. */
  readonly filesWord: number;
  /** Of the open entries, by set and way. */
  readonly opensWord: number;
  /** Of the attributes of files, by set and way. */
  readonly attributesWord: number;
  /** Of the names, by set and way. */
  readonly namesWord: number;
  /** Index of the first float of the slots' file ids. */
  readonly slotIdsFloat: number;
  /** Of the block numbers that the slots hold. */
  readonly slotNumbersFloat: number;
  /** Index of the first word of the slots' successors in their chains. */
  readonly slotNextWord: number;
  /** Of the first slots of the chains, by bucket. */
  readonly bucketsWord: number;
  /** Offset of the first slot's block, in bytes. */
  readonly blocksOffset: number;
  /** All of it, in bytes. */
  readonly bytes: number;

  constructor(slots: number, blockBytes: number) {
    const files = powerOfTwoFrom(Math.max(slots, WAYS));
    this.slots = slots;
    this.blockBytes = blockBytes;
    this.fileSets = files / WAYS;
    this.openSets = this.fileSets * OPENS_PER_FILE;
    const names = Math.floor((slots * blockBytes) / CACHE_BYTES_PER_NAME);
    this.nameSets = powerOfTwoFrom(Math.max(names, WAYS)) / WAYS;
    this.buckets = bucketsFor(slots);
    this.filesWord = 0;
    this.opensWord = files * FileEntry.words;
    this.attributesWord = this.opensWord + this.openSets * WAYS * OpenEntry.words;
    this.namesWord = this.attributesWord + this.nameSets * WAYS * AttributesEntry.words;
    const namesEnd = this.namesWord + this.nameSets * WAYS * NameEntry.words;
    this.slotIdsFloat = (namesEnd * WORD) / FLOAT;
    this.slotNumbersFloat = this.slotIdsFloat + slots;
    this.slotNextWord = ((this.slotNumbersFloat + slots) * FLOAT) / WORD;
    this.bucketsWord = this.slotNextWord + slots;
    const indexBytes = (this.bucketsWord + this.buckets) * WORD;
    this.blocksOffset = Math.ceil(indexBytes / PAGE_BYTES) * PAGE_BYTES;
    this.bytes = this.blocksOffset + slots * blockBytes;
  }

  /** Index of the first word of the entries of the file's set. */
  fileSetWord(id: number): number {
    const set = mixed(id, 0) & (this.fileSets - 1);
    return this.filesWord + set * WAYS * FileEntry.words;
  }

  /** Index of the first word of the entries of the open's set. */
  openSetWord(stateIdLow: number): number {
    return this.opensWord + (stateIdLow & (this.openSets - 1)) * WAYS * OpenEntry.words;
  }

  /** Index of the first word of the entries of the set that has the file's attributes. */
  attributesSetWord(id: number): number {
    const set = mixed(id, 0) & (this.nameSets - 1);
    return this.attributesWord + set * WAYS * AttributesEntry.words;
  }

  /** Index of the first word of the entries of the set that a directory's name is in. */
  nameSetWord(directory: number, name: PackedName): number {
    let hash = mixed(directory, name.length);
    for (let index = 0; index * WORD < name.length; index += 1) {
      hash = mixed(hash ^ (name.words[index] as number), index);
    }
    return this.namesWord + (hash & (this.nameSets - 1)) * WAYS * NameEntry.words;
  }

  /** Index of the word that holds the first slot of the block's chain. */
  bucketWord(id: number, number: number): number {
    return this.bucketsWord + bucketOf(id, number, this.buckets);
  }
}

/** In which of so many buckets, a power of two, the slot of a block is found. */
export function bucketOf(id: number, number: number, buckets: number): number {
  return mixed(id, number) & (buckets - 1);
}

/** How many buckets there are for so many slots. */
export function bucketsFor(slots: number): number {
  return powerOfTwoFrom(slots * BUCKETS_PER_SLOT);
}

/** Hashes the lower 32 bits of two integers. */
function mixed(one: number, other: number): number {
  const product = Math.imul(one | 0, 0x9e3779b1) ^ Math.imul(other | 0, 0x85ebca6b);
  return product ^ (product >>> 15);
}

function powerOfTwoFrom(count: number): number {
  return 2 ** Math.ceil(Math.log2(count));
}
