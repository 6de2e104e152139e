import { randomBytes } from 'node:crypto';
import { MessageBuffer } from '../../client/protocol/message-buffer.ts';
import type { Verifier } from '../../client/protocol/types.ts';
import type { BlockCache } from '../block-cache.ts';
import type { ExportedCache } from '../exported-cache/exported-cache.ts';
import { Filehandles } from '../filehandles.ts';
import { Notifications } from '../notifications/notifications.ts';
import type { Authentication } from '../sessions/authentication.ts';
import type { ProcessStart } from '../sessions/client-process.ts';
import { ClientRecords } from '../sessions/client-records.ts';
import { SessionTable } from '../sessions/clients.ts';
import { Leases } from '../sessions/leases.ts';
import type { Limits } from '../sessions/limits.ts';
import { LockGrants } from '../sessions/lock-grants.ts';
import { type RationName, Rations } from '../sessions/rations.ts';
import { ResponseCache } from '../sessions/response-cache.ts';
import { askerOf, type Client } from '../sessions/session.ts';
import { HeldState } from '../state/held-state.ts';
import { LockTable } from '../state/locks.ts';
import { type OpenHolder, OpenTable } from '../state/opens.ts';
import type { FileId, Store } from '../store/index.ts';
import type { Clock } from './clock.ts';
import { DirectTransfer } from './direct-transfer.ts';
import { Engine, type FaultReporter } from './engine.ts';
import type { LocalMemory } from './memory.ts';
import type { Service } from './service.ts';

/** Draws 64 bits that no client can guess; a simulation draws them from its seed. */
export type Random64 = () => bigint;

export const systemRandom: Random64 = () => randomBytes(8).readBigUInt64LE();

export interface EngineOptions {
  readonly store: Store;
  readonly cache: BlockCache;
  /** The memory that the cache was made with. */
  readonly cacheMemory: LocalMemory;
  /** What the cache was made with; left out when no client may read it by itself. */
  readonly exported?: ExportedCache | undefined;
  /** As long as the longest transfer. */
  readonly staging: LocalMemory;
  /** All zeros, of any length. */
  readonly zeros: LocalMemory;
  readonly authentication: Authentication;
  readonly limits: Limits;
  readonly clock: Clock;
  /** What clients know this server's unstable data by. */
  readonly writeVerifier: bigint;
  readonly random: Random64;
  readonly processStart: ProcessStart;
  readonly reportFault: FaultReporter;
  /** Told, in words for a person, of a client that has run into a limit. */
  readonly reportRefusal: (message: string) => void;
}

/** Puts an engine together from its parts. */
export function assembleEngine(options: EngineOptions): { engine: Engine; service: Service } {
  const { store, cache, staging, limits, clock, random } = options;
  const reclaimIfUnused = (id: FileId): void => {
    if (store.inode(id)?.nlink === 0 && !opens.isOpen(id)) {
      cache.forget(id);
      store.reclaim(id);
    }
  };
  const held = new HeldState(store, clock);
  const rations = new Rations(limits, () => clock.monotonicMs(), options.reportRefusal);
  // Whoever holds opens is a client.
  const refuseMore = (holder: OpenHolder, limit: RationName): never =>
    rations.refuse(askerOf(holder as Client), limit);
  const locks = new LockTable({
    maxLocksPerClient: limits.maxLocksPerClient,
    maxWaitsPerClient: limits.maxWaitsPerClient,
    refuseMore,
    overdue: () => leases.overdue,
    takeFrom: (holder, fileId) => leases.take(holder as Client, fileId),
    onChange: (owned) => held.locksChanged(owned),
    onGrant: (holder, fileId, waitId) => lockGrants.tell(holder as Client, fileId, waitId),
  });
  const opens = new OpenTable({
    instance: held.instance,
    maxOpens: limits.maxOpens,
    maxOpensPerClient: limits.maxOpensPerClient,
    refuseMore,
    onChange: (open) => held.openChanged(open),
    onClose: (open) => locks.closed(open),
    exported: options.exported?.opens,
    onLastClose: reclaimIfUnused,
  });
  const records = new ClientRecords(store.state);
  const leases = new Leases({ leaseMs: limits.leaseMs, clock, opens, locks, records });
  const responses = new ResponseCache(store, limits);
  const sessions: SessionTable = new SessionTable({
    limits,
    rations,
    opens,
    records,
    responses,
    clock,
    processStart: options.processStart,
    drawId: () => nonZero(random),
    onClientsChange: () => notifications.clientsChanged(),
  });
  const notifications = new Notifications({
    clock,
    feed: store.changes,
    clientCount: () => sessions.clientCount,
  });
  const lockGrants = new LockGrants(notifications);
  const service: Service = {
    store,
    cache,
    cacheMemory: options.cacheMemory,
    exported: options.exported,
    staging,
    stagingMessage: new MessageBuffer(staging.memory, { littleEndian: true }),
    transfer: new DirectTransfer(options.zeros, limits.maxDirectBuffers),
    filehandles: new Filehandles(store),
    opens,
    locks,
    held,
    lockGrants,
    leases,
    sessions,
    responses,
    notifications,
    authentication: options.authentication,
    limits,
    rations,
    clock,
    writeVerifier: options.writeVerifier as Verifier,
    reclaimIfUnused,
    messageMemoryBytesOf: (pid) => engine.messageMemoryBytesOf(pid),
    resume: (exchange, complete) => engine.resume(exchange, complete),
  };
  const engine = new Engine(service, options.reportFault);
  held.restore(service, sessions.recover());
  sessions.releaseOverdue();
  return { engine, service };
}

function nonZero(random: Random64): bigint {
  for (;;) {
    const drawn = random();
    if (drawn !== 0n) {
      return drawn;
    }
  }
}
