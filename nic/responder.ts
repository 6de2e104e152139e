/** The receiving half of a queue pair: takes the peer's messages into posted receives. */
import type { Connection } from './connection.ts';
import { Fault } from './fault-injection.ts';
import { copyBytes } from './mapped-memory.ts';
import type { QueuePair } from './queue-pair.ts';
import type { ReceiveQueue } from './receive-queue.ts';
import { Access } from './translation-protection-table.ts';
import { Opcode, SendFlag, VendorError, WcOpcode, WcStatus } from './work-request.ts';

/** Messages taken from one queue pair at one go, so that the others get their turn. */
const DELIVERY_BATCH = 32;

const Delivery = { TAKEN: 0, WAITS: 1, FAILED: 2 } as const;
type Delivery = (typeof Delivery)[keyof typeof Delivery];

export class Responder {
  readonly #queuePair: QueuePair;
  readonly #receives: ReceiveQueue;
  /** Whether the peer was told that its message waits for a receive. */
  #isStarved = false;

  constructor(queuePair: QueuePair, receives: ReceiveQueue) {
    this.#queuePair = queuePair;
    this.#receives = receives;
  }

  /** Takes what has come, up to a batch. May lead into the error state. */
  progress(connection: Connection): void {
    const { ring } = connection;
    if (!ring.next()) return;
    let delivery: Delivery = Delivery.TAKEN;
    let isAwaited = false;
    let taken = 0;
    do {
      delivery = this.#deliver(connection);
      if (delivery !== Delivery.TAKEN) break;
      if ((ring.flags & SendFlag.SIGNALED) !== 0) isAwaited = true;
      ring.take();
      taken++;
    } while (taken < DELIVERY_BATCH && ring.next());
    if (delivery === Delivery.FAILED) return;
    if (taken > 0) this.#queuePair.ring.setConsumed(ring.taken, isAwaited);
    if (isAwaited) connection.doorbell.wake();
  }

  #deliver(connection: Connection): Delivery {
    const { ring } = connection;
    const { opcode } = ring;
    const carriesData = opcode === Opcode.SEND || opcode === Opcode.SEND_WITH_IMM;
    const isSound = carriesData ? ring.isByteLengthSound() : opcode === Opcode.RDMA_WRITE_WITH_IMM;
    if (!isSound) {
      this.#refuse(connection, WcStatus.REM_INV_REQ_ERR);
      this.#queuePair.enterError(WcStatus.RETRY_EXC_ERR, VendorError.PEER_CORRUPT);
      return Delivery.FAILED;
    }
    const { faults } = this.#queuePair.context;
    if (faults !== undefined) {
      const fault = faults.onDeliver?.(this.#queuePair, opcode as Opcode) ?? Fault.NONE;
      if (fault === Fault.HOLD) return Delivery.WAITS;
      if (fault !== Fault.NONE) return this.#breakOff(connection, carriesData, fault);
    }
    if (this.#receives.isEmpty) {
      this.#starve(connection);
      return Delivery.WAITS;
    }
    return this.#fill(connection, carriesData) ? Delivery.TAKEN : Delivery.FAILED;
  }

  #breakOff(connection: Connection, carriesData: boolean, fault: Fault): Delivery {
    const takesEffect = fault === Fault.BREAK_AFTER && !this.#receives.isEmpty;
    if (takesEffect && !this.#fill(connection, carriesData)) return Delivery.FAILED;
    this.#queuePair.enterError(WcStatus.RETRY_EXC_ERR, VendorError.INJECTED);
    return Delivery.FAILED;
  }

  /** Moves the message at hand into the oldest receive and completes it; false when that fails. */
  #fill(connection: Connection, carriesData: boolean): boolean {
    const { ring } = connection;
    const receives = this.#receives;
    const { wrId, address, byteLength: length, lkey } = receives;
    const { receiveCq, number, protectionDomain } = this.#queuePair;
    const { byteLength, opcode, flags } = ring;
    receives.shift();
    if (carriesData && byteLength > 0) {
      if (byteLength > length) {
        return this.#fail(connection, wrId, WcStatus.LOC_LEN_ERR, WcStatus.REM_INV_REQ_ERR);
      }
      const region = protectionDomain.find(lkey, address, length, Access.LOCAL_WRITE);
      if (region === undefined) {
        return this.#fail(connection, wrId, WcStatus.LOC_PROT_ERR, WcStatus.REM_OP_ERR);
      }
      const { arena } = region;
      const offset = address - arena.address;
      copyBytes(arena.mapping, offset, ring.memory, ring.payloadOffset, byteLength);
    }
    const immediate = opcode === Opcode.SEND ? -1 : ring.immediate;
    const completionOpcode = carriesData ? WcOpcode.RECV : WcOpcode.RECV_RDMA_WITH_IMM;
    const solicited = (flags & SendFlag.SOLICITED) !== 0;
    receiveCq.succeed(wrId, completionOpcode, byteLength, immediate, number, solicited);
    // A completion too many has ended the connection.
    return this.#queuePair.connection === connection;
  }

  /** A receive failed by its own fault: it, and the peer's message, complete in error. */
  #fail(connection: Connection, wrId: number, status: WcStatus, refusal: WcStatus): false {
    const { receiveCq, number } = this.#queuePair;
    this.#refuse(connection, refusal);
    receiveCq.fail(wrId, status, number, VendorError.NONE);
    this.#queuePair.enterError();
    return false;
  }

  #refuse(connection: Connection, status: WcStatus): void {
    const { ring } = this.#queuePair;
    ring.setConsumed(connection.ring.taken, true);
    ring.refuse(connection.ring.taken, status);
  }

  #starve(connection: Connection): void {
    if (this.#isStarved) return;
    this.#isStarved = true;
    this.#queuePair.ring.setNotReady(connection.ring.taken);
    // The peer may sleep, and has to begin to count its retries.
    connection.doorbell.wake();
  }

  /** Takes the peer's waiting message off its retry clock. */
  receivesArePosted(): void {
    if (!this.#isStarved) return;
    this.#isStarved = false;
    this.#queuePair.ring.setNotReady(-1);
  }
}
