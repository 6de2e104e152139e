import { type FileAttributes, fileAttributeBitmap } from '../../client/protocol/attributes.ts';
import type { StableHow } from '../../client/protocol/constants.ts';
import { READ_INLINE_DATA_OFFSET } from '../../client/protocol/operations/io.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Filehandle, StateId } from '../../client/protocol/types.ts';
import { requireChangeable } from '../access-control.ts';
import { requireUserAttributeAccess } from '../attribute-access.ts';
import { receiveStaged, sendBytes, totalBytes } from '../engine/bulk-data.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import { namedAttributeIdOf } from '../named-attributes/handles.ts';
import { fileOfNamed, type NamedAttribute, namedAttribute } from '../named-attributes/objects.ts';
import { ANONYMOUS_STATEID, BYPASS_STATEID, Share } from '../state/opens.ts';
import { maxAttributeValueBytes } from '../store/index.ts';
import { requestedAttributes } from './set-attributes.ts';
import { type DirectData, stability } from './write.ts';

interface IoArguments {
  readonly filehandle: Filehandle;
  readonly stateId: StateId;
}

interface WriteArguments extends IoArguments {
  readonly stableHow: StableHow;
}

/** What reads and writes of files do, done to named attributes: values of at most 64 KiB. */
export const namedAttributeDataHandlers = {
  READ_INLINE(service, exchange, args) {
    const { value } = openedAttribute(service, exchange, args, Share.READ);
    const room = exchange.response.bytes.length - READ_INLINE_DATA_OFFSET;
    const end = args.offset + Math.min(args.byteCount, room);
    return { eof: end >= value.length, readData: value.subarray(args.offset, end) };
  },

  READ_DIRECT(service, exchange, args) {
    const { value } = openedAttribute(service, exchange, args, Share.READ);
    const { readDataBuffers: buffers } = args;
    if (args.byteCount > totalBytes(buffers)) {
      refuse(DafsStatus.DAFSERR_INVAL);
    }
    const end = args.offset + args.byteCount;
    const data = value.subarray(args.offset, end);
    const directChecksum = sendBytes(service, exchange, data, buffers);
    return { eof: end >= value.length, bytesRead: data.length, directChecksum };
  },

  WRITE_INLINE(service, exchange, args) {
    const attribute = openedAttribute(service, exchange, args, Share.WRITE);
    write(service, attribute, args.offset, args.data);
    return written(service, exchange, attribute, args, args.data.length);
  },

  WRITE_DIRECT(service, exchange, args) {
    const { byteCount, directChecksum, writeDataBuffers: buffers } = args;
    const attribute = openedAttribute(service, exchange, args, Share.WRITE);
    const data = { byteCount, directChecksum, buffers };
    writeDirect(service, exchange, attribute, args.offset, data);
    return written(service, exchange, attribute, args, byteCount);
  },

  APPEND_INLINE(service, exchange, args) {
    const attribute = openedAttribute(service, exchange, args, Share.WRITE);
    const offset = attribute.value.length;
    write(service, attribute, offset, args.data);
    return { offset, ...stability(service, exchange, attribute.file, args.stableHow) };
  },

  APPEND_DIRECT(service, exchange, args) {
    const { byteCount, directChecksum, writeDataBuffer } = args;
    const attribute = openedAttribute(service, exchange, args, Share.WRITE);
    const offset = attribute.value.length;
    const data = { byteCount, directChecksum, buffers: [writeDataBuffer] };
    writeDirect(service, exchange, attribute, offset, data);
    return { offset, ...stability(service, exchange, attribute.file, args.stableHow) };
  },

  COMMIT(service, exchange, args) {
    exchange.stableFile = fileOfNamed(service, args.filehandle).id;
    return { writeverf: service.writeVerifier };
  },
} satisfies Handlers;

/**
 * SETATTR: the size of an attribute, and nothing else; the rest is its file's.
 * @returns the bitmap of what was set
 * @throws Refusal DAFSERR_INVAL, DAFSERR_FBIG, DAFSERR_ISDIR, or as for a write
 */
export function setNamedAttributes(
  service: Service,
  exchange: Exchange,
  filehandle: Filehandle,
  attributes: FileAttributes,
  stateId: StateId,
): number {
  const requested = requestedAttributes(attributes, fileAttributeBitmap('objectSize'));
  const { objectSize } = attributes;
  if (objectSize === undefined) {
    return requested;
  }
  const attribute = openedAttribute(service, exchange, { filehandle, stateId }, Share.WRITE);
  replace(service, attribute, resized(attribute.value, objectSize));
  return requested;
}

/** A value with zeros behind it, or without its end. @throws Refusal DAFSERR_FBIG */
export function resized(value: Uint8Array, length: number): Uint8Array {
  if (length > maxAttributeValueBytes) {
    refuse(DafsStatus.DAFSERR_FBIG);
  }
  const result = new Uint8Array(length);
  result.set(value.subarray(0, length));
  return result;
}

/**
 * The attribute that a request may read or write. An open gives the right by itself; without one the
 * file's permissions decide, and what others deny (as for files, in io-right.ts).
 */
function openedAttribute(
  service: Service,
  exchange: Exchange,
  { filehandle, stateId }: IoArguments,
  share: typeof Share.READ | typeof Share.WRITE,
): NamedAttribute {
  const attribute = namedAttribute(service, filehandle);
  const { file, number } = attribute;
  const id = namedAttributeIdOf(number);
  const bypasses = stateId === BYPASS_STATEID;
  if (share === Share.WRITE) {
    // Also an open does not outlast chattr(1).
    requireChangeable(file);
  }
  if (stateId !== ANONYMOUS_STATEID && !bypasses) {
    const open = service.opens.find(stateId, exchange.client, id);
    return (open.access & share) === 0 ? refuse(DafsStatus.DAFSERR_ACCES) : attribute;
  }
  requireUserAttributeAccess(file, exchange.credential, share === Share.READ ? 'read' : 'write');
  const passesDenials = bypasses && share === Share.READ;
  if (!passesDenials && service.opens.isDenied(id, share)) {
    refuse(DafsStatus.DAFSERR_LOCKED);
  }
  return attribute;
}

/** @throws Refusal DAFSERR_FBIG beyond 64 KiB, and what the store refuses */
function write(
  service: Service,
  attribute: NamedAttribute,
  offset: number,
  data: Uint8Array,
): void {
  requireEnd(offset + data.length);
  if (data.length > 0) {
    const length = Math.max(attribute.value.length, offset + data.length);
    const value = resized(attribute.value, length);
    value.set(data, offset);
    replace(service, attribute, value);
  }
}

/** The same with data that lies in the client's memory. @throws Refusal also DAFSERR_CHKSUM */
function writeDirect(
  service: Service,
  exchange: Exchange,
  attribute: NamedAttribute,
  offset: number,
  { byteCount, directChecksum, buffers }: DirectData,
): void {
  requireEnd(offset + byteCount);
  receiveStaged(service, exchange, buffers, byteCount, directChecksum);
  write(service, attribute, offset, service.staging.memory.subarray(0, byteCount));
}

function requireEnd(end: number): void {
  if (end > maxAttributeValueBytes) {
    refuse(DafsStatus.DAFSERR_FBIG);
  }
}

const replace = ({ store }: Service, { file, name }: NamedAttribute, value: Uint8Array): void =>
  store.extendedAttributes.set(file.id, name, value, 'replace');

const written = (
  service: Service,
  exchange: Exchange,
  { file }: NamedAttribute,
  { stableHow }: WriteArguments,
  count: number,
) => ({ count, ...stability(service, exchange, file, stableHow) });
