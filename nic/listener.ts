import type { ConnectionRequest } from './connection-request.ts';
import { NicError } from './error.ts';
import { HANDSHAKE_LIMIT_MS, Handshakes } from './handshakes.ts';
import { bindSocketFile, removeSocketFile } from './socket-file.ts';
import {
  acceptSocket,
  closeDescriptor,
  createSocket,
  listenSocket,
  watchReadable,
} from './system-calls.ts';
import { awaitReadable } from './unix-socket.ts';

const BACKLOG = 1024;
/** How long to leave the socket alone when the process has no descriptor free for a peer. */
const EXHAUSTION_PAUSE_MS = 100;
/** Requests that nobody has taken yet; whoever else wants to connect waits with the kernel. */
const MAXIMUM_REQUESTS = 16;
/** Longest wait at a go, so that handshakes that take too long are dropped in time. */
const WAIT_SLICE_MS = 100;

interface Waiter {
  resolve(request: ConnectionRequest): void;
  reject(error: Error): void;
}

/**
 * Listens on a UNIX socket for queue pairs that want to be connected. Peers that connect and say
 * nothing, or garbage, are dropped without delaying the others.
 */
export class Listener {
  readonly path: string;
  readonly #socket: number;
  readonly #inode: number;
  readonly #handshakes = new Handshakes();
  readonly #requests: ConnectionRequest[] = [];
  readonly #waiters: Waiter[] = [];
  #watch: { stop(): void } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pausedUntilMs = 0;
  #closed = false;

  private constructor(path: string, socket: number, inode: number) {
    this.path = path;
    this.#socket = socket;
    this.#inode = inode;
  }

  /**
   * Creates the socket (mode 0600), in place of one that a dead process has left behind.
   * @throws NicError EADDRINUSE when somebody answers on it; ENAMETOOLONG, ENOENT, EACCES, ...
   */
  static listen(path: string): Listener {
    const socket = createSocket();
    try {
      const inode = bindSocketFile(socket, path);
      listenSocket(socket, BACKLOG);
      return new Listener(path, socket, inode);
    } catch (error) {
      closeDescriptor(socket);
      throw error;
    }
  }

  /** Waits for the next request, blocking the thread; undefined when none comes in time. */
  accept(timeoutMs: number): ConnectionRequest | undefined {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      this.#requireOpen();
      this.#step();
      const request = this.#requests.shift();
      if (request !== undefined) return request;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) return undefined;
      const sockets = this.#handshakes.greeters.map(({ socket }) => socket);
      if (!this.#isPaused()) sockets.push(this.#socket);
      awaitReadable(sockets, Math.ceil(Math.min(leftMs, WAIT_SLICE_MS)));
    }
  }

  /**
   * The next request, in the event loop, which it keeps alive.
   * @throws NicError CLOSED (by rejection) when the listener is closed.
   */
  acceptAsync(): Promise<ConnectionRequest> {
    return new Promise((resolve, reject) => {
      this.#requireOpen();
      this.#waiters.push({ resolve, reject });
      this.#turn();
    });
  }

  /** One turn of the asynchronous side: hands out requests, and watches while more are awaited. */
  #turn(): void {
    if (this.#closed) return;
    this.#step();
    while (this.#waiters.length > 0 && this.#requests.length > 0) {
      this.#waiters.shift()?.resolve(this.#requests.shift() as ConnectionRequest);
    }
    clearTimeout(this.#timer);
    if (this.#waiters.length > 0) this.#startWatching();
    else this.#stopWatching();
  }

  #startWatching(): void {
    const turn = (): void => this.#turn();
    for (const greeter of this.#handshakes.greeters) {
      greeter.watch ??= watchReadable(greeter.socket, turn);
    }
    if (this.#isPaused()) {
      this.#watch?.stop();
      this.#watch = undefined;
      this.#timer = setTimeout(turn, EXHAUSTION_PAUSE_MS);
      return;
    }
    this.#watch ??= watchReadable(this.#socket, turn);
    if (this.#handshakes.greeters.length > 0) this.#timer = setTimeout(turn, HANDSHAKE_LIMIT_MS);
  }

  #stopWatching(): void {
    this.#watch?.stop();
    this.#watch = undefined;
    for (const greeter of this.#handshakes.greeters) {
      greeter.watch?.stop();
      greeter.watch = undefined;
    }
  }

  /** Takes in who has connected and who has said hello. */
  #step(): void {
    if (this.#requests.length >= MAXIMUM_REQUESTS) return;
    try {
      for (;;) {
        const socket = acceptSocket(this.#socket);
        if (socket === undefined) break;
        this.#handshakes.add(socket);
      }
    } catch (error) {
      if (!(error instanceof NicError)) throw error;
      // Out of descriptors: the peer waits in the backlog, and everybody else goes on.
      this.#pausedUntilMs = performance.now() + EXHAUSTION_PAUSE_MS;
    }
    this.#requests.push(...this.#handshakes.step());
  }

  #isPaused(): boolean {
    return performance.now() < this.#pausedUntilMs;
  }

  #requireOpen(): void {
    if (this.#closed) throw new NicError('CLOSED', 'the listener is closed');
  }

  /** Stops listening, refuses who waits and removes the socket file. Connections stay. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#stopWatching();
    this.#handshakes.close();
    for (const request of this.#requests.splice(0)) request.reject('the listener is closing');
    removeSocketFile(this.path, this.#inode);
    closeDescriptor(this.#socket);
    for (const { reject } of this.#waiters.splice(0)) {
      reject(new NicError('CLOSED', 'the listener is closed'));
    }
  }
}
