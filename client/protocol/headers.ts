/** Request and response headers (sections 6.1.2 and 6.1.3). */

import { fletcher32 } from './checksum.ts';
import { HEADER_BYTES } from './codec.ts';
import type { MessageBuffer } from './message-buffer.ts';
import { ProtocolError } from './protocol-error.ts';

/** 'DAFS' and 'DAFR', read in the byte order of the session. */
export const REQUEST_MAGIC = 0x44414653;
export const RESPONSE_MAGIC = 0x44414652;

/** Fields of a request header; one object is filled again and again. */
export class RequestHeader {
  protocolVersion = 0;
  desiredNreq = 0;
  chainFlags = 0;
  streamId = 0;
  seqNumber = 0;
  /** The analyzer's first and last 4 bytes, never swapped: the responder returns them as they are. */
  analyzerLow = 0;
  analyzerHigh = 0;
  messageChecksum = 0;
  /** A CredHandle: 0 are the session's own credentials. */
  credHandle = 0;
  procedure = 0;
}

/** Fields of a response header; one object is filled again and again. */
export class ResponseHeader {
  protocolVersion = 0;
  targetNreq = 0;
  specCond = 0;
  streamId = 0;
  seqNumber = 0;
  analyzerLow = 0;
  analyzerHigh = 0;
  messageChecksum = 0;
  status = 0;
}

const CHECKSUM_OFFSET = 24;

const requireMagic = (message: MessageBuffer, magic: number, name: string): void => {
  if (message.length < HEADER_BYTES || message.length > message.bytes.length) {
    throw new ProtocolError('BAD_LENGTH', name, `has ${message.length} bytes`);
  }
  if (message.view.getUint32(0, message.littleEndian) !== magic) {
    throw new ProtocolError('BAD_MAGIC', `${name}.header_magic`, 'is not that of this session');
  }
};

const requireLength = (message: MessageBuffer, offset: number, name: string): void => {
  const length = message.view.getUint32(offset, message.littleEndian);
  if (length !== message.length) {
    throw new ProtocolError('BAD_LENGTH', name, `is ${length} in ${message.length} bytes`);
  }
};

/**
 * The byte order that a client chose with its first request: the magic tells.
 * @returns whether it is little-endian
 * @throws ProtocolError BAD_MAGIC when these are no bytes of a request
 */
export const requestIsLittleEndian = (bytes: Uint8Array): boolean => {
  const [first, second, third, fourth] = bytes;
  if (first === 0x44 && second === 0x41 && third === 0x46 && fourth === 0x53) return false;
  if (first === 0x53 && second === 0x46 && third === 0x41 && fourth === 0x44) return true;
  throw new ProtocolError('BAD_MAGIC', 'DAFS_Request_Header.header_magic', 'is none');
};

/**
 * Reads the header of a request whose `length` is set to what arrived.
 * @throws ProtocolError BAD_LENGTH or BAD_MAGIC
 */
export const decodeRequestHeader = (message: MessageBuffer, into: RequestHeader): void => {
  requireMagic(message, REQUEST_MAGIC, 'DAFS_Request_Header');
  const { view, littleEndian } = message;
  into.protocolVersion = view.getUint32(4, littleEndian);
  into.desiredNreq = view.getUint16(8, littleEndian);
  into.chainFlags = view.getUint16(10, littleEndian);
  into.streamId = view.getUint16(12, littleEndian);
  into.seqNumber = view.getUint16(14, littleEndian);
  into.analyzerLow = view.getUint32(16, true);
  into.analyzerHigh = view.getUint32(20, true);
  into.messageChecksum =
    view.getUint16(24, littleEndian) * 65536 + view.getUint16(26, littleEndian);
  into.credHandle = view.getUint32(28, true);
  into.procedure = view.getUint32(32, littleEndian);
  requireLength(message, 36, 'DAFS_Request_Header.request_len');
};

/**
 * Writes the header before the arguments, which are encoded already: they set `message.length`.
 * The checksum is written as zero: `sealMessage` fills it in.
 */
