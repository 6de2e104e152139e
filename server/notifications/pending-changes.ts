import type { FileId } from '../store/index.ts';

/** A file that others have changed. */
export interface ChangedFile {
  readonly fileId: FileId;
  /** Whether its data has changed, and not its attributes alone. */
  readonly isData: boolean;
  /** From where on, and how many bytes; 0 stands for all that follow. */
  readonly offset: number;
  readonly length: number;
}

/** A name that others have made, removed, or let lead elsewhere. */
export interface ChangedName {
  readonly directory: FileId;
  readonly name: Uint8Array;
}

/** What one message tells. */
export interface Batch {
  /** More has changed than could be remembered: nothing that is known is to be believed. */
  readonly everything: boolean;
  readonly files: readonly ChangedFile[];
  readonly names: readonly ChangedName[];
}

/** The end of a file, wherever it is. */
export const END_OF_FILE = Number.POSITIVE_INFINITY;

/** What records take in a message at most, in bytes. */
const FILE_BYTES = 32;
const NAME_BYTES = 32;

/** A change of attributes alone is an empty range. */
interface Range {
  offset: number;
  end: number;
}

/**
 * The changes that one client has yet to be told of: each file and each name once, whatever happens
 * to them. When there are too many, they become one: everything.
 */
export class PendingChanges {
  readonly #most: number;
  readonly #files = new Map<FileId, Range>();
  readonly #names = new Map<string, ChangedName>();
  #isEverything = false;

  /** @param most records that are kept */
  constructor(most: number) {
    this.#most = most;
  }

  get isEmpty(): boolean {
    return !this.#isEverything && this.#files.size === 0 && this.#names.size === 0;
  }

  /** Whether a change of the file is among them. */
  includes(id: FileId): boolean {
    return this.#isEverything || this.#files.has(id);
  }

  addAttributes(id: FileId): void {
    if (!this.#isEverything && !this.#files.has(id)) {
      this.#files.set(id, { offset: 0, end: 0 });
      this.#limit();
    }
  }

  addData(id: FileId, offset: number, end: number): void {
    if (this.#isEverything) {
      return;
    }
    const range = this.#files.get(id);
    if (range === undefined) {
      this.#files.set(id, { offset, end });
      this.#limit();
    } else if (range.end === 0) {
      range.offset = offset;
      range.end = end;
    } else {
      range.offset = Math.min(range.offset, offset);
      range.end = Math.max(range.end, end);
    }
  }

  addName(directory: FileId, name: Uint8Array): void {
    if (this.#isEverything) {
      return;
    }
    const key = `${directory}/${Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1')}`;
    if (!this.#names.has(key)) {
      this.#names.set(key, { directory, name: name.slice() });
      this.#limit();
    }
  }

  /** Whatever was or could be recorded is covered by this. */
  addEverything(): void {
    this.#files.clear();
    this.#names.clear();
    this.#isEverything = true;
  }

  /** Removes and returns the oldest changes, as many as fit. */
  take(maxBytes: number): Batch {
    const everything = this.#isEverything;
    this.#isEverything = false;
    let restBytes = maxBytes;
    const files: ChangedFile[] = [];
    for (const [fileId, { offset, end }] of this.#files) {
      restBytes -= FILE_BYTES;
      if (restBytes < 0) {
        return { everything, files, names: [] };
      }
      this.#files.delete(fileId);
      const length = end === END_OF_FILE ? 0 : end - offset;
      files.push({ fileId, isData: end > 0, offset, length });
    }
    const names: ChangedName[] = [];
    for (const [key, changed] of this.#names) {
      restBytes -= NAME_BYTES + changed.name.length;
      if (restBytes < 0) {
        break;
      }
      this.#names.delete(key);
      names.push(changed);
    }
    return { everything, files, names };
  }

  #limit(): void {
    if (this.#files.size + this.#names.size > this.#most) {
      this.addEverything();
    }
  }
}
