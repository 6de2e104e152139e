/**
 * One request and its reply, in the registered memory of a worker.
 *
 * The memory is laid out so that nothing is moved between the kernel and the fabric:
 *
 * ```
 * page 0   | OutHeader, then the structures of a reply
 * page 1   |                                     InHeader (40), WriteIn (40) |
 * page 2.. | the data of a WRITE, or of a reply                              |
 * ```
 *
 * A request is read to 80 bytes before page 2, so that the data of a WRITE begins on a page of its
 * own, ready for RDMA. A reply of data is put where that data would be, with its header in the 16
 * bytes before: one write(2) of contiguous memory sends it, and a server's RDMA write may have put
 * it there.
 */

import { PAGE_BYTES } from '../../../nic/system-calls-memory.ts';
import type { Caller, Fh, Nodeid } from '../../file-system.ts';
import type { Cursor, Fields, Structure } from '../../kernel-abi/layout.ts';
import { InHeader, OutHeader, WriteIn, WriteOut } from '../../kernel-abi/structures.ts';
import { FhCache } from './fh-cache.ts';

const DATA_OFFSET = 2 * PAGE_BYTES;
const REQUEST_OFFSET = DATA_OFFSET - InHeader.bytes - WriteIn.bytes;
const BODY_OFFSET = REQUEST_OFFSET + InHeader.bytes;
const DATA_HEADER_OFFSET = DATA_OFFSET - OutHeader.bytes;

/** How many views of odd sizes are kept; whole pages have their views for good. */
const ODD_VIEWS = 1024;

/** How much memory an exchange needs for requests and replies of up to `dataBytes` of data. */
export function exchangeBytes(dataBytes: number): number {
  return DATA_OFFSET + dataBytes;
}

/** Where page-aligned memory of the size of {@link exchangeBytes} begins, and its address. */
export interface ExchangeMemory {
  /** The registered memory. */
  readonly memory: Uint8Array;
  /** The address of its first byte, a multiple of the page size. */
  readonly address: number;
}

/** Where requests come from and replies go to: a channel of /dev/fuse. */
export interface Wire {
  /** Puts the next request at `address` and returns its length; 0 when there will be none. */
  receive(address: number, bytes: number): number;
  /** Sends the reply of `bytes` at `address`. */
  reply(address: number, bytes: number): void;
}

export class Exchange {
  /** Who made the request; overwritten by each. */
  readonly caller: Caller = { uid: 0, gid: 0, pid: 0, umask: 0, keepsAccessTimes: false };

  readonly #wire: Wire;
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  // Addresses do not fit small integers: each is computed, and so allocated, once.
  readonly #requestAddress: number;
  readonly #replyAddress: number;
  readonly #dataReplyAddress: number;
  readonly #dataBytes: number;
  readonly #inHeader: Cursor<(typeof InHeader)['fields']>;
  readonly #replyHeader: Cursor<(typeof OutHeader)['fields']>;
  readonly #dataHeader: Cursor<(typeof OutHeader)['fields']>;
  readonly #writeOut: Cursor<(typeof WriteOut)['fields']>;
  readonly #pageViews: (Uint8Array | undefined)[] = [];
  readonly #oddViews = new Map<number, Uint8Array>();
  readonly #fhs = new FhCache();
  #unique = 0;

  constructor(wire: Wire, { memory, address }: ExchangeMemory) {
    if (address % PAGE_BYTES !== 0) throw new Error('the memory of requests begins on a page');
    this.#wire = wire;
    this.#memory = memory;
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    this.#requestAddress = address + REQUEST_OFFSET;
    this.#replyAddress = address;
    this.#dataReplyAddress = address + DATA_HEADER_OFFSET;
    this.#dataBytes = memory.byteLength - DATA_OFFSET;
    this.#inHeader = InHeader.at(this.#view, REQUEST_OFFSET);
    this.#replyHeader = OutHeader.at(this.#view, 0);
    this.#dataHeader = OutHeader.at(this.#view, DATA_HEADER_OFFSET);
    this.#writeOut = this.output(WriteOut);
  }

