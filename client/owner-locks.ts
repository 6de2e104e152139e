/**
 * Locks of owners that are not opens, and waiting for locks: the extension LOCKS
 * (protocol/EXTENSIONS.md). For sessions that were granted it.
 */

import { DafsError } from './dafs-error.ts';
import {
  DafsStatus,
  type Filehandle,
  type LockKind,
  LockType,
  operations,
  type ResultsOf,
} from './protocol/index.ts';
import type { Session } from './session.ts';
import type { FileReference } from './transfer-requests.ts';

export type LockMode = 'read' | 'write';

/** A length that reaches to the end of the file, wherever that is. */
export const TO_THE_END = 0xffff_ffff_ffff_ffffn;

/** Which bytes of a file, whose lock, and of which sort. */
export interface LockScope {
  readonly kind: LockKind;
  readonly offset: bigint;
  /** In bytes; {@link TO_THE_END} for all from `offset` on. */
  readonly length: bigint;
  /** Names the owner among all of this client's. */
  readonly owner: Uint8Array;
}

export interface LockDemand extends LockScope {
  readonly mode: LockMode;
  /** The process, for those who ask who holds the lock. */
  readonly pid: number;
}

/** A lock that is in somebody's way. */
export interface LockHolder {
  readonly offset: bigint;
  readonly length: bigint;
  readonly mode: LockMode;
  readonly pid: number;
}

const TYPES = {
  read: { atOnce: LockType.READ_LT, waiting: LockType.READW_LT },
  write: { atOnce: LockType.WRITE_LT, waiting: LockType.WRITEW_LT },
} as const;

/** A lock that was taken from this client when its lease was over. */
export interface LostLock {
  readonly fileId: number;
  readonly kind: LockKind;
  readonly mode: LockMode;
  readonly offset: bigint;
  readonly length: bigint;
  readonly pid: number;
}

/** How long the server waits to hear of this client, and what it has taken when it did not. */
export interface Lease {
  readonly leaseMs: number;
  /** The number of the latest loss that is told here. */
  readonly last: number;
  readonly locks: readonly LostLock[];
  /** Opens that are closed: the file of each. */
  readonly openFileIds: readonly number[];
}

export class OwnerLocks {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /**
   * Sets a lock. A client that is told of changes may hear later that it is set, by BC_LOCK_GRANTED on
   * whichever session of its has a back-control channel, and must be ready for it before this returns.
   *
   * @param waitId names the request among those of this client
   * @returns whether the lock is set and may be relied on; otherwise that is told later
   * @throws DafsError EAGAIN when another is in the way
   */
  lock(file: FileReference, demand: LockDemand, waitId: bigint, credential = 0): boolean {
    return this.#lock(file, demand, TYPES[demand.mode].atOnce, waitId, credential);
  }

  /**
   * The same, but waits when another is in the way.
   * @throws DafsError EDEADLK when the owner would wait for itself
   */
  lockOrWait(file: FileReference, demand: LockDemand, waitId: bigint, credential = 0): boolean {
    return this.#lock(file, demand, TYPES[demand.mode].waiting, waitId, credential);
  }

  /** Gives up what the owner has locked in the scope. */
  unlock(file: FileReference, scope: LockScope, credential = 0): void {
    const { kind, offset, length, owner } = scope;
    const named = { filehandle: file.handle, stateId: file.stateId };
    const request = { ...named, kind, offset, length, owner };
    this.#session.callInPlace(operations.OWNER_LOCKU, request, credential, nothing);
  }

  /** The first lock of another owner that would be in the way of this one. */
  test(
    filehandle: Filehandle,
    { kind, offset, length, owner, mode }: LockDemand,
    credential = 0,
  ): LockHolder | undefined {
    const lockType = TYPES[mode].atOnce;
    const request = { filehandle, kind, lockType, offset, length, owner };
    try {
      this.#session.call(operations.OWNER_LOCKT, request, credential);
      return undefined;
    } catch (error) {
      if (error instanceof DafsError && error.status === DafsStatus.DAFSERR_DENIED) {
        return holderIn(error.results as ResultsOf<'OWNER_LOCKT'>);
      }
      throw error;
    }
  }

  /**
   * Ends a wait.
   * @returns false when it had been granted: BC_LOCK_GRANTED has told or will tell
   */
  cancel(waitId: bigint): boolean {
    const request = { waitId };
    return this.#session.callInPlace(operations.CANCEL_LOCK, request, 0, isCancelled);
  }

  /**
   * Renews the lease of this client, as any request does, and learns what was lost before. When that is
   * something there may be more.
   * @param known the number of the latest loss that this client knows of: 0, or what was told as `last`
   */
  renewLease(known: number): Lease {
    return this.#session.callInPlace(operations.RENEW_LEASE, { known }, 0, leaseIn);
  }

  #lock(
    file: FileReference,
    { kind, offset, length, owner, pid }: LockDemand,
    lockType: LockType,
    waitId: bigint,
    credential: number,
  ): boolean {
    const named = { filehandle: file.handle, stateId: file.stateId };
    const request = { ...named, kind, lockType, offset, length, owner, pid, waitId };
    return this.#session.callInPlace(operations.OWNER_LOCK, request, credential, isGranted);
  }
}

function holderIn({ results }: ResultsOf<'OWNER_LOCKT'>): LockHolder | undefined {
  if (!('owner' in results)) {
    return undefined;
  }
  const { offset, length, lockType, pid } = results;
  return { offset, length, mode: modeOf(lockType), pid };
}

const leaseIn = ({ leaseMs, last, locks, opens }: ResultsOf<'RENEW_LEASE'>): Lease => ({
  leaseMs,
  last,
  locks: locks.map(({ lockType, ...lock }) => ({ ...lock, mode: modeOf(lockType) })),
  openFileIds: opens.map(({ fileId }) => fileId),
});

const modeOf = (lockType: LockType): LockMode => (lockType === LockType.READ_LT ? 'read' : 'write');

const isGranted = (results: ResultsOf<'OWNER_LOCK'>): boolean => results.isGranted;
const isCancelled = (results: ResultsOf<'CANCEL_LOCK'>): boolean => results.isCancelled;

function nothing(): void {}
