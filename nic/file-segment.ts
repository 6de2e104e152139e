import { closeSync, constants, ftruncateSync, openSync, rmSync } from 'node:fs';
import { NicError } from './error.ts';
import { MappedMemory, type Segment } from './mapped-memory.ts';
import { isOrdinaryMemoryFile, reserveFileMemory } from './system-calls.ts';
import { wholePages } from './system-calls-memory.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR } = constants;

/**
 * Memory in a file on tmpfs, which this user alone may open. What was stored in it is there when the
 * process was killed. Peers map it through a descriptor that can only be read.
 */
export class FileSegment implements Segment {
  readonly descriptor: number;
  readonly memory: MappedMemory;
  readonly #file: number;

  /** @throws the system's error; NicError ENOTSUP where there is no tmpfs. Nothing is left then. */
  constructor(path: string, bytes: number) {
    const whole = wholePages(bytes);
    this.#file = openSync(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR, 0o600);
    try {
      if (!isOrdinaryMemoryFile(this.#file)) {
        throw new NicError('ENOTSUP', `${path} does not lie on tmpfs`);
      }
      ftruncateSync(this.#file, whole);
      this.descriptor = openSync(path, O_RDONLY | O_NOFOLLOW);
      this.memory = MappedMemory.ofDescriptor(this.#file, whole, true);
    } catch (error) {
      closeSync(this.#file);
      rmSync(path, { force: true });
      throw error;
    }
  }

  /** Puts memory aside for a part, which must not be touched before. @returns false: there is none */
  reserve(offset: number, bytes: number): boolean {
    return reserveFileMemory(this.#file, offset, bytes);
  }

  /** Lets go of the memory; the file stays. */
  close(): void {
    this.memory.unmap();
    closeSync(this.descriptor);
    closeSync(this.#file);
  }
}
