/** Fields of entries of the store's state: written with every open and lock, and so by the cheapest means. */

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
