/** The tables of opens and locks over a store that can be killed, without sessions and requests. */
import { DafsStatus } from '../../../../client/protocol/status.ts';
import { refuse } from '../../../../server/engine/refusal.ts';
import { HeldState } from '../../../../server/state/held-state.ts';
import { LockTable } from '../../../../server/state/locks.ts';
import { openedFiles } from '../../../../server/state/open-record.ts';
import { type Open, type OpenHolder, OpenTable } from '../../../../server/state/opens.ts';
import { type FileId, Store } from '../../../../server/store/index.ts';
import { killedCopy, temporaryDirectory } from '../../store/support/stores.ts';

export interface HeldWorldOptions {
  /** The ids of the clients that are there. */
  readonly clients: readonly bigint[];
  /** Clients that do not come back after a kill. */
  readonly fleeting?: readonly bigint[];
  readonly path?: string;
}

const refuseMore = (): never => refuse(DafsStatus.DAFSERR_RESOURCE);

/** As much of a server as holds opens and locks. */
export class HeldWorld {
  readonly store: Store;
  readonly held: HeldState;
  readonly opens: OpenTable;
  readonly locks: LockTable;
  /** What a commit does not take is recorded only after a while. */
  monotonicMs = 0;
  /** Where opens are exported to, by stateid. */
  readonly exported = new Map<bigint, FileId>();
  readonly #clients = new Map<bigint, OpenHolder>();

  constructor({
    clients,
    fleeting = [],
    path = `${temporaryDirectory()}/store.dafs`,
  }: HeldWorldOptions) {
    this.store = Store.open(path, { create: true, blockBytes: 4096, heldObjects: openedFiles });
    this.held = new HeldState(this.store, { monotonicMs: () => this.monotonicMs });
    this.locks = new LockTable({
      maxLocksPerClient: 1000,
      overdue: () => new Set(),
      takeFrom: () => {},
      maxWaitsPerClient: 1000,
      refuseMore,
      onChange: (owned) => this.held.locksChanged(owned),
      onGrant: () => {},
    });
    const reclaimIfUnused = (id: FileId): void => this.reclaimIfUnused(id);
    this.opens = new OpenTable({
      instance: this.held.instance,
      maxOpens: 1000,
      maxOpensPerClient: 1000,
      refuseMore,
      onChange: (open) => this.held.openChanged(open),
      onClose: (open) => this.locks.closed(open),
      onLastClose: reclaimIfUnused,
      exported: {
        admit: (stateId, id) => this.exported.set(stateId, id),
        withdraw: (stateId) => this.exported.delete(stateId),
      },
    });
    for (const clientId of clients) {
      const isDurable = !fleeting.includes(clientId);
      this.#clients.set(clientId, { clientId, isDurable, opens: new Set() });
    }
    const tables = { opens: this.opens, locks: this.locks, reclaimIfUnused };
    this.held.restore(tables, this.#clients.values());
  }

  client(clientId: bigint): OpenHolder {
    return this.#clients.get(clientId) as OpenHolder;
  }

  clients(): readonly OpenHolder[] {
    return [...this.#clients.values()];
  }

  reclaimIfUnused(id: FileId): void {
    if (this.store.inode(id)?.nlink === 0 && !this.opens.isOpen(id)) {
      this.store.reclaim(id);
    }
  }

  /** What a batch of requests ends with. */
  commit(): void {
    this.held.record();
    this.store.commit();
  }

  /** What a process finds that starts after this one was killed. */
  killed(options: HeldWorldOptions): HeldWorld {
    const path = killedCopy(this.store);
    this.store.close();
    return new HeldWorld({ ...options, path });
  }

  /** The open of a stateid, or the status with which it is refused. */
  find(stateId: bigint, clientId: bigint, id: FileId): Open | number {
    try {
      return this.opens.find(stateId, this.client(clientId), id);
    } catch (refusal) {
      return (refusal as { status: number }).status;
    }
  }
}
