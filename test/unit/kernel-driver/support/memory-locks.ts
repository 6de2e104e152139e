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

interface Waiting {
  readonly nodeid: Nodeid;
  readonly lock: LockRequest;
  readonly wait: LockWait;
}

/** What is left of `held` when `from` to `to` is cut out of it. */
function cut(held: LockRequest, from: bigint, to: bigint): LockRequest[] {
  const rest: LockRequest[] = [];
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
  readonly #held = new Map<Nodeid, LockRequest[]>();
  readonly #waiting: Waiting[] = [];
  readonly #grant: (wait: LockWait) => boolean;

  /** @param grant answers a wait; false when nobody waits any more */
  constructor(grant: (wait: LockWait) => boolean) {
    this.#grant = grant;
  }

  test(nodeid: Nodeid, _fh: Fh, lock: LockRequest): LockConflict | undefined {
    return this.#held.get(nodeid)?.find((held) => areInEachOthersWay(held, lock));
  }

  set(nodeid: Nodeid, fh: Fh, lock: LockRequest, wait: LockWait | undefined): boolean {
    if (lock.type !== LockType.UNLOCK && this.test(nodeid, fh, lock)) {
      if (wait === undefined) throw new ErrnoError('EAGAIN');
      this.#waiting.push({ nodeid, lock, wait });
      return false;
    }
    this.#place(nodeid, lock);
    this.#wakeUp(nodeid, fh);
    return true;
  }

  cancel(wait: LockWait): void {
    const index = this.#waiting.findIndex((waiting) => waiting.wait.unique === wait.unique);
    if (index >= 0) this.#waiting.splice(index, 1);
  }

  closed(nodeid: Nodeid, fh: Fh, owner: bigint): void {
    this.#drop(nodeid, fh, owner, false);
  }

  released(nodeid: Nodeid, fh: Fh, owner: bigint): void {
    this.#drop(nodeid, fh, owner, true);
  }

  #place(nodeid: Nodeid, lock: LockRequest): void {
    const others = (this.#held.get(nodeid) ?? []).flatMap((held) =>
      held.isFlock === lock.isFlock && held.owner === lock.owner
        ? cut(held, lock.start, lock.end)
        : [held],
    );
    if (lock.type !== LockType.UNLOCK) others.push(lock);
    this.#held.set(nodeid, others);
  }

  #drop(nodeid: Nodeid, fh: Fh, owner: bigint, isFlock: boolean): void {
    const held = this.#held.get(nodeid) ?? [];
    const left = held.filter((lock) => lock.owner !== owner || lock.isFlock !== isFlock);
    this.#held.set(nodeid, left);
    this.#wakeUp(nodeid, fh);
  }

  #wakeUp(nodeid: Nodeid, fh: Fh): void {
    for (const waiting of [...this.#waiting]) {
      if (waiting.nodeid !== nodeid || this.test(nodeid, fh, waiting.lock)) continue;
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      if (this.#grant(waiting.wait)) this.#place(nodeid, waiting.lock);
    }
  }
}
