/** The locks of a mount, kept by its server for all mounts alike (client/owner-locks.ts). */

import {
  type LockDemand,
  type LockHolder,
  type LockScope,
  OwnerLocks,
  TO_THE_END,
} from '../client/owner-locks.ts';
import { LockKind } from '../client/protocol/index.ts';
import type { Session } from '../client/session.ts';
import {
  type Fh,
  type FileLocks,
  type LockConflict,
  type LockRequest,
  LockType,
  type LockWait,
  type Nodeid,
} from './file-system.ts';
import { type FilehandleMaker, stateIdOf } from './filehandles.ts';

/** What the kernel takes for the end of the file, wherever that is. */
const LAST_BYTE = 0x7fff_ffff_ffff_ffffn;

/** Files that were locked are remembered by some bits of their numbers; a power of two. */
const REMEMBERED_FILES = 1 << 16;
const WORD_BITS = 32;

/** Memory in which the threads of a mount remember what was locked; hand it to each of them. */
export function createLockedFiles(): SharedArrayBuffer {
  return new SharedArrayBuffer(REMEMBERED_FILES / 8);
}

export class ClientLocks implements FileLocks {
  readonly #locks: OwnerLocks;
  readonly #handles: FilehandleMaker;
  readonly #lockedFiles: Int32Array;
  readonly #owner = new Uint8Array(8);
  readonly #ownerView = new DataView(this.#owner.buffer);

  constructor(session: Session, handles: FilehandleMaker, lockedFiles: SharedArrayBuffer) {
    this.#locks = new OwnerLocks(session);
    this.#handles = handles;
    this.#lockedFiles = new Int32Array(lockedFiles);
  }

  test(nodeid: Nodeid, _fh: Fh, lock: LockRequest): LockConflict | undefined {
    const holder = this.#locks.test(this.#handles.of(nodeid), this.#demand(lock));
    return holder && conflictOf(holder);
  }

  set(nodeid: Nodeid, fh: Fh, lock: LockRequest, wait: LockWait, mayWait: boolean): boolean {
    const file = { handle: this.#handles.of(nodeid), stateId: stateIdOf(fh) };
    if (lock.type === LockType.UNLOCK) {
      this.#locks.unlock(file, this.#scope(lock));
      return true;
    }
    this.#remember(nodeid);
    const waitId = BigInt(wait.unique);
    return mayWait
      ? this.#locks.lockOrWait(file, this.#demand(lock), waitId)
      : this.#locks.lock(file, this.#demand(lock), waitId);
  }

  cancel({ unique }: LockWait): boolean {
    return this.#locks.cancel(BigInt(unique));
  }

  closed(nodeid: Nodeid, fh: Fh, owner: bigint): void {
    // Nearly every file that is closed was never locked: that costs no request.
    if (this.mayBeLocked(nodeid)) {
      const everything = { isFlock: false, start: 0n, end: LAST_BYTE, owner };
      const file = { handle: this.#handles.of(nodeid), stateId: stateIdOf(fh) };
      this.#locks.unlock(file, this.#scope(everything));
    }
  }

  #scope({ isFlock, start, end, owner }: Omit<LockRequest, 'type' | 'pid'>): LockScope {
    this.#ownerView.setBigUint64(0, owner);
    return {
      kind: isFlock ? LockKind.FLOCK : LockKind.RECORD,
      offset: start,
      length: end === LAST_BYTE ? TO_THE_END : end - start + 1n,
      owner: this.#owner,
    };
  }

  #demand(lock: LockRequest): LockDemand {
    const mode = lock.type === LockType.READ ? 'read' : 'write';
    return { ...this.#scope(lock), mode, pid: lock.pid };
  }

  #remember(nodeid: Nodeid): void {
    const place = nodeid % REMEMBERED_FILES;
    Atomics.or(this.#lockedFiles, Math.floor(place / WORD_BITS), 1 << (place % WORD_BITS));
  }

  /** Whether a file was locked, perhaps. */
  mayBeLocked(nodeid: Nodeid): boolean {
    const place = nodeid % REMEMBERED_FILES;
    const word = Atomics.load(this.#lockedFiles, Math.floor(place / WORD_BITS));
    return (word & (1 << (place % WORD_BITS))) !== 0;
  }
}

function conflictOf({ offset, length, mode, pid }: LockHolder): LockConflict {
  const end = offset + length - 1n;
  return {
    type: mode === 'read' ? LockType.READ : LockType.WRITE,
    start: offset,
    end: end > LAST_BYTE ? LAST_BYTE : end,
    pid,
  };
}
