import { NicError } from '../../../nic/error.ts';
import { QueuePairState } from '../../../nic/queue-pair-state.ts';
import {
  Opcode,
  type ScatterGatherEntry,
  type SendWorkRequest,
  VendorError,
  WcOpcode,
  WcStatus,
  type WorkCompletion,
} from '../../../nic/work-request.ts';
import { Access, type ProtectionDomain } from './memory.ts';
import { type Connection, network, type Process } from './network.ts';

/** Where completions arrive, of all queue pairs that were made with it. */
export class CompletionQueue {
  readonly completions: WorkCompletion[] = [];

  close(): void {
    this.completions.length = 0;
  }
}

export interface QueuePairOptions {
  readonly sendCq: CompletionQueue;
  readonly receiveCq: CompletionQueue;
}

let lastNumber = 0;

/** One end of a simulated connection. */
export class QueuePair {
  readonly number: number;
  readonly process: Process;
  readonly protectionDomain: ProtectionDomain;
  peer: Process | undefined;
  state: QueuePairState = QueuePairState.RESET;
  readonly #options: QueuePairOptions;
  readonly #receives: { readonly wrId: number; readonly piece: ScatterGatherEntry }[] = [];
  #connection: Connection | undefined;

  constructor(domain: ProtectionDomain, options: QueuePairOptions) {
    lastNumber += 1;
    this.number = lastNumber;
    this.protectionDomain = domain;
    this.process = domain.process;
    this.#options = options;
  }

  get hasFailed(): boolean {
    return this.state === QueuePairState.ERR;
  }

  modify(state: QueuePairState): void {
    this.state = state;
  }

  attach(connection: Connection, peer: Process): void {
    this.#connection = connection;
    this.peer = peer;
    this.state = QueuePairState.RTS;
  }

  postReceive(wrId: number, piece: ScatterGatherEntry): void {
    if (this.hasFailed) {
      this.#fail(this.#options.receiveCq, wrId, WcStatus.WR_FLUSH_ERR);
    } else {
      this.#receives.push({ wrId, piece: { ...piece } });
    }
  }

  get canReceive(): boolean {
    return this.#receives.length > 0;
  }

  /** A message arrives. */
  take(message: Uint8Array): void {
    const { wrId, piece } = this.#receives.shift() as { wrId: number; piece: ScatterGatherEntry };
    const into = this.protectionDomain.local(piece, Access.LOCAL_WRITE);
    if (message.length > into.length) throw new Error('a message longer than its receive');
    into.set(message);
    this.#options.receiveCq.completions.push({
      wrId,
      status: WcStatus.SUCCESS,
      opcode: WcOpcode.RECV,
      byteLength: message.length,
      immediate: -1,
      qpNumber: this.number,
      vendorError: VendorError.NONE,
    });
  }

  postSend(request: SendWorkRequest): void {
    const connection = this.#connection;
    if (this.hasFailed) {
      this.#fail(this.#options.sendCq, request.wrId, WcStatus.WR_FLUSH_ERR);
    } else if (this.state !== QueuePairState.RTS || connection === undefined) {
      throw new NicError('QP_STATE', 'a send was posted to a queue pair that is not connected');
    } else if (request.opcode === Opcode.SEND) {
      const pieces = request.sgList.map((piece) => this.protectionDomain.local(piece));
      network.send(connection, this, Buffer.concat(pieces));
    } else {
      this.#move(request, connection);
    }
  }

  /** RDMA: done when this returns, or the queue pair has failed. */
  #move(request: SendWorkRequest, connection: Connection): void {
    network.machine.passKillPoint();
    const { rkey = 0, remoteAddress = 0, opcode, sgList } = request;
    const isRead = opcode === Opcode.RDMA_READ;
    const [piece] = sgList as [ScatterGatherEntry];
    const access = isRead ? Access.REMOTE_READ : Access.REMOTE_WRITE;
    const peer = connection.peerOf(this)?.protectionDomain;
    const remote = connection.isBroken
      ? undefined
      : peer?.find(rkey, remoteAddress, piece.length, access);
    if (remote === undefined) {
      this.#fail(this.#options.sendCq, request.wrId, WcStatus.REM_ACCESS_ERR);
      this.enterError();
      return;
    }
    const local = this.protectionDomain.local(piece, isRead ? Access.LOCAL_WRITE : 0);
    if (isRead) local.set(remote);
    else remote.set(local);
  }

  checkRemote(rkey: number, address: number, length: number, access: number): boolean {
    const connection = this.#connection;
    if (this.hasFailed || connection === undefined || connection.isBroken) return false;
    const peer = connection.peerOf(this)?.protectionDomain;
    return peer?.find(rkey, address, length, access) !== undefined;
  }

  enterError(): void {
    if (this.hasFailed) return;
    this.state = QueuePairState.ERR;
    for (const { wrId } of this.#receives.splice(0)) {
      this.#fail(this.#options.receiveCq, wrId, WcStatus.WR_FLUSH_ERR);
    }
    if (this.#connection !== undefined) network.closed(this.#connection, this);
  }

  close(): void {
    this.state = QueuePairState.ERR;
    this.#receives.length = 0;
    if (this.#connection !== undefined) network.closed(this.#connection, this);
  }

  #fail(queue: CompletionQueue, wrId: number, status: WcStatus): void {
    queue.completions.push({
      wrId,
      status,
      opcode: -1,
      byteLength: 0,
      immediate: -1,
      qpNumber: this.number,
      vendorError: VendorError.PEER_GONE,
    });
  }
}