  /** A cursor on a structure of a request, `offset` bytes after its header. */
  input<F extends Fields>(structure: Structure<F>, offset = 0): Cursor<F> {
    return structure.at(this.#view, BODY_OFFSET + offset);
  }

  /** A cursor on a structure of the reply, `offset` bytes after its header. */
  output<F extends Fields>(structure: Structure<F>, offset = 0): Cursor<F> {
    return structure.at(this.#view, OutHeader.bytes + offset);
  }

  /** A cursor on a structure of a reply of data, which moves along it. */
  dataCursor<F extends Fields>(structure: Structure<F>): Cursor<F> {
    return structure.at(this.#view, DATA_OFFSET);
  }

  /** Takes the next request; returns its opcode, or 0 when there will be none any more. */
  receive(): number {
    const bytes = this.#wire.receive(
      this.#requestAddress,
      this.#dataBytes + DATA_OFFSET - REQUEST_OFFSET,
    );
    if (bytes === 0) return 0;
    const header = this.#inHeader;
    const caller = this.caller;
    this.#unique = header.unique;
    caller.uid = header.uid;
    caller.gid = header.gid;
    caller.pid = header.pid;
    return header.opcode;
  }

  /** The request's id, which its answer repeats. */
  get unique(): number {
    return this.#unique;
  }

  /** The file that the request is about. */
  get nodeid(): Nodeid {
    return this.#inHeader.nodeid as Nodeid;
  }

  /** The open file that the request names in the field at `offset` after the header. */
  fh(offset: number): Fh {
    const at = BODY_OFFSET + offset;
    return this.#fhs.get(this.#view.getUint32(at, true), this.#view.getUint32(at + 4, true));
  }

  /** The name that stands `offset` bytes after the header; it and its NUL end the request. */
  name(offset: number): Uint8Array {
    return this.#nameAt(BODY_OFFSET + offset);
  }

  /** The name behind `name`, where a request carries two. */
  nameAfter(name: Uint8Array): Uint8Array {
    return this.#nameAt(name.byteOffset - this.#memory.byteOffset + name.byteLength + 1);
  }

  /** The `bytes` bytes behind `name` and its NUL. */
  bytesAfter(name: Uint8Array, bytes: number): Uint8Array {
    const start = name.byteOffset - this.#memory.byteOffset + name.byteLength + 1;
    return this.#memory.subarray(start, start + bytes);
  }

  #nameAt(start: number): Uint8Array {
    return this.#memory.subarray(start, this.#memory.indexOf(0, start));
  }

  /** The first `bytes` bytes of the data of a WRITE, or of a reply. Views are made once per size. */
  data(bytes: number): Uint8Array {
    if (bytes % PAGE_BYTES === 0) {
      const page = bytes / PAGE_BYTES;
      this.#pageViews[page] ??= this.#newView(bytes);
      return this.#pageViews[page];
    }
    const known = this.#oddViews.get(bytes);
    if (known !== undefined) return known;
    if (this.#oddViews.size === ODD_VIEWS) this.#oddViews.clear();
    const view = this.#newView(bytes);
    this.#oddViews.set(bytes, view);
    return view;
  }

  #newView(bytes: number): Uint8Array {
    return this.#memory.subarray(DATA_OFFSET, DATA_OFFSET + Math.min(bytes, this.#dataBytes));
  }

  /** Answers with the structures of the reply, `bytes` together. */
  answer(bytes: number): void {
    this.#answer(this.#unique, bytes);
  }

  /** Answers with the first `bytes` bytes of the data. */
  answerData(bytes: number): void {
    const header = this.#dataHeader;
    header.len = OutHeader.bytes + bytes;
    header.error = 0;
    header.unique = this.#unique;
    this.#wire.reply(this.#dataReplyAddress, OutHeader.bytes + bytes);
  }

  /** Answers with an error, a positive errno. */
  answerError(errno: number): void {
    this.answerEarlier(this.#unique, errno);
  }

  /** Answers an earlier request, by its id: with an error, or 0 that it was done. Not within another. */
  answerEarlier(unique: number, errno: number): void {
    const header = this.#replyHeader;
    header.len = OutHeader.bytes;
    header.error = -errno;
    header.unique = unique;
    this.#wire.reply(this.#replyAddress, OutHeader.bytes);
  }

  /** Answers an earlier WRITE, by its id: so much was written. Not within another request. */
  answerWritten(unique: number, bytes: number): void {
    this.#writeOut.size = bytes;
    this.#answer(unique, WriteOut.bytes);
  }

  #answer(unique: number, bytes: number): void {
    const header = this.#replyHeader;
    header.len = OutHeader.bytes + bytes;
    header.error = 0;
    header.unique = unique;
    this.#wire.reply(this.#replyAddress, OutHeader.bytes + bytes);
  }
}
