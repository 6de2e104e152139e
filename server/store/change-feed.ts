import type { FileId } from './types.ts';

/** Hears of each modification while it is made, before it is committed. */
export interface ChangeWatcher {
  /** Attributes of an object change: anything that stat(2) tells. */
  attributesChanged(id: FileId): void;
  /** Data of a file change from `offset` to before `end`; its attributes do so as well. */
  dataChanged(id: FileId, offset: number, end: number): void;
  /** A name is made, removed or leads elsewhere, and so does its directory's listing change. */
  nameChanged(directory: FileId, name: Uint8Array): void;
}

/** Where the parts of a store tell of modifications; without a watcher that costs nothing. */
export class ChangeFeed {
  watcher: ChangeWatcher | undefined;
}
