import { fileAttributesCodec } from '../../client/protocol/attributes.ts';
import { HEADER_BYTES } from '../../client/protocol/codec.ts';
import {
  type DirectoryEntry,
  directoryEntriesCodec,
} from '../../client/protocol/operations/name.ts';
import type { ArgumentsOf } from '../../client/protocol/operations.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Verifier } from '../../client/protocol/types.ts';
import { Permission, requirePermission } from '../access-control.ts';
import { fileAttributesOf, longestAttributes } from '../attributes.ts';
import { sendStructure, totalBytes } from '../engine/bulk-data.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import type { Inode } from '../store/index.ts';
import { recordAccess } from './access-time.ts';
import { requireDirectory } from './create-object.ts';

/** Cookies 0 to 2 are the client's, for the beginning, `.` and `..` (section 6.5.29). */
const LAST_RESERVED_COOKIE = 2;

/** READDIR_INLINE's fixed section: verifier, eof and the offset of the entries. */
const INLINE_FIXED_BYTES = 16;
/** The count of the entries, and room for the alignment at the end. */
const ARRAY_BYTES = 16;
/** One entry without its attributes and its name: cookie and two offsets. */
const ENTRY_BYTES = 16;
/** A name's count; it begins on 8 bytes, and so does what follows it. */
const NAME_OVERHEAD_BYTES = 4 + 7;

type ReaddirArguments = ArgumentsOf<'READDIR_INLINE'>;

/** Reading directories (sections 6.5.29 and 6.5.30). */
export const directoryHandlers = {
  READDIR_INLINE(service, exchange, args) {
    const room = exchange.response.bytes.length - HEADER_BYTES;
    const maxBytes = Math.min(args.maxcount, room) - INLINE_FIXED_BYTES;
    return readEntries(service, exchange, args, maxBytes);
  },

  READDIR_DIRECT(service, exchange, args) {
    const { readdirDataBuffers: buffers } = args;
    const room = Math.min(totalBytes(buffers), service.staging.memory.length);
    const maxBytes = Math.min(args.maxcount, room);
    const { cookieverf, eof, entries } = readEntries(service, exchange, args, maxBytes);
    return {
      cookieverf,
      eof,
      directChecksum: sendStructure(service, exchange, directoryEntriesCodec, entries, buffers),
    };
  },
} satisfies Handlers;

interface Listing {
  readonly cookieverf: Verifier;
  readonly eof: boolean;
  readonly entries: readonly DirectoryEntry[];
}

/** The entries after the cookie, as many as are sure to fit into `maxBytes` when encoded. */
function readEntries(
  service: Service,
  exchange: Exchange,
  args: ReaddirArguments,
  maxBytes: number,
): Listing {
  const directory = service.filehandles.inode(args.filehandle);
  requireDirectory(directory);
  requirePermission(directory, exchange.credential, Permission.READ);
  const cookieverf = cookieVerifierOf(service);
  requireCookie(args, cookieverf);

  const { attrRequestBitmap: bitmap, dircount } = args;
  const entries: DirectoryEntry[] = [];
  const attributeBytes = attributeRoom(service, directory, bitmap);
  let restBytes = maxBytes - ARRAY_BYTES;
  let nameBytes = 0;
  const eof = service.store.readDirectory(directory.id, args.cookie, (name, id, cookie) => {
    restBytes -= ENTRY_BYTES + attributeBytes + NAME_OVERHEAD_BYTES + name.length;
    // dircount is a hint about names and cookies alone; 0 says nothing, and one entry must go.
    nameBytes += name.length + 8;
    const isEnough = dircount > 0 && nameBytes > dircount && entries.length > 0;
    if (restBytes < 0 || isEnough) {
      return false;
    }
    const inode = service.store.inode(id);
    if (inode !== undefined) {
      const attrs = fileAttributesOf(inode, bitmap, service.filehandles);
      entries.push({ cookie, attrs, name: name.slice() });
    }
    return true;
  });
  if (entries.length === 0 && !eof) {
    refuse(DafsStatus.DAFSERR_READDIR_NOSPC);
  }
  recordAccess(service, directory);
  return { cookieverf, eof, entries };
}

/** Cookies stay valid for as long as the file system exists, so one verifier does for all. */
function cookieVerifierOf({ filehandles: { fsHandle } }: Service): Verifier {
  const view = new DataView(fsHandle.buffer, fsHandle.byteOffset, fsHandle.byteLength);
  return view.getBigUint64(0, true) as Verifier;
}

/** @throws Refusal DAFSERR_BAD_COOKIE for a cookie that no READDIR of this file system returned. */
function requireCookie(args: ReaddirArguments, cookieverf: Verifier): void {
  const isStart = args.cookie === 0;
  const isReserved = !isStart && args.cookie <= LAST_RESERVED_COOKIE;
  if (isReserved || (!isStart && args.cookieverf !== cookieverf)) {
    refuse(DafsStatus.DAFSERR_BAD_COOKIE);
  }
}

/** The most that the attributes of one entry can take. */
function attributeRoom(service: Service, directory: Inode, bitmap: number): number {
  const sample = longestAttributes(fileAttributesOf(directory, bitmap, service.filehandles));
  return fileAttributesCodec.encodeAt(service.stagingMessage, 0, sample) + 7;
}
