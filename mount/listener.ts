/** What a server tells a mount unasked, in the words of a file system. */

import type { FileLocks, LockWait, Nodeid } from './file-system.ts';

/** A file that another client has changed: its attributes, and perhaps data. */
export interface ChangedFile {
  readonly nodeid: Nodeid;
  readonly isData: boolean;
  /** Where the data that changed begins, and its length; 0 for all that follows. */
  readonly offset: number;
  readonly length: number;
}

/** A name that another client has made, removed or let lead elsewhere. */
export interface ChangedEntry {
  readonly parent: Nodeid;
  readonly name: Uint8Array;
}

/** What other clients have changed. */
export interface ChangeNews {
  /** Whether there is no other client. */
  readonly alone: boolean;
  /** Too much has changed: whatever was known before is doubtful. */
  readonly everything: boolean;
  readonly files: readonly ChangedFile[];
  readonly names: readonly ChangedEntry[];
}

/** What is done about what is heard, before the handler returns: the server takes it for done then. */
export interface ListenerHandlers {
  changed(news: ChangeNews): void;
  /** A lock is there that was waited for. */
  granted(unique: LockWait['unique']): void;
  /** The server is away, and for longer than calls wait (`isOverdue`), or not yet. Told again and again. */
  serverAway(isOverdue: boolean): void;
}

/** What a module of a driver is given makes: a session for what the server tells. */
export interface Listener {
  /** Whether the server tells what others change at all. */
  readonly isTold: boolean;
  /**
   * How often the server has been away, or has taken locks from us. It has to be asked anew then for all
   * that it is to tell.
   */
  readonly recoveries: number;
  /** The locks that are waited for, to be asked for again; absent where the kernel keeps them. */
  readonly locks: FileLocks | undefined;
  /** Whether names are among what it tells. */
  readonly hasNames: boolean;
  /**
   * Wants to be told of files that others change, and of names if `wantsNames`.
   * @returns whether there is no other client
   */
  subscribe(wantsNames: boolean): boolean;
  /**
   * Takes what has come, after waiting for up to `timeoutMs`.
   * @returns false when nothing will come any more
   */
  hear(timeoutMs: number): boolean;
  close(): void;
}

/** What a module of a driver is given exports. */
export type CreateListener = (data: unknown, handlers: ListenerHandlers) => Listener;
