/**
 * The adapter that client and server find in place of the real one (module-hooks.ts): the same verbs over
 * a network that the simulation steps, in one process. It has what they use and nothing else.
 */
export { NicError } from '../../../nic/error.ts';
export { Fault } from '../../../nic/fault-injection.ts';
export { fence, loadAcquire, storeRelease } from '../../../nic/memory-order.ts';
export { QueuePairState } from '../../../nic/queue-pair-state.ts';
export { fromPage, PAGE_BYTES, wholePages } from '../../../nic/system-calls-memory.ts';
export {
  createWorkCompletions,
  Opcode,
  SendFlag,
  VendorError,
  WcOpcode,
  WcStatus,
} from '../../../nic/work-request.ts';
export { ConnectionRequest, connect } from './connect.ts';
export { Context } from './context.ts';
export { Heap } from './heap.ts';
export { Access, Arena, MemoryRegion, ProtectionDomain } from './memory.ts';
export { QueuePair } from './queue-pair.ts';
export { startThread } from './threads.ts';
