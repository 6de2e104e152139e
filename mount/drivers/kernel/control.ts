/**
 * What the threads of a mount share: the plain, postMessage-able control block that the main thread
 * makes, and the messages between it and its workers.
 */

import type { TimeoutOptions } from './cache-policy.ts';
import type { Service } from './service.ts';

/** Where a thread finds what it works with. */
export interface ModuleSource {
  /** URL of a module that exports `createFileSystem` or `createListener`. */
  readonly module: string;
  /** What to call it with; anything that postMessage carries. */
  readonly data: unknown;
}

/** What a worker is started with. */
export interface WorkerStart {
  /** Exports `createFileSystem` ({@link CreateFileSystem}). */
  readonly source: ModuleSource;
  /** Counts the workers from 0. */
  readonly index: number;
  /** Of the table of lock waits (parked-requests.ts). */
  readonly parkedMemory: SharedArrayBuffer;
  /** Which worker watches the device (watch.ts). */
  readonly watchMemory: Int32Array;
  /** Of the order of READs and WRITEs (write-order.ts). */
  readonly orderMemory: SharedArrayBuffer;
}

/** What a worker is told once the file system is mounted. */
export interface WorkerOrders {
  /** The worker's own channel of /dev/fuse, O_NONBLOCK. */
  readonly deviceFd: number;
  /** Becomes readable when the workers shall stop. */
  readonly wakeFd: number;
  /** The first word is not 0 when the workers shall stop. */
  readonly stop: Int32Array;
  readonly transferBytes: number;
  /** Counts the workers from 0. */
  readonly index: number;
  /** Of the {@link CacheBoard}. */
  readonly boardMemory: SharedArrayBuffer;
  /** Of the {@link StableWrites}. */
  readonly stableWritesMemory: SharedArrayBuffer;
  /** Of the {@link FreshDirectories}. */
  readonly freshDirectoriesMemory: SharedArrayBuffer;
  readonly options: TimeoutOptions;
  /** As {@link Service} has it. */
  readonly setxattrInBytes: Service['setxattrInBytes'];
}

/** How a worker ended in good order. */
export interface WorkerEnd {
  /** How many requests it answered. */
  readonly requests: number;
  /** Whether the kernel was told to give the conversation up; the mount is then still there. */
  readonly aborted: boolean;
}

/** What must be known of the workers' file system before it is mounted. */
export interface FileSystemTraits {
  readonly locks: boolean;
  readonly extendedAttributes: boolean;
}

/** What the listener is started with. */
export interface ListenerStart {
  /** Exports `createListener` ({@link CreateListener}). */
  readonly source: ModuleSource;
  /** Of the table of lock waits (parked-requests.ts). */
  readonly parkedMemory: SharedArrayBuffer;
  /** Of the order of READs and WRITEs (write-order.ts). */
  readonly orderMemory: SharedArrayBuffer;
}

/** What the listener is told once the file system is mounted. */
export interface ListenerOrders {
  /** A channel of the mount that no worker reads. */
  readonly deviceFd: number;
  /** Ends when the mount does; for the messenger. */
  readonly lifeFd: number;
  /** The first word is not 0 when the listener shall stop. */
  readonly stop: Int32Array;
  /** Of the {@link CacheBoard}. */
  readonly boardMemory: SharedArrayBuffer;
  /** Where the file system is mounted. */
  readonly directory: string;
  readonly keepsNamesWhenShared: boolean;
  /** Whether the kernel can make all names doubtful at once (7.44). */
  readonly hasEpochs: boolean;
}

/** What must be known of the server before the file system is mounted. */
export interface ListenerTraits {
  /** Whether it tells what other clients change. */
  readonly isTold: boolean;
}

/** What a thread tells the main thread. */
export type Report<Traits, End> =
  /** It has connected, and awaits orders. */
  | { readonly kind: 'ready'; readonly traits: Traits }
  /** The file system is unmounted, or it was told to stop. */
  | ({ readonly kind: 'ended' } & End)
  /** It cannot go on. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

export type WorkerReport = Report<FileSystemTraits, WorkerEnd>;
export type ListenerReport = Report<ListenerTraits, object>;
