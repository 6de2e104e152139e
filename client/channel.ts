import {
  Access,
  Arena,
  type CompletionQueue,
  type MemoryRegion,
  Opcode,
  type ProtectionDomain,
  type QueuePair,
  QueuePairState,
  type SendWorkRequest,
} from '../nic/index.ts';
import { MessageBuffer } from './protocol/message-buffer.ts';

/** Slots begin on a cache line of their own; messages must begin on 8 bytes (6.1.1.1). */
const SLOT_ALIGNMENT_BYTES = 64;

export interface ChannelOptions {
  /** Messages that this side sends and receives at the same time. */
  readonly capacity: number;
  readonly maximumSendBytes: number;
  readonly maximumReceiveBytes: number;
  readonly littleEndian: boolean;
}

/**
 * One connection that carries DAFS messages, and the registered memory they lie in: as many slots
 * to send from as to receive into. A message stays in its send slot until the slot is used again,
 * so that a request can be sent once more on another connection.
 */
export class Channel {
  readonly queuePair: QueuePair;
  readonly capacity: number;
  readonly #arena: Arena;
  readonly #region: MemoryRegion;
  readonly #sendSlots: MessageBuffer[];
  readonly #receiveSlots: MessageBuffer[];
  readonly #sendSize: number;
  readonly #receiveBase: number;
  readonly #receiveSize: number;
  readonly #send: SendWorkRequest;
  readonly #sendEntry = { lkey: 0, address: 0, length: 0 };
  readonly #receiveEntry = { lkey: 0, address: 0, length: 0 };

  /** Makes a channel whose receives are all posted; its queue pair is ready to be connected. */
  constructor(domain: ProtectionDomain, queue: CompletionQueue, options: ChannelOptions) {
    const { capacity } = options;
    this.capacity = capacity;
    this.#sendSize = alignSlot(options.maximumSendBytes);
    this.#receiveSize = alignSlot(options.maximumReceiveBytes);
    this.#arena = Arena.create(capacity * (this.#sendSize + this.#receiveSize), 'none');
    this.#region = domain.registerMemory(this.#arena, 0, this.#arena.bytes, Access.LOCAL_WRITE);
    this.#receiveBase = capacity * this.#sendSize;
    this.#sendSlots = this.#slots(0, this.#sendSize, options);
    this.#receiveSlots = this.#slots(this.#receiveBase, this.#receiveSize, options);
    this.#sendEntry.lkey = this.#region.lkey;
    this.#receiveEntry.lkey = this.#region.lkey;
    this.#receiveEntry.length = this.#receiveSize;
    // Sends are never signalled: the response tells that the request arrived, and a send that
    // fails completes in error all the same.
    this.#send = { wrId: 0, opcode: Opcode.SEND, flags: 0, sgList: [this.#sendEntry] };
    this.queuePair = domain.createQueuePair({
      sendCq: queue,
      receiveCq: queue,
      maxSendWr: completionsOfSends(capacity),
      maxReceiveWr: capacity,
      maxMessageBytes: this.#sendSize,
    });
    this.queuePair.modify(QueuePairState.INIT);
    for (let slot = 0; slot < capacity; slot += 1) {
      this.postReceive(slot);
    }
  }

  /** How many entries of a completion queue a channel of this capacity can fill. */
  static completions(capacity: number): number {
    return capacity + completionsOfSends(capacity);
  }

  /** Where the message for `slot` is to be encoded. */
  sendSlot(slot: number): MessageBuffer {
    return this.#sendSlots[slot] as MessageBuffer;
  }

  /** The message that a completion with wrId `slot` announces; valid until postReceive(slot). */
  receiveSlot(slot: number): MessageBuffer {
    return this.#receiveSlots[slot] as MessageBuffer;
  }

  /** Sends the message that lies in `slot`. @throws NicError when the queue pair takes none. */
  send(slot: number): void {
    const message = this.#sendSlots[slot] as MessageBuffer;
    this.#send.wrId = slot;
    this.#sendEntry.address = this.#region.address + slot * this.#sendSize;
    this.#sendEntry.length = message.length;
    this.queuePair.postSend(this.#send);
  }

  /** Gives the receive slot back to the queue pair. */
  postReceive(slot: number): void {
    this.#receiveEntry.address =
      this.#region.address + this.#receiveBase + slot * this.#receiveSize;
    this.queuePair.postReceive(slot, this.#receiveEntry);
  }

  /** Breaks the connection and gives the memory back. */
  close(): void {
    this.queuePair.close();
    this.#region.deregister();
    this.free();
  }

  /** Gives the memory back, once the context that the channel belongs to is closed. */
  free(): void {
    this.#arena.close();
  }

  #slots(base: number, size: number, options: ChannelOptions): MessageBuffer[] {
    return Array.from({ length: options.capacity }, (_, index) => {
      const start = base + index * size;
      const bytes = this.#region.memory.subarray(start, start + size);
      return new MessageBuffer(bytes, { littleEndian: options.littleEndian });
    });
  }
}

/** A response may overtake the notice that its request was consumed: room for that many more. */
function completionsOfSends(capacity: number): number {
  return 2 * capacity;
}

function alignSlot(bytes: number): number {
  return Math.ceil(bytes / SLOT_ALIGNMENT_BYTES) * SLOT_ALIGNMENT_BYTES;
}
