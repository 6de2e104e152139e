import { DafsError, hasStatus } from './dafs-error.ts';
import {
  DafsStatus,
  Extension,
  type Filehandle,
  fletcher32,
  operations,
  SetxattrOption,
} from './protocol/index.ts';
import type { TransferSlot } from './registration.ts';
import type { Session } from './session.ts';

/** Longest value of an extended attribute, in bytes. */
export const MAXIMUM_ATTRIBUTE_BYTES = 65_536;

/** Room that the longest name and the rest of SETXATTR_INLINE take of a request, at most. */
const INLINE_OVERHEAD_BYTES = 512;
/** How much of a list one request asks for. */
const LIST_PAGE_BYTES = 65_536;

/** What set() does when there is such an attribute already, or none. */
export type SetOption = 'either' | 'create' | 'replace';

const SET_OPTION = {
  either: SetxattrOption.EITHER,
  create: SetxattrOption.CREATE,
  replace: SetxattrOption.REPLACE,
} as const;

/**
 * The extended attributes of files, by handle and by full name (`user.mime_type`). Needs the
 * protocol's extension XATTR: ask for it when connecting (SessionOptions.extensions). Without it
 * every method throws DafsError EOPNOTSUPP.
 */
export class ExtendedAttributes {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** @throws DafsError ENODATA when there is none of that name, EACCES, EOPNOTSUPP, … */
  get(filehandle: Filehandle, name: Uint8Array, credential = 0): Uint8Array {
    this.#requireExtension('GETXATTR');
    try {
      return this.#session.callInPlace(
        operations.GETXATTR_INLINE,
        { filehandle, name },
        credential,
        ({ value }) => value.slice(),
      );
    } catch (error) {
      if (hasStatus(error, DafsStatus.DAFSERR_TOOSMALL)) {
        return this.#getDirect(filehandle, name, credential);
      }
      throw error;
    }
  }

  /** @throws DafsError EEXIST and ENODATA as `option` says, E2BIG, EACCES, EPERM, ENOSPC, … */
  set(
    filehandle: Filehandle,
    name: Uint8Array,
    value: Uint8Array,
    option: SetOption = 'either',
    credential = 0,
  ): void {
    this.#requireExtension('SETXATTR');
    if (value.length > MAXIMUM_ATTRIBUTE_BYTES) {
      const reason = `a value of ${value.length} bytes`;
      throw DafsError.local('SETXATTR', 'INVALID_ARGUMENT', 'E2BIG', reason);
    }
    const { maximumRequestBytes } = this.#session.terms;
    const request = { filehandle, option: SET_OPTION[option], name };
    if (value.length + INLINE_OVERHEAD_BYTES > maximumRequestBytes) {
      this.#setDirect(request, value, credential);
      return;
    }
    const inline = { ...request, value };
    this.#session.callInPlace(operations.SETXATTR_INLINE, inline, credential, nothing);
  }

  /** The names of all attributes that the caller may know of. */
  list(filehandle: Filehandle, credential = 0): Uint8Array[] {
    this.#requireExtension('LISTXATTRS');
    const all: Uint8Array[] = [];
    for (let cookie = 0; ; ) {
      const request = { filehandle, cookie, maxcount: LIST_PAGE_BYTES };
      const page = this.#session.callInPlace(
        operations.LISTXATTRS,
        request,
        credential,
        ({ names, ...rest }) => ({ names: names.map((name) => name.slice()), ...rest }),
      );
      all.push(...page.names);
      if (page.eof) {
        return all;
      }
      cookie = page.cookie;
    }
  }

  /** @throws DafsError ENODATA when there is none of that name, EACCES, EPERM, … */
  remove(filehandle: Filehandle, name: Uint8Array, credential = 0): void {
    this.#requireExtension('REMOVEXATTR');
    this.#session.callInPlace(operations.REMOVEXATTR, { filehandle, name }, credential, nothing);
  }

  #getDirect(filehandle: Filehandle, name: Uint8Array, credential: number): Uint8Array {
    return this.#inSlot((slot, valueBuffer) => {
      const request = { filehandle, name, valueBuffer };
      const results = this.#session.call(operations.GETXATTR_DIRECT, request, credential);
      const value = slot.memory.slice(0, results.byteCount);
      const { usesChecksums, littleEndian } = this.#session.terms;
      if (usesChecksums && fletcher32(value, littleEndian) !== results.directChecksum) {
        const reason = 'the value arrived damaged';
        throw DafsError.local('GETXATTR_DIRECT', 'BAD_CHECKSUM', 'EIO', reason);
      }
      return value;
    });
  }

  #setDirect(
    request: { filehandle: Filehandle; option: SetxattrOption; name: Uint8Array },
    value: Uint8Array,
    credential: number,
  ): void {
    this.#inSlot((slot, buffer) => {
      slot.memory.set(value);
      const { usesChecksums, littleEndian } = this.#session.terms;
      const directChecksum = usesChecksums ? fletcher32(value, littleEndian) : 0;
      const valueBuffer = { ...buffer, byteCount: value.length };
      const direct = { ...request, valueBuffer, directChecksum };
      this.#session.call(operations.SETXATTR_DIRECT, direct, credential);
    });
  }

  /** Lends the registered memory that a value goes through. */
  #inSlot<Result>(
    move: (
      slot: TransferSlot,
      buffer: { address: number; byteCount: number; handle: number },
    ) => Result,
  ): Result {
    const { transfers } = this.#session;
    const slot = transfers.acquire();
    if (slot === undefined || transfers.slotBytes < MAXIMUM_ATTRIBUTE_BYTES) {
      if (slot) transfers.release(slot);
      const reason = 'no transfer slot is free that takes a value';
      throw DafsError.local('XATTR', 'INVALID_ARGUMENT', 'ENOBUFS', reason);
    }
    try {
      const byteCount = MAXIMUM_ATTRIBUTE_BYTES;
      return move(slot, { address: slot.address, byteCount, handle: transfers.buffer.handle });
    } finally {
      transfers.release(slot);
    }
  }

  #requireExtension(operation: string): void {
    if (!this.#session.extensions.has(Extension.XATTR)) {
      throw DafsError.fromStatus(operation, DafsStatus.DAFSERR_NOTSUPP);
    }
  }
}

function nothing(): void {}
