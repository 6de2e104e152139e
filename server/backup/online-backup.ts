import { startThread } from '../../nic/index.ts';
import { type LeftBehind, leftBehind } from '../store/left-data.ts';
import { openDatabase } from '../store/open.ts';
import { BackupError } from './backup-error.ts';
import { beginSnapshot, type CopyOptions, copyDatabase, removePartial } from './copy-database.ts';
import { Handshake } from './handshake.ts';

/** How long a copy that nobody wants any more may take to end by itself. */
const cancelLimitMs = 10_000;

export interface CopyThreadData {
  readonly path: string;
  readonly target: string;
  readonly handshake: SharedArrayBuffer;
  /** An Int32: not 0 when nobody wants the copy any more. */
  readonly cancelled: SharedArrayBuffer;
}

export type FromCopyThread =
  /** It waits for the data plane's offer. */
  | { readonly type: 'prepared' }
  | { readonly type: 'progress'; readonly part: number }
  | { readonly type: 'done'; readonly bytes: number }
  | { readonly type: 'failed'; readonly code: string | undefined; readonly message: string };

export interface BackupOptions {
  /** Told which part of the file is there, 0 to 1. */
  readonly onProgress?: (part: number) => void;
  /** Gives the backup up. */
  readonly signal?: AbortSignal;
}

/**
 * Copies the database of a running server: what it has acknowledged up to one moment, and nothing of
 * what came later. Clients go on meanwhile; all they write stays in the database's log until the copy
 * is made.
 * @param offerSnapshot has the data plane call {@link Handshake.offer} or `refuse`
 * @returns the bytes of the copy
 * @throws {BackupError}
 */
export function backUpOnline(
  path: string,
  target: string,
  offerSnapshot: (handshake: SharedArrayBuffer) => void,
  { onProgress, signal }: BackupOptions = {},
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const handshake = new Handshake();
  const cancelled = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const data: CopyThreadData = { path, target, handshake: handshake.shared, cancelled };
  const thread = startThread(new URL('./copy-thread.ts', import.meta.url), data);
  let hasBegun = false;
  let overdue: NodeJS.Timeout | undefined;
  const cancel = () => {
    Atomics.store(new Int32Array(cancelled), 0, 1);
    overdue = setTimeout(() => void giveUp(), cancelLimitMs);
  };
  /** The thread does not come to look whether the copy is wanted: SQLite, or the disk, keeps it. */
  const giveUp = async () => {
    await thread.terminate();
    if (hasBegun) {
      removePartial(target);
    }
  };
  signal?.addEventListener('abort', cancel);
  if (signal?.aborted === true) {
    cancel();
  }
  thread.on('message', (message: FromCopyThread) => {
    switch (message.type) {
      case 'prepared':
        offerSnapshot(handshake.shared);
        break;
      case 'progress':
        hasBegun = true;
        onProgress?.(message.part);
        break;
      case 'done':
        resolve(message.bytes);
        break;
      case 'failed':
        reject(failureOf(message.code, message.message));
        break;
    }
  });
  thread.on('error', (error) => reject(failureOf(undefined, error.message)));
  thread.on('exit', () => {
    clearTimeout(overdue);
    signal?.removeEventListener('abort', cancel);
    reject(failureOf(undefined, 'the thread that copies has ended'));
  });
  return promise;
}

const codes = ['TARGET_EXISTS', 'CANCELLED', 'NO_SNAPSHOT'] as const;

function failureOf(code: string | undefined, message: string): BackupError {
  return new BackupError(codes.find((known) => known === code) ?? 'FAILED', message);
}

/** A copy that was made. */
export interface Copied {
  readonly bytes: number;
  /** Data that a killed server left and that the copy lacks. */
  readonly unstored: LeftBehind | undefined;
}

/**
 * Copies a database that no server has open, what a killed one left in its intent log included. What it
 * left in memory is for the next server: by storing it, that one proves to clients that nothing was lost.
 * @throws {StoreOpenError} It cannot be opened, or a server has it.
 * @throws {BackupError}
 */
export async function backUpDatabase(
  path: string,
  target: string,
  { onProgress, signal }: BackupOptions = {},
): Promise<Copied> {
  const { database, ownership, left } = openDatabase(path, { create: false });
  const unstored = leftBehind(left);
  const options: CopyOptions = {
    ...(onProgress !== undefined && { onProgress }),
    isCancelled: () => signal?.aborted === true,
  };
  try {
    beginSnapshot(database);
    return { bytes: await copyDatabase(database, target, options), unstored };
  } catch (error) {
    throw error instanceof BackupError ? error : failureOf(undefined, (error as Error).message);
  } finally {
    database.close();
    ownership.release();
  }
}
