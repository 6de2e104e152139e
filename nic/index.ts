/**
 * The emulated RDMA NIC: user-level verbs over memory shared between processes. See README.md.
 * One `Context` per thread; everything made from it belongs to that thread.
 */
export { Arena, type ArenaSharing, type FileArena } from './arena.ts';
export type { CompletionGroup } from './completion-group.ts';
export type { CompletionQueue } from './completion-queue.ts';
export { beginConnect, type ConnectOptions, connect, type PendingConnection } from './connect.ts';
export type { PeerCredentials } from './connection.ts';
export { ConnectionRequest, type DetachedRequest } from './connection-request.ts';
export { Context, type ContextOptions } from './context.ts';
export { NicError } from './error.ts';
export { Fault, type FaultInjector } from './fault-injection.ts';
export { Heap } from './heap.ts';
export { Listener } from './listener.ts';
export { fence, loadAcquire, storeRelease } from './memory-order.ts';
export type { MemoryRegion } from './memory-region.ts';
export type { MemoryWindow } from './memory-window.ts';
export type { ProtectionDomain } from './protection-domain.ts';
export type { QueuePair, QueuePairOptions } from './queue-pair.ts';
export { QueuePairState } from './queue-pair-state.ts';
export type { RemoteRegion } from './remote-region.ts';
export type { SharedReceiveQueue } from './shared-receive-queue.ts';
export { fromPage, PAGE_BYTES, wholePages } from './system-calls-memory.ts';
export { startThread } from './thread.ts';
export { Access } from './translation-protection-table.ts';
export { Waker, type WakerToken } from './waker.ts';
export {
  createWorkCompletions,
  Opcode,
  type ScatterGatherEntry,
  SendFlag,
  type SendWorkRequest,
  VendorError,
  WcOpcode,
  WcStatus,
  type WorkCompletion,
} from './work-request.ts';
