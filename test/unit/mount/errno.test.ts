import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { DafsError } from '../../../client/dafs-error.ts';
import { errnoByStatus } from '../../../client/protocol/errno.ts';
import { ErrnoError, errnoNumber, errnoOf } from '../../../mount/errno.ts';

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
  ])('%s is %i on Linux', (name, number) => {
    expect(errnoNumber(name)).toBe(number);
  });

  it('knows the number of every status of the protocol that a server of ours gives', () => {
    const unknown = Object.values(errnoByStatus).filter((name) => !(name in constants.errno));
    // DAFSERR_MOVED: Node does not know that errno, and our servers do not move files elsewhere.
    expect(unknown).toEqual(['EREMOTE']);
  });

  it('takes what it does not know for EIO', () => {
    expect(errnoNumber('ENOSUCHERRNO')).toBe(constants.errno.EIO);
  });

  it('gives every error its name and its positive number', () => {
    const error = new ErrnoError('ENOTEMPTY');
    expect(error).toMatchObject({ code: 'ENOTEMPTY', errno: 39, message: 'ENOTEMPTY' });
  });
});

describe('errnoOf()', () => {
  it('knows the answers of a file system, and takes nothing else for one', () => {
    expect(errnoOf(new ErrnoError('ENOTEMPTY'))).toBe(39);
    expect(errnoOf(DafsError.fromStatus('LOOKUP', 2))).toBe(2);
    expect(errnoOf(DafsError.local('LOOKUP', 'CONNECTION_LOST', 'EIO', 'gone'))).toBe(5);
    expect(errnoOf(new TypeError('a mistake'))).toBe(undefined);
    expect(errnoOf(Object.assign(new Error('of node:fs'), { errno: -2 }))).toBe(undefined);
  });
});

describe('a stack', () => {
  const hasFrames = (error: Error) => error.stack?.includes('errno.test.ts') ?? false;

  it('is not made for answers', () => {
    expect(hasFrames(new ErrnoError('ENOENT'))).toBe(false);
    expect(hasFrames(DafsError.fromStatus('LOOKUP', 2))).toBe(false);
  });

  it('is made for what goes wrong here, also afterwards', () => {
    expect(hasFrames(DafsError.local('LOOKUP', 'BAD_RESPONSE', 'EIO', 'nonsense'))).toBe(true);
    expect(hasFrames(new Error('a mistake'))).toBe(true);
  });
});
