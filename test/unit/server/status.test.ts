import { expect, test } from 'vitest';
import { errnoByStatus, statusName } from '../../../client/protocol/index.ts';
import { statusOf } from '../../../server/engine/status.ts';
import { StoreError, type StoreErrorCode } from '../../../server/store/index.ts';

const codes: StoreErrorCode[] = [
  'ENOENT',
  'EEXIST',
  'ENOTDIR',
  'EISDIR',
  'ENOTEMPTY',
  'EINVAL',
  'ENOSPC',
  'EIO',
  'EMLINK',
  'ESTALE',
  'EFBIG',
  'ENAMETOOLONG',
  'EROFS',
];

test.each(codes)('%s of the store is the same error to the client', (code) => {
  const status = statusOf(new StoreError(code, 'said by the store'));
  const name = statusName(status ?? -1) as keyof typeof errnoByStatus;
  expect(errnoByStatus[name]).toBe(code);
});

test('an error that nobody foresaw has no status', () => {
  expect(statusOf(new TypeError('a defect'))).toBeUndefined();
});
