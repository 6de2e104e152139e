import { ConnectionRequest } from './connection-request.ts';
import { NicError } from './error.ts';
import { refuse } from './greeting.ts';
import { closeDescriptor, peerCredentials } from './system-calls.ts';
import { receiveMessage } from './unix-socket.ts';

/** How long a peer that has connected may take to say hello. */
export const HANDSHAKE_LIMIT_MS = 2000;
/** Peers that have not said hello yet; the oldest make room for more. */
const MAXIMUM_GREETERS = 256;

/** A peer that has connected and not said hello. */
export interface Greeter {
  readonly socket: number;
  readonly deadlineMs: number;
  /** What watches its socket, for a listener in the event loop. */
  watch: { stop(): void } | undefined;
}

/** The peers between connect and hello. What one of them does or leaves undone delays no other. */
export class Handshakes {
  readonly greeters: Greeter[] = [];

  /** Takes a new socket over. */
  add(socket: number): void {
    const [oldest] = this.greeters;
    if (oldest !== undefined && this.greeters.length >= MAXIMUM_GREETERS) {
      this.#remove(oldest);
      closeDescriptor(oldest.socket);
    }
    const deadlineMs = performance.now() + HANDSHAKE_LIMIT_MS;
    this.greeters.push({ socket, deadlineMs, watch: undefined });
  }

  /** The requests of those who have said hello; who took too long or said something else is dropped. */
  step(): ConnectionRequest[] {
    const nowMs = performance.now();
    const requests: ConnectionRequest[] = [];
    for (const greeter of [...this.greeters]) {
      const heard = hear(greeter.socket);
      if (heard === 'nothing' && nowMs < greeter.deadlineMs) continue;
      this.#remove(greeter);
      if (heard instanceof ConnectionRequest) requests.push(heard);
      else closeDescriptor(greeter.socket);
    }
    return requests;
  }

  #remove(greeter: Greeter): void {
    greeter.watch?.stop();
    this.greeters.splice(this.greeters.indexOf(greeter), 1);
  }

  close(): void {
    for (const { socket, watch } of this.greeters.splice(0)) {
      watch?.stop();
      closeDescriptor(socket);
    }
  }
}

/** What a peer has said: its request, something that ends the matter, or nothing yet. */
function hear(socket: number): ConnectionRequest | 'nothing' | 'nonsense' {
  let descriptors: readonly number[] = [];
  try {
    const message = receiveMessage(socket);
    if (message === undefined) return 'nothing';
    if (message === 'end') return 'nonsense';
    descriptors = message.descriptors;
    const peer = peerCredentials(socket);
    return ConnectionRequest.attach({ socket, descriptors, hello: message.payload, peer });
  } catch (error) {
    if (!(error instanceof NicError)) throw error;
    descriptors.forEach(closeDescriptor);
    refuse(socket, error.message);
    return 'nonsense';
  }
}
