import type { CompletionQueue } from './completion-queue.ts';
import type { Connection, PeerCredentials } from './connection.ts';
import type { Context } from './context.ts';
import { NicError, requireInteger } from './error.ts';
import type { MemoryRegion } from './memory-region.ts';
import type { MemoryWindow } from './memory-window.ts';
import type { ProtectionDomain } from './protection-domain.ts';
import { mayBecome, QueuePairState, stateName } from './queue-pair-state.ts';
import { ReceiveQueue } from './receive-queue.ts';
import { RemoteRegion } from './remote-region.ts';
import { isMessage, Requester } from './requester.ts';
import { Responder } from './responder.ts';
import { SendQueue } from './send-queue.ts';
import { SendRing, STATE_CLOSED } from './send-ring.ts';
import { MAXIMUM_WORK_REQUESTS, type SharedReceiveQueue } from './shared-receive-queue.ts';
import { Access } from './translation-protection-table.ts';
import {
  type ScatterGatherEntry,
  type SendWorkRequest,
  VendorError,
  WcStatus,
} from './work-request.ts';

const { RESET, INIT, RTR, RTS, ERR } = QueuePairState;
const MAXIMUM_MESSAGE_BYTES = 16 << 20;
const RNR_RETRY_FOR_EVER = 7;

export interface QueuePairOptions {
  sendCq: CompletionQueue;
  receiveCq: CompletionQueue;
  /** Where receives come from instead of the queue pair's own queue. */
  sharedReceiveQueue?: SharedReceiveQueue;
  maxSendWr: number;
  /**
   * How many of them, rounded up to a power of two, may be messages that the peer has not taken yet;
   * maxSendWr when it is left out.
   * The ring holds maxMessageBytes for each, while RDMA needs no room in it.
   */
  maxSendMessages?: number;
  maxReceiveWr: number;
  /** The longest message that can be sent. */
  maxMessageBytes: number;
  /**
   * How often, 10 ms apart, a message is tried again while the peer has no receive posted, before it
   * fails with RNR_RETRY_EXC_ERR; 7 (the default) is for ever.
   */
  rnrRetry?: number;
}

/**
 * One end of a connection. RESET -> INIT (receives can be posted) -> RTR -> RTS (sends too); connect
 * and accept do the last two. Any error leads to ERR, where all that was posted, or is posted later,
 * completes with WR_FLUSH_ERR.
 */
export class QueuePair {
  readonly number: number;
  readonly protectionDomain: ProtectionDomain;
  readonly maxMessageBytes: number;
  /** @internal */ readonly context: Context;
  /** @internal */ readonly sendCq: CompletionQueue;
  /** @internal */ readonly receiveCq: CompletionQueue;
  /** @internal While connected. */ connection: Connection | undefined;
  readonly #options: QueuePairOptions;
  readonly #sendQueue: SendQueue;
  readonly #receives: ReceiveQueue;
  #ring: SendRing;
  #requester: Requester;
  #responder: Responder;
  #state: QueuePairState = RESET;
  #peer: PeerCredentials | undefined;
  /** Bound for this connection. */
  readonly #windows: MemoryWindow[] = [];
  #closed = false;

  /** @internal Made by ProtectionDomain.createQueuePair. */
  constructor(protectionDomain: ProtectionDomain, options: QueuePairOptions) {
    requireSizes(options);
    requireSameContext(protectionDomain, options);
    this.protectionDomain = protectionDomain;
    this.context = protectionDomain.context;
    this.number = this.context.nextQueuePairNumber();
    this.maxMessageBytes = options.maxMessageBytes;
    this.sendCq = options.sendCq;
    this.receiveCq = options.receiveCq;
    this.#options = { ...options };
    this.#sendQueue = new SendQueue(options.maxSendWr);
    this.#receives = options.sharedReceiveQueue?.queue ?? new ReceiveQueue(options.maxReceiveWr);
    this.#ring = this.#makeRing();
    this.#requester = this.#makeRequester();
    this.#responder = new Responder(this, this.#receives);
    options.sharedReceiveQueue?.queuePairs.add(this);
    for (const queue of new Set([this.sendCq, this.receiveCq])) queue.queuePairs.push(this);
  }

