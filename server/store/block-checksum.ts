import { crc32 } from 'node:zlib';

/**
 * The checksum of a block's row: CRC-32. As a signed number it takes four bytes in all but one of 128
 * rows, and rows of equal length are overwritten in place.
 */
export const checksumOf = (data: Uint8Array): number => crc32(data) | 0;

/** Whether a row is what was written. Rows of old databases have no checksum, and are believed. */
export const isWhole = (data: Uint8Array, checksum: number | null): boolean =>
  checksum === null || checksumOf(data) === checksum;

/** The checksum of a row's first bytes; what was damaged stays so. */
export function checksumOfCut(data: Uint8Array, checksum: number | null, bytes: number): number {
  const cut = checksumOf(data.subarray(0, bytes));
  return isWhole(data, checksum) ? cut : ~cut;
}
