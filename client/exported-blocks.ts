import { type RemoteRegion, WcStatus } from '../nic/index.ts';
import { entryOf, NO_ENTRY } from './exported-entries.ts';
import {
  type ExportedCacheLayout,
  FileEntry,
  fileIdOf,
  NO_SLOT,
  OpenEntry,
  WAYS,
} from './protocol/index.ts';
import type { RegisteredBuffer } from './registration.ts';
import type { FileReference } from './transfer-requests.ts';

/** What a read gives that only the server can serve. */
export const ASK_SERVER = -1;
/** What an attempt gives during which the file changed, or lost a block. */
const CHANGED = -2;
/** How often a read that meets changes is tried before the server is asked. */
const ATTEMPTS = 3;
/** No chain of a sound server is longer; one of another may have no end. */
const LONGEST_CHAIN = 64;

/** What performance.now() counts from, in seconds since 1970. */
const TIME_ORIGIN_SECONDS = performance.timeOrigin / 1000;

/** How often the server is told at most which blocks were read. */
const USE_REPORT_MS = 500;
/** So often somebody looks whether it is time: what looking allocates must not count. */
const READS_PER_LOOK = 64;
/** Slots that one message tells of: a bit for each. */
const SLOTS_PER_REPORT = 8192;

const { sequence: SEQUENCE, id: ID, size: SIZE } = FileEntry;
const { accessTimeGoodUntil: GOOD_UNTIL } = FileEntry;
const { stateIdLow: STATE_LOW, stateIdHigh: STATE_HIGH, id: OPEN_ID } = OpenEntry;

/**
 * Reads files out of the server's block cache, without a message and without the server's processor
 * (extension ORDMA; EXTENSIONS.md tells how and why that is right). What it cannot be sure of, it
 * leaves to the server. It believes nothing of what it finds beyond what the server could say in a
 * response, too: every place is held against the bounds of the export, every search ends.
 *
 * Nothing is allocated by a read.
 */
export class ExportedBlocks {
  readonly #region: RemoteRegion;
  readonly #layout: ExportedCacheLayout;
  readonly #tellUsed: TellUsed;
  /** A bit for each slot that was read since the server was told. */
  readonly #used: Uint8Array;
  #readsSinceLook = 0;
  #toldMs = 0;
  /** A stateid, and the two words that it consists of. */
  readonly #stateId = new BigUint64Array(1);
  readonly #stateIdWords = new Int32Array(this.#stateId.buffer);

  /**
   * @param region the export, of `layout.bytes`
   * @param tellUsed lets the server know, which would else take what only we read for unused
   */
  constructor(region: RemoteRegion, layout: ExportedCacheLayout, tellUsed: TellUsed) {
    this.#region = region;
    this.#layout = layout;
    this.#tellUsed = tellUsed;
    this.#used = new Uint8Array(Math.ceil(layout.slots / 8));
  }

