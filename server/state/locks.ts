/**
 * Advisory locks of files, as Linux has them (fcntl_locking(2), flock(2)): reads and writes do not
 * look at them. A lock belongs to an owner and was set by an open; it ends when it is unlocked, or
 * with the last open by which its owner has locked the file, and so with its client.
 *
 * Who must wait is entered in a queue of the file. Whatever makes room tells those whom it lets in,
 * in the order in which they came; nobody asks twice.
 */

import { DafsStatus } from '../../client/protocol/status.ts';
import { refuse } from '../engine/refusal.ts';
import type { FileId } from '../store/index.ts';
import {
  applyEdit,
  type ByteRange,
  conflictWith,
  editToLock,
  editToUnlock,
  growthOf,
  type LockedRange,
  type LockMode,
  type RangeEdit,
} from './lock-ranges.ts';
import {
  type LockConflict,
  type LockKind,
  type LockOwner,
  LockSpace,
  type LockWait,
  type OwnedLocks,
  wouldDeadlock,
} from './lock-space.ts';
import type { Open, OpenHolder } from './opens.ts';

export interface LockTableOptions {
  /** Ranges that a client may have locked and waits that it may have, together. */
  readonly maxLocksPerClient: number;
  readonly maxWaitsPerClient: number;
  /** Refuses a client more than it may have. */
  readonly refuseMore: (
    holder: OpenHolder,
    limit: 'maxLocksPerClient' | 'maxWaitsPerClient',
  ) => never;
  /** Clients whose leases are over: they give way to who wants what they have locked. */
  readonly overdue: () => ReadonlySet<OpenHolder>;
  /** Takes all locks of a file from such a client, unless it has been heard meanwhile. */
  readonly takeFrom: (holder: OpenHolder, fileId: FileId) => void;
  /** Called when what an owner holds of a file is another thing than before. */
  readonly onChange: (owned: OwnedLocks) => void;
  /** A wait of a client is over: it has the lock. */
  readonly onGrant: (holder: OpenHolder, fileId: FileId, waitId: bigint) => void;
}

/** Whose lock it is about, and of which kind. */
export interface LockSubject {
  readonly kind: LockKind;
  /** What lockOwnerKey() of opens.ts makes of the owner. */
  readonly ownerKey: string;
}

/** What an owner had locked of a file when the server was killed. */
export interface LocksToRestore extends LockSubject {
  readonly holder: OpenHolder;
  readonly fileId: FileId;
  readonly ranges: readonly LockedRange[];
  /** The opens by which it was locked, as far as they are known; one at least. */
  readonly opens: readonly Open[];
}

/** What a client has, for its limit and to find its waits. */
interface ClientLocks {
  count: number;
  readonly waits: Map<bigint, LockWait>;
}

