/** What is locked of one file and in one of the two ways that know nothing of each other. */

import type { FileId } from '../store/index.ts';
import { type ByteRange, conflictWith, type LockedRange, type LockMode } from './lock-ranges.ts';
import type { Open, OpenHolder } from './opens.ts';

/** fcntl(2)'s locks of ranges, or flock(2)'s of whole files. */
export type LockKind = 'record' | 'flock';

/** Whose a lock is. One client may have any number of owners: its processes, its open files. */
export interface LockOwner {
  readonly key: string;
  readonly holder: OpenHolder;
  readonly held: Set<OwnedLocks>;
  /** What it waits for now; a process with several threads may wait more than once. */
  readonly waits: Set<LockWait>;
}

/** What one owner holds of a file. */
export interface OwnedLocks {
  readonly owner: LockOwner;
  readonly space: LockSpace;
  readonly ranges: LockedRange[];
  /** The opens by which it was locked: with the last of them everything goes. */
  readonly opens: Set<Open>;
}

/** Somebody who waits until what he wants conflicts with nobody any more. */
export interface LockWait {
  /** The client's own name for it. */
  readonly id: bigint;
  readonly owner: LockOwner;
  readonly space: LockSpace;
  readonly open: Open;
  readonly wanted: LockedRange;
}

/** A lock that is in somebody's way. */
export interface LockConflict {
  readonly owner: LockOwner;
  readonly range: LockedRange;
}

export class LockSpace {
  readonly fileId: FileId;
  readonly kind: LockKind;
  readonly byOwner = new Map<LockOwner, OwnedLocks>();
  /** Who waits, in the order in which they came. */
  readonly waits = new Set<LockWait>();

  constructor(fileId: FileId, kind: LockKind) {
    this.fileId = fileId;
    this.kind = kind;
  }

  /** The locks of others, one each, that a lock of `mode` on `range` would conflict with. */
  *conflicts(
    owner: LockOwner | undefined,
    range: ByteRange,
    mode: LockMode,
  ): Iterable<LockConflict> {
    for (const held of this.byOwner.values()) {
      if (held.owner === owner) {
        continue;
      }
      const conflict = conflictWith(held.ranges, range, mode);
      if (conflict !== undefined) {
        yield { owner: held.owner, range: conflict };
      }
    }
  }

  firstConflict(
    owner: LockOwner | undefined,
    range: ByteRange,
    mode: LockMode,
  ): LockConflict | undefined {
    for (const conflict of this.conflicts(owner, range, mode)) {
      return conflict;
    }
    return undefined;
  }
}

/**
 * Whether `owner` would wait for itself if it began to wait for `wanted`: somebody that it would
 * wait for waits, directly or through others, for what it holds.
 */
export function wouldDeadlock(owner: LockOwner, space: LockSpace, wanted: LockedRange): boolean {
  const seen = new Set<LockOwner>();
  const toVisit = [...blockers(owner, space, wanted)];
  for (let one = toVisit.pop(); one !== undefined; one = toVisit.pop()) {
    if (one === owner) {
      return true;
    }
    if (!seen.has(one)) {
      seen.add(one);
      for (const wait of one.waits) {
        toVisit.push(...blockers(one, wait.space, wait.wanted));
      }
    }
  }
  return false;
}

function* blockers(owner: LockOwner, space: LockSpace, wanted: LockedRange): Iterable<LockOwner> {
  for (const conflict of space.conflicts(owner, wanted, wanted.mode)) {
    yield conflict.owner;
  }
}
