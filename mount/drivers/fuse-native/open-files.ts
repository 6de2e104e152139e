import { ErrnoError } from '../../errno.ts';
import type { Caller, Fh, Nodeid } from '../../file-system.ts';

export interface OpenFile {
  nodeid: Nodeid;
  fh: Fh;
  /** Opened with O_APPEND. */
  append: boolean;
  /** Who reads it. */
  reader: Caller;
}

/** The open files by the number that the binding carries for each: 31 bits, and never 0. */
export class OpenFiles {
  readonly #files: (OpenFile | undefined)[] = [undefined];
  readonly #free: number[] = [];

  add(file: OpenFile): number {
    const number = this.#free.pop() ?? this.#files.length;
    this.#files[number] = file;
    return number;
  }

  /** @throws ErrnoError EBADF */
  get(number: number): OpenFile {
    const file = this.#files[number];
    if (!file) throw new ErrnoError('EBADF');
    return file;
  }

  /** @throws ErrnoError EBADF */
  remove(number: number): OpenFile {
    const file = this.get(number);
    this.#files[number] = undefined;
    this.#free.push(number);
    return file;
  }
}