export const encodeRequestHeader = (message: MessageBuffer, header: RequestHeader): void => {
  const { view, littleEndian } = message;
  view.setUint32(0, REQUEST_MAGIC, littleEndian);
  view.setUint32(4, header.protocolVersion, littleEndian);
  view.setUint16(8, header.desiredNreq, littleEndian);
  view.setUint16(10, header.chainFlags, littleEndian);
  view.setUint16(12, header.streamId, littleEndian);
  view.setUint16(14, header.seqNumber, littleEndian);
  view.setUint32(16, header.analyzerLow, true);
  view.setUint32(20, header.analyzerHigh, true);
  view.setUint32(CHECKSUM_OFFSET, 0, true);
  view.setUint32(28, header.credHandle, true);
  view.setUint32(32, header.procedure, littleEndian);
  view.setUint32(36, message.length, littleEndian);
};

/** Reads the header of a response. @throws ProtocolError BAD_LENGTH or BAD_MAGIC */
export const decodeResponseHeader = (message: MessageBuffer, into: ResponseHeader): void => {
  requireMagic(message, RESPONSE_MAGIC, 'DAFS_Response_Header');
  const { view, littleEndian } = message;
  into.protocolVersion = view.getUint32(4, littleEndian);
  into.targetNreq = view.getUint16(8, littleEndian);
  into.specCond = view.getUint16(10, littleEndian);
  into.streamId = view.getUint16(12, littleEndian);
  into.seqNumber = view.getUint16(14, littleEndian);
  into.analyzerLow = view.getUint32(16, true);
  into.analyzerHigh = view.getUint32(20, true);
  into.messageChecksum =
    view.getUint16(24, littleEndian) * 65536 + view.getUint16(26, littleEndian);
  into.status = view.getUint32(28, littleEndian);
  requireLength(message, 32, 'DAFS_Response_Header.response_len');
};

/** Writes the header before the results, which are encoded already: they set `message.length`. */
export const encodeResponseHeader = (message: MessageBuffer, header: ResponseHeader): void => {
  const { view, littleEndian } = message;
  view.setUint32(0, RESPONSE_MAGIC, littleEndian);
  view.setUint32(4, header.protocolVersion, littleEndian);
  view.setUint16(8, header.targetNreq, littleEndian);
  view.setUint16(10, header.specCond, littleEndian);
  view.setUint16(12, header.streamId, littleEndian);
  view.setUint16(14, header.seqNumber, littleEndian);
  view.setUint32(16, header.analyzerLow, true);
  view.setUint32(20, header.analyzerHigh, true);
  view.setUint32(CHECKSUM_OFFSET, 0, true);
  view.setUint32(28, header.status, littleEndian);
  view.setUint32(32, message.length, littleEndian);
  view.setUint32(36, 0, true);
};

/** Makes a message consist of its header only, as error responses do. */
export const encodeHeaderOnly = (message: MessageBuffer): void => {
  message.length = HEADER_BYTES;
};

/** Writes the message checksum into a message that is complete otherwise (section 3.2.5). */
export const sealMessage = (message: MessageBuffer): void => {
  const sum = fletcher32(message.bytes.subarray(0, message.length), message.littleEndian);
  message.view.setUint16(CHECKSUM_OFFSET, sum >>> 16, message.littleEndian);
  message.view.setUint16(CHECKSUM_OFFSET + 2, sum & 0xffff, message.littleEndian);
};

/**
 * Verifies the message checksum; the checksum's own bytes count as zero.
 * @throws ProtocolError BAD_CHECKSUM; a responder answers DAFSERR_CHKSUM
 */
export const verifyMessage = (message: MessageBuffer): void => {
  const { view, littleEndian } = message;
  const claimed = view.getUint32(CHECKSUM_OFFSET, littleEndian);
  view.setUint32(CHECKSUM_OFFSET, 0, true);
  const sum = fletcher32(message.bytes.subarray(0, message.length), littleEndian);
  view.setUint32(CHECKSUM_OFFSET, claimed, littleEndian);
  const carried =
    view.getUint16(CHECKSUM_OFFSET, littleEndian) * 65536 +
    view.getUint16(CHECKSUM_OFFSET + 2, littleEndian);
  if (carried !== sum) {
    throw new ProtocolError('BAD_CHECKSUM', 'message_checksum', 'does not match');
  }
};
