import { ENTRY_BITMAP, type FileStatus, fileStatus, fileStatusBitmap } from './file-status.ts';
import {
  type ArgumentsOf,
  directoryEntriesCodec,
  type Filehandle,
  HEADER_BYTES,
  MessageBuffer,
  ObjectType,
  operations,
  type Verifier,
  type DirectoryEntry as WireEntry,
} from './protocol/index.ts';
import type { TransferSlot } from './registration.ts';
import type { Session } from './session.ts';

/** One name of a directory; `.` and `..` are never among them. */
export interface DirectoryEntry {
  readonly name: Uint8Array;
  /** Where reading goes on behind this entry; always more than 2. */
  readonly cookie: number;
  readonly fileId: number;
  readonly type: ObjectType;
  /** Present when the page was asked for with attributes. */
  readonly status: FileStatus | undefined;
}

/** Where reading a directory goes on. */
export interface DirectoryPosition {
  /** The cookie of the last entry that was taken; 0 is the beginning. */
  readonly cookie: number;
  readonly verifier: Verifier;
  /** Whether entries come with the status of their files. True when left out. */
  readonly withStatus?: boolean;
}

export interface DirectoryPage {
  readonly entries: readonly DirectoryEntry[];
  /** Whether the directory ends with this page. */
  readonly isLast: boolean;
  readonly verifier: Verifier;
}

/** Room that the results of READDIR_INLINE take beside the entries, at the most. */
const INLINE_OVERHEAD_BYTES = HEADER_BYTES + 32;
/** What a page is asked for with when the caller does not care. */
const USUAL_PAGE_BYTES = 65_536;

const BEGINNING: DirectoryPosition = { cookie: 0, verifier: 0n as Verifier };

/** Reads directories, inline what fits into a response and direct what does not. */
export class DirectoryReader {
  readonly #session: Session;
  readonly #statusBitmap: number;
  readonly #inlineBytes: number;
  readonly #slotBuffers = new Map<TransferSlot, MessageBuffer>();

  constructor(session: Session) {
    this.#session = session;
    this.#statusBitmap = fileStatusBitmap(session.extensions);
    this.#inlineBytes = session.terms.maximumResponseBytes - INLINE_OVERHEAD_BYTES;
  }

  page(
    directory: Filehandle,
    position: DirectoryPosition = BEGINNING,
    maximumBytes = USUAL_PAGE_BYTES,
    credential = 0,
  ): DirectoryPage {
    const withStatus = position.withStatus ?? true;
    const request = {
      filehandle: directory,
      cookie: position.cookie,
      cookieverf: position.verifier,
      dircount: 0,
      attrRequestBitmap: withStatus ? this.#statusBitmap : ENTRY_BITMAP,
    };
    // With checksums everything goes inline: READDIR_DIRECT's results do not tell how many bytes
    // their checksum covers.
    if (maximumBytes > this.#inlineBytes && !this.#session.terms.usesChecksums) {
      return this.#direct(request, maximumBytes, credential, withStatus);
    }
    return this.#session.callInPlace(
      operations.READDIR_INLINE,
      { ...request, maxcount: Math.min(maximumBytes, this.#inlineBytes) },
      credential,
      ({ entries, eof, cookieverf }) => ({
        entries: entries.map((entry) => directoryEntry(entry, withStatus)),
        isLast: eof,
        verifier: cookieverf,
      }),
    );
  }

  #direct(
    request: Omit<ArgumentsOf<'READDIR_INLINE'>, 'maxcount'>,
    maximumBytes: number,
    credential: number,
    withStatus: boolean,
  ): DirectoryPage {
    const { transfers } = this.#session;
    return transfers.use('READDIR_DIRECT', (slot) => {
      const maxcount = Math.min(maximumBytes, transfers.slotBytes);
      const range = { address: slot.address, byteCount: maxcount, handle: transfers.buffer.handle };
      return this.#session.callInPlace(
        operations.READDIR_DIRECT,
        { ...request, maxcount, readdirDataBuffers: [range] },
        credential,
        ({ eof, cookieverf }) => ({
          entries: directoryEntriesCodec
            .decodeAt(this.#slotBuffer(slot), 0, maxcount)
            .map((entry) => directoryEntry(entry, withStatus)),
          isLast: eof,
          verifier: cookieverf,
        }),
      );
    });
  }

  #slotBuffer(slot: TransferSlot): MessageBuffer {
    let buffer = this.#slotBuffers.get(slot);
    if (buffer === undefined) {
      buffer = new MessageBuffer(slot.memory, this.#session.terms);
      this.#slotBuffers.set(slot, buffer);
    }
    return buffer;
  }
}

/** The entry with memory of its own. */
function directoryEntry(entry: WireEntry, withStatus: boolean): DirectoryEntry {
  const { name, cookie, attrs } = entry;
  return {
    name: name.slice(),
    cookie,
    fileId: attrs.fileId ?? 0,
    type: (attrs.objectType ?? ObjectType.DAFS_TYPE_INVALID) as ObjectType,
    status: withStatus ? fileStatus(attrs) : undefined,
  };
}
