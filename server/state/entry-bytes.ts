/** Fields of entries of the store's state: written with every open and lock, and so by the cheapest means. */

import type { FileId } from '../store/index.ts';

const word = new DataView(new ArrayBuffer(8));
const wordBytes = new Uint8Array(word.buffer);

/** Writes 64 bits, the most significant byte first. */
export function writeUint64(target: Uint8Array, at: number, value: bigint): void {
  word.setBigUint64(0, value);
  target.set(wordBytes, at);
}

/** How many bytes name a lock owner to his client. @param key what lockOwnerKey() of opens.ts makes */
export const lockOwnerLength = (key: string): number => key.length - ownerAt(key);

/** Writes the bytes that name a lock owner to his client. */
export function writeLockOwner(target: Uint8Array, at: number, key: string): void {
  const from = ownerAt(key);
  for (let index = from; index < key.length; index += 1) {
    target[at + index - from] = key.charCodeAt(index);
  }
}

const ownerAt = (key: string): number => key.indexOf(':') + 1;

/** The bytes of a key. @throws RangeError when it has another length */
export function readKey(key: Uint8Array, bytes: number): Buffer {
  if (key.length !== bytes) {
    throw new RangeError(`a key has ${key.length} bytes instead of ${bytes}`);
  }
  return Buffer.from(key.buffer, key.byteOffset, key.length);
}

/** @throws RangeError for what can be no file's */
export function readFileId(bytes: Buffer, at: number): FileId {
  const id = Number(bytes.readBigUInt64BE(at));
  if (!Number.isSafeInteger(id)) {
    throw new RangeError(`${id} is no file`);
  }
  return id as FileId;
}
