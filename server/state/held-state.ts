/**
 * What clients hold, opens and locks, in the state of the store: so a server that is started after
 * one was killed knows it. It is recorded with the commit of the requests that changed it.
 *
 * It is not worth a request, though. While the database takes nothing, on a full disk, files can be
 * opened and read all the same; what clients hold is recorded as soon as it can be.
 */

import type { Clock } from '../engine/clock.ts';
import { isNamedId } from '../named-attributes/handles.ts';
import { type FileId, StateKind, type StateTable, type Store } from '../store/index.ts';
import { readKey } from './entry-bytes.ts';
import { lockFormat, recordedLocks } from './lock-record.ts';
import type { OwnedLocks } from './lock-space.ts';
import type { LockTable } from './locks.ts';
import { openFormat, recordedOpens } from './open-record.ts';
import { lockOwnerKey, type Open, type OpenHolder, type OpenTable } from './opens.ts';
import { StateRecords } from './state-records.ts';

/** After a commit has failed nothing is recorded for this time. */
const PAUSE_AFTER_FAILURE_MS = 1000;
/** As many instances can be told apart by their stateids. */
const INSTANCES = 1 << 24;

const instanceKey = new Uint8Array(0);

/** Where what was held is entered again. */
export interface HeldTables {
  readonly opens: OpenTable;
  readonly locks: LockTable;
  /** Frees a file that has no name and that nobody has open. */
  reclaimIfUnused(id: FileId): void;
}

export class HeldState {
  /** Tells this server from its predecessors, in its stateids. */
  readonly instance: number;
  readonly #store: Store;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #opens: StateRecords<Open>;
  readonly #locks: StateRecords<OwnedLocks>;
  /** The number of this instance: stored with the first that is held, and never again. */
  readonly #instances: StateRecords<number>;
  #pausedUntilMs = 0;

  constructor(store: Store, clock: Pick<Clock, 'monotonicMs'>) {
    const { state } = store;
    this.#store = store;
    this.#clock = clock;
    this.#opens = new StateRecords(state, openFormat);
    this.#locks = new StateRecords(state, lockFormat);
    this.#instances = new StateRecords(state, {
      kind: StateKind.INSTANCE,
      keyOf: () => instanceKey,
      contentOf: (instance) => Buffer.from(Uint32Array.of(instance).buffer),
    });
    for (const records of [this.#opens, this.#locks, this.#instances]) {
      store.observe(records);
    }
    this.instance = (lastInstance(state) + 1) % INSTANCES;
    this.#instances.changed(this.instance);
  }

  openChanged(open: Open): void {
    if (open.holder.isDurable && this.#store.breakdown === undefined) {
      this.#opens.changed(open);
    }
  }

  locksChanged(owned: OwnedLocks): void {
    if (owned.owner.holder.isDurable && this.#store.breakdown === undefined) {
      this.#locks.changed(owned);
    }
  }

  /** Makes what has changed a part of the store's transaction. @throws {StoreError} */
  record(): void {
    const hasChanges = this.#opens.hasChanges || this.#locks.hasChanges;
    const isPaused = this.#clock.monotonicMs() < this.#pausedUntilMs;
    if (!hasChanges || isPaused || this.#store.breakdown !== undefined) {
      return;
    }
    this.#instances.record();
    this.#opens.record();
    this.#locks.record();
  }

  /** The commit has failed: others are to be spared for a while. */
  commitFailed(): void {
    this.#pausedUntilMs = this.#clock.monotonicMs() + PAUSE_AFTER_FAILURE_MS;
    this.#opens.forgetUnrecorded();
    this.#locks.forgetUnrecorded();
  }

  /** Gives clients again what they held, and forgets what others did. Before anything is opened. */
  restore(tables: HeldTables, clients: Iterable<OpenHolder>): void {
    const holders = new Map([...clients].map((client) => [client.clientId, client]));
    const opens = this.#restoreOpens(tables, holders);
    this.#restoreLocks(tables, holders, opens);
  }

  #restoreOpens(
    { opens, reclaimIfUnused }: HeldTables,
    holders: ReadonlyMap<bigint, OpenHolder>,
  ): ReadonlyMap<bigint, Open> {
    const restored = new Map<bigint, Open>();
    const lost: FileId[] = [];
    for (const { key, clientId, owner, ...record } of recordedOpens(this.#store.state)) {
      const holder = holders.get(clientId);
      if (holder === undefined || !this.#exists(record.fileId)) {
        this.#store.state.delete(StateKind.OPEN, key);
        lost.push(record.fileId);
      } else {
        const open: Open = { ...record, holder, ownerKey: lockOwnerKey(holder, owner) };
        opens.restore(open);
        restored.set(open.stateId, open);
      }
    }
    lost.forEach(reclaimIfUnused);
    return restored;
  }

  #restoreLocks(
    { locks }: HeldTables,
    holders: ReadonlyMap<bigint, OpenHolder>,
    restored: ReadonlyMap<bigint, Open>,
  ): void {
    for (const { key, clientId, owner, stateIds, ...record } of recordedLocks(this.#store.state)) {
      const holder = holders.get(clientId);
      const opens = stateIds.flatMap((stateId) => restored.get(stateId) ?? []);
      if (holder === undefined || opens.length === 0) {
        this.#store.state.delete(StateKind.LOCK, key);
      } else {
        locks.restore({ ...record, holder, ownerKey: lockOwnerKey(holder, owner), opens });
      }
    }
  }

  #exists(id: FileId): boolean {
    return isNamedId(id) || this.#store.inode(id) !== undefined;
  }
}

function lastInstance(state: StateTable): number {
  return state.read(StateKind.INSTANCE, readInstance)[0] ?? 0;
}

/** @throws Error for an entry that is no instance's */
export function readInstance(key: Uint8Array, content: Uint8Array): number {
  readKey(key, instanceKey.length);
  return readKey(content, Uint32Array.BYTES_PER_ELEMENT).readUInt32LE();
}
