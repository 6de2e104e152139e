import { DafsStatus } from '../../client/protocol/status.ts';
import {
  type CompletionGroup,
  type CompletionQueue,
  type ConnectionRequest,
  type Context,
  type MemoryRegion,
  type MemoryWindow,
  NicError,
  Opcode,
  type ProtectionDomain,
  type QueuePair,
  QueuePairState,
  type SendWorkRequest,
} from '../../nic/index.ts';
import type { Channel, ChannelPort, PeerIdentity } from '../engine/channel.ts';
import { Exchange } from '../engine/exchange.ts';
import type { RemoteMemory } from '../engine/memory.ts';
import { refuse } from '../engine/refusal.ts';
import { type Limits, MINIMUM_MESSAGE_BYTES } from '../sessions/limits.ts';
import type { SessionParameters } from '../sessions/negotiation.ts';
import { MessageMemory } from './message-memory.ts';
import { QueuePairMemory } from './queue-pair-memory.ts';

/** What all connections of the data plane share. */
export interface Fabric {
  readonly context: Context;
  readonly domain: ProtectionDomain;
  readonly group: CompletionGroup;
  readonly limits: Limits;
  /** The memory of the exported cache, if there is one. */
  readonly exportedRegion: MemoryRegion | undefined;
  /** The only user whose processes take the exported memory, which is a file of the server's; undefined: all do. */
  readonly exportedTo: number | undefined;
  /** RDMA requests that one request of a client can lead to. */
  readonly maxPiecesPerRequest: number;
  /** Connections that are to be closed: done by the data plane between requests. */
  readonly closing: Connection[];
}

/** Where an exchange's buffers lie. */
interface Slot {
  readonly exchange: Exchange;
  readonly memory: MessageMemory;
  readonly requestAddress: number;
  readonly responseAddress: number;
}

/**
 * A connected queue pair with its message buffers: the port of one channel. Each connection has a
 * completion queue of its own, so that a client that lets its overflow harms nobody else.
 */
export class Connection implements ChannelPort {
  readonly peer: PeerIdentity;
  readonly remoteMemory: RemoteMemory;
  /** Why it is to be closed, or was. */
  closeReason: string | undefined;
  readonly #fabric: Fabric;
  readonly #queue: CompletionQueue;
  readonly #queuePair: QueuePair;
  readonly #slots: Slot[] = [];
  readonly #memories: MessageMemory[] = [];
  /** Exchanges that a receive can be posted into. */
  #free: Slot[] = [];
  #channel: Channel | undefined;
  #window: MemoryWindow | undefined;
  readonly #element = { lkey: 0, address: 0, length: 0 };
  readonly #sendRequest: SendWorkRequest;

