import { Announcements } from './announcements.ts';
import { Connection, type PeerCredentials } from './connection.ts';
import { NicError } from './error.ts';
import { greet, refuse, requirePrivateData } from './greeting.ts';
import { decodeMessage, MessageType } from './messages.ts';
import type { QueuePair } from './queue-pair.ts';
import { closeDescriptor } from './system-calls.ts';
import { hasHungUp } from './unix-socket.ts';

/**
 * A connection request on its way to another thread of this process: plain and postMessage-able. It
 * owns descriptors: attach it once, and accept or reject what comes of it.
 */
export interface DetachedRequest {
  readonly socket: number;
  readonly descriptors: readonly number[];
  readonly hello: Uint8Array;
  readonly peer: PeerCredentials;
}

/** A peer that wants its queue pair connected to one of ours. Accept or reject it, once. */
export class ConnectionRequest {
  /** Who asks, as the kernel says. */
  readonly peer: PeerCredentials;
  /** What the peer has to say to the program. */
  readonly privateData: Uint8Array;
  readonly #detached: DetachedRequest;
  #settled = false;

  private constructor(detached: DetachedRequest) {
    this.#detached = detached;
    this.peer = detached.peer;
    const greeting = decodeMessage(detached.hello, detached.descriptors);
    if (greeting.type !== MessageType.HELLO) throw new NicError('EPROTO', 'a peer said no hello');
    this.privateData = greeting.trailer;
  }

  /** Takes this request from the thread's hands: pass the result on and attach it there. */
  detach(): DetachedRequest {
    this.#settle();
    return this.#detached;
  }

  /**
   * Makes a request of what detach returned, in any thread of the same process.
   * @throws NicError EPROTO when it holds no hello; its descriptors then stay the caller's.
   */
  static attach(detached: DetachedRequest): ConnectionRequest {
    return new ConnectionRequest(detached);
  }

  /** Whether the peer does not wait for an answer any more. */
  get hasLeft(): boolean {
    return hasHungUp(this.#detached.socket);
  }

  #settle(): void {
    if (this.#settled) throw new NicError('CLOSED', 'the connection request is settled already');
    this.#settled = true;
  }

  /**
   * Connects the queue pair, which goes to RTS: requests may be posted when this returns.
   * @param privateData what the peer's connect returns, 1024 bytes at most.
   * @throws NicError QP_STATE when the queue pair is not in RESET or INIT, EPROTO when the peer sent
   *   what it must not, ECONNRESET when it has left. The request is then over and the queue pair, but
   *   for QP_STATE, in ERR.
   */
  accept(queuePair: QueuePair, privateData: Uint8Array = new Uint8Array(0)): void {
    requirePrivateData(privateData);
    queuePair.prepareConnection();
    this.#settle();
    const { socket, descriptors, hello, peer } = this.#detached;
    const announcements = new Announcements(socket, queuePair.protectionDomain);
    try {
      const greeting = decodeMessage(hello, descriptors);
      const from = { socket, peer, greeting, descriptors };
      queuePair.attach(new Connection(queuePair, announcements, from));
      greet(announcements, MessageType.ACCEPT, queuePair, privateData);
    } catch (error) {
      // Once attached, the socket is the queue pair's, which closes it.
      if (queuePair.connection === undefined) {
        refuse(socket, error instanceof Error ? error.message : 'refused');
        announcements.close();
        closeDescriptor(socket);
      }
      queuePair.enterError();
      throw error;
    }
  }

  /** Tells the peer why not, which its connect throws as ECONNREFUSED. */
  reject(reason: string): void {
    this.#settle();
    const { socket, descriptors } = this.#detached;
    refuse(socket, reason);
    descriptors.forEach(closeDescriptor);
    closeDescriptor(socket);
  }
}
