/** A connection over the NIC that sends whatever it is given: a client without manners. */
import {
  Access,
  Arena,
  Context,
  connect,
  createWorkCompletions,
  type MemoryRegion,
  Opcode,
  type QueuePair,
  QueuePairState,
  WcOpcode,
  WcStatus,
} from '../../../../nic/index.ts';

const MESSAGE_BYTES = 65_536;
const RECEIVES = 8;
const RESPONSE_MS = 10_000;

/** The server ended the connection, or never answered. */
export class ChannelLost extends Error {}

/** One NIC context for many raw channels, and memory that servers may be told to use. */
export class RawFabric {
  readonly context = Context.open();
  readonly domain = this.context.allocateProtectionDomain();
  readonly #arena = Arena.create(1 << 20, 'write');
  readonly shared: MemoryRegion = this.domain.registerMemory(
    this.#arena,
    0,
    1 << 20,
    Access.LOCAL_WRITE | Access.REMOTE_READ | Access.REMOTE_WRITE,
  );

  close(): void {
    this.context.close();
    this.#arena.close();
  }
}

export class RawChannel {
  readonly #arena = Arena.create((RECEIVES + 1) * MESSAGE_BYTES, 'none');
  readonly #region: MemoryRegion;
  readonly #queue;
  readonly #group;
  readonly #queuePair: QueuePair;
  readonly #completions = createWorkCompletions(RECEIVES);
  isLost = false;

  /** @throws NicError when the server does not take the connection. */
  constructor(fabric: RawFabric, path: string) {
    this.#region = fabric.domain.registerMemory(
      this.#arena,
      0,
      this.#arena.bytes,
      Access.LOCAL_WRITE,
    );
    // Whoever goes on sending after the end gets a completion for each message.
    this.#queue = fabric.context.createCompletionQueue(1024);
    this.#group = fabric.context.createCompletionGroup();
    this.#group.add(this.#queue);
    this.#queuePair = fabric.domain.createQueuePair({
      sendCq: this.#queue,
      receiveCq: this.#queue,
      maxSendWr: 16,
      maxReceiveWr: RECEIVES,
      maxMessageBytes: MESSAGE_BYTES,
      // Whoever sends more than the server has receives for is told so at once.
      rnrRetry: 1,
    });
    this.#queuePair.modify(QueuePairState.INIT);
    for (let index = 0; index < RECEIVES; index += 1) {
      this.#postReceive(index);
    }
    connect(path, this.#queuePair);
  }

  /** Sends a message as it is. */
  send(message: Uint8Array): void {
    const offset = RECEIVES * MESSAGE_BYTES;
    this.#arena.memory.set(message, offset);
    const { lkey, address } = this.#region;
    this.#queuePair.postSend({
      wrId: RECEIVES,
      opcode: Opcode.SEND,
      flags: 0,
      sgList: [{ lkey, address: address + offset, length: message.length }],
    });
  }

  /** The next message of the server's, a copy. @throws ChannelLost */
  receive(): Uint8Array {
    const deadline = performance.now() + RESPONSE_MS;
    while (performance.now() < deadline) {
      const count = this.#group.wait(this.#completions.slice(0, 1), 100);
      const completion = this.#completions[0];
      if (count === 0 || completion === undefined) {
        continue;
      }
      if (completion.status !== WcStatus.SUCCESS) {
        this.isLost = true;
        throw new ChannelLost(`the connection failed: status ${completion.status}`);
      }
      if (completion.opcode === WcOpcode.RECV) {
        const offset = completion.wrId * MESSAGE_BYTES;
        const message = this.#arena.memory.slice(offset, offset + completion.byteLength);
        this.#postReceive(completion.wrId);
        return message;
      }
    }
    throw new Error('the server did not answer in time');
  }

  close(): void {
    this.#queuePair.close();
    this.#queue.close();
    this.#region.deregister();
    this.#arena.close();
  }

  #postReceive(index: number): void {
    const { lkey, address } = this.#region;
    this.#queuePair.postReceive(index, {
      lkey,
      address: address + index * MESSAGE_BYTES,
      length: MESSAGE_BYTES,
    });
  }
}