  constructor(fabric: Fabric, peer: PeerIdentity) {
    const { context, domain, group, limits } = fabric;
    const maxSendWr = limits.maxRequests * (fabric.maxPiecesPerRequest + 1);
    // Twice the receives: a request may be answered, and its receive posted anew, before its
    // completion is taken.
    const maxReceiveWr = limits.maxRequests + 1;
    this.peer = peer;
    this.#fabric = fabric;
    this.#queue = context.createCompletionQueue(maxSendWr + maxReceiveWr);
    this.#queuePair = domain.createQueuePair({
      sendCq: this.#queue,
      receiveCq: this.#queue,
      maxSendWr,
      maxSendMessages: limits.maxRequests + 1,
      maxReceiveWr,
      maxMessageBytes: limits.maxResponseBytes,
    });
    this.#queuePair.modify(QueuePairState.INIT);
    group.add(this.#queue);
    this.remoteMemory = new QueuePairMemory(this.#queuePair, (reason) => this.close(reason));
    this.#sendRequest = { wrId: 0, opcode: Opcode.SEND, flags: 0, sgList: [this.#element] };
  }

  get queuePairNumber(): number {
    return this.#queuePair.number;
  }

  get channel(): Channel {
    if (this.#channel === undefined) {
      throw new Error('the connection has no channel yet');
    }
    return this.#channel;
  }

  /** Whether its queue pair is of no use any more, as a lost peer leaves it. */
  get hasFailed(): boolean {
    return this.#queuePair.hasFailed;
  }

  /** Posts the receive for the first message and takes the connection up. @throws NicError */
  begin(channel: Channel, request: ConnectionRequest): void {
    this.#channel = channel;
    this.#addSlots(1, MINIMUM_MESSAGE_BYTES, MINIMUM_MESSAGE_BYTES);
    channel.credits.begin();
    request.accept(this.#queuePair);
  }

  /** The exchange whose receive has completed with `byteLength` bytes. */
  received(wrId: number, byteLength: number): Exchange {
    const slot = this.#slots[wrId];
    if (slot === undefined) {
      throw new Error(`a receive completed that was never posted: ${wrId}`);
    }
    slot.exchange.request.length = byteLength;
    return slot.exchange;
  }

  postReceive(): void {
    const slot = this.#takeSlot();
    this.#element.lkey = slot.memory.lkey;
    this.#element.address = slot.requestAddress;
    this.#element.length = slot.memory.requestBytes;
    this.#queuePair.postReceive(slot.exchange.slot, this.#element);
  }

  resize(parameters: SessionParameters): void {
    const { maxRequests, maxRequestSize, maxResponseSize } = parameters;
    // The exchange of the first message goes out of use with its answer.
    this.#free = [];
    this.#addSlots(maxRequests, maxRequestSize, maxResponseSize);
  }

  take(): Exchange {
    return this.#takeSlot().exchange;
  }

  release(exchange: Exchange): void {
    const slot = this.#slots[exchange.slot] as Slot;
    if (slot.memory === this.#memories.at(-1)) {
      this.#free.push(slot);
    }
  }

  send(exchange: Exchange): void {
    const slot = this.#slots[exchange.slot] as Slot;
    this.#element.lkey = slot.memory.lkey;
    this.#element.address = slot.responseAddress;
    this.#element.length = exchange.response.length;
    try {
      // The NIC takes the message over when it is posted; the buffer is free when this returns.
      this.#queuePair.postSend(this.#sendRequest);
    } catch (error) {
      if (!(error instanceof NicError)) {
        throw error;
      }
      // With its credits obeyed, a client has room for every response.
      this.close(`a response could not be sent: ${error.message}`);
    }
  }

  exportCache(): { handle: number; address: number } {
    const window = this.#window ?? this.#openWindow();
    return { handle: window.rkey, address: window.address };
  }

  #openWindow(): MemoryWindow {
    const { exportedRegion, exportedTo = this.peer.uid } = this.#fabric;
    if (exportedRegion === undefined || exportedTo !== this.peer.uid) {
      refuse(DafsStatus.DAFSERR_NOTSUPP);
    }
    try {
      this.#window = this.#queuePair.bindWindow(exportedRegion);
      return this.#window;
    } catch (error) {
      if (!(error instanceof NicError)) {
        throw error;
      }
      return refuse(DafsStatus.DAFSERR_RESOURCE);
    }
  }

  close(reason: string): void {
    if (this.closeReason === undefined) {
      this.closeReason = reason;
      this.#fabric.closing.push(this);
    }
  }

  /** Gives everything back. The engine must have been told of the loss before. */
  dispose(): void {
    this.#fabric.group.remove(this.#queue);
    this.#queuePair.close();
    this.#queue.close();
    for (const memory of this.#memories) {
      memory.close();
    }
  }

  #takeSlot(): Slot {
    const slot = this.#free.pop();
    if (slot === undefined) {
      throw new Error('more exchanges are wanted than there are');
    }
    return slot;
  }

  #addSlots(count: number, requestBytes: number, responseBytes: number): void {
    const { channel } = this;
    const memory = new MessageMemory(this.#fabric.domain, count, requestBytes, responseBytes);
    this.#memories.push(memory);
    for (let index = 0; index < count; index += 1) {
      const slot: Slot = {
        exchange: new Exchange(
          channel,
          this.#slots.length,
          memory.request(index),
          memory.response(index),
        ),
        memory,
        requestAddress: memory.requestAddress(index),
        responseAddress: memory.responseAddress(index),
      };
      this.#slots.push(slot);
      this.#free.push(slot);
    }
  }
}
