import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** The file grows by so much at a time: to sync what does not make it longer is one write less. */
const growthBytes = 128 * 1024;
const zeros = Buffer.alloc(growthBytes);

/** A file of the intent log, and all that the log asks of the disk: to be written, and by others synced. */
export class IntentFile {
  /** For who syncs the file. */
  readonly descriptor: number;
  readonly #path: string;
  #length = 0;

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

  /** @returns false: the disk takes no more, or fails, which is the database's to report. */
  write(offset: number, bytes: Uint8Array): boolean {
    try {
      while (this.#length < offset + bytes.length) {
        this.#length += writeSync(this.descriptor, zeros, 0, growthBytes, this.#length);
      }
      return writeSync(this.descriptor, bytes, 0, bytes.length, offset) === bytes.length;
    } catch {
      return false;
    }
  }

  /** @param isObsolete Nobody needs the file any more. */
  close(isObsolete: boolean): void {
    closeSync(this.descriptor);
    if (isObsolete) {
      IntentFile.remove(this.#path);
    }
  }
}
