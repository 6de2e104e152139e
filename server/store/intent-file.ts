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
import { fromPage, PAGE_BYTES, wholePages } from '../../nic/index.ts';

/**
 * The file grows by so much at a time, and by as much as it has: to sync what does not make it longer is
 * one write less.
 */
const leastGrowthBytes = 128 << 10;
const zeros = pages(1 << 20);

const directFlags = constants.O_WRONLY | constants.O_DIRECT | constants.O_DSYNC;

/** What a file system says that knows no such writes. */
const noDirect: ReadonlySet<string> = new Set(['EINVAL', 'EOPNOTSUPP']);

const hasNoDirect = (error: unknown): boolean =>
  noDirect.has((error as NodeJS.ErrnoException).code ?? '');

function openDirect(path: string): number | undefined {
  try {
    return openSync(path, directFlags);
  } catch (error) {
    if (hasNoDirect(error)) {
      return undefined;
    }
    throw error;
  }
}

/** Memory of zeros that begins on a page, as writes past the kernel's cache demand. */
export function pages(bytes: number): Buffer {
  return fromPage(Buffer.alloc(bytes + PAGE_BYTES)).subarray(0, bytes);
}

/**
 * Writes to a descriptor that has it on the disk when the call returns.
 * @param bytes begin on a page in memory, and are whole pages, as `offset` is
 * @returns false: it was not done
 */
export type WriteStably = (descriptor: number, bytes: Uint8Array, offset: number) => boolean;

/** A file of the intent log, and all that the log asks of the disk: to be written, at once or to be synced by others. */
export class IntentFile {
  /** For who syncs the file. */
  readonly descriptor: number;
  readonly #path: string;
  #length = 0;
  /** The kernel has all pages before this in its cache: to write a part of one reads none. */
  #cachedBytes = 0;
  /** The same for writes past the kernel's cache; undefined: there are none on this file system. */
  #direct: number | undefined;

  /**
   * Makes the file, in place of one that nobody needs any more. Its name is on stable storage then.
   * @throws the system's error.
   */
  constructor(path: string) {
    this.#path = path;
    this.descriptor = openSync(path, 'w', 0o600);
    this.#direct = openDirect(path);
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
    const bytes = isWithin ? length : wholePages(end) - offset;
    try {
      while (this.#length < offset + bytes) {
        const { length } = this.#growth;
        this.#length += writeSync(this.descriptor, zeros, 0, length, this.#length);
      }
      this.#cachedBytes = isWithin ? this.#cachedBytes : wholePages(end);
      return writeSync(this.descriptor, memory, 0, bytes, offset) === bytes;
    } catch {
      return false;
    }
  }

  /**
   * The same of whole pages, past the kernel's cache and at once onto the disk: that takes two thirds of
   * the time of writing and syncing.
   * @returns false: it is not stable, and not to be relied upon; `write` may do
   * @throws the system's error, when the disk fails
   */
  writeStably(offset: number, pages: Uint8Array, write: WriteStably): boolean {
    const direct = this.#direct;
    if (direct === undefined) {
      return false;
    }
    this.#cachedBytes = Math.min(this.#cachedBytes, offset);
    try {
      while (this.#length < offset + pages.length) {
        const growth = this.#growth;
        if (!write(direct, growth, this.#length)) {
          return false;
        }
        this.#length += growth.length;
      }
      return write(direct, pages, offset);
    } catch (error) {
      if (hasNoDirect(error)) {
        this.#direct = undefined;
        closeSync(direct);
      } else if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') {
        throw error;
      }
      return false;
    }
  }

  /** The zeros by which the file grows next. */
  get #growth(): Uint8Array {
    return zeros.subarray(0, Math.max(leastGrowthBytes, this.#length));
  }

  /** @param isObsolete Nobody needs the file any more. */
  close(isObsolete: boolean): void {
    closeSync(this.descriptor);
    if (this.#direct !== undefined) {
      closeSync(this.#direct);
    }
    if (isObsolete) {
      IntentFile.remove(this.#path);
    }
  }
}
