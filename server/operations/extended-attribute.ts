import { HEADER_BYTES } from '../../client/protocol/codec.ts';
import { SetxattrOption } from '../../client/protocol/extensions.ts';
import type { ResultsOf } from '../../client/protocol/operations.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Filehandle } from '../../client/protocol/types.ts';
import { isListed, requireAttributeAccess } from '../attribute-access.ts';
import { receiveStaged, sendBytes } from '../engine/bulk-data.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import {
  type AttributeEntry,
  type AttributeOption,
  type Inode,
  maxAttributeValueBytes,
} from '../store/index.ts';
import { aclSetterFor, requireAcl } from './acl-attribute.ts';
import { changeInfo } from './create-object.ts';

const options: Readonly<Record<SetxattrOption, AttributeOption>> = {
  [SetxattrOption.EITHER]: 'either',
  [SetxattrOption.CREATE]: 'create',
  [SetxattrOption.REPLACE]: 'replace',
};

/** LISTXATTRS' results without the names: cookie, eof, the offset of the names and their count. */
const LIST_BYTES = 8 + 4 + 4 + 8;
/** One name without its bytes: its offset, its count, and what aligns it. */
const LISTED_NAME_BYTES = 4 + 4 + 7;

/** Extended attributes by name (EXTENSIONS.md of the protocol, extension XATTR). */
export const extendedAttributeHandlers = {
  GETXATTR_INLINE(service, exchange, args) {
    return { value: attributeValue(service, exchange, args.filehandle, args.name) };
  },

  GETXATTR_DIRECT(service, exchange, args) {
    const value = attributeValue(service, exchange, args.filehandle, args.name);
    const directChecksum = sendBytes(service, exchange, value, [args.valueBuffer]);
    return { byteCount: value.length, directChecksum };
  },

  SETXATTR_INLINE(service, exchange, args) {
    const inode = service.filehandles.inode(args.filehandle);
    requireAttributeAccess(inode, exchange.credential, args.name, 'write');
    return set(service, exchange, inode, args.name, args.value, args.option);
  },

  SETXATTR_DIRECT(service, exchange, args) {
    const inode = service.filehandles.inode(args.filehandle);
    const { valueBuffer: buffer, directChecksum } = args;
    requireAttributeAccess(inode, exchange.credential, args.name, 'write');
    requireValueBytes(buffer.byteCount);
    receiveStaged(service, exchange, [buffer], buffer.byteCount, directChecksum);
    const value = service.staging.memory.subarray(0, buffer.byteCount);
    return set(service, exchange, inode, args.name, value, args.option);
  },

  LISTXATTRS(service, exchange, args) {
    const inode = service.filehandles.inode(args.filehandle);
    const room = exchange.response.bytes.length - HEADER_BYTES;
    const all = service.store.extendedAttributes.list(inode.id, args.cookie);
    const listed = all.filter(({ name }) => isListed(name, exchange.credential));
    return page(listed, args.cookie, Math.min(room, args.maxcount) - LIST_BYTES);
  },

  REMOVEXATTR(service, exchange, args) {
    const inode = service.filehandles.inode(args.filehandle);
    requireAttributeAccess(inode, exchange.credential, args.name, 'write');
    const before = inode.change;
    const setAcl = aclSetterFor(args.name);
    if (setAcl !== undefined) {
      setAcl(service, exchange, inode, undefined);
    } else if (!service.store.extendedAttributes.remove(inode.id, args.name)) {
      refuse(DafsStatus.DAFSERR_NOXATTR);
    }
    return { changeInfo: changeInfo(before, inode) };
  },
} satisfies Handlers;

function attributeValue(
  service: Service,
  exchange: Exchange,
  handle: Filehandle,
  name: Uint8Array,
): Uint8Array {
  const inode = service.filehandles.inode(handle);
  requireAttributeAccess(inode, exchange.credential, name, 'read');
  const value = service.store.extendedAttributes.get(inode.id, name);
  return value ?? refuse(DafsStatus.DAFSERR_NOXATTR);
}

/** @throws Refusal DAFSERR_XATTR2BIG */
function requireValueBytes(bytes: number): void {
  if (bytes > maxAttributeValueBytes) {
    refuse(DafsStatus.DAFSERR_XATTR2BIG);
  }
}

function set(
  service: Service,
  exchange: Exchange,
  inode: Inode,
  name: Uint8Array,
  value: Uint8Array,
  option: SetxattrOption,
): ResultsOf<'SETXATTR_INLINE'> {
  requireValueBytes(value.length);
  const { extendedAttributes } = service.store;
  const before = inode.change;
  const setAcl = aclSetterFor(name);
  if (setAcl !== undefined) {
    setAcl(service, exchange, inode, requireAcl(value));
    return { changeInfo: changeInfo(before, inode) };
  }
  if (option === SetxattrOption.REPLACE && extendedAttributes.find(inode.id, name) === undefined) {
    refuse(DafsStatus.DAFSERR_NOXATTR);
  }
  extendedAttributes.set(inode.id, name, value, options[option]);
  return { changeInfo: changeInfo(before, inode) };
}

/** As many names as are sure to fit. @throws Refusal DAFSERR_TOOSMALL when not even one does. */
function page(
  attributes: readonly AttributeEntry[],
  cookie: number,
  maxBytes: number,
): ResultsOf<'LISTXATTRS'> {
  let restBytes = maxBytes;
  const tooMany = attributes.findIndex(({ name }) => {
    restBytes -= LISTED_NAME_BYTES + name.length;
    return restBytes < 0;
  });
  if (tooMany === 0) {
    refuse(DafsStatus.DAFSERR_TOOSMALL);
  }
  const fitting = tooMany < 0 ? attributes : attributes.slice(0, tooMany);
  return {
    cookie: fitting.at(-1)?.id ?? cookie,
    eof: tooMany < 0,
    names: fitting.map(({ name }) => name),
  };
}
