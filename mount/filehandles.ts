import { filehandleOf, fileIdOf, setFileId } from '../client/protocol/filehandle.ts';
import type { Filehandle, StateId } from '../client/protocol/index.ts';
import { type Fh, type Nodeid, ROOT_NODEID } from './file-system.ts';

/**
 * Makes the filehandles of one file system from nodeids, which are its file ids. So a FUSE worker
 * needs no table of what the others have looked up.
 *
 * A maker has one handle and overwrites it with each call: keep one maker for each handle that a
 * request needs at the same time.
 */
export class FilehandleMaker {
  readonly #handle: Filehandle;

  constructor(fileSystemHandle: Uint8Array) {
    this.#handle = filehandleOf(fileSystemHandle, ROOT_NODEID);
  }

  of(nodeid: Nodeid): Filehandle {
    setFileId(this.#handle, nodeid);
    return this.#handle;
  }
}

/** The file that one of this server's handles stands for. */
export function nodeidOf(handle: Filehandle): Nodeid {
  return fileIdOf(handle) as Nodeid;
}

/** An fh is the stateid of the open: the kernel keeps it for us. */
export function fhOf(stateId: StateId): Fh {
  return stateId as unknown as Fh;
}

/** The open that an fh stands for. */
export function stateIdOf(fh: Fh): StateId {
  return fh as unknown as StateId;
}
