/** The words of work requests and completions, with the numbers that verbs gives them. */

export const Opcode = {
  RDMA_WRITE: 0,
  RDMA_WRITE_WITH_IMM: 1,
  SEND: 2,
  SEND_WITH_IMM: 3,
  RDMA_READ: 4,
  ATOMIC_CMP_AND_SWP: 5,
  ATOMIC_FETCH_AND_ADD: 6,
} as const;
export type Opcode = (typeof Opcode)[keyof typeof Opcode];

export const WcOpcode = {
  SEND: 0,
  RDMA_WRITE: 1,
  RDMA_READ: 2,
  COMP_SWAP: 3,
  FETCH_ADD: 4,
  RECV: 128,
  RECV_RDMA_WITH_IMM: 129,
} as const;
export type WcOpcode = (typeof WcOpcode)[keyof typeof WcOpcode];

/** The completion opcode of each request opcode, by its number. */
export const completionOpcodes: readonly WcOpcode[] = [
  WcOpcode.RDMA_WRITE,
  WcOpcode.RDMA_WRITE,
  WcOpcode.SEND,
  WcOpcode.SEND,
  WcOpcode.RDMA_READ,
  WcOpcode.COMP_SWAP,
  WcOpcode.FETCH_ADD,
];

export const SendFlag = {
  /** Begin only when earlier RDMA reads and atomics are done, which here they always are. */
  FENCE: 1,
  /** Make a completion on success too; errors always make one. */
  SIGNALED: 2,
  /** Raise the peer's event even if it armed its completion queue for solicited messages only. */
  SOLICITED: 4,
  /** Take the data from `inlineData` instead of registered memory. */
  INLINE: 8,
} as const;

export const WcStatus = {
  SUCCESS: 0,
  /** Local: longer than the queue pair carries, or a message longer than the receive. */
  LOC_LEN_ERR: 1,
  /** Local: a request that the queue pair cannot carry out. */
  LOC_QP_OP_ERR: 2,
  /** Local: an lkey that is unknown, of another domain, out of bounds or without the right. */
  LOC_PROT_ERR: 4,
  /** Not done, or not known to be done, because of an earlier error. */
  WR_FLUSH_ERR: 5,
  /** The peer could not take it: longer than its receive, or an atomic off its 8 bytes. */
  REM_INV_REQ_ERR: 9,
  /** The peer's table refused it: rkey, bounds, rights or domain. */
  REM_ACCESS_ERR: 10,
  /** The peer failed at its own receive buffer. */
  REM_OP_ERR: 11,
  /** The peer is gone. */
  RETRY_EXC_ERR: 12,
  /** The peer had no receive posted for as long as was agreed. */
  RNR_RETRY_EXC_ERR: 13,
} as const;
export type WcStatus = (typeof WcStatus)[keyof typeof WcStatus];

/** What a completion's vendorError says beyond its status. */
export const VendorError = {
  NONE: 0,
  /** No region has this key now: forged, stale, or of another protection domain. */
  UNKNOWN_KEY: 1,
  /** The region is shorter than the request. */
  BOUNDS: 2,
  /** The region was registered without the right that the request needs. */
  RIGHTS: 3,
  /** The table names a segment that the peer never announced. */
  UNKNOWN_SEGMENT: 4,
  /** An atomic whose address is not a multiple of 8. */
  MISALIGNED: 5,
  /** The connection ended. */
  PEER_GONE: 6,
  /** The peer broke the rules of the shared memory or of the socket. */
  PEER_CORRUPT: 7,
  /** The fault injector asked for it. */
  INJECTED: 8,
} as const;

export interface ScatterGatherEntry {
  lkey: number;
  address: number;
  length: number;
}

/** One request. The caller may reuse one object for all its posts: nothing of it is retained. */
export interface SendWorkRequest {
  /** Comes back in the completion; means nothing to the NIC. */
  wrId: number;
  opcode: Opcode;
  /** Of SendFlag. */
  flags: number;
  /** Memory to send or write from, or to read into; not looked at with SendFlag.INLINE. */
  sgList: ScatterGatherEntry[];
  inlineData?: Uint8Array;
  /** 32 bits for the *_WITH_IMM opcodes. */
  immediate?: number;
  remoteAddress?: number;
  rkey?: number;
  compare?: bigint;
  /** The new value of a compare-and-swap, the addend of a fetch-and-add. */
  swapOrAdd?: bigint;
}

/** What became of a request. On error only wrId, status, qpNumber and vendorError are valid. */
export interface WorkCompletion {
  wrId: number;
  status: number;
  /** Of WcOpcode; -1 on error. */
  opcode: number;
  byteLength: number;
  /** -1 when the message carried none. */
  immediate: number;
  qpNumber: number;
  /** Of VendorError. */
  vendorError: number;
}

/** Completions to hand to `poll` and `wait` again and again. */
export function createWorkCompletions(count: number): WorkCompletion[] {
  return Array.from({ length: count }, () => ({
    wrId: 0,
    status: 0,
    opcode: 0,
    byteLength: 0,
    immediate: -1,
    qpNumber: 0,
    vendorError: 0,
  }));
}
