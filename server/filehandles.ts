import { filehandleOf, fileIdOf, isOfFileSystem } from '../client/protocol/filehandle.ts';
import { DafsStatus } from '../client/protocol/status.ts';
import type { Filehandle } from '../client/protocol/types.ts';
import { refuse } from './engine/refusal.ts';
import { namedPlaceOf } from './named-attributes/handles.ts';
import type { FileId, Inode, Store } from './store/index.ts';

/** The filehandles of one file system. They are good for as long as the file exists. */
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
    return filehandleOf(this.#identity, id);
  }

  /**
   * The file that a handle stands for.
   *
   * @throws Refusal DAFSERR_BADHANDLE when the handle cannot be one of ours, DAFSERR_STALE when its
   * file, or its file system, is gone, DAFSERR_NOTSUPP when it stands for a named attribute.
   */
  inode(handle: Filehandle): Inode {
    const id = fileIdOf(handle) ?? refuseNoFile(handle);
    if (!isOfFileSystem(handle, this.#identity)) {
      refuse(DafsStatus.DAFSERR_STALE);
    }
    return this.#store.inode(id as FileId) ?? refuse(DafsStatus.DAFSERR_STALE);
  }
}

/** Procedures that are made for files alone do not know named attributes. */
const refuseNoFile = (handle: Filehandle): never =>
  refuse(
    namedPlaceOf(handle) === undefined ? DafsStatus.DAFSERR_BADHANDLE : DafsStatus.DAFSERR_NOTSUPP,
  );
