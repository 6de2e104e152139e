import { NicError } from './error.ts';
import { type ForeignSegmentKind, type MappedMemory, mapForeignSegment } from './mapped-memory.ts';
import type { AnnouncedSegment } from './messages.ts';
import { closeDescriptor } from './system-calls.ts';
import { Access, holdsKey, TableEntry } from './translation-protection-table.ts';
import { VendorError, WcStatus } from './work-request.ts';

/** What one peer process takes of the segments that this one can map. */
export interface SegmentShare {
  /** @returns false when it may not have another one */
  take(): boolean;
  give(): void;
}

const MAXIMUM_SEGMENTS = 4096;
const MAXIMUM_MAPPED_BYTES = 2 ** 41;
/** How much news is read for one request: more than a socket holds, less than a flood could bring. */
const MAXIMUM_NEWS_BATCHES = 32;

/** The peer's registered memory: its table, the segments it has announced, and their translation. */
export class RemoteMemory {
  readonly #table: MappedMemory;
  readonly #segments = new Map<number, MappedMemory>();
  readonly #entry = new TableEntry();
  readonly #queuePair: number;
  readonly #kind: ForeignSegmentKind;
  readonly #receiveNews: () => boolean;
  readonly #share: SegmentShare;
  #mappedBytes = 0;
  // Of the last translation that succeeded.
  segment: MappedMemory | undefined;
  offset = 0;
  /** Of the last translation that did not. */
  vendorError: number = VendorError.NONE;

  /**
   * @param queuePair the peer's number of its end of the connection.
   * @param kind what it may announce for reading.
   * @param share what it may take of the mappings that this process can have.
   * @param receiveNews reads the connection's socket, for a segment not heard of yet; tells whether
   *   there may be more.
   */
  constructor(
    table: MappedMemory,
    queuePair: number,
    kind: ForeignSegmentKind,
    share: SegmentShare,
    receiveNews: () => boolean,
  ) {
    this.#table = table;
    this.#kind = kind;
    this.#share = share;
    this.#queuePair = queuePair;
    this.#receiveNews = receiveNews;
  }

  /**
   * Maps segments that the peer announces and closes their descriptors.
   * @throws NicError EPROTO when one is not as it must be, or there are too many of them.
   */
  addAll(segments: readonly AnnouncedSegment[], descriptors: readonly number[]): void {
    const left = [...descriptors];
    try {
      for (const segment of segments) this.#add(segment, left.shift() ?? -1);
    } finally {
      left.forEach(closeDescriptor);
    }
  }

  #add({ id, bytes, writable }: AnnouncedSegment, descriptor: number): void {
    const mapping = mapForeignSegment(descriptor, bytes, writable, this.#kind);
    const tooMany =
      this.#segments.size >= MAXIMUM_SEGMENTS ||
      this.#mappedBytes + bytes > MAXIMUM_MAPPED_BYTES ||
      this.#segments.has(id) ||
      !this.#share.take();
    if (tooMany) {
      mapping.unmap();
      throw new NicError('EPROTO', 'a peer announced more segments than it may');
    }
    this.#segments.set(id, mapping);
    this.#mappedBytes += bytes;
  }

  /** Lets go of a segment that the peer has closed. */
  remove(id: number): void {
    const mapping = this.#segments.get(id);
    if (mapping === undefined) return;
    this.#segments.delete(id);
    this.#mappedBytes -= mapping.bytes;
    mapping.unmap();
    this.#share.give();
  }

  /**
   * Finds where a remote address lies, as far as the peer grants this access to it; leaves `segment`
   * and `offset`, or `vendorError`.
   */
  translate(rkey: number, address: number, length: number, access: number): WcStatus {
    const entry = this.#entry;
    if (!entry.read(this.#table, rkey)) return this.#refuse(VendorError.UNKNOWN_KEY);
    if ((entry.access & access) !== access) return this.#refuse(VendorError.RIGHTS);
    const isForOther = entry.queuePair !== 0 && entry.queuePair !== this.#queuePair;
    if (isForOther) return this.#refuse(VendorError.RIGHTS);
    const within = address - entry.address;
    if (!(within >= 0 && within + length <= entry.bytes)) return this.#refuse(VendorError.BOUNDS);
    const segment = this.#segments.get(entry.segment) ?? this.#unheardOf(entry.segment);
    if (segment === undefined) return this.#refuse(VendorError.UNKNOWN_SEGMENT);
    // What the table says is the peer's word; what is mapped is what there is.
    const offset = entry.segmentOffset + within;
    if (!(offset + length <= segment.bytes)) return this.#refuse(VendorError.BOUNDS);
    if ((access & ~Access.REMOTE_READ) !== 0 && !segment.writable) {
      return this.#refuse(VendorError.RIGHTS);
    }
    this.segment = segment;
    this.offset = offset;
    return WcStatus.SUCCESS;
  }

  /** Whether the peer has not withdrawn a key since it was translated. */
  holds(rkey: number): boolean {
    return holdsKey(this.#table, rkey);
  }

  /** Reads the peer's news until there is none or the segment is among it. */
  #unheardOf(id: number): MappedMemory | undefined {
    for (let batches = 0; batches < MAXIMUM_NEWS_BATCHES; batches++) {
      const mayBeMore = this.#receiveNews();
      const segment = this.#segments.get(id);
      if (segment !== undefined || !mayBeMore) return segment;
    }
    return undefined;
  }

  #refuse(vendorError: number): WcStatus {
    this.vendorError = vendorError;
    return WcStatus.REM_ACCESS_ERR;
  }

  close(): void {
    this.segment = undefined;
    for (const id of [...this.#segments.keys()]) this.remove(id);
    this.#table.unmap();
  }
}
