import type { FileId, Inode } from './types.ts';

/** Hears of each modification while it is made, before it is committed. */
export interface ChangeWatcher {
  /** Attributes of an object change: anything that stat(2) tells. */
  attributesChanged(id: FileId): void;
  /** Data of a file change from `offset` to before `end`; its attributes do so as well. */
  dataChanged(id: FileId, offset: number, end: number): void;
  /** A name is made, removed or leads elsewhere, and so does its directory's listing change. */
  nameChanged(directory: FileId, name: Uint8Array): void;
}

/** Keeps a copy of attributes and names. */
export interface ChangeMirror {
  /** Attributes of an object are about to change, times of access included. */
  attributesChanging(id: FileId): void;
  /** Attributes of an object have changed, which is committed; not told while its data run ahead of its row. */
  attributesChanged(inode: Inode): void;
  /** A name is about to lead elsewhere, or nowhere. */
  nameChanging(directory: FileId, name: Uint8Array): void;
  /** A name is made, which is yet to be committed. */
  nameMade(directory: FileId, name: Uint8Array, id: FileId): void;
}

/** Where the parts of a store tell of modifications; without anybody to tell it costs nothing. */
export class ChangeFeed {
  watcher: ChangeWatcher | undefined;
  mirror: ChangeMirror | undefined;
}