  /**
   * Reads into registered memory.
   * @returns the bytes read, fewer than asked for at the end of the file; or ASK_SERVER
   */
  read(
    file: FileReference,
    offset: number,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
  ): number {
    this.#readsSinceLook += 1;
    if (this.#readsSinceLook === READS_PER_LOOK) {
      this.#readsSinceLook = 0;
      this.#tellIfDue();
    }
    const id = fileIdOf(file.handle);
    if (id === undefined || !this.#mayRead(file, id)) {
      return ASK_SERVER;
    }
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const read = this.#attempt(id, offset, buffer, bufferOffset, bytes);
      if (read !== CHANGED) {
        return read;
      }
    }
    return ASK_SERVER;
  }

  /** Tells the server which blocks were read since the last time, if that is a while ago. */
  #tellIfDue(): void {
    const now = performance.now();
    if (now - this.#toldMs < USE_REPORT_MS) {
      return;
    }
    this.#toldMs = now;
    for (let first = 0; first < this.#layout.slots; first += SLOTS_PER_REPORT) {
      const bits = this.#used.subarray(first / 8, (first + SLOTS_PER_REPORT) / 8);
      if (bits.some((byte) => byte !== 0)) {
        this.#tellUsed(first, bits.slice());
        bits.fill(0);
      }
    }
  }

  /** Whether the server lists the open as one that may read this file. */
  #mayRead(file: FileReference, id: number): boolean {
    this.#stateId[0] = file.stateId;
    const low = this.#stateIdWords[0] as number;
    const high = this.#stateIdWords[1] as number;
    if (low === 0) {
      return false;
    }
    const region = this.#region;
    let at = this.#layout.openSetWord(low);
    for (let way = 0; way < WAYS; way += 1) {
      if (region.word(at + STATE_LOW) === low && region.word(at + STATE_HIGH) === high) {
        return region.float(at / 2 + OPEN_ID) === id;
      }
      at += OpenEntry.words;
    }
    return false;
  }

  /** Reads once; the copy is worth something only if nothing of the file changed meanwhile. */
  #attempt(
    id: number,
    offset: number,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
  ): number {
    const region = this.#region;
    const entry = entryOf(region, this.#layout.fileSetWord(id), FileEntry.words, id);
    if (entry === NO_ENTRY) {
      return ASK_SERVER;
    }
    const sequence = region.word(entry + SEQUENCE);
    const isChanging = (sequence & 1) !== 0 || region.float(entry / 2 + ID) !== id;
    if (isChanging) {
      return CHANGED;
    }
    const size = region.float(entry / 2 + SIZE);
    const goodUntilSeconds = region.float(entry / 2 + GOOD_UNTIL);
    if (!Number.isSafeInteger(size)) {
      return ASK_SERVER;
    }
    const end = Math.min(offset + bytes, size);
    const isCopied = this.#copy(id, offset, end, buffer, bufferOffset);
    // A whole number: one with a fraction would be allocated on its way into the calls.
    const nowMs = Math.floor(performance.now());
    if (region.wordAfterReads(entry + SEQUENCE) !== sequence) {
      return CHANGED;
    }
    const isGood = TIME_ORIGIN_SECONDS + nowMs / 1000 < goodUntilSeconds;
    if (!isCopied || !isGood || !region.isReadable(nowMs)) {
      return ASK_SERVER;
    }
    return Math.max(0, end - offset);
  }

  /** Copies a range of a file out of its blocks; false when one of them is not there. */
  #copy(
    id: number,
    offset: number,
    end: number,
    buffer: RegisteredBuffer,
    bufferOffset: number,
  ): boolean {
    const { blockBytes, blocksOffset } = this.#layout;
    for (let position = offset; position < end; ) {
      const number = Math.floor(position / blockBytes);
      const within = position - number * blockBytes;
      const piece = Math.min(blockBytes - within, end - position);
      const slot = this.#slotOf(id, number);
      if (slot === NO_SLOT) {
        return false;
      }
      const from = blocksOffset + slot * blockBytes + within;
      const to = bufferOffset + (position - offset);
      if (this.#region.read(from, buffer.region, to, piece) !== WcStatus.SUCCESS) {
        return false;
      }
      this.#used[slot >> 3] = (this.#used[slot >> 3] as number) | (1 << (slot & 7));
      position += piece;
    }
    return true;
  }

  /** The slot that holds a block, or NO_SLOT. */
  #slotOf(id: number, number: number): number {
    const region = this.#region;
    const layout = this.#layout;
    let slot = region.word(layout.bucketWord(id, number));
    for (let links = 0; links < LONGEST_CHAIN; links += 1) {
      if (slot < 0 || slot >= layout.slots) {
        return NO_SLOT;
      }
      // The id first: the server writes it last.
      const isOfFile = region.float(layout.slotIdsFloat + slot) === id;
      if (isOfFile && region.float(layout.slotNumbersFloat + slot) === number) {
        return slot;
      }
      slot = region.word(layout.slotNextWord + slot);
    }
    return NO_SLOT;
  }
}

/** Takes a bit for each slot from `firstSlot` on, the lowest of a byte first. */
type TellUsed = (firstSlot: number, used: Uint8Array) => void;