  #makeRing(): SendRing {
    const { maxSendWr, maxSendMessages = maxSendWr } = this.#options;
    return new SendRing(maxSendMessages, this.maxMessageBytes);
  }

  #makeRequester(): Requester {
    return new Requester(this, this.#sendQueue, this.#options.rnrRetry ?? RNR_RETRY_FOR_EVER);
  }

  get state(): QueuePairState {
    return this.#state;
  }

  /**
   * Whether nothing that is posted is carried out any more: in ERR, and already when a request has
   * failed whose completion still waits for earlier ones.
   */
  get hasFailed(): boolean {
    return this.#state === ERR || this.#requester.isPoisoned;
  }

  /** Who is, or was last, connected. */
  get peer(): PeerCredentials | undefined {
    return this.#peer;
  }

  /** @internal */
  get ring(): SendRing {
    return this.#ring;
  }

  /**
   * Changes the state. RTR needs a connection, so that connect and accept are what leads there.
   * @throws NicError QP_STATE when the change is not one that the state machine has.
   */
  modify(state: QueuePairState): void {
    this.#requireOpen();
    if (!mayBecome(this.#state, state)) {
      const change = `${stateName(this.#state)} to ${stateName(state)}`;
      throw new NicError('QP_STATE', `a queue pair cannot go from ${change}`);
    }
    if (state === RTR && this.connection === undefined) {
      throw new NicError('QP_STATE', 'a queue pair gets to RTR by connect or accept');
    }
    if (state === ERR) this.enterError();
    else if (state === RESET) this.#reset();
    else this.#setState(state);
  }

  #requireOpen(): void {
    if (this.#closed) throw new NicError('CLOSED', 'the queue pair is closed');
  }

  #setState(state: QueuePairState): void {
    this.#state = state;
    this.#ring.setState(state);
  }

  /** Forgets all that was posted, without completions, and gets a ring that no peer has seen. */
  #reset(): void {
    if (this.#state === RESET) return;
    this.#ring.setState(ERR);
    this.#disconnect();
    this.#ring.close();
    this.#sendQueue.clear();
    if (this.#options.sharedReceiveQueue === undefined) this.#receives.clear();
    this.#ring = this.#makeRing();
    this.#requester = this.#makeRequester();
    this.#responder = new Responder(this, this.#receives);
    this.#state = RESET;
  }

  /** @internal Makes ready to be connected; the peer may reach memory of this domain from here on. */
  prepareConnection(): void {
    this.#requireOpen();
    if (this.#state === RESET) this.#setState(INIT);
    if (this.#state !== INIT || this.connection !== undefined) {
      const name = stateName(this.#state);
      throw new NicError('QP_STATE', `a queue pair in ${name} cannot be connected`);
    }
    // The state word alone: the peer's first requests may come before its answer is read here.
    this.#ring.setState(RTR);
  }

  /** @internal The peer is mapped: RTR and RTS. */
  attach(connection: Connection): void {
    this.connection = connection;
    this.#peer = connection.peer;
    this.context.watch(this);
    this.#setState(RTR);
    this.#setState(RTS);
  }

  /**
   * Posts a receive. Needs INIT or later.
   * @param sge must lie in a region with LOCAL_WRITE when a message arrives; it is not checked before.
   * @throws NicError QP_STATE, QUEUE_FULL, or INVALID_ARGUMENT with a shared receive queue.
   */
  postReceive(wrId: number, sge: ScatterGatherEntry): void {
    if (this.#options.sharedReceiveQueue !== undefined) {
      throw new NicError('INVALID_ARGUMENT', 'receives belong into the shared receive queue');
    }
    if (this.#state === RESET) {
      throw new NicError('QP_STATE', 'a receive was posted to a queue pair in RESET');
    }
    if (this.#state === ERR) {
      this.#requireOpen();
      this.receiveCq.fail(wrId, WcStatus.WR_FLUSH_ERR, this.number, VendorError.NONE);
      return;
    }
    this.#receives.push(wrId, sge);
    this.#responder.receivesArePosted();
  }

  /**
   * Posts a send, RDMA or atomic request. RDMA and atomics are done when it returns; a message is then
   * in the ring. What became of it is told by its completion, in the order of posting.
   * @throws NicError QP_STATE before RTS, QUEUE_FULL while maxSendWr requests are under way,
   *   INVALID_ARGUMENT for an unknown opcode or inline without data.
   */
  postSend(request: SendWorkRequest): void {
    Requester.check(request);
    if (this.#isFullFor(request)) this.#makeRoomFor(request);
    const { connection } = this;
    if (this.#state === RTS && connection !== undefined) {
      this.#requester.post(request, connection);
    } else if (this.#state === ERR) {
      this.#requireOpen();
      this.sendCq.fail(request.wrId, WcStatus.WR_FLUSH_ERR, this.number, VendorError.NONE);
    } else {
      const name = stateName(this.#state);
      throw new NicError('QP_STATE', `a send was posted to a queue pair in ${name}`);
    }
  }

  #isFullFor({ opcode }: SendWorkRequest): boolean {
    if (this.#sendQueue.isFull) return true;
    return this.#state === RTS && isMessage(opcode) && this.#requester.isRingFull;
  }

  #makeRoomFor(request: SendWorkRequest): void {
    if (this.connection !== undefined) this.#requester.advance(this.connection);
    if (this.#isFullFor(request)) {
      const count = this.#sendQueue.length;
      throw new NicError('QUEUE_FULL', `${count} requests are under way, as many as there may be`);
    }
  }

  /**
   * Whether an RDMA request of this kind would be admitted by the peer now; moves nothing.
   * @param access of Access: REMOTE_READ, REMOTE_WRITE, REMOTE_ATOMIC.
   */
  checkRemote(rkey: number, address: number, length: number, access: number): boolean {
    const { connection } = this;
    if (this.#state !== RTS || connection === undefined || !connection.isReachable()) return false;
    return connection.memory.translate(rkey, address, length, access) === WcStatus.SUCCESS;
  }

  /**
   * Opens a region, registered with MW_BIND, for reading to the peer alone, until the connection ends.
   * @throws NicError QP_STATE without a connection, INVALID_ARGUMENT for a region of another domain or
   *   without MW_BIND, ENOMEM when the table is full.
   */
  bindWindow(region: MemoryRegion): MemoryWindow {
    const { announcements } = this.#requireConnection('a memory window was bound to');
    const window = this.protectionDomain.bindWindow(this.number, announcements, region);
    this.#windows.push(window);
    return window;
  }

  /**
   * Has a range of the peer's memory admitted for reading, once for as often as it is read.
   * @param address a multiple of 8.
   * @throws NicError QP_STATE without a connection, REM_ACCESS_ERR when the peer does not grant it.
   */
  importRegion(rkey: number, address: number, bytes: number): RemoteRegion {
    const connection = this.#requireConnection('memory was imported through');
    const { memory } = connection;
    const status = memory.translate(rkey, address, bytes, Access.REMOTE_READ);
    const { segment, offset } = memory;
    if (status !== WcStatus.SUCCESS || segment === undefined || offset % 8 !== 0) {
      throw new NicError('REM_ACCESS_ERR', `the peer grants no ${bytes} bytes at ${address}`);
    }
    return new RemoteRegion(this, connection, rkey, segment, offset, bytes);
  }

  #requireConnection(deed: string): Connection {
    const { connection } = this;
    if (this.#state !== RTS || connection === undefined) {
      throw new NicError('QP_STATE', `${deed} a queue pair in ${stateName(this.#state)}`);
    }
    return connection;
  }

  /** @internal Takes in messages and completes sends, as far as they complete in this queue. */
  progress(queue: CompletionQueue): void {
    const { connection } = this;
    if (connection === undefined) return;
    const { state } = connection.ring;
    if (queue === this.receiveCq && state !== ERR) this.#responder.progress(connection);
    if (this.connection !== connection) return;
    if (queue === this.sendCq) this.#requester.progress(connection);
    if (this.connection !== connection) return;
    if (state !== RTS && !connection.isReachable()) this.#peerLeft(connection);
    else if (connection.end !== 'open') this.#peerLeft(connection);
  }

  /** @internal Looks at the connection's socket, where the kernel tells of the peer's death. */
  service(isReadable: boolean): void {
    const { connection } = this;
    if (connection === undefined) return;
    if (isReadable) connection.receive();
    connection.announcements.flush();
    if (connection.end !== 'open') this.#peerLeft(connection);
  }

  /** The connection is over: takes what the peer sent while it was well, then fails. */
  #peerLeft(connection: Connection): void {
    if (connection.ring.state !== ERR && connection.end !== 'corrupt') this.#drain(connection);
    if (this.connection !== connection) return;
    const refusal = this.#requester.refusal(connection);
    if (refusal !== 0) this.enterError(refusal, VendorError.NONE);
    else if (connection.end === 'corrupt') {
      this.enterError(WcStatus.RETRY_EXC_ERR, VendorError.PEER_CORRUPT);
    } else this.enterError(WcStatus.RETRY_EXC_ERR, VendorError.PEER_GONE);
  }

  #drain(connection: Connection): void {
    let before: number;
    do {
      before = connection.ring.taken;
      this.#responder.progress(connection);
    } while (this.connection === connection && connection.ring.taken !== before);
  }

  /** @internal A shared receive queue has receives again. */
  receivesArePosted(): void {
    this.#responder.receivesArePosted();
  }

  /**
   * @internal Goes to ERR: what has succeeded completes so, the oldest request that has not completes
   * with `status`, and the rest is flushed. The peer takes no more messages.
   */
  enterError(status: number = WcStatus.WR_FLUSH_ERR, vendorError: number = VendorError.NONE): void {
    this.#fail(ERR, status, vendorError);
  }

  /** @internal As if the connection broke: goes to ERR, but the peer still gets what was sent. */
  breakOff(): void {
    this.#fail(STATE_CLOSED, WcStatus.RETRY_EXC_ERR, VendorError.INJECTED);
  }

  #fail(announcedState: number, status: number, vendorError: number): void {
    if (this.#state === ERR || this.#state === RESET) return;
    this.#state = ERR;
    this.#ring.setState(announcedState);
    const { connection } = this;
    if (connection !== undefined) {
      this.#requester.settle(connection);
      connection.awaitQuiet();
      connection.doorbell.wake();
      this.#disconnect();
    }
    this.#requester.flush(status, vendorError);
    this.#flushReceives();
  }

  #flushReceives(): void {
    if (this.#options.sharedReceiveQueue !== undefined) return;
    while (!this.#receives.isEmpty) {
      const { wrId } = this.#receives;
      this.#receives.shift();
      this.receiveCq.fail(wrId, WcStatus.WR_FLUSH_ERR, this.number, VendorError.NONE);
    }
  }

  #disconnect(): void {
    const { connection } = this;
    if (connection === undefined) return;
    this.connection = undefined;
    for (const window of this.#windows.splice(0)) window.deallocate();
    this.context.unwatch(this);
    connection.close();
  }

  /**
   * Ends the connection and gives the memory back. The peer still gets what was sent before; nothing
   * completes here any more.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#state !== ERR) this.#ring.setState(STATE_CLOSED);
    this.connection?.awaitQuiet();
    this.connection?.doorbell.wake();
    this.#disconnect();
    this.#state = ERR;
    this.protectionDomain.queuePairs.delete(this);
    this.#options.sharedReceiveQueue?.queuePairs.delete(this);
    for (const queue of new Set([this.sendCq, this.receiveCq])) {
      queue.queuePairs.splice(queue.queuePairs.indexOf(this), 1);
    }
    this.#sendQueue.close();
    if (this.#options.sharedReceiveQueue === undefined) this.#receives.close();
    this.#ring.close();
  }
}

function requireSizes(options: QueuePairOptions): void {
  requireInteger('maxSendWr', options.maxSendWr, 1, MAXIMUM_WORK_REQUESTS);
  if (options.maxSendMessages !== undefined) {
    requireInteger('maxSendMessages', options.maxSendMessages, 1, options.maxSendWr);
  }
  if (options.sharedReceiveQueue === undefined) {
    requireInteger('maxReceiveWr', options.maxReceiveWr, 1, MAXIMUM_WORK_REQUESTS);
  }
  requireInteger('maxMessageBytes', options.maxMessageBytes, 1, MAXIMUM_MESSAGE_BYTES);
  requireInteger('rnrRetry', options.rnrRetry ?? RNR_RETRY_FOR_EVER, 0, RNR_RETRY_FOR_EVER);
}

function requireSameContext(domain: ProtectionDomain, options: QueuePairOptions): void {
  const { sendCq, receiveCq, sharedReceiveQueue } = options;
  if (sendCq.context !== domain.context || receiveCq.context !== domain.context) {
    throw new NicError('INVALID_ARGUMENT', 'a completion queue of another context');
  }
  if (sharedReceiveQueue !== undefined && sharedReceiveQueue.protectionDomain !== domain) {
    throw new NicError('INVALID_ARGUMENT', 'a shared receive queue of another protection domain');
  }
}