export class LockTable {
  readonly #options: LockTableOptions;
  readonly #spaces: Readonly<Record<LockKind, Map<FileId, LockSpace>>> = {
    record: new Map(),
    flock: new Map(),
  };
  readonly #owners = new Map<string, LockOwner>();
  readonly #clients = new Map<OpenHolder, ClientLocks>();
  /** What was locked by an open, and who waits by it. */
  readonly #locksOfOpen = new Map<Open, Set<OwnedLocks>>();
  readonly #waitsOfOpen = new Map<Open, Set<LockWait>>();

  constructor(options: LockTableOptions) {
    this.#options = options;
  }

  /** Locked ranges and waits of all clients. */
  get size(): number {
    return [...this.#clients.values()].reduce((sum, { count }) => sum + count, 0);
  }

  /** The first lock of another owner that would be in the way. */
  test(
    fileId: FileId,
    { kind, ownerKey }: LockSubject,
    range: ByteRange,
    mode: LockMode,
  ): LockConflict | undefined {
    const owner = this.#owners.get(ownerKey);
    return this.#spaces[kind].get(fileId)?.firstConflict(owner, range, mode);
  }

  /**
   * Locks a range at once, or not at all.
   *
   * @returns what is in the way; undefined when the lock is set
   * @throws Refusal DAFSERR_RESOURCE when the client has as many locks as it may
   */
  lock(open: Open, subject: LockSubject, wanted: LockedRange): LockConflict | undefined {
    return this.#attempt(open, subject, wanted, () => {});
  }

  /**
   * Locks a range at once, or waits for it until it is granted, cancelled, or its open closed. Who waits
   * for it already, under the same name, goes on waiting.
   *
   * @param waitId how the client names the wait
   * @returns whether it is locked
   * @throws Refusal DAFSERR_DEADLOCK when its owner would wait for itself, DAFSERR_INVAL when the
   * client waits for something else under that name, or what lock() throws
   */
  lockOrWait(open: Open, subject: LockSubject, wanted: LockedRange, waitId: bigint): boolean {
    const known = this.#clients.get(open.holder)?.waits.get(waitId);
    if (known !== undefined) {
      return isSameWait(known, open, subject, wanted) ? false : refuse(DafsStatus.DAFSERR_INVAL);
    }
    const conflict = this.#attempt(open, subject, wanted, (owner, space) => {
      if ((this.#clients.get(open.holder)?.waits.size ?? 0) >= this.#options.maxWaitsPerClient) {
        this.#options.refuseMore(open.holder, 'maxWaitsPerClient');
      }
      // Locks of flock(2) are not looked through for deadlocks, as in Linux.
      if (space.kind === 'record' && wouldDeadlock(owner, space, wanted)) {
        refuse(DafsStatus.DAFSERR_DEADLOCK);
      }
      this.#requireRoom(open.holder, 1);
      this.#beginWait({ id: waitId, owner, space, open, wanted, blocker: undefined });
    });
    return conflict === undefined;
  }

  /** @throws Refusal DAFSERR_RESOURCE when a range would fall in two and the client has too many */
  unlock(fileId: FileId, { kind, ownerKey }: LockSubject, range: ByteRange): void {
    const owner = this.#owners.get(ownerKey);
    const owned = owner && this.#spaces[kind].get(fileId)?.byOwner.get(owner);
    if (owned === undefined) {
      return;
    }
    const edit = editToUnlock(owned.ranges, range);
    this.#requireRoom(owned.owner.holder, growthOf(edit));
    this.#apply(owned, edit);
    this.#settle(owned);
  }

  /**
   * Calls a wait off.
   * @returns false when the client has none of that name: it was granted
   */
  cancel(holder: OpenHolder, waitId: bigint): boolean {
    const wait = this.#clients.get(holder)?.waits.get(waitId);
    if (wait === undefined) {
      return false;
    }
    this.#endWait(wait);
    this.#settle(wait);
    return true;
  }

  /** Calls off what a client waits for of a file: it has to ask again. */
  endWaits(holder: OpenHolder, fileId: FileId): void {
    const all = [...(this.#clients.get(holder)?.waits.values() ?? [])];
    const ended = all.filter(({ space }) => space.fileId === fileId);
    for (const wait of ended) {
      this.#endWait(wait);
    }
    for (const wait of ended) {
      this.#settle(wait);
    }
  }

  /** Takes over what a server that was killed had granted: nobody can be in its way. */
  restore({ kind, ownerKey, holder, fileId, ranges, opens }: LocksToRestore): void {
    const owner = this.#ownerOf(holder, ownerKey);
    const space = this.#spaceOf(fileId, kind);
    for (const open of opens) {
      const owned = this.#ownedBy(owner, space, open);
      if (owned.ranges.length === 0) {
        owned.ranges.push(...ranges);
        this.#count(holder, ranges.length);
      }
    }
  }

  /** What was locked by an open, perhaps by others as well. */
  lockedBy(open: Open): Iterable<OwnedLocks> {
    return this.#locksOfOpen.get(open) ?? [];
  }

  /** Files of which a client has locked what another one waits for. */
  awaitedFiles(holder: OpenHolder): ReadonlySet<FileId> {
    const files = new Set<FileId>();
    for (const open of holder.opens) {
      for (const { ranges, space } of this.lockedBy(open)) {
        const isAwaited = [...space.waits].some(
          ({ owner, wanted }) =>
            owner.holder !== holder && conflictWith(ranges, wanted, wanted.mode) !== undefined,
        );
        if (isAwaited) {
          files.add(open.fileId);
        }
      }
    }
    return files;
  }

  /** An open is closed: what it alone had locked goes, and so does who waited by it. */
  closed(open: Open): void {
    const waits = [...(this.#waitsOfOpen.get(open) ?? [])];
    for (const wait of waits) {
      this.#endWait(wait);
    }
    const locks = [...(this.#locksOfOpen.get(open) ?? [])];
    for (const owned of locks) {
      owned.opens.delete(open);
      const removed = owned.opens.size === 0 ? owned.ranges.length : 0;
      this.#apply(owned, { at: 0, removed, added: [] });
    }
    this.#locksOfOpen.delete(open);
    for (const changed of [...waits, ...locks]) {
      this.#settle(changed);
    }
  }

  /** Sets the lock if nothing is in the way. */
  #attempt(
    open: Open,
    { kind, ownerKey }: LockSubject,
    wanted: LockedRange,
    onConflict: (owner: LockOwner, space: LockSpace) => void,
  ): LockConflict | undefined {
    const owner = this.#ownerOf(open.holder, ownerKey);
    this.#makeWay(owner, this.#spaces[kind].get(open.fileId), wanted);
    const space = this.#spaceOf(open.fileId, kind);
    try {
      if (kind === 'flock') {
        this.#giveUpOtherMode(owner, space, wanted.mode);
      }
      const conflict = space.firstConflict(owner, wanted, wanted.mode);
      if (conflict === undefined) {
        const edit = editToLock(space.byOwner.get(owner)?.ranges ?? [], wanted);
        this.#requireRoom(owner.holder, growthOf(edit));
        this.#apply(this.#ownedBy(owner, space, open), edit);
      } else {
        onConflict(owner, space);
      }
      return conflict;
    } finally {
      this.#settle({ owner, space });
    }
  }

  /** Clients whose leases are over are in nobody's way. */
  #makeWay(owner: LockOwner, space: LockSpace | undefined, wanted: LockedRange): void {
    const overdue = this.#options.overdue();
    if (space === undefined || overdue.size === 0) {
      return;
    }
    const conflicts = [...space.conflicts(owner, wanted, wanted.mode)];
    const holders = new Set(conflicts.map((conflict) => conflict.owner.holder));
    for (const holder of holders) {
      if (overdue.has(holder)) {
        this.#options.takeFrom(holder, space.fileId);
      }
    }
  }

  /** flock(2) converts by giving the old lock up first: others may get in between. */
  #giveUpOtherMode(owner: LockOwner, space: LockSpace, mode: LockMode): void {
    const owned = space.byOwner.get(owner);
    if (owned !== undefined && owned.ranges[0]?.mode !== mode) {
      this.#apply(owned, { at: 0, removed: owned.ranges.length, added: [] });
    }
  }

  /** After each change: lets in who can be, and forgets who has nothing any more. */
  #settle({ owner, space }: { readonly owner: LockOwner; readonly space: LockSpace }): void {
    this.#admit(space);
    if (owner.held.size === 0 && owner.waits.size === 0) {
      this.#owners.delete(owner.key);
    }
    if (space.byOwner.size === 0 && space.waits.size === 0) {
      this.#spaces[space.kind].delete(space.fileId);
    }
  }

  /** Grants what is in nobody's way any more. A grant may weaken a lock, and so let in more. */
  #admit(space: LockSpace): void {
    for (let isChanged = true; isChanged; ) {
      isChanged = false;
      for (const wait of space.waits) {
        const { owner, open, wanted } = wait;
        if (!space.isBlocked(wait)) {
          this.#endWait(wait);
          const owned = this.#ownedBy(owner, space, open);
          this.#apply(owned, editToLock(owned.ranges, wanted));
          this.#options.onGrant(owner.holder, space.fileId, wait.id);
          isChanged = true;
        }
      }
    }
  }

  #beginWait(wait: LockWait): void {
    this.#count(wait.owner.holder, 1).waits.set(wait.id, wait);
    wait.owner.waits.add(wait);
    wait.space.waits.add(wait);
    addTo(this.#waitsOfOpen, wait.open, wait);
  }

  #endWait(wait: LockWait): void {
    this.#count(wait.owner.holder, -1).waits.delete(wait.id);
    wait.owner.waits.delete(wait);
    wait.space.waits.delete(wait);
    removeFrom(this.#waitsOfOpen, wait.open, wait);
  }

  #apply(owned: OwnedLocks, edit: RangeEdit): void {
    const { owner, space, ranges, opens } = owned;
    applyEdit(ranges, edit);
    this.#count(owner.holder, growthOf(edit));
    this.#options.onChange(owned);
    if (ranges.length === 0) {
      space.byOwner.delete(owner);
      owner.held.delete(owned);
      for (const open of opens) {
        removeFrom(this.#locksOfOpen, open, owned);
      }
    }
  }

  /** What an owner holds of a file, where it is about to lock by `open`. */
  #ownedBy(owner: LockOwner, space: LockSpace, open: Open): OwnedLocks {
    let owned = space.byOwner.get(owner);
    if (owned === undefined) {
      owned = { owner, space, ranges: [], opens: new Set() };
      space.byOwner.set(owner, owned);
      owner.held.add(owned);
    }
    owned.opens.add(open);
    addTo(this.#locksOfOpen, open, owned);
    return owned;
  }

  #ownerOf(holder: OpenHolder, key: string): LockOwner {
    let owner = this.#owners.get(key);
    if (owner === undefined) {
      owner = { key, holder, held: new Set(), waits: new Set() };
      this.#owners.set(key, owner);
    }
    return owner;
  }

  #spaceOf(fileId: FileId, kind: LockKind): LockSpace {
    let space = this.#spaces[kind].get(fileId);
    if (space === undefined) {
      space = new LockSpace(fileId, kind);
      this.#spaces[kind].set(fileId, space);
    }
    return space;
  }

  #requireRoom(holder: OpenHolder, growth: number): void {
    const count = this.#clients.get(holder)?.count ?? 0;
    if (growth > 0 && count + growth > this.#options.maxLocksPerClient) {
      this.#options.refuseMore(holder, 'maxLocksPerClient');
    }
  }

  /** Takes note of what a client has more, or less; who has nothing is forgotten. */
  #count(holder: OpenHolder, change: number): ClientLocks {
    const client = this.#clients.get(holder) ?? { count: 0, waits: new Map() };
    client.count += change;
    if (client.count === 0) {
      this.#clients.delete(holder);
    } else {
      this.#clients.set(holder, client);
    }
    return client;
  }
}

function isSameWait(
  wait: LockWait,
  open: Open,
  { kind, ownerKey }: LockSubject,
  { first, last, mode }: LockedRange,
): boolean {
  const { wanted, owner, space } = wait;
  const isSameRange = wanted.first === first && wanted.last === last && wanted.mode === mode;
  return isSameRange && wait.open === open && owner.key === ownerKey && space.kind === kind;
}

function addTo<Key, Value>(sets: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const set = sets.get(key);
  if (set === undefined) {
    sets.set(key, new Set([value]));
  } else {
    set.add(value);
  }
}

function removeFrom<Key, Value>(sets: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) {
    sets.delete(key);
  }
}
