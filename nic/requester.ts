/** The sending half of a queue pair: carries out posted requests and completes them in order. */
import type { Connection } from './connection.ts';
import { NicError } from './error.ts';
import { Fault } from './fault-injection.ts';
import { copyBytes, type MappedMemory } from './mapped-memory.ts';
import type { QueuePair } from './queue-pair.ts';
import type { SendQueue } from './send-queue.ts';
import { Access } from './translation-protection-table.ts';
import {
  completionOpcodes,
  Opcode,
  SendFlag,
  type SendWorkRequest,
  VendorError,
  WcStatus,
} from './work-request.ts';

/** Longest transfer of one RDMA request. */
const MAXIMUM_RDMA_BYTES = 2 ** 30;
const ATOMIC_BYTES = 8;
/** How long one RNR retry waits for the peer to post a receive. */
const RNR_TIMER_MS = 10;
const RNR_RETRY_FOR_EVER = 7;
const MESSAGE_NONE = 0;

/** Whether a request puts a message into the ring, which the peer has to take. */
export function isMessage(opcode: number): boolean {
  return (
    opcode === Opcode.SEND ||
    opcode === Opcode.SEND_WITH_IMM ||
    opcode === Opcode.RDMA_WRITE_WITH_IMM
  );
}

export class Requester {
  readonly #queuePair: QueuePair;
  readonly #queue: SendQueue;
  readonly #rnrRetry: number;
  /**
   * Why each poll has to look at the queue: requests whose sender wants a completion, a failed one, a
   * limit to retries. Unsignalled messages are none, so that the peer's count is not fetched for each.
   */
  #reasons = 0;
  /** A request has failed that waits for earlier ones to complete: nothing is begun any more. */
  #poisoned = false;
  /** Messages that the peer is known to have taken. */
  #acknowledged = 0;
  #notReadySinceMs = -1;
  // Of the request at hand.
  #byteLength = 0;
  #vendorError: number = VendorError.NONE;

  constructor(queuePair: QueuePair, queue: SendQueue, rnrRetry: number) {
    this.#queuePair = queuePair;
    this.#queue = queue;
    this.#rnrRetry = rnrRetry;
    if (rnrRetry !== RNR_RETRY_FOR_EVER) this.#reasons++;
  }

  /** Whether a request has failed, so that nothing is begun any more. */
  get isPoisoned(): boolean {
    return this.#poisoned;
  }

  /** Whether the ring has no slot for another message, as far as the peer's count is known. */
  get isRingFull(): boolean {
    return this.#countMessagesUnderWay() >= this.#queuePair.ring.slots;
  }

  // A method: a private getter costs a call into the runtime each time.
  #countMessagesUnderWay(): number {
    return (this.#queuePair.ring.published - this.#acknowledged) | 0;
  }

  /** Carries out a request. The queue pair is connected and in RTS. */
  post(request: SendWorkRequest, connection: Connection): void {
    const { opcode, flags } = request;
    this.#byteLength = 0;
    this.#vendorError = VendorError.NONE;
    const fault = this.#queuePair.context.faults?.onPost?.(this.#queuePair, opcode) ?? Fault.NONE;
    const status = this.#poisoned
      ? WcStatus.WR_FLUSH_ERR
      : fault === Fault.BREAK
        ? this.#failure(WcStatus.RETRY_EXC_ERR, VendorError.INJECTED)
        : this.#execute(request, connection);
    const published = status === WcStatus.SUCCESS && isMessage(opcode);
    const message = published ? this.#publish(request) : MESSAGE_NONE;
    this.#queue.push(
      request.wrId,
      opcode,
      flags,
      this.#byteLength,
      status,
      this.#vendorError,
      message,
    );
    if ((flags & SendFlag.SIGNALED) !== 0) this.#reasons++;
    if (published) connection.doorbell.wake();
    else {
      if (status !== WcStatus.SUCCESS) this.#poison();
      this.progress(connection);
    }
    if (this.#isHalfFull()) this.advance(connection);
    if (fault === Fault.BREAK_AFTER) this.#queuePair.breakOff();
  }

