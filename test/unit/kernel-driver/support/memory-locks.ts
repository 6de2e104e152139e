/** Locks in the memory of one thread, without detection of deadlocks. */

import { ErrnoError } from '../../../../mount/errno.ts';
import {
  type Fh,
  type FileLocks,
  type LockConflict,
  type LockRequest,
  LockType,
  type LockWait,
  type Nodeid,
} from '../../../../mount/file-system.ts';

/** A lock, and the open file that set it. */
interface HeldLock extends LockRequest {
  readonly fh: Fh;
}

interface Waiting {
  readonly nodeid: Nodeid;
  readonly lock: HeldLock;
  readonly wait: LockWait;
}

/** What is left of `held` when `from` to `to` is cut out of it. */
function cut(held: HeldLock, from: bigint, to: bigint): HeldLock[] {
  const rest: HeldLock[] = [];
  if (held.start < from) rest.push({ ...held, end: held.end < from ? held.end : from - 1n });
  if (held.end > to) rest.push({ ...held, start: held.start > to ? held.start : to + 1n });
  return rest;
}

function areInEachOthersWay(one: LockRequest, other: LockRequest): boolean {
  return (
    one.isFlock === other.isFlock &&
    one.owner !== other.owner &&
    one.start <= other.end &&
    other.start <= one.end &&
    (one.type === LockType.WRITE || other.type === LockType.WRITE)
  );
}

export class MemoryLocks implements FileLocks {
  readonly #held = new Map<Nodeid, HeldLock[]>();
  readonly #waiting: Waiting[] = [];
  readonly #grant: (wait: LockWait) => void;

  /** @param grant answers a wait */
  constructor(grant: (wait: LockWait) => void) {
    this.#grant = grant;
  }

  test(nodeid: Nodeid, _fh: Fh, lock: LockRequest): LockConflict | undefined {
    return this.#held.get(nodeid)?.find((held) => areInEachOthersWay(held, lock));
  }

  set(nodeid: Nodeid, fh: Fh, lock: LockRequest, wait: LockWait, mayWait: boolean): boolean {
    if (lock.type !== LockType.UNLOCK && this.test(nodeid, fh, lock)) {
      if (!mayWait) throw new ErrnoError('EAGAIN');
      this.#waiting.push({ nodeid, lock: { ...lock, fh }, wait });
      return false;
    }
    this.#place(nodeid, { ...lock, fh });
    this.#wakeUp(nodeid);
    return true;
  }

  cancel(wait: LockWait): boolean {
    const index = this.#waiting.findIndex((waiting) => waiting.wait.unique === wait.unique);
    if (index >= 0) this.#waiting.splice(index, 1);
    return index >= 0;
  }

  closed(nodeid: Nodeid, _fh: Fh, owner: bigint): void {
    this.#drop(nodeid, (lock) => lock.owner === owner && !lock.isFlock);
  }

  /** An open file is closed for good: what it has locked goes. */
  release(nodeid: Nodeid, fh: Fh): void {
    this.#drop(nodeid, (lock) => lock.fh === fh);
  }

  #place(nodeid: Nodeid, lock: HeldLock): void {
    const others = (this.#held.get(nodeid) ?? []).flatMap((held) =>
      held.isFlock === lock.isFlock && held.owner === lock.owner
        ? cut(held, lock.start, lock.end)
        : [held],
    );
    if (lock.type !== LockType.UNLOCK) others.push(lock);
    this.#held.set(nodeid, others);
  }

  #drop(nodeid: Nodeid, isDropped: (lock: HeldLock) => boolean): void {
    const held = this.#held.get(nodeid) ?? [];
    this.#held.set(
      nodeid,
      held.filter((lock) => !isDropped(lock)),
    );
    this.#wakeUp(nodeid);
  }

  #wakeUp(nodeid: Nodeid): void {
    for (const { nodeid: waitsFor, lock, wait } of [...this.#waiting]) {
      if (waitsFor !== nodeid || this.test(nodeid, lock.fh, lock)) continue;
      this.cancel(wait);
      this.#place(nodeid, lock);
      this.#grant(wait);
    }
  }
}
