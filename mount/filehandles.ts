import type { Filehandle, StateId } from '../client/protocol/index.ts';
import type { Fh, Nodeid } from './file-system.ts';

const FILEHANDLE_BYTES = 64;
const FILE_ID_OFFSET = 16;

/**
 * Makes the filehandles of one file system from nodeids: its handle (16 bytes), the file's id (8
 * bytes, the first the most significant), zeros. So a FUSE worker needs no table of what the others
 * have looked up.
 *
 * A maker has one handle and overwrites it with each call: keep one maker for each handle that a
 * request needs at the same time.
 */
export class FilehandleMaker {
  readonly #handle = new Uint8Array(FILEHANDLE_BYTES) as Filehandle;
  readonly #view = new DataView(this.#handle.buffer);

  constructor(fileSystemHandle: Uint8Array) {
    this.#handle.set(fileSystemHandle);
  }

  of(nodeid: Nodeid): Filehandle {
    this.#view.setUint32(FILE_ID_OFFSET, Math.floor(nodeid / 2 ** 32));
    this.#view.setUint32(FILE_ID_OFFSET + 4, nodeid % 2 ** 32);
    return this.#handle;
  }
}

/** The file that one of this server's handles stands for. */
export function nodeidOf(handle: Filehandle): Nodeid {
  const view = new DataView(handle.buffer, handle.byteOffset + FILE_ID_OFFSET, 8);
  return (view.getUint32(0) * 2 ** 32 + view.getUint32(4)) as Nodeid;
}

/** An fh is the stateid of the open: the kernel keeps it for us. */
export function fhOf(stateId: StateId): Fh {
  return stateId as unknown as Fh;
}

/** The open that an fh stands for. */
export function stateIdOf(fh: Fh): StateId {
  return fh as unknown as StateId;
}
