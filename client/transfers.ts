import { DafsError } from './dafs-error.ts';
import { ASK_SERVER } from './exported-blocks.ts';
import type { ExportedCache } from './exported-cache.ts';
import { type Chunk, type ChunkMover, type Moved, moveInChunks } from './pipeline.ts';
import { StableHow, type Verifier } from './protocol/index.ts';
import type { RegisteredBuffer, TransferSlot } from './registration.ts';
import type { Request } from './request.ts';
import type { Session } from './session.ts';
import {
  type FileReference,
  INCOMPLETE,
  joined,
  type ReadResult,
  type TransferLimits,
  TransferRequests,
  type WriteResult,
} from './transfer-requests.ts';

/** A write that is under way, and its copy of the data. */
export interface StableWrite extends Pick<Chunk<WriteResult>, 'request' | 'slot'> {
  readonly copy?: Uint8Array;
}

/**
 * Reads and writes of any length: inline or direct by length, split at what one request carries,
 * pipelined as far as slots and credits go, repeated for what the server left undone.
 */
export class Transfers {
  readonly requests: TransferRequests;
  readonly #session: Session;
  readonly #limits: TransferLimits;
  readonly #exported: ExportedCache | undefined;
  /** Memory for what requests carry that may have to be sent again, used again and again. */
  readonly #copies: Uint8Array[] = [];

  /** @param exported where reads look before they ask the server */
  constructor(session: Session, limits: TransferLimits, exported?: ExportedCache) {
    this.#session = session;
    this.#limits = limits;
    this.#exported = exported;
    this.requests = new TransferRequests(session);
  }

  /** Reads into any memory. @returns the bytes read; fewer than asked for at the end of the file */
  read(file: FileReference, offset: number, into: Uint8Array, credential: number): number {
    const read = this.#readExported(file, offset, into);
    if (read !== ASK_SERVER) {
      return read;
    }
    return into.length <= this.#limits.inlineReadBytes
      ? this.#readInline(file, offset, into, credential)
      : this.#readThroughSlots(file, offset, into, credential);
  }

  /** Reads into registered memory, which the server fills by itself. @returns the bytes read */
  readRegistered(
    file: FileReference,
    offset: number,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
    credential: number,
  ): number {
    const blocks = this.#exported?.blocks;
    const read = blocks?.read(file, offset, buffer, bufferOffset, bytes) ?? ASK_SERVER;
    if (read !== ASK_SERVER) {
      return read;
    }
    const { requests } = this;
    if (bytes <= this.#limits.directReadBytes) {
      const moved = requests.performReadDirect(
        file,
        offset,
        buffer,
        bufferOffset,
        bytes,
        credential,
      );
      if (moved !== INCOMPLETE) {
        return moved;
      }
    }
    return this.#readChunks(file, offset, buffer, bufferOffset, bytes, credential);
  }

