/** The flags of open(2) and the mask of access(2) in the protocol's words. */

import { constants } from 'node:fs';
import type { NewMode } from '../client/file-status.ts';
import type { Creation, OpenAccess } from '../client/opening.ts';
import { AccessRight, Content } from '../client/protocol/index.ts';
import { ErrnoError } from './errno.ts';

const OPEN_ACCESS: Readonly<Record<number, OpenAccess>> = {
  [constants.O_RDONLY]: 'read',
  [constants.O_WRONLY]: 'write',
  [constants.O_RDWR]: 'both',
  [constants.O_RDONLY | constants.O_APPEND]: 'read',
  [constants.O_WRONLY | constants.O_APPEND]: 'append',
  [constants.O_RDWR | constants.O_APPEND]: 'read and append',
};
const ACCESS_MODE_BITS = 0o3 | constants.O_APPEND;

/** For which kinds of access `flags` open a file. @throws ErrnoError EINVAL */
export function openAccess(flags: number): OpenAccess {
  const access = OPEN_ACCESS[flags & ACCESS_MODE_BITS];
  if (access === undefined) throw new ErrnoError('EINVAL');
  return access;
}

/** What opening a name with O_CREAT among `flags` does about the file. */
export function creationOf(mode: NewMode, flags: number): Creation {
  if ((flags & constants.O_EXCL) !== 0) return { mode: 'guarded', attributes: { mode } };
  const truncation = (flags & constants.O_TRUNC) !== 0 ? { sizeBytes: 0 } : {};
  return { mode: 'unchecked', attributes: { mode, ...truncation } };
}

/** What opening a file that exists does about it. */
export function truncationOf(flags: number): Creation {
  return (flags & constants.O_TRUNC) === 0
    ? { mode: 'never' }
    : { mode: 'unchecked', attributes: { sizeBytes: 0 } };
}

/** What lseek(2) looks for; node:fs does not name Linux's numbers. */
const SEEK_CONTENT: Readonly<Record<number, Content>> = { 3: Content.DATA, 4: Content.HOLE };

/** What SEEK_DATA or SEEK_HOLE look for. @throws ErrnoError EINVAL for other directives */
export function contentOf(whence: number): Content {
  const content = SEEK_CONTENT[whence];
  if (content === undefined) throw new ErrnoError('EINVAL');
  return content;
}

/** access(2)'s mask in the protocol's words. */
const RIGHTS: readonly (readonly [mask: number, right: number])[] = [
  [constants.R_OK, AccessRight.ACCESS_READ],
  [constants.W_OK, AccessRight.ACCESS_MODIFY],
  [constants.X_OK, AccessRight.ACCESS_EXECUTE],
];

/** The rights (AccessRight) that access(2) asks for with `mask`. */
export function rightsOf(mask: number): number {
  return RIGHTS.reduce((all, [bit, right]) => all | (mask & bit ? right : 0), 0);
}
