import { DafsError } from './dafs-error.ts';
import {
  type Filehandle,
  fletcher32,
  operations,
  READ_INLINE_DATA_OFFSET,
  type ResultsOf,
  StableHow,
  type StateId,
  type Verifier,
  WRITE_INLINE_DATA_OFFSET,
} from './protocol/index.ts';
import type { RegisteredBuffer } from './registration.ts';
import { InPlaceRequest, RepeatedRequest, type Request } from './request.ts';
import type { Session } from './session.ts';

/**
 * Up to this many bytes data travels inside the message, beyond that by RDMA. Measured by
 * `npm run bench -- client`, rows "inline" and "direct": reads break even at 4 KiB and are 0.87 of
 * the inline time direct at 8 KiB; writes of 4 KiB are still 0.9 of the direct time inline.
 */
export const INLINE_READ_BYTES = 4096;
export const INLINE_WRITE_BYTES = 4096;

/** A file as transfers name it: its handle, and the open whose rights count (0: the caller's own). */
export interface FileReference {
  readonly handle: Filehandle;
  readonly stateId: StateId;
}

/** What the server said of data that it has taken. */
export interface WriteResult {
  readonly bytes: number;
  /** The weakest of what was promised for any part of the data. */
  readonly committed: StableHow;
  /** Changes when the server may have lost data that was not committed. */
  readonly verifier: Verifier;
}

/** What the server said of data that it has appended. */
export interface AppendResult extends WriteResult {
  /** Where the file ended, right behind the data. */
  readonly endOffset: number;
}

/** What the server said of data that it has sent. */
export interface ReadResult {
  readonly bytes: number;
  readonly isAtEnd: boolean;
}

/** What a read gives of which the server left some undone. */
export const INCOMPLETE = -1;

/** The longest transfer of each kind, in bytes. */
export interface TransferLimits {
  readonly inlineReadBytes: number;
  readonly inlineWriteBytes: number;
  readonly directReadBytes: number;
  readonly directWriteBytes: number;
}

/** What a session can carry, of what the server performs at once. */
export function transferLimits(
  session: Session,
  server: { readonly maximumReadBytes: number; readonly maximumWriteBytes: number },
): TransferLimits {
  const { terms, transfers } = session;
  const response = terms.maximumResponseBytes - READ_INLINE_DATA_OFFSET;
  const request = terms.maximumRequestBytes - WRITE_INLINE_DATA_OFFSET;
  return {
    inlineReadBytes: Math.min(INLINE_READ_BYTES, response, server.maximumReadBytes),
    inlineWriteBytes: Math.min(INLINE_WRITE_BYTES, request, server.maximumWriteBytes),
    directReadBytes: Math.min(transfers.slotBytes, server.maximumReadBytes),
    directWriteBytes: Math.min(transfers.slotBytes, server.maximumWriteBytes),
  };
}

const newRange = () => ({ address: 0, byteCount: 0, handle: 0 });
type Range = ReturnType<typeof newRange>;

const noFile = {
  filehandle: new Uint8Array() as Filehandle,
  stateId: 0n as StateId,
  offset: 0,
  cacheHint: 0,
};
const newReadDirect = () => ({
  ...noFile,
  byteCount: 0,
  readDataBuffers: [newRange()] as [Range],
});
const newWriteDirect = () => ({
  ...noFile,
  byteCount: 0,
  stableHow: StableHow.UNSTABLE as StableHow,
  directChecksum: 0,
  writeDataBuffers: [newRange()] as [Range],
});

function setRange(
  range: Range,
  buffer: RegisteredBuffer,
  bufferOffset: number,
  bytes: number,
): void {
  if (bufferOffset < 0 || bufferOffset + bytes > buffer.bytes) {
    const asked = `${bytes} bytes from ${bufferOffset} on`;
    const reason = `${asked} do not lie in a buffer of ${buffer.bytes} bytes`;
    throw DafsError.local('transfer', 'INVALID_ARGUMENT', 'EINVAL', reason);
  }
  range.address = buffer.address + bufferOffset;
  range.byteCount = bytes;
  range.handle = buffer.handle;
}

/**
 * Single requests that move file data. Who waits for one at a time needs no new object for its arguments;
 * of several each has its own, since one whose connection is lost is encoded once more.
 */
export class TransferRequests {
  readonly #session: Session;
  readonly #readArguments = newReadDirect();
  readonly #writeArguments = newWriteDirect();
  readonly #repeatedRead;
  readonly #repeatedWrite;

