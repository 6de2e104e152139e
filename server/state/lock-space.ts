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
  /** Who was found in its way the last time; as long as he is, nobody else needs to be looked at. */
  blocker: LockOwner | undefined;
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

  /** Whether somebody is still in the way of one who waits here. */
  isBlocked(wait: LockWait): boolean {
    const { owner, wanted, blocker } = wait;
    const held = blocker && this.byOwner.get(blocker);
    if (held !== undefined && conflictWith(held.ranges, wanted, wanted.mode) !== undefined) {
      return true;
    }
    wait.blocker = this.firstConflict(owner, wanted, wanted.mode)?.owner;
    return wait.blocker !== undefined;
  }
}

/** So many owners are looked at in search of a deadlock: a few milliseconds' work. */
const MAXIMUM_LOOKS = 1 << 16;

/**
 * Whether `owner` would wait for itself if it began to wait for `wanted`: somebody that it would
 * wait for waits, directly or through others, for what it holds. When so many wait for so many that it
 * would take long to know, it is taken to be so: the search holds up everybody.
 */
export function wouldDeadlock(owner: LockOwner, space: LockSpace, wanted: LockedRange): boolean {
  const seen = new Set<LockOwner>();
  const toVisit: Iterator<LockOwner>[] = [blockers(owner, space, wanted)];
  let looks = 0;
  for (let others = toVisit.at(-1); others !== undefined; others = toVisit.at(-1)) {
    const next = others.next();
    if (next.done === true) {
      toVisit.pop();
      continue;
    }
    looks += 1;
    if (next.value === owner || looks > MAXIMUM_LOOKS) {
      return true;
    }
    if (!seen.has(next.value)) {
      seen.add(next.value);
      for (const wait of next.value.waits) {
        toVisit.push(blockers(next.value, wait.space, wait.wanted));
      }
    }
  }
  return false;
}

function* blockers(
  owner: LockOwner,
  space: LockSpace,
  wanted: LockedRange,
): Generator<LockOwner, void> {
  for (const conflict of space.conflicts(owner, wanted, wanted.mode)) {
    yield conflict.owner;
  }
}
