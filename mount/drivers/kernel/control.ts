/**
 * What the threads of a mount share: the plain, postMessage-able control block that the main thread
 * makes, and the messages between it and its workers.
 */

import type { Validity } from './attributes.ts';
import type { OpenPolicy, Service } from './service.ts';

/** Where a worker finds the file system that it serves. */
export interface FileSystemSource {
  /** URL of a module that exports `createFileSystem` ({@link CreateFileSystem}). */
  readonly module: string;
  /** What to call it with; anything that postMessage carries. */
  readonly data: unknown;
}

/** What a worker is started with. */
export interface WorkerStart {
  readonly source: FileSystemSource;
  /** Counts the workers from 0. */
  readonly index: number;
  /** Of the table of lock waits (parked-requests.ts). */
  readonly parkedMemory: SharedArrayBuffer;
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
  /** The longest that a worker polls before it sleeps. */
  readonly pollMicroseconds: number;
  readonly validity: Validity;
  readonly openPolicy: OpenPolicy;
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

/** What a worker tells the main thread. */
export type WorkerReport =
  /** The file system is there; orders are awaited. */
  | { readonly kind: 'ready'; readonly traits: FileSystemTraits }
  /** The file system is unmounted or was told to stop. */
  | ({ readonly kind: 'ended' } & WorkerEnd)
  /** The worker cannot go on. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };
