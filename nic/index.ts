/**
 * The emulated RDMA NIC: user-level verbs over memory shared between processes.
 * One `Context` per thread; everything made from it belongs to that thread.
 */
export const Access = {
  LOCAL_WRITE: 1,
  REMOTE_WRITE: 2,
  REMOTE_READ: 4,
  REMOTE_ATOMIC: 8,
} as const;

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

export const SendFlag = { FENCE: 1, SIGNALED: 2, SOLICITED: 4, INLINE: 8 } as const;

export const WcStatus = {
  SUCCESS: 0,
  LOC_LEN_ERR: 1,
  LOC_QP_OP_ERR: 2,
  LOC_PROT_ERR: 4,
  WR_FLUSH_ERR: 5,
  REM_INV_REQ_ERR: 9,
  REM_ACCESS_ERR: 10,
  REM_OP_ERR: 11,
  RETRY_EXC_ERR: 12,
  RNR_RETRY_EXC_ERR: 13,
} as const;
export type WcStatus = (typeof WcStatus)[keyof typeof WcStatus];

export const QueuePairState = { RESET: 0, INIT: 1, RTR: 2, RTS: 3, ERR: 6 } as const;
export type QueuePairState = (typeof QueuePairState)[keyof typeof QueuePairState];

export declare class NicError extends Error {
  readonly code: string;
  constructor(code: string, message: string);
}

/** Who is at the other end, as the kernel says (SO_PEERCRED). */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface ScatterGatherEntry {
  lkey: number;
  address: number;
  length: number;
}

/** The caller may reuse one object for all its posts: nothing of it is retained. */
export interface SendWorkRequest {
  wrId: number;
  opcode: Opcode;
  flags: number;
  sgList: ScatterGatherEntry[];
  inlineData?: Uint8Array;
  immediate?: number;
  remoteAddress?: number;
  rkey?: number;
  compare?: bigint;
  swapOrAdd?: bigint;
}

/** On error only wrId, status, qpNumber and vendorError are valid. `immediate` is -1 when there is none. */
export interface WorkCompletion {
  wrId: number;
  status: number;
  opcode: number;
  byteLength: number;
  immediate: number;
  qpNumber: number;
  vendorError: number;
}
/** Completions to hand to `poll` and `wait` again and again. */
export declare function createWorkCompletions(count: number): WorkCompletion[];

export interface FaultInjector {
  onPost?(queuePair: QueuePair, opcode: Opcode, byteLength: number): number;
  onDeliver?(queuePair: QueuePair, opcode: Opcode, byteLength: number): number;
}

export interface ContextOptions {
  faults?: FaultInjector;
  pollBudget?: { minimumMicroseconds?: number; maximumMicroseconds?: number };
}

export declare class Context {
  private constructor();
  static open(options?: ContextOptions): Context;
  allocateProtectionDomain(): ProtectionDomain;
  createCompletionQueue(entries: number): CompletionQueue;
  createCompletionGroup(): CompletionGroup;
  waker(): WakerToken;
  takeWake(): boolean;
  close(): void;
}

/** Plain and postMessage-able; `Waker.open` it in another thread of this process. */
export interface WakerToken {
  readonly fd: number;
  readonly inode: number;
  readonly counter: SharedArrayBuffer;
}
export declare class Waker {
  private constructor();
  static open(token: WakerToken): Waker;
  wake(): void;
  close(): void;
}

export type ArenaSharing = 'none' | 'read' | 'write';
export declare class Arena {
  private constructor();
  static create(bytes: number, remote: ArenaSharing): Arena;
  readonly address: number;
  readonly bytes: number;
  readonly remote: ArenaSharing;
  readonly memory: Uint8Array;
  readonly view: DataView;
  close(): void;
}

export interface QueuePairOptions {
  sendCq: CompletionQueue;
  receiveCq: CompletionQueue;
  sharedReceiveQueue?: SharedReceiveQueue;
  maxSendWr: number;
  maxReceiveWr: number;
  maxMessageBytes: number;
  /** How often a send is tried again when the peer has no receive posted; 7 (the default) is for ever. */
  rnrRetry?: number;
}

export declare class ProtectionDomain {
  private constructor();
  registerMemory(arena: Arena, offset: number, bytes: number, access: number): MemoryRegion;
  createQueuePair(options: QueuePairOptions): QueuePair;
  createSharedReceiveQueue(options: { maxWr: number }): SharedReceiveQueue;
  close(): void;
}

export declare class MemoryRegion {
  private constructor();
  readonly address: number;
  readonly bytes: number;
  readonly lkey: number;
  readonly rkey: number;
  readonly access: number;
  readonly memory: Uint8Array;
  deregister(): void;
}

export declare class QueuePair {
  private constructor();
  readonly number: number;
  readonly state: QueuePairState;
  readonly protectionDomain: ProtectionDomain;
  readonly maxMessageBytes: number;
  readonly peer: PeerCredentials | undefined;
  /** RESET -> INIT (receives may be posted from here on); anything -> ERR; connect and accept do RTR and RTS. */
  modify(state: QueuePairState): void;
  postReceive(wrId: number, sge: ScatterGatherEntry): void;
  postSend(request: SendWorkRequest): void;
  checkRemote(rkey: number, address: number, length: number, access: number): boolean;
  close(): void;
}

export declare class SharedReceiveQueue {
  private constructor();
  readonly maxWr: number;
  postReceive(wrId: number, sge: ScatterGatherEntry): void;
  close(): void;
}

export declare class CompletionQueue {
  private constructor();
  readonly entries: number;
  poll(completions: WorkCompletion[], max?: number): number;
  arm(solicitedOnly?: boolean): void;
  takeEvent(): boolean;
  close(): void;
}

export declare class CompletionGroup {
  private constructor();
  add(queue: CompletionQueue): void;
  remove(queue: CompletionQueue): void;
  poll(completions: WorkCompletion[]): number;
  wait(completions: WorkCompletion[], timeoutMs: number): number;
}

/** Plain and postMessage-able to another thread of this process. */
export interface DetachedRequest {
  readonly socket: number;
  readonly descriptors: readonly number[];
  readonly hello: Uint8Array;
  readonly peer: PeerCredentials;
}

export declare class ConnectionRequest {
  private constructor();
  readonly peer: PeerCredentials;
  readonly privateData: Uint8Array;
  detach(): DetachedRequest;
  static attach(detached: DetachedRequest): ConnectionRequest;
  accept(queuePair: QueuePair, privateData?: Uint8Array): void;
  reject(reason: string): void;
}

export declare class Listener {
  private constructor();
  static listen(path: string): Listener;
  readonly path: string;
  accept(timeoutMs: number): ConnectionRequest | undefined;
  acceptAsync(): Promise<ConnectionRequest>;
  close(): void;
}

export interface ConnectOptions {
  privateData?: Uint8Array;
  timeoutMs?: number;
}
/** Connects and returns the acceptor's private data; the queue pair is then in RTS. */
export declare function connect(
  path: string,
  queuePair: QueuePair,
  options?: ConnectOptions,
): Uint8Array;

/** connect in two halves, for a program whose accepting side lives in the same thread. */
export declare function beginConnect(
  path: string,
  queuePair: QueuePair,
  options?: ConnectOptions,
): PendingConnection;
export declare class PendingConnection {
  private constructor();
  /** The acceptor's private data; undefined when it has not answered within timeoutMs. */
  finish(timeoutMs?: number): Uint8Array;
}
