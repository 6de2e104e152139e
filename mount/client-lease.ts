/**
 * The lease of a mount's client: what it has locked is its own for as long as the server hears of it. A
 * mount that is stopped for longer learns here what others have taken meanwhile.
 */

import { DafsError } from '../client/dafs-error.ts';
import { type Lease, type LostLock, OwnerLocks, TO_THE_END } from '../client/owner-locks.ts';
import { LockKind } from '../client/protocol/index.ts';
import type { Session } from '../client/session.ts';
import { openPathOf } from './processes.ts';
import { say } from './say.ts';

/** The lease is renewed so many times while it lasts. */
const RENEWALS = 3;
/** When the server refuses. */
const RETRY_MS = 1000;

const kindNames: Readonly<Record<LockKind, string>> = {
  [LockKind.RECORD]: 'lock of fcntl(2)',
  [LockKind.FLOCK]: 'lock of flock(2)',
};

export class ClientLease {
  readonly #locks: OwnerLocks;
  readonly #directory: string;
  /** The number of the latest loss that we know of. */
  #known = 0;
  #dueMs = 0;

  /** @param directory where the file system is mounted */
  constructor(session: Session, directory: string) {
    this.#locks = new OwnerLocks(session);
    this.#directory = directory;
    session.onRecovered((isKnown) => {
      this.#dueMs = 0;
      if (isKnown) return;
      this.#known = 0;
      say(
        'the server has forgotten this mount: what was locked is lost, and open files answer EIO',
      );
    });
  }

  /**
   * Renews the lease when it is time; to be called often.
   * @returns the files of which something was lost
   */
  keep(): ReadonlySet<number> {
    const lost = new Set<number>();
    if (performance.now() < this.#dueMs) return lost;
    try {
      for (let isMore = true; isMore; ) {
        const lease = this.#locks.renewLease(this.#known);
        this.#known = lease.last;
        this.#dueMs = performance.now() + lease.leaseMs / RENEWALS;
        tellLosses(lease, this.#directory);
        const files = [...lease.locks.map(({ fileId }) => fileId), ...lease.openFileIds];
        for (const fileId of files) lost.add(fileId);
        isMore = files.length > 0;
      }
    } catch (error) {
      if (!(error instanceof DafsError)) throw error;
      // Who hears notices by himself that the server is gone for good. One that is older knows no leases.
      this.#dueMs = performance.now() + RETRY_MS;
    }
    return lost;
  }
}

function tellLosses({ locks, openFileIds }: Lease, directory: string): void {
  for (const lock of locks) {
    say(
      `lost, since this mount was not heard for longer than its lease: ${nameOf(lock, directory)}`,
    );
  }
  for (const [fileId, count] of countOf(openFileIds)) {
    say(`of inode ${fileId} ${count} open files answer EIO until they are opened again`);
  }
}

function nameOf({ fileId, kind, mode, offset, length, pid }: LostLock, directory: string): string {
  const path = openPathOf(pid, fileId, directory) ?? 'a file';
  const last = length === TO_THE_END ? 'the end' : String(offset + length - 1n);
  const range = kind === LockKind.FLOCK ? '' : `, bytes ${offset} to ${last}`;
  return `${mode} ${kindNames[kind]} on ${path} (inode ${fileId})${range}, of process ${pid}`;
}

function countOf(fileIds: readonly number[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const fileId of fileIds) counts.set(fileId, (counts.get(fileId) ?? 0) + 1);
  return counts;
}
