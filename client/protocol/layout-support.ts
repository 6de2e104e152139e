/** What generated codecs call: everything too long to be generated inline. */

import { ProtocolError } from './protocol-error.ts';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const utf8 = new TextEncoder();
const twoTo32 = 4294967296;
const highestHighWord = 0x1fffff;
/** Below this many bytes a loop beats TypedArray.set. */
const loopBytes = 24;

export const malformed = (field: string, reason: string): never => {
  throw new ProtocolError('MALFORMED', field, reason);
};

export const invalid = (field: string, reason: string): never => {
  throw new ProtocolError('INVALID_VALUE', field, reason);
};

export const tooLarge = (field: string): never => {
  throw new ProtocolError('TOO_LARGE', field, 'does not fit into the message buffer');
};

export const toUnsigned53 = (high: number, low: number, field: string): number =>
  high > highestHighWord ? malformed(field, 'exceeds 2^53 - 1') : high * twoTo32 + low;

export const toSigned53 = (high: number, low: number, field: string): number => {
  const value = high * twoTo32 + low;
  return Number.isSafeInteger(value) ? value : malformed(field, 'exceeds 53 bits');
};

export const toBoolean = (raw: number, field: string): boolean =>
  raw > 1 ? malformed(field, 'is neither TRUE nor FALSE') : raw === 1;

/** `allowed` is a bitmap of the values below 32. */
export const toEnumeration = (raw: number, allowed: number, field: string): number =>
  raw > 31 || ((allowed >>> raw) & 1) === 0 ? malformed(field, 'is not defined') : raw;

export const decodeText = (
  memory: ArrayBufferLike,
  view: DataView,
  start: number,
  byteLength: number,
  field: string,
): string => {
  let text = '';
  if (byteLength <= loopBytes) {
    let index = 0;
    for (; index < byteLength; index++) {
      const octet = view.getUint8(start + index);
      if (octet >= 0x80) break;
      text += String.fromCharCode(octet);
    }
    if (index === byteLength) return text;
  }
  try {
    // A copy: TextDecoder refuses memory that other processes share.
    const copy = new Uint8Array(byteLength);
    copy.set(new Uint8Array(memory, view.byteOffset + start, byteLength));
    return strictUtf8.decode(copy);
  } catch {
    return malformed(field, 'is not UTF-8');
  }
};

export const copyBytes = (target: Uint8Array, position: number, source: Uint8Array): void => {
  if (source.length >= loopBytes) {
    // A responder may have put the data where it belongs already.
    const inPlace =
      source.buffer === target.buffer && source.byteOffset === target.byteOffset + position;
    if (!inPlace) target.set(source, position);
    return;
  }
  for (let index = 0; index < source.length; index++) {
    target[position + index] = source[index] as number;
  }
};

export const copyText = (target: Uint8Array, position: number, text: string): number => {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= 0x80) {
      const encoded = utf8.encode(text);
      target.set(encoded, position);
      return encoded.length;
    }
    target[position + index] = unit;
  }
  return text.length;
};

/** The number of bytes of a string in UTF-8. */
export const textBytes = (text: string): number => {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) >= 0x80) return utf8.encode(text).length;
  }
  return text.length;
};

export const zero = (target: Uint8Array, from: number, to: number): void => {
  for (let position = from; position < to; position++) target[position] = 0;
};

/** The next position on 8 bytes, with zeros up to it. */
export const alignHeap = (target: Uint8Array, position: number): number => {
  const aligned = (position + 7) & -8;
  if (aligned > target.length) tooLarge('message');
  for (let index = position; index < aligned; index++) target[index] = 0;
  return aligned;
};
