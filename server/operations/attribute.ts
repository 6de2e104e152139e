import { type FileAttributes, fileAttributesCodec } from '../../client/protocol/attributes.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Filehandle, StateId } from '../../client/protocol/types.ts';
import { receiveStaged, sendStructure } from '../engine/bulk-data.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import { isNamedHandle } from '../named-attributes/handles.ts';
import { objectAttributes } from '../named-attributes/objects.ts';
import { setNamedAttributes } from './named-attribute-data.ts';
import { setAttributes } from './set-attributes.ts';

/** No set of attributes that a client can set is anywhere near as long. */
const MAX_ATTRIBUTE_BYTES = 65_536;

/** Reading and setting file attributes (sections 6.5.13, 6.5.14, 6.5.35 and 6.5.36). */
export const attributeHandlers = {
  GETATTR_INLINE(service, _exchange, args) {
    return { objAttributes: objectAttributes(service, args.filehandle, args.attrRequestBitmap) };
  },

  GETATTR_DIRECT(service, exchange, args) {
    const attributes = objectAttributes(service, args.filehandle, args.attrRequestBitmap);
    const buffers = [args.dataBuffer];
    return {
      directChecksum: sendStructure(service, exchange, fileAttributesCodec, attributes, buffers),
    };
  },

  SETATTR_INLINE(service, exchange, args) {
    const { filehandle, objAttributes, stateId } = args;
    return {
      attrRequestBitmap: setObjectAttributes(service, exchange, filehandle, objAttributes, stateId),
    };
  },

  SETATTR_DIRECT(service, exchange, args) {
    const { filehandle, stateId, objAttributes: buffer, directChecksum } = args;
    if (buffer.byteCount > MAX_ATTRIBUTE_BYTES) {
      refuse(DafsStatus.DAFSERR_INVAL);
    }
    receiveStaged(service, exchange, [buffer], buffer.byteCount, directChecksum);
    const { stagingMessage } = service;
    stagingMessage.littleEndian = exchange.request.littleEndian;
    const attributes = fileAttributesCodec.decodeAt(stagingMessage, 0, buffer.byteCount);
    return {
      attrRequestBitmap: setObjectAttributes(service, exchange, filehandle, attributes, stateId),
    };
  },
} satisfies Handlers;

/** @returns the bitmap of what was set. @throws Refusal */
function setObjectAttributes(
  service: Service,
  exchange: Exchange,
  handle: Filehandle,
  attributes: FileAttributes,
  stateId: StateId,
): number {
  return isNamedHandle(handle)
    ? setNamedAttributes(service, exchange, handle, attributes, stateId)
    : setAttributes(service, exchange, service.filehandles.inode(handle), attributes, stateId);
}
