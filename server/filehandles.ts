import { DafsStatus } from '../client/protocol/status.ts';
import { FILEHANDLE_BYTES, type Filehandle, FSHANDLE_BYTES } from '../client/protocol/types.ts';
import { refuse } from './engine/refusal.ts';
import type { FileId, Inode, Store } from './store/index.ts';

const FILE_ID_END = FSHANDLE_BYTES + 8;
const HIGHEST_HIGH_WORD = 0x1f_ffff;

/**
 * The filehandles of one file system: its identity (16 bytes), the file's id (8 bytes, the first
 * one the most significant) and zeros. They are good for as long as the file exists.
 */
export class Filehandles {
  readonly #store: Store;
  readonly #identity: Uint8Array;

  constructor(store: Store) {
    this.#store = store;
    this.#identity = store.identity;
  }

  /** The 16 bytes that all handles of the file system begin with. */
  get fsHandle(): Uint8Array {
    return this.#identity;
  }

  of(id: FileId): Filehandle {
    const handle = new Uint8Array(FILEHANDLE_BYTES);
    handle.set(this.#identity);
    let rest: number = id;
    for (let position = FILE_ID_END - 1; rest > 0; position -= 1) {
      handle[position] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    return handle as Filehandle;
  }

  /**
   * The file that a handle stands for.
   *
   * @throws Refusal DAFSERR_BADHANDLE when the handle cannot be one of ours, DAFSERR_STALE when its
   * file, or its file system, is gone.
   */
  inode(handle: Filehandle): Inode {
    for (let position = FILE_ID_END; position < FILEHANDLE_BYTES; position += 1) {
      if (handle[position] !== 0) {
        refuse(DafsStatus.DAFSERR_BADHANDLE);
      }
    }
    const high = wordAt(handle, FSHANDLE_BYTES);
    if (high > HIGHEST_HIGH_WORD) {
      refuse(DafsStatus.DAFSERR_BADHANDLE);
    }
    for (let position = 0; position < FSHANDLE_BYTES; position += 1) {
      if (handle[position] !== this.#identity[position]) {
        refuse(DafsStatus.DAFSERR_STALE);
      }
    }
    const id = high * 0x1_0000_0000 + wordAt(handle, FSHANDLE_BYTES + 4);
    return this.#store.inode(id as FileId) ?? refuse(DafsStatus.DAFSERR_STALE);
  }
}

const wordAt = (bytes: Uint8Array, position: number): number =>
  (((bytes[position] as number) << 24) |
    ((bytes[position + 1] as number) << 16) |
    ((bytes[position + 2] as number) << 8) |
    (bytes[position + 3] as number)) >>>
  0;
