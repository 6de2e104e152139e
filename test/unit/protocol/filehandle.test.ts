import { expect, test } from 'vitest';
import {
  filehandleOf,
  fileIdOf,
  isOfFileSystem,
  setFileId,
} from '../../../client/protocol/index.ts';

const ours = Uint8Array.from({ length: 16 }, (_, index) => index + 1);
const others = ours.toReversed();

test('a filehandle is the file system, the file id from its most significant byte on, and zeros', () => {
  const handle = filehandleOf(ours, 0x1f_1234_5678_9abc);
  const id = [0, 0x1f, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc];
  expect([...handle]).toEqual([...ours, ...id, ...new Array(40).fill(0)]);
});

test.each([1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1])('tells its file id %d', (fileId) => {
  const handle = filehandleOf(ours, 1);
  setFileId(handle, fileId);
  expect(fileIdOf(handle)).toBe(fileId);
  expect(isOfFileSystem(handle, ours)).toBe(true);
  expect(isOfFileSystem(handle, others)).toBe(false);
});

test('one with other bytes, or an id beyond 2^53, is none of ours', () => {
  for (const [position, byte] of [
    [16, 1],
    [17, 0x20],
    [24, 1],
    [63, 1],
  ] as const) {
    const handle = filehandleOf(ours, 7);
    handle[position] = byte;
    expect(fileIdOf(handle)).toBe(undefined);
  }
});
