import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { fromPage, PAGE_BYTES } from '../../nic/system-calls-fuse.ts';

/** The file grows by so much at a time: to sync what does not make it longer is one write less. */
const growthBytes = 128 * 1024;
const zeros = pages(growthBytes);

const directFlags = constants.O_WRONLY | constants.O_DIRECT | constants.O_DSYNC;

/** Memory of zeros that begins on a page, as writes past the kernel's cache demand. */
export function pages(bytes: number): Buffer {
  return fromPage(Buffer.alloc(bytes + PAGE_BYTES)).subarray(0, bytes);
}

/** Where a page begins, at the offset or behind it. */
export const pageAfter = (offset: number): number => Math.ceil(offset / PAGE_BYTES) * PAGE_BYTES;

/**
 * Writes to a descriptor that has it on the disk when the call returns.
 * @param bytes begin on a page in memory, and are whole pages, as `offset` is
 * @returns false: it was not done
 */
export type WriteStably = (descriptor: number, bytes: Uint8Array, offset: number) => boolean;

/** A file of the intent log, and all that the log asks of the disk: to be written, and by others synced. */
export class IntentFile {
  /** For who syncs the file. */
  readonly descriptor: number;
  readonly #path: string;
  #length = 0;
  /** The kernel has all pages before this in its cache: to write a part of one reads none. */
  #cachedBytes = 0;
  /** For writes past the kernel's cache; undefined: not opened yet, or not to be had. */
  #direct: number | undefined;
  #hasDirect = true;

  /**
   * Makes the file, in place of one that nobody needs any more. Its name is on stable storage then.
   * @throws the system's error.
   */
  constructor(path: string) {
    this.#path = path;
    this.descriptor = openSync(path, 'w', 0o600);
    const directory = openSync(dirname(path), 'r');
    fsyncSync(directory);
    closeSync(directory);
  }

  /** What another process left; nothing, if there is no such file. */
  static read(path: string): Buffer {
    return existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  }

  /** Removes what another process left, of which nobody needs anything any more. */
  static remove(path: string): void {
    rmSync(path, { force: true });
  }

  /**
   * Writes the first `length` bytes of `memory`, behind which a page of zeros is.
   * @returns false: the disk takes no more, or fails, which is the database's to report
   */
  write(offset: number, memory: Uint8Array, length: number): boolean {
    if (offset === 0) {
      this.#cachedBytes = 0;
    }
    const end = offset + length;
    const isWithin = end <= this.#cachedBytes;
    const bytes = isWithin ? length : pageAfter(end) - offset;
    try {
      this.#growTo(this.descriptor, offset + bytes);
      this.#cachedBytes = isWithin ? this.#cachedBytes : pageAfter(end);
      return writeSync(this.descriptor, memory, 0, bytes, offset) === bytes;
    } catch {
      return false;
    }
  }

  /**
   * The same of whole pages, past the kernel's cache and at once onto the disk: that takes two thirds of
   * the time of writing and syncing.
   * @returns false: it is not stable, and not to be relied upon; `write` may do
   */
  writeStably(offset: number, pages: Uint8Array, write: WriteStably): boolean {
    try {
      this.#direct ??= this.#hasDirect ? openSync(this.#path, directFlags) : undefined;
      if (this.#direct === undefined) {
        return false;
      }
      this.#growTo(this.#direct, offset + pages.length);
      this.#cachedBytes = Math.min(this.#cachedBytes, offset);
      return write(this.#direct, pages, offset);
    } catch {
      // Some file systems know no such writes.
      this.#hasDirect = false;
      this.#closeDirect();
      return false;
    }
  }

  #growTo(descriptor: number, bytes: number): void {
    while (this.#length < bytes) {
      this.#length += writeSync(descriptor, zeros, 0, growthBytes, this.#length);
    }
  }

  #closeDirect(): void {
    if (this.#direct !== undefined) {
      closeSync(this.#direct);
      this.#direct = undefined;
    }
  }

  /** @param isObsolete Nobody needs the file any more. */
  close(isObsolete: boolean): void {
    closeSync(this.descriptor);
    this.#closeDirect();
    if (isObsolete) {
      IntentFile.remove(this.#path);
    }
  }
}
