import { StoreError } from './errors.ts';
import type { InodeRecord } from './inode-record.ts';
import { FileType, maxFileBytes } from './types.ts';

/** @throws {StoreError} EISDIR, EINVAL, EFBIG when the object cannot have that size. */
export function checkSize(record: InodeRecord, size: number): void {
  if (record.type !== FileType.REGULAR) {
    const code = record.isDirectory ? 'EISDIR' : 'EINVAL';
    throw new StoreError(code, `inode ${record.id} is not a regular file`);
  }
  if (size > maxFileBytes) {
    throw new StoreError('EFBIG', `a file has at most ${maxFileBytes} bytes`);
  }
  if (!Number.isInteger(size) || size < 0) {
    throw new StoreError('EINVAL', `${size} is no size`);
  }
}
