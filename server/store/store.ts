import type {
  AttributeChanges,
  FileId,
  Inode,
  NewObject,
  StoreOptions,
  StoreStatistics,
} from './types.ts';

/** The signatures; bodies follow. */
export interface Store {
  /** Absolute path of the database. */
  readonly path: string;
  /** 16 bytes, drawn when the database was made: which file system this is. */
  readonly identity: Uint8Array;
  readonly blockBytes: number;

  inode(id: FileId): Inode | undefined;
  lookup(directory: FileId, name: Uint8Array): FileId | undefined;
  readDirectory(
    directory: FileId,
    afterCookie: number,
    visit: (name: Uint8Array, id: FileId, cookie: number) => boolean,
  ): boolean;
  readLink(id: FileId): Uint8Array;
  create(directory: FileId, name: Uint8Array, object: NewObject): Inode;
  link(id: FileId, directory: FileId, name: Uint8Array): Inode;
  remove(directory: FileId, name: Uint8Array): Inode;
  rename(
    sourceDirectory: FileId,
    sourceName: Uint8Array,
    targetDirectory: FileId,
    targetName: Uint8Array,
  ): Inode | undefined;
  setAttributes(id: FileId, changes: AttributeChanges): Inode;
  /** Sets atime alone: neither ctime nor change follow. */
  recordAccess(id: FileId): void;

  /** Frees an orphan; a large one in part, the rest by `reclaimSome`. */
  reclaim(id: FileId): void;
  /** One bounded piece of pending reclamation; true when more is left. */
  reclaimSome(): boolean;

  statistics(): StoreStatistics;
  begin(): void;
  commit(): void;
  /** Gives up what was done since the last commit. */
  rollback(): void;
  readonly inTransaction: boolean;
  sync(): void;
  close(): void;
}

export declare const Store: {
  open(path: string, options: StoreOptions): Store;
};