  #poison(): void {
    this.#poisoned = true;
    this.#reasons++;
  }

  #isHalfFull(): boolean {
    if (this.#queue.isHalfFull) return true;
    return this.#countMessagesUnderWay() * 2 >= this.#queuePair.ring.slots;
  }

  #failure(status: WcStatus, vendorError: number): WcStatus {
    this.#vendorError = vendorError;
    return status;
  }

  #publish(request: SendWorkRequest): number {
    const { opcode, flags, immediate } = request;
    return this.#queuePair.ring.publish(opcode, flags, this.#byteLength, (immediate ?? 0) | 0);
  }

  #execute(request: SendWorkRequest, connection: Connection): WcStatus {
    const { opcode } = request;
    if (opcode === Opcode.SEND || opcode === Opcode.SEND_WITH_IMM) return this.#send(request);
    // While this says active, the peer does not believe that its memory is its own again.
    const { ring } = this.#queuePair;
    ring.begin();
    const status =
      opcode === Opcode.RDMA_WRITE || opcode === Opcode.RDMA_WRITE_WITH_IMM
        ? this.#write(request, connection)
        : opcode === Opcode.RDMA_READ
          ? this.#read(request, connection)
          : this.#atomic(request, connection);
    ring.end();
    return status;
  }

  /** Bytes that a request moves. */
  #measure(request: SendWorkRequest): number {
    let length = 0;
    if ((request.flags & SendFlag.INLINE) !== 0) {
      length = (request.inlineData as Uint8Array).length;
    } else {
      const { sgList } = request;
      for (let index = 0; index < sgList.length; index++) length += sgList[index]?.length ?? 0;
    }
    this.#byteLength = length;
    return length;
  }

  #send(request: SendWorkRequest): WcStatus {
    const { ring, maxMessageBytes } = this.#queuePair;
    if (!(this.#measure(request) <= maxMessageBytes)) return WcStatus.LOC_LEN_ERR;
    return this.#gather(request, ring.memory, ring.payloadOffset);
  }

  /** Copies a request's data to one place. */
  #gather(request: SendWorkRequest, target: MappedMemory, offset: number): WcStatus {
    if ((request.flags & SendFlag.INLINE) !== 0) {
      target.octets.set(request.inlineData as Uint8Array, offset);
      return WcStatus.SUCCESS;
    }
    const { sgList } = request;
    const domain = this.#queuePair.protectionDomain;
    let at = offset;
    for (let index = 0; index < sgList.length; index++) {
      const sge = sgList[index];
      if (sge === undefined || sge.length === 0) continue;
      const { lkey, address, length } = sge;
      const region = domain.find(lkey, address, length, 0);
      if (region === undefined) return WcStatus.LOC_PROT_ERR;
      const { arena } = region;
      copyBytes(target, at, arena.mapping, address - arena.address, length);
      at += length;
    }
    return WcStatus.SUCCESS;
  }

  /** Asks whether the peer grants an access; leaves where the memory lies. */
  #admit(request: SendWorkRequest, connection: Connection, access: number): WcStatus {
    if (!connection.isReachable()) {
      return this.#failure(WcStatus.RETRY_EXC_ERR, VendorError.PEER_GONE);
    }
    const { rkey, remoteAddress } = request;
    const { memory } = connection;
    const status = memory.translate(rkey ?? 0, remoteAddress ?? 0, this.#byteLength, access);
    if (status !== WcStatus.SUCCESS) this.#vendorError = memory.vendorError;
    return status;
  }

  #write(request: SendWorkRequest, connection: Connection): WcStatus {
    const length = this.#measure(request);
    if (!(length <= MAXIMUM_RDMA_BYTES)) return WcStatus.LOC_LEN_ERR;
    if (length === 0) return WcStatus.SUCCESS;
    const status = this.#admit(request, connection, Access.REMOTE_WRITE);
    if (status !== WcStatus.SUCCESS) return status;
    const { segment, offset } = connection.memory;
    return this.#gather(request, segment as MappedMemory, offset);
  }

  #read(request: SendWorkRequest, connection: Connection): WcStatus {
    if ((request.flags & SendFlag.INLINE) !== 0) return WcStatus.LOC_QP_OP_ERR;
    const length = this.#measure(request);
    if (!(length <= MAXIMUM_RDMA_BYTES)) return WcStatus.LOC_LEN_ERR;
    if (length === 0) return WcStatus.SUCCESS;
    const status = this.#admit(request, connection, Access.REMOTE_READ);
    if (status !== WcStatus.SUCCESS) return status;
    const { segment, offset } = connection.memory;
    const domain = this.#queuePair.protectionDomain;
    let at = offset;
    for (const { lkey, address, length } of request.sgList) {
      if (length === 0) continue;
      const region = domain.find(lkey, address, length, Access.LOCAL_WRITE);
      if (region === undefined) return WcStatus.LOC_PROT_ERR;
      const { arena } = region;
      copyBytes(arena.mapping, address - arena.address, segment as MappedMemory, at, length);
      at += length;
    }
    return WcStatus.SUCCESS;
  }

  #atomic(request: SendWorkRequest, connection: Connection): WcStatus {
    const [sge] = request.sgList;
    if (sge === undefined || request.sgList.length !== 1) return WcStatus.LOC_QP_OP_ERR;
    if ((request.flags & SendFlag.INLINE) !== 0) return WcStatus.LOC_QP_OP_ERR;
    if (sge.length !== ATOMIC_BYTES) return WcStatus.LOC_LEN_ERR;
    this.#byteLength = ATOMIC_BYTES;
    const domain = this.#queuePair.protectionDomain;
    const region = domain.find(sge.lkey, sge.address, ATOMIC_BYTES, Access.LOCAL_WRITE);
    if (region === undefined) return WcStatus.LOC_PROT_ERR;
    const status = this.#admit(request, connection, Access.REMOTE_ATOMIC);
    if (status !== WcStatus.SUCCESS) return status;
    const { segment, offset } = connection.memory;
    if (offset % ATOMIC_BYTES !== 0) {
      return this.#failure(WcStatus.REM_INV_REQ_ERR, VendorError.MISALIGNED);
    }
    const { quads } = segment as MappedMemory;
    const at = offset / ATOMIC_BYTES;
    const operand = request.swapOrAdd ?? 0n;
    const before =
      request.opcode === Opcode.ATOMIC_FETCH_AND_ADD
        ? Atomics.add(quads, at, operand)
        : Atomics.compareExchange(quads, at, request.compare ?? 0n, operand);
    region.arena.view.setBigUint64(sge.address - region.arena.address, before, true);
    return WcStatus.SUCCESS;
  }

  /** Completes what is done and awaited. May lead into the error state. */
  progress(connection: Connection): void {
    if (this.#reasons > 0) this.advance(connection);
  }

  /** Completes what is done. May lead into the error state. */
  advance(connection: Connection): void {
    if (this.#queue.length === 0) return;
    this.settle(connection);
    if (this.#queue.length === 0) return;
    if (this.#queue.status !== WcStatus.SUCCESS) {
      this.#queuePair.enterError(this.#queue.status, this.#queue.vendorError);
    } else if (this.#isOutOfRetries(connection)) {
      this.#queuePair.enterError(WcStatus.RNR_RETRY_EXC_ERR, VendorError.NONE);
    }
  }

  /** Completes, in order, the requests that have succeeded. */
  settle(connection: Connection): void {
    const queue = this.#queue;
    let isCountFresh = false;
    while (queue.length > 0 && queue.status === WcStatus.SUCCESS) {
      if (isMessage(queue.opcode)) {
        if (((this.#acknowledged - queue.message) | 0) <= 0) {
          if (isCountFresh) return;
          isCountFresh = true;
          this.#fetchAcknowledged(connection);
          continue;
        }
        this.#notReadySinceMs = -1;
      }
      this.#succeed();
    }
  }

  #fetchAcknowledged(connection: Connection): void {
    const consumed = connection.ring.consumed;
    const advance = (consumed - this.#acknowledged) | 0;
    // A count that goes back or ahead of what was sent is a lie.
    if (advance >= 0 && advance <= this.#countMessagesUnderWay()) this.#acknowledged = consumed;
    else connection.markCorrupt();
  }

  #succeed(): void {
    const queue = this.#queue;
    const { wrId, opcode, flags, byteLength } = queue;
    // Off the queue first: a completion too many flushes it.
    queue.shift();
    if ((flags & SendFlag.SIGNALED) === 0) return;
    this.#reasons--;
    const { sendCq, number } = this.#queuePair;
    sendCq.succeed(wrId, completionOpcodes[opcode] as number, byteLength, -1, number, false);
  }

  /** Whether the peer has left the oldest message without a receive for too long. */
  #isOutOfRetries(connection: Connection): boolean {
    if (this.#rnrRetry === RNR_RETRY_FOR_EVER) return false;
    if (!connection.ring.isNotReadyFor(this.#queue.message)) {
      this.#notReadySinceMs = -1;
      return false;
    }
    const nowMs = performance.now();
    if (this.#notReadySinceMs < 0) this.#notReadySinceMs = nowMs;
    return nowMs - this.#notReadySinceMs >= this.#rnrRetry * RNR_TIMER_MS;
  }

  /** The status with which the peer refused the oldest message, 0 when it did not. */
  refusal(connection: Connection): number {
    const queue = this.#queue;
    if (queue.length === 0 || !isMessage(queue.opcode)) return 0;
    return connection.ring.refusalOf(queue.message);
  }

  /** Completes everything in error: the oldest with `status`, the others as flushed. */
  flush(status: number, vendorError: number): void {
    const queue = this.#queue;
    const { sendCq, number } = this.#queuePair;
    let nextStatus = status;
    let nextVendorError = vendorError;
    while (queue.length > 0) {
      const { wrId } = queue;
      queue.shift();
      sendCq.fail(wrId, nextStatus, number, nextVendorError);
      nextStatus = WcStatus.WR_FLUSH_ERR;
      nextVendorError = VendorError.NONE;
    }
  }

  /** Refuses requests that no completion could describe. @throws NicError INVALID_ARGUMENT */
  static check(request: SendWorkRequest): void {
    const { opcode, flags } = request;
    if (completionOpcodes[opcode] === undefined) {
      throw new NicError('INVALID_ARGUMENT', `there is no opcode ${opcode}`);
    }
    if ((flags & SendFlag.INLINE) !== 0 && request.inlineData === undefined) {
      throw new NicError('INVALID_ARGUMENT', 'an inline request has no inlineData');
    }
  }
}