  constructor(session: Session) {
    this.#session = session;
    this.#repeatedRead = new RepeatedRequest(operations.READ_DIRECT, this.#readArguments, {
      bytesRead: 0,
      eof: false,
      directChecksum: 0,
    });
    this.#repeatedWrite = new RepeatedRequest(operations.WRITE_DIRECT, this.#writeArguments, {
      count: 0,
    });
  }

  /** Reads into `into`, which the response brings the data for. */
  readInline(
    file: FileReference,
    offset: number,
    into: Uint8Array,
    credential: number,
  ): Request<unknown, ReadResult> {
    const { handle: filehandle, stateId } = file;
    const request = new InPlaceRequest(
      operations.READ_INLINE,
      { filehandle, stateId, offset, cacheHint: 0, byteCount: into.length },
      credential,
      (results: ResultsOf<'READ_INLINE'>) => {
        const { readData, eof } = results;
        assertFits('READ_INLINE', readData.length, into.length);
        into.set(readData);
        return { bytes: readData.length, isAtEnd: eof };
      },
    );
    this.#session.send(request);
    return request;
  }

  /** Has the server write file data to `bytes` of `buffer` from `bufferOffset` on. */
  readDirect(
    file: FileReference,
    offset: number,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
    credential: number,
  ): Request<unknown, ReadResult> {
    const argument = newReadDirect();
    this.#fillRead(argument, file, offset, buffer, bufferOffset, bytes);
    const request = new InPlaceRequest(
      operations.READ_DIRECT,
      argument,
      credential,
      (results: ResultsOf<'READ_DIRECT'>) => {
        const { bytesRead, eof, directChecksum } = results;
        this.#checkRead(buffer, bufferOffset, bytes, bytesRead, directChecksum);
        return { bytes: bytesRead, isAtEnd: eof };
      },
    );
    this.#session.send(request);
    return request;
  }

  /**
   * The same, waited for, without allocating anything.
   * @returns the bytes read, fewer than asked for at the end of the file; or INCOMPLETE
   */
  performReadDirect(
    file: FileReference,
    offset: number,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
    credential: number,
  ): number {
    this.#fillRead(this.#readArguments, file, offset, buffer, bufferOffset, bytes);
    this.#session.repeat(this.#repeatedRead, credential);
    const { bytesRead, eof, directChecksum } = this.#repeatedRead.results;
    this.#checkRead(buffer, bufferOffset, bytes, bytesRead, directChecksum);
    return bytesRead === bytes || eof ? bytesRead : INCOMPLETE;
  }

  /** Writes `data`, which the request carries. */
  writeInline(
    file: FileReference,
    offset: number,
    data: Uint8Array,
    stability: StableHow,
    credential: number,
  ): Request<unknown, WriteResult> {
    const argument = {
      filehandle: file.handle,
      stateId: file.stateId,
      offset,
      stableHow: stability,
      cacheHint: 0,
      writePadded: false,
      data,
    };
    const take = writeResult('WRITE_INLINE', data.length);
    const request = new InPlaceRequest(operations.WRITE_INLINE, argument, credential, take);
    this.#session.send(request);
    return request;
  }

  /** Has the server fetch `bytes` of `buffer` from `bufferOffset` on. */
  writeDirect(
    file: FileReference,
    offset: number,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
    stability: StableHow,
    credential: number,
  ): Request<unknown, WriteResult> {
    const argument = newWriteDirect();
    this.#fillWrite(argument, file, offset, buffer, bufferOffset, bytes, stability);
    const take = writeResult('WRITE_DIRECT', bytes);
    const request = new InPlaceRequest(operations.WRITE_DIRECT, argument, credential, take);
    this.#session.send(request);
    return request;
  }

  /** Appends `data`, which the request carries. */
  appendInline(
    { handle: filehandle, stateId }: FileReference,
    data: Uint8Array,
    stableHow: StableHow,
    credential: number,
  ): Request<unknown, AppendResult> {
    const argument = { filehandle, stateId, stableHow, writePadded: false, cacheHint: 0, data };
    const take = appendResult(data.length);
    const request = new InPlaceRequest(operations.APPEND_INLINE, argument, credential, take);
    this.#session.send(request);
    return request;
  }

  /** Has the server fetch `bytes` of `buffer` from `bufferOffset` on, for the end of the file. */
  appendDirect(
    { handle: filehandle, stateId }: FileReference,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
    stableHow: StableHow,
    credential: number,
  ): Request<unknown, AppendResult> {
    const writeDataBuffer = newRange();
    setRange(writeDataBuffer, buffer, bufferOffset, bytes);
    const argument = {
      filehandle,
      stateId,
      stableHow,
      byteCount: bytes,
      cacheHint: 0,
      directChecksum: this.#checksum(buffer, bufferOffset, bytes),
      writeDataBuffer,
    };
    const take = appendResult(bytes);
    const request = new InPlaceRequest(operations.APPEND_DIRECT, argument, credential, take);
    this.#session.send(request);
    return request;
  }

  /**
   * The same as writeDirect, unstable and waited for, without allocating anything.
   * @returns the bytes that the server has taken
   */
  performWriteDirect(
    file: FileReference,
    offset: number,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
    credential: number,
  ): number {
    const { UNSTABLE } = StableHow;
    this.#fillWrite(this.#writeArguments, file, offset, buffer, bufferOffset, bytes, UNSTABLE);
    this.#session.repeat(this.#repeatedWrite, credential);
    const { count } = this.#repeatedWrite.results;
    assertFits('WRITE_DIRECT', count, bytes);
    return count;
  }

  #fillRead(
    argument: ReturnType<typeof newReadDirect>,
    file: FileReference,
    offset: number,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
  ): void {
    argument.filehandle = file.handle;
    argument.stateId = file.stateId;
    argument.offset = offset;
    argument.byteCount = bytes;
    setRange(argument.readDataBuffers[0], buffer, bufferOffset, bytes);
  }

  #fillWrite(
    argument: ReturnType<typeof newWriteDirect>,
    file: FileReference,
    offset: number,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
    stability: StableHow,
  ): void {
    argument.filehandle = file.handle;
    argument.stateId = file.stateId;
    argument.offset = offset;
    argument.byteCount = bytes;
    argument.stableHow = stability;
    argument.directChecksum = this.#checksum(buffer, bufferOffset, bytes);
    setRange(argument.writeDataBuffers[0], buffer, bufferOffset, bytes);
  }

  /** What the server says that it has read must fit, and be what arrived. */
  #checkRead(
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
    bytesRead: number,
    checksum: number,
  ): void {
    assertFits('READ_DIRECT', bytesRead, bytes);
    if (this.#session.terms.usesChecksums) {
      const data = buffer.memory.subarray(bufferOffset, bufferOffset + bytesRead);
      this.#verify('READ_DIRECT', data, checksum);
    }
  }

  #checksum(buffer: RegisteredBuffer, bufferOffset: number, bytes: number): number {
    const { usesChecksums, littleEndian } = this.#session.terms;
    return usesChecksums
      ? fletcher32(buffer.memory.subarray(bufferOffset, bufferOffset + bytes), littleEndian)
      : 0;
  }

  #verify(operation: string, data: Uint8Array, checksum: number): void {
    if (fletcher32(data, this.#session.terms.littleEndian) !== checksum) {
      throw DafsError.local(operation, 'BAD_CHECKSUM', 'EIO', 'the data arrived damaged');
    }
  }
}

/** An append is done as a whole or not at all. */
const appendResult =
  (bytes: number) =>
  ({ offset, committed, verifier }: ResultsOf<'APPEND_DIRECT'>): AppendResult => ({
    bytes,
    endOffset: offset + bytes,
    committed,
    verifier,
  });

const writeResult =
  (operation: string, bytes: number) =>
  ({ count, committed, verifier }: ResultsOf<'WRITE_DIRECT'>): WriteResult => {
    assertFits(operation, count, bytes);
    return { bytes: count, committed, verifier };
  };

/** Two results as one; the older verifier stays, so that a later COMMIT notices that it changed. */
export function joined(first: WriteResult, second: WriteResult): WriteResult {
  return {
    bytes: first.bytes + second.bytes,
    committed: Math.min(first.committed, second.committed) as StableHow,
    verifier: first.verifier,
  };
}

/** A server that claims to have moved more than it was asked for is not to be believed. */
function assertFits(operation: string, bytes: number, requested: number): void {
  if (bytes > requested) {
    const reason = `the server moved ${bytes} bytes where ${requested} were asked for`;
    throw DafsError.local(operation, 'BAD_RESPONSE', 'EIO', reason);
  }
}
