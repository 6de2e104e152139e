import { Announcements } from './announcements.ts';
import { Connection, type PeerCredentials } from './connection.ts';
import { NicError } from './error.ts';
import { greet, requirePrivateData } from './greeting.ts';
import { decodeMessage, MessageType } from './messages.ts';
import type { QueuePair } from './queue-pair.ts';
import { closeDescriptor, createSocket, peerCredentials } from './system-calls.ts';
import {
  awaitReadable,
  connectSocketTo,
  type ReceivedMessage,
  receiveMessage,
} from './unix-socket.ts';

const DEFAULT_TIMEOUT_MS = 5000;
/** How long to wait before trying again when the listener's backlog is full. */
const BACKLOG_PAUSE_MS = 5;

export interface ConnectOptions {
  /** What the acceptor sees in the request; 1024 bytes at most. */
  privateData?: Uint8Array;
  /** 5000 unless given. */
  timeoutMs?: number;
}

/**
 * Connects a queue pair (in RESET or INIT) to one of whoever listens on the path; it is then in RTS.
 * @returns the acceptor's private data.
 * @throws NicError ENOENT or ECONNREFUSED when nobody listens, ECONNREFUSED with the reason when the
 *   request is rejected, ETIMEDOUT, ECONNRESET, EPROTO, EACCES, QP_STATE.
 */
export function connect(
  path: string,
  queuePair: QueuePair,
  options: ConnectOptions = {},
): Uint8Array {
  return beginConnect(path, queuePair, options).finish(options.timeoutMs);
}

/** The first half of connect: asks. Lets one thread both ask and accept. */
export function beginConnect(
  path: string,
  queuePair: QueuePair,
  options: ConnectOptions = {},
): PendingConnection {
  const privateData = options.privateData ?? new Uint8Array(0);
  requirePrivateData(privateData);
  queuePair.prepareConnection();
  const socket = createSocket();
  const announcements = new Announcements(socket, queuePair.protectionDomain);
  try {
    connectPatiently(socket, path, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const peer = peerCredentials(socket);
    greet(announcements, MessageType.HELLO, queuePair, privateData);
    return new PendingConnection(path, queuePair, announcements, peer);
  } catch (error) {
    announcements.close();
    closeDescriptor(socket);
    throw error;
  }
}

function connectPatiently(socket: number, path: string, timeoutMs: number): void {
  const deadlineMs = performance.now() + timeoutMs;
  try {
    while (!connectSocketTo(socket, path)) {
      if (performance.now() >= deadlineMs) {
        throw new NicError('ETIMEDOUT', 'its queue of requests stays full');
      }
      awaitReadable([], BACKLOG_PAUSE_MS);
    }
  } catch (error) {
    if (!(error instanceof NicError)) throw error;
    throw new NicError(error.code, `cannot connect to ${path}: ${error.message}`);
  }
}

/** A connection that is asked for. */
export class PendingConnection {
  readonly #path: string;
  readonly #queuePair: QueuePair;
  readonly #announcements: Announcements;
  readonly #peer: PeerCredentials;

  /** @internal Made by beginConnect. */
  constructor(
    path: string,
    queuePair: QueuePair,
    announcements: Announcements,
    peer: PeerCredentials,
  ) {
    this.#path = path;
    this.#queuePair = queuePair;
    this.#announcements = announcements;
    this.#peer = peer;
  }

  /**
   * Waits for the answer, once.
   * @returns the acceptor's private data.
   * @throws NicError as connect does.
   */
  finish(timeoutMs: number = DEFAULT_TIMEOUT_MS): Uint8Array {
    try {
      const { payload, descriptors } = this.#awaitAnswer(timeoutMs);
      return this.#take(payload, descriptors);
    } catch (error) {
      // Once attached, the socket is the queue pair's.
      if (this.#queuePair.connection === undefined) {
        this.#announcements.close();
        closeDescriptor(this.#announcements.socket);
      }
      throw error;
    }
  }

  #awaitAnswer(timeoutMs: number): ReceivedMessage {
    const { socket } = this.#announcements;
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const received = receiveMessage(socket);
      if (received === 'end') throw this.#error('ECONNRESET', 'the listener left');
      if (received !== undefined) return received;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) throw this.#error('ETIMEDOUT', 'no answer');
      awaitReadable([socket], Math.ceil(leftMs));
    }
  }

  #take(payload: Uint8Array, descriptors: number[]): Uint8Array {
    const left = [...descriptors];
    try {
      const answer = decodeMessage(payload, descriptors);
      if (answer.type === MessageType.REJECT) {
        throw this.#error('ECONNREFUSED', Buffer.from(answer.trailer).toString());
      }
      if (answer.type !== MessageType.ACCEPT) throw this.#error('EPROTO', 'no answer but news');
      left.length = 0;
      const queuePair = this.#queuePair;
      const announcements = this.#announcements;
      const from = {
        socket: announcements.socket,
        peer: this.#peer,
        greeting: answer,
        descriptors,
      };
      queuePair.attach(new Connection(queuePair, announcements, from));
      return answer.trailer;
    } finally {
      left.forEach(closeDescriptor);
    }
  }

  #error(code: string, reason: string): NicError {
    return new NicError(code, `cannot connect to ${this.#path}: ${reason}`);
  }
}
