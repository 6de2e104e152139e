/**
 * Errors as the kernel knows them: names and numbers of errno, and the one error class that every
 * method of a {@link FileSystem} throws.
 *
 * The numbers come from node:os, so they are those of the machine this runs on.
 */

import { constants } from 'node:os';

/** The name of an errno, e.g. `ENOENT`. */
export type ErrnoName = keyof typeof constants.errno;

const numberByName: Readonly<Record<string, number>> = constants.errno;

/** EAGAIN and EWOULDBLOCK share a number, and so do others: the first name of a number is its name. */
const nameByNumber = new Map<number, ErrnoName>();
for (const [name, number] of Object.entries(constants.errno)) {
  if (!nameByNumber.has(number)) nameByNumber.set(number, name as ErrnoName);
}

/** The number of an errno name; EIO's for a name that this machine does not know. */
export function errnoNumber(name: string): number {
  return numberByName[name] ?? constants.errno.EIO;
}

/** The name of an errno number (of either sign); EIO for a number that this machine does not know. */
export function errnoName(number: number): ErrnoName {
  return nameByNumber.get(Math.abs(number)) ?? 'EIO';
}

/**
 * What a {@link FileSystem} throws: `code` is the errno's name and `errno` its positive number
 * (drivers answer the kernel with `-errno`).
 */
export class ErrnoError extends Error {
  readonly code: string;
  readonly errno: number;

  constructor(code: ErrnoName, message: string = code, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ErrnoError';
    this.code = code;
    this.errno = errnoNumber(code);
  }
}
