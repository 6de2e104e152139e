import { fileAttributesCodec } from '../../client/protocol/attributes.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import { fileAttributesOf } from '../attributes.ts';
import { receiveStaged, sendStructure } from '../engine/bulk-data.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import { setAttributes } from './set-attributes.ts';

/** No set of attributes that a client can set is anywhere near as long. */
const MAX_ATTRIBUTE_BYTES = 65_536;

/** Reading and setting file attributes (sections 6.5.13, 6.5.14, 6.5.35 and 6.5.36). */
export const attributeHandlers = {
  GETATTR_INLINE(service, _exchange, args) {
    const inode = service.filehandles.inode(args.filehandle);
    return { objAttributes: fileAttributesOf(inode, args.attrRequestBitmap, service.filehandles) };
  },

  GETATTR_DIRECT(service, exchange, args) {
    const inode = service.filehandles.inode(args.filehandle);
    const attributes = fileAttributesOf(inode, args.attrRequestBitmap, service.filehandles);
    const buffers = [args.dataBuffer];
    return {
      directChecksum: sendStructure(service, exchange, fileAttributesCodec, attributes, buffers),
    };
  },

  SETATTR_INLINE(service, exchange, args) {
    const inode = service.filehandles.inode(args.filehandle);
    return {
      attrRequestBitmap: setAttributes(service, exchange, inode, args.objAttributes, args.stateId),
    };
  },

  SETATTR_DIRECT(service, exchange, args) {
    const inode = service.filehandles.inode(args.filehandle);
    const { objAttributes: buffer, directChecksum } = args;
    if (buffer.byteCount > MAX_ATTRIBUTE_BYTES) {
      refuse(DafsStatus.DAFSERR_INVAL);
    }
    receiveStaged(service, exchange, [buffer], buffer.byteCount, directChecksum);
    const { stagingMessage } = service;
    stagingMessage.littleEndian = exchange.request.littleEndian;
    const attributes = fileAttributesCodec.decodeAt(stagingMessage, 0, buffer.byteCount);
    return {
      attrRequestBitmap: setAttributes(service, exchange, inode, attributes, args.stateId),
    };
  },
} satisfies Handlers;
