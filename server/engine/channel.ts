import { ReceiveCredits } from '../sessions/credits.ts';
import { messageMemoryBytes, type SessionParameters } from '../sessions/negotiation.ts';
import type { Session } from '../sessions/session.ts';
import { type ChainState, emptyChain } from './chain.ts';
import type { Directives } from './directives.ts';
import type { Exchange } from './exchange.ts';
import type { RemoteMemory } from './memory.ts';
import type { AnswerGroup } from './stable-answers.ts';

/** The process at the other end of a connection, as the kernel vouches for it. */
export interface PeerIdentity {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** What a connection offers to the channel over it. The NIC is behind it, or a test. */
export interface ChannelPort {
  readonly peer: PeerIdentity;
  readonly remoteMemory: RemoteMemory;
  /** Posts one receive of the channel's request size, into an exchange that is free. */
  postReceive(): void;
  /** Takes an exchange out of use for receives: what we ask on our own is encoded in its response. */
  take(): Exchange;
  /** The exchange's request is done with: the next receive may go into it. */
  release(exchange: Exchange): void;
  /** From now on the channel's messages are of these sizes and so many are under way at once. */
  resize(parameters: SessionParameters): void;
  /** Sends the response that is encoded in the exchange; it is taken over before this returns. */
  send(exchange: Exchange): void;
  /**
   * Opens the exported cache to the peer, for reading.
   * @returns what the peer names it by.
   * @throws Refusal DAFSERR_RESOURCE
   */
  exportCache(): { readonly handle: number; readonly address: number };
  /** Breaks the connection. The engine is told of it as of any other loss. */
  close(reason: string): void;
}

/** What a connection is used for (section 3.1.2.3). */
export type ChannelRole = 'new' | 'operations' | 'back-control' | 'rdma-read' | 'ended';

/** One connection in the DAFS sense. It is `new` until a session is made on it or it is bound to one. */
export class Channel {
  readonly port: ChannelPort;
  readonly credits: ReceiveCredits;
  role: ChannelRole = 'new';
  session: Session | undefined;
  /** Our own requests, on a back-control channel. */
  directives: Directives | undefined;
  /** The byte order of its messages: the first one decides (section 6.1.1.5). */
  littleEndian: boolean | undefined;
  chain: ChainState = emptyChain;
  /** Where the last answer was put, if it was held back: those behind it in its chain follow it. */
  held: AnswerGroup | undefined;
  isClosed = false;
  /** When it is closed unless it has become part of a session by then, on the monotonic clock. */
  deadlineMs: number | undefined;
  requestCount = 0;
  /** Its message buffers, beside those that every connection begins with. */
  messageMemoryBytes = 0;

  constructor(port: ChannelPort, deadlineMs: number) {
    this.port = port;
    this.deadlineMs = deadlineMs;
    this.credits = new ReceiveCredits(() => port.postReceive());
  }

  /** From now on its messages are of these sizes and so many are under way at once. */
  resize(parameters: SessionParameters): void {
    this.messageMemoryBytes = messageMemoryBytes(parameters);
    this.port.resize(parameters);
  }

  /** Breaks the connection; what was on it ends when the engine hears of the loss. */
  close(reason: string): void {
    if (!this.isClosed) {
      this.port.close(reason);
    }
  }
}
