/**
 * Errors as the kernel knows them: names and numbers of errno, and the errors that methods of a
 * {@link FileSystem} throw.
 *
 * The numbers come from node:os, so they are those of the machine this runs on.
 */

import { constants } from 'node:os';
import { DafsError, hasCode } from '../client/dafs-error.ts';
import { DafsStatus } from '../client/protocol/index.ts';

/** The name of an errno, e.g. `ENOENT`. */
export type ErrnoName = keyof typeof constants.errno;

const numberByName: Readonly<Record<string, number>> = constants.errno;

/** The number of an errno name; EIO's for a name that this machine does not know. */
export function errnoNumber(name: string): number {
  return numberByName[name] ?? constants.errno.EIO;
}

/**
 * What a {@link FileSystem} refuses by itself: `code` is the errno's name and `errno` its positive
 * number. It is an answer and no defect, and so has no stack, which would cost most of the answer.
 */
export class ErrnoError extends Error {
  readonly code: string;
  readonly errno: number;

  constructor(code: ErrnoName, message: string = code, options?: ErrorOptions) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message, options);
    Error.stackTraceLimit = limit;
    this.name = 'ErrnoError';
    this.code = code;
    this.errno = errnoNumber(code);
  }
}

/** The kernel has a file open, and the server has not, or no more: nothing is wrong with the descriptor. */
const lostOpens: ReadonlySet<number> = new Set([
  DafsStatus.DAFSERR_BAD_STATEID,
  DafsStatus.DAFSERR_STALE_STATEID,
]);

/**
 * The errno, a positive number, of what a {@link FileSystem} threw.
 *
 * @returns undefined for what is no answer of a file system but a defect of ours
 */
export function errnoOf(error: unknown): number | undefined {
  if (error instanceof ErrnoError) return error.errno;
  if (!(error instanceof DafsError)) return undefined;
  return lostOpens.has(error.status) ? constants.errno.EIO : errnoNumber(error.errno);
}

/** Whether what failed was not done, and may succeed when it is done again at once. */
export const isToRepeat = (error: unknown): boolean => hasCode(error, 'CLIENT_FORGOTTEN');
