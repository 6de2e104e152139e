import { StoreError } from './errors.ts';
import { maxNameBytes } from './types.ts';

const slash = 0x2f;
const dot = 0x2e;

/**
 * Refuses what cannot be the name of a directory entry: any bytes are a name but NUL and '/',
 * nothing at all, '.' and '..'.
 * @throws {StoreError} ENAMETOOLONG, EINVAL
 */
export function checkName(name: Uint8Array): void {
  const { length } = name;
  if (length > maxNameBytes) {
    throw new StoreError('ENAMETOOLONG', `a name has at most ${maxNameBytes} bytes, not ${length}`);
  }
  const isSpecial = length <= 2 && name.every((byte) => byte === dot);
  if (isSpecial || name.includes(slash) || name.includes(0)) {
    throw new StoreError('EINVAL', `${JSON.stringify(showName(name))} cannot be a name`);
  }
}

/** The name as text for messages. */
export function showName(name: Uint8Array): string {
  return Buffer.from(name).toString();
}

/** Entries of a directory whose names hash alike; the cookies of a bucket lie side by side. */
export const bucketEntries = 256;
const bucketBits = 45;

/**
 * First cookie of the bucket of a name: 45 bits of hash, then the place in the bucket. Never
 * below 256, so that the small numbers stay free for '.' and '..'.
 *
 * The seed is the database's own, so that nobody can prepare names that collide.
 */
export function bucketOf(name: Uint8Array, seed: number): number {
  let high = seed | 0;
  let low = Math.floor(seed / 0x1_0000) ^ 0x9e3779b9;
  for (let index = 0; index < name.length; index++) {
    const byte = name[index] as number;
    high = Math.imul(high ^ byte, 0x85ebca6b);
    high ^= high >>> 13;
    low = Math.imul(low ^ byte, 0xc2b2ae35);
    low ^= low >>> 16;
  }
  high = Math.imul(high ^ (high >>> 16), 0x7feb352d);
  low = Math.imul(low ^ (low >>> 15), 0x846ca68b) ^ high;
  const bucket = (high >>> 0) * 2 ** (bucketBits - 32) + (low >>> (64 - bucketBits));
  return Math.max(bucket, 1) * bucketEntries;
}