  #readChunks(
    file: FileReference,
    offset: number,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
    credential: number,
  ): number {
    return moveInChunks(this.#session, bytes, {
      chunkBytes: this.#limits.directReadBytes,
      begin: (position, length) => ({
        request: this.requests.readDirect(
          file,
          offset + position,
          buffer,
          bufferOffset + position,
          length,
          credential,
        ),
        position,
        bytes: length,
        slot: undefined,
      }),
      take: nothing,
      release: nothing,
    });
  }

  /** Writes any memory. */
  write(
    file: FileReference,
    offset: number,
    data: Uint8Array,
    stability: StableHow,
    credential: number,
  ): WriteResult {
    return data.length <= this.#limits.inlineWriteBytes
      ? this.#writeInline(file, offset, data, stability, credential)
      : this.#writeThroughSlots(file, offset, data, stability, credential);
  }

  /** Writes registered memory, which the server fetches by itself. */
  writeRegistered(
    file: FileReference,
    offset: number,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
    stability: StableHow,
    credential: number,
  ): WriteResult {
    const { requests } = this;
    const begin = (position: number, length: number) =>
      requests.writeDirect(
        file,
        offset + position,
        buffer,
        bufferOffset + position,
        length,
        stability,
        credential,
      );
    if (bytes <= this.#limits.directWriteBytes) {
      const result = this.#session.wait(begin(0, bytes));
      if (result.bytes === bytes) {
        return result;
      }
    }
    return this.#writeChunks(bytes, {
      chunkBytes: this.#limits.directWriteBytes,
      begin: (position, length) => ({
        request: begin(position, length),
        position,
        bytes: length,
        slot: undefined,
      }),
      take: nothing,
      release: nothing,
    });
  }

  /**
   * The same, unstable, for who need not know whether the server loses it: allocates nothing.
   * @returns the bytes that the server has taken: less than asked for only when it can take no more
   */
  writeUnstable(
    file: FileReference,
    offset: number,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
    credential: number,
  ): number {
    const { requests } = this;
    if (bytes <= this.#limits.directWriteBytes) {
      const taken = requests.performWriteDirect(
        file,
        offset,
        buffer,
        bufferOffset,
        bytes,
        credential,
      );
      if (taken === bytes) {
        return taken;
      }
    }
    const { UNSTABLE } = StableHow;
    return this.writeRegistered(file, offset, buffer, bufferOffset, bytes, UNSTABLE, credential)
      .bytes;
  }

  /**
   * Begins to write a copy of `data` so that it is on stable storage when the request has succeeded, along
   * with all that was written to the file before.
   * @returns what takeStable() waits for; undefined when one request cannot carry so much, or only one
   * slot is free
   */
  beginStable(
    file: FileReference,
    offset: number,
    data: Uint8Array,
    credential: number,
  ): StableWrite | undefined {
    const { FILE_SYNC } = StableHow;
    if (data.length > this.#limits.inlineWriteBytes) {
      // Those who cannot wait for a slot are left one: it is lent until the disk has the data.
      const hasSlot = this.#session.transfers.freeSlots > 1;
      const isPossible = hasSlot && data.length <= this.#limits.directWriteBytes;
      return isPossible ? this.#writeInSlot(file, offset, data, FILE_SYNC, credential) : undefined;
    }
    const copy = this.#copies.pop() ?? new Uint8Array(this.#limits.inlineWriteBytes);
    copy.set(data);
    const sent = copy.subarray(0, data.length);
    const request = this.requests.writeInline(file, offset, sent, FILE_SYNC, credential);
    return { request, slot: undefined, copy };
  }

  /** Waits for what beginStable() has begun. @returns the bytes written */
  takeStable({ request, slot, copy }: StableWrite): number {
    try {
      const { bytes, committed } = this.#session.wait(request);
      if (committed === StableHow.FILE_SYNC) return bytes;
      const reason = 'the server left data unstable that was to be stable';
      throw DafsError.local('WRITE', 'BAD_RESPONSE', 'EIO', reason);
    } finally {
      if (slot !== undefined) this.#session.transfers.release(slot);
      if (copy !== undefined) this.#copies.push(copy);
    }
  }

  /** Reads through a slot what needs no message, if it fits; else ASK_SERVER. */
  #readExported(file: FileReference, offset: number, into: Uint8Array): number {
    const { transfers } = this.#session;
    const blocks = this.#exported?.blocks;
    const isPossible = into.length <= transfers.slotBytes;
    const slot = isPossible && blocks !== undefined ? transfers.acquire() : undefined;
    if (blocks === undefined || slot === undefined) {
      return ASK_SERVER;
    }
    const { buffer } = transfers;
    const read = blocks.read(file, offset, buffer, slot.offset, into.length);
    if (read !== ASK_SERVER) {
      into.set(slot.memory.subarray(0, read));
    }
    transfers.release(slot);
    return read;
  }

  #readInline(file: FileReference, offset: number, into: Uint8Array, credential: number): number {
    let done = 0;
    for (;;) {
      const rest = done === 0 ? into : into.subarray(done);
      const request = this.requests.readInline(file, offset + done, rest, credential);
      const { bytes, isAtEnd } = this.#session.wait(request);
      done += bytes;
      if (done === into.length || isAtEnd || bytes === 0) {
        return done;
      }
    }
  }

  #readThroughSlots(
    file: FileReference,
    offset: number,
    into: Uint8Array,
    credential: number,
  ): number {
    const { transfers } = this.#session;
    return moveInChunks(this.#session, into.length, {
      chunkBytes: this.#limits.directReadBytes,
      begin: (position, bytes) =>
        this.#inSlot(position, bytes, (slot) =>
          this.requests.readDirect(
            file,
            offset + position,
            transfers.buffer,
            slot.offset,
            bytes,
            credential,
          ),
        ),
      take: ({ slot, position }, result: ReadResult) => {
        const memory = slot?.memory as Uint8Array;
        into.set(memory.subarray(0, result.bytes), position);
      },
      release: ({ slot }) => {
        if (slot) transfers.release(slot);
      },
    });
  }

  #writeInline(
    file: FileReference,
    offset: number,
    data: Uint8Array,
    stability: StableHow,
    credential: number,
  ): WriteResult {
    const request = this.requests.writeInline(file, offset, data, stability, credential);
    const result = this.#session.wait(request);
    if (result.bytes === data.length || result.bytes === 0) {
      return result;
    }
    const rest = data.subarray(result.bytes);
    return joined(result, this.write(file, offset + result.bytes, rest, stability, credential));
  }

  #writeThroughSlots(
    file: FileReference,
    offset: number,
    data: Uint8Array,
    stability: StableHow,
    credential: number,
  ): WriteResult {
    const { transfers } = this.#session;
    return this.#writeChunks(data.length, {
      chunkBytes: this.#limits.directWriteBytes,
      begin: (position, bytes) => {
        const chunk = data.subarray(position, position + bytes);
        const sent = this.#writeInSlot(file, offset + position, chunk, stability, credential);
        return sent && { ...sent, position };
      },
      take: nothing,
      release: ({ slot }) => {
        if (slot) transfers.release(slot);
      },
    });
  }

  /** Sends a copy of `data`, if there is a free slot for it. */
  #writeInSlot(
    file: FileReference,
    offset: number,
    data: Uint8Array,
    stability: StableHow,
    credential: number,
  ): Chunk<WriteResult> | undefined {
    const { length: bytes } = data;
    const { buffer } = this.#session.transfers;
    return this.#inSlot(0, bytes, (slot) => {
      slot.memory.set(data);
      return this.requests.writeDirect(
        file,
        offset,
        buffer,
        slot.offset,
        bytes,
        stability,
        credential,
      );
    });
  }

  /** Lends a slot to a chunk, if there is a free one, and sends its request. */
  #inSlot<Result extends Moved>(
    position: number,
    bytes: number,
    send: (slot: TransferSlot) => Request<unknown, Result>,
  ): Chunk<Result> | undefined {
    const { transfers } = this.#session;
    const slot = transfers.acquire();
    if (slot === undefined) {
      return undefined;
    }
    try {
      return { request: send(slot), position, bytes, slot };
    } catch (error) {
      transfers.release(slot);
      throw error;
    }
  }

  #writeChunks(total: number, mover: ChunkMover<WriteResult>): WriteResult {
    let sum: WriteResult | undefined;
    const take = (_: Chunk<WriteResult>, result: WriteResult) => {
      sum = sum === undefined ? result : joined(sum, result);
    };
    const bytes = moveInChunks(this.#session, total, { ...mover, take });
    return { committed: 0, verifier: 0n as Verifier, ...sum, bytes };
  }
}

function nothing(): void {}
