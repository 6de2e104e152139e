import { type Content, operations } from './protocol/index.ts';
import type { Session } from './session.ts';
import type { FileReference } from './transfer-requests.ts';

/** A place in an open file. */
export interface FilePlace {
  readonly file: FileReference;
  readonly offset: number;
}

/**
 * What the extension SPACE does with ranges of files. As with FileClient, every method takes as its
 * last argument the credential to act with, and throws DafsError; without the extension that is
 * EOPNOTSUPP.
 */
export class FileSpace {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Where data, or a hole, is next from a place on, which it may be itself; the end of a file is a
   * hole.
   * @throws DafsError ENXIO when there is none
   */
  seek({ file, offset }: FilePlace, content: Content, credential = 0): number {
    const request = { filehandle: file.handle, stateId: file.stateId, offset, content };
    return this.#session.callInPlace(operations.SEEK, request, credential, takeOffset);
  }

  /**
   * fallocate(2), with a `mode` of FallocateMode.
   * @throws DafsError ENOSPC, EFBIG, EINVAL, …; EOPNOTSUPP for modes that do not exist
   */
  allocate({ file, offset }: FilePlace, length: number, mode: number, credential = 0): void {
    const request = { filehandle: file.handle, stateId: file.stateId, offset, length, mode };
    this.#session.callInPlace(operations.FALLOCATE, request, credential, nothing);
  }

  /**
   * Copies on the server, holes as holes.
   * @returns the bytes copied: fewer than `length` at the source's end, and when the server left the
   * rest to another call; 0 only at the source's end
   */
  copy(source: FilePlace, target: FilePlace, length: number, credential = 0): number {
    const request = {
      sourceFilehandle: source.file.handle,
      filehandle: target.file.handle,
      sourceStateId: source.file.stateId,
      stateId: target.file.stateId,
      sourceOffset: source.offset,
      offset: target.offset,
      length,
    };
    return this.#session.callInPlace(operations.COPY, request, credential, takeCount);
  }
}

function takeOffset({ offset }: { offset: number }): number {
  return offset;
}

function takeCount({ count }: { count: number }): number {
  return count;
}

function nothing(): void {}
