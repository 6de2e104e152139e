import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { DafsError } from '../../../client/dafs-error.ts';
import { errnoByStatus } from '../../../client/protocol/errno.ts';
import { ErrnoError, errnoName, errnoNumber } from '../../../mount/errno.ts';
import { posix } from '../../../mount/posix-errors.ts';

describe('errno', () => {
  it.each([
    ['EPERM', 1],
    ['ENOENT', 2],
    ['EIO', 5],
    ['EACCES', 13],
    ['EEXIST', 17],
    ['ENOTDIR', 20],
    ['EISDIR', 21],
    ['ENOSPC', 28],
    ['EROFS', 30],
    ['ENAMETOOLONG', 36],
    ['ENOTEMPTY', 39],
    ['ELOOP', 40],
    ['ESTALE', 116],
  ])('%s is %i on Linux, both ways', (name, number) => {
    expect(errnoNumber(name)).toBe(number);
    expect(errnoName(number)).toBe(name);
    expect(errnoName(-number)).toBe(name);
  });

  it('knows the number of every status of the protocol that a server of ours gives', () => {
    const unknown = Object.values(errnoByStatus).filter((name) => !(name in constants.errno));
    // DAFSERR_MOVED: Node does not know that errno, and our servers do not move files elsewhere.
    expect(unknown).toEqual(['EREMOTE']);
  });

  it('takes what it does not know for EIO', () => {
    expect(errnoNumber('ENOSUCHERRNO')).toBe(constants.errno.EIO);
    expect(errnoName(4711)).toBe('EIO');
  });

  it('gives every error its name and its positive number', () => {
    const error = new ErrnoError('ENOTEMPTY');
    expect(error).toMatchObject({ code: 'ENOTEMPTY', errno: 39, message: 'ENOTEMPTY' });
  });
});

describe('posix()', () => {
  it("turns the client's errors into errno and keeps their words", () => {
    const cause = DafsError.fromStatus('LOOKUP', 2);
    expect(() =>
      posix(() => {
        throw cause;
      }),
    ).toThrow(expect.objectContaining({ code: 'ENOENT', errno: 2, message: cause.message, cause }));
  });

  it('lets results and foreign errors through', () => {
    const bug = new TypeError('a bug');
    expect(posix(() => 7)).toBe(7);
    expect(() =>
      posix(() => {
        throw bug;
      }),
    ).toThrow(bug);
  });
});
