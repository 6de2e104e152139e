import {
  type CompletionGroup,
  type CompletionQueue,
  Context,
  type ContextOptions,
  connect,
  createWorkCompletions,
  NicError,
  type ProtectionDomain,
  WcOpcode,
  WcStatus,
  type WorkCompletion,
} from '../nic/index.ts';
import { Channel, type ChannelOptions } from './channel.ts';
import { DafsError } from './dafs-error.ts';

/** How many completions are taken at a time. */
const COMPLETIONS_PER_POLL = 16;

/** Takes the messages of one channel. */
export interface Receiver {
  readonly channel: Channel;
  /** A message of `byteLength` lies in receive slot `slot`. An error ends the session. */
  receive(slot: number, byteLength: number): void;
}

/** A session's share of the NIC: what its channels are made from, and where their messages arrive. */
export class Endpoint {
  readonly domain: ProtectionDomain;
  readonly #context: Context;
  readonly #entries: number;
  readonly #group: CompletionGroup;
  #queue: CompletionQueue;
  readonly #completions: WorkCompletion[] = createWorkCompletions(COMPLETIONS_PER_POLL);
  readonly #channels: Channel[] = [];
  readonly #receivers = new Map<number, Receiver>();
  /** The operations channel gets nearly all messages: it is looked up without the map. */
  #firstReceiver: Receiver | undefined;
  #firstNumber = -1;

  /** @param capacities of all the channels that will be opened */
  constructor(capacities: readonly number[], waiting: ContextOptions) {
    this.#context = Context.open(waiting);
    this.domain = this.#context.allocateProtectionDomain();
    this.#entries = capacities.reduce((sum, capacity) => sum + Channel.completions(capacity), 0);
    this.#group = this.#context.createCompletionGroup();
    this.#queue = this.#createQueue();
  }

  #createQueue(): CompletionQueue {
    const queue = this.#context.createCompletionQueue(this.#entries);
    this.#group.add(queue);
    return queue;
  }

  /** Closes all channels, with what still waits on them; registered memory stays as it is. */
  reset(): void {
    this.#receivers.clear();
    this.#firstReceiver = undefined;
    this.#group.remove(this.#queue);
    for (const channel of this.#channels.splice(0)) {
      channel.close();
    }
    this.#queue.close();
    this.#queue = this.#createQueue();
  }

  /**
   * Opens a channel to the server that listens at `path`.
   * @throws DafsError CONNECT_FAILED; errno is the system's own (ENOENT, ECONNREFUSED, …)
   */
  openChannel(path: string, options: ChannelOptions, timeoutMs: number): Channel {
    const channel = new Channel(this.domain, this.#queue, options);
    this.#channels.push(channel);
    try {
      connect(path, channel.queuePair, { timeoutMs });
    } catch (error) {
      throw connectFailed(path, error);
    }
    return channel;
  }

  /** From now on `receiver` takes what arrives on its channel. */
  attach(receiver: Receiver): void {
    const { number } = receiver.channel.queuePair;
    this.#receivers.set(number, receiver);
    if (this.#firstReceiver === undefined || this.#firstNumber === number) {
      this.#firstReceiver = receiver;
      this.#firstNumber = number;
    }
  }

  /**
   * Hands what has arrived to the receivers, after waiting up to `timeoutMs` for something.
   * @returns how many messages there were
   * @throws DafsError or ProtocolError when a channel is lost or says what it must not
   */
  progress(timeoutMs: number): number {
    const completions = this.#completions;
    const count =
      timeoutMs > 0 ? this.#group.wait(completions, timeoutMs) : this.#group.poll(completions);
    let messages = 0;
    for (let index = 0; index < count; index += 1) {
      const completion = completions[index] as WorkCompletion;
      if (completion.status !== WcStatus.SUCCESS) {
        throw channelLost(completion);
      }
      if (completion.opcode === WcOpcode.RECV) {
        this.#receiverOf(completion.qpNumber).receive(completion.wrId, completion.byteLength);
        messages += 1;
      }
    }
    return messages;
  }

  /** Ends all channels and withdraws everything registered in the domain from the server. */
  close(): void {
    this.#context.close();
    for (const channel of this.#channels) {
      channel.free();
    }
  }

  #receiverOf(queuePair: number): Receiver {
    return queuePair === this.#firstNumber
      ? (this.#firstReceiver as Receiver)
      : (this.#receivers.get(queuePair) as Receiver);
  }
}

function connectFailed(path: string, error: unknown): DafsError {
  const code = error instanceof NicError ? error.code : 'EIO';
  const reason = code === 'ENOENT' ? `no server listens at ${path}` : (error as Error).message;
  return DafsError.local('connect', 'CONNECT_FAILED', code, reason, { cause: error });
}

function channelLost(completion: WorkCompletion): DafsError {
  const name = Object.entries(WcStatus).find(([, status]) => status === completion.status)?.[0];
  return DafsError.local(
    'receive',
    'CONNECTION_LOST',
    'EIO',
    `the connection to the server is gone (${name ?? completion.status})`,
  );
}
