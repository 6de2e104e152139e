import { type FileAttributes, fileAttributesCodec } from '../../client/protocol/attributes.ts';
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
import { isNamedHandle, namedAttributeIdOf } from '../named-attributes/handles.ts';
import {
  attributesOfNamed,
  fileOfDirectory,
  isNamed,
  objectAttributes,
  shownName,
} from '../named-attributes/objects.ts';
import type { AttributeEntry, FileId } from '../store/index.ts';
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
  const directory = isNamedHandle(args.filehandle)
    ? namedAttributesOf(service, args)
    : entriesOfDirectory(service, exchange, args);
  const cookieverf = cookieVerifierOf(service);
  requireCookie(args, cookieverf);

  const { dircount } = args;
  const entries: DirectoryEntry[] = [];
  const attributeBytes = attributeRoom(service, directory.sample);
  let restBytes = maxBytes - ARRAY_BYTES;
  let nameBytes = 0;
  const eof = directory.read(args.cookie, (name, id, cookie) => {
    restBytes -= ENTRY_BYTES + attributeBytes + NAME_OVERHEAD_BYTES + name.length;
    // dircount is a hint about names and cookies alone; 0 says nothing, and one entry must go.
    nameBytes += name.length + 8;
    const isEnough = dircount > 0 && nameBytes > dircount && entries.length > 0;
    if (restBytes < 0 || isEnough) {
      return false;
    }
    const attrs = directory.attributes(id);
    if (attrs !== undefined) {
      entries.push({ cookie, attrs, name: name.slice() });
    }
    return true;
  });
  if (entries.length === 0 && !eof) {
    refuse(DafsStatus.DAFSERR_READDIR_NOSPC);
  }
  directory.recordAccess?.();
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
const attributeRoom = (service: Service, sample: FileAttributes): number =>
  fileAttributesCodec.encodeAt(service.stagingMessage, 0, longestAttributes(sample)) + 7;

/** Takes the next entry; false when there is no more room. */
type TakeEntry = (name: Uint8Array, id: FileId, cookie: number) => boolean;

/** What is read: the entries of a directory, or the named attributes of a file. */
interface EntrySource {
  /** Attributes like those of the entries. */
  readonly sample: FileAttributes;
  /** @returns whether all were taken that come after this cookie */
  read(cookie: number, take: TakeEntry): boolean;
  /** Of an entry that is being taken; undefined: it is gone. */
  attributes(id: FileId): FileAttributes | undefined;
  recordAccess?(): void;
}

/** @throws Refusal DAFSERR_NOTDIR, DAFSERR_ACCES */
function entriesOfDirectory(
  service: Service,
  exchange: Exchange,
  { filehandle, attrRequestBitmap: bitmap }: ReaddirArguments,
): EntrySource {
  const { store, filehandles } = service;
  const directory = filehandles.inode(filehandle);
  requireDirectory(directory);
  requirePermission(directory, exchange.credential, Permission.READ);
  return {
    sample: fileAttributesOf(directory, bitmap, filehandles),
    read: (cookie, take) => store.readDirectory(directory.id, cookie, take),
    attributes(id) {
      const inode = store.inode(id);
      return inode && fileAttributesOf(inode, bitmap, filehandles);
    },
    recordAccess: () => recordAccess(service, directory, exchange.credential),
  };
}

/**
 * The names of extended attributes are no secrets (xattr(7)), so listing them needs no permission.
 * @throws Refusal DAFSERR_NOTDIR
 */
function namedAttributesOf(
  service: Service,
  { filehandle, attrRequestBitmap: bitmap }: ReaddirArguments,
): EntrySource {
  const file = fileOfDirectory(service, filehandle);
  const { extendedAttributes } = service.store;
  let current: AttributeEntry | undefined;
  return {
    sample: objectAttributes(service, filehandle, bitmap),
    read(cookie, take) {
      // Cookies are the attributes' numbers, moved behind those that are the client's.
      const after = Math.max(0, cookie - LAST_RESERVED_COOKIE);
      return extendedAttributes
        .list(file.id, after)
        .filter(({ name }) => isNamed(name))
        .every((entry) => {
          current = entry;
          const { id, name } = entry;
          return take(shownName(name), namedAttributeIdOf(id), id + LAST_RESERVED_COOKIE);
        });
    },
    attributes: () =>
      current &&
      attributesOfNamed(
        service,
        { file, number: current.id, value: { length: current.bytes } },
        bitmap,
      ),
  };
}
