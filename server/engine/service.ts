import type { MessageBuffer } from '../../client/protocol/message-buffer.ts';
import type { Verifier } from '../../client/protocol/types.ts';
import type { BlockCache } from '../block-cache.ts';
import type { ExportedCache } from '../exported-cache/exported-cache.ts';
import type { Filehandles } from '../filehandles.ts';
import type { Notifications } from '../notifications/notifications.ts';
import type { Authentication } from '../sessions/authentication.ts';
import type { SessionTable } from '../sessions/clients.ts';
import type { Leases } from '../sessions/leases.ts';
import type { Limits } from '../sessions/limits.ts';
import type { LockGrants } from '../sessions/lock-grants.ts';
import type { Rations } from '../sessions/rations.ts';
import type { ResponseCache } from '../sessions/response-cache.ts';
import type { HeldState } from '../state/held-state.ts';
import type { LockTable } from '../state/locks.ts';
import type { OpenTable } from '../state/opens.ts';
import type { FileId, Store } from '../store/index.ts';
import type { Clock } from './clock.ts';
import type { DirectTransfer } from './direct-transfer.ts';
import type { Exchange } from './exchange.ts';
import type { LocalMemory } from './memory.ts';

/** All that the operations work with. There is one, and it belongs to the data plane. */
export interface Service {
  readonly store: Store;
  readonly cache: BlockCache;
  /** The memory of the cache, registered for RDMA. */
  readonly cacheMemory: LocalMemory;
  /** The same for clients that read it by themselves; undefined when none may. */
  readonly exported: ExportedCache | undefined;
  /** Memory for bulk data that does not come from the cache; as long as the longest transfer. */
  readonly staging: LocalMemory;
  /** The same memory, for structures that travel in direct buffers. */
  readonly stagingMessage: MessageBuffer;
  readonly transfer: DirectTransfer;
  readonly filehandles: Filehandles;
  readonly opens: OpenTable;
  readonly locks: LockTable;
  readonly held: HeldState;
  readonly lockGrants: LockGrants;
  readonly leases: Leases;
  readonly sessions: SessionTable;
  readonly responses: ResponseCache;
  readonly notifications: Notifications;
  readonly authentication: Authentication;
  readonly limits: Limits;
  readonly rations: Rations;
  readonly clock: Clock;
  /** Changes with each server instance: uncommitted writes of another one are lost (6.5.38). */
  readonly writeVerifier: Verifier;
  /** Frees a file that has no name and that nobody has open, as soon as both are true. */
  reclaimIfUnused(id: FileId): void;
  /** Message buffers that connections of a process have. */
  messageMemoryBytesOf(pid: number): number;
  /** Concludes a request whose handler returned {@link PARKED}. */
  resume(exchange: Exchange, complete: () => object | undefined): void;
}

/** What a handler returns when the answer has to wait for something: `resume` will give it. */
export const PARKED = Symbol('parked');

/** What a handler returns that has written the results into the response itself. */
export const ENCODED = Symbol('encoded');
