import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const MAXIMUM_LINE_BYTES = 4096;
const MAXIMUM_CONNECTIONS = 64;
/** Answers that somebody may leave unread. */
const MAXIMUM_UNREAD_BYTES = 1 << 20;

/** A line of the request: an object with `command`, and what the command needs to know. */
export type ControlRequest = Readonly<Record<string, unknown>>;

/**
 * Does what a request asks for.
 * @param tell says something before the answer
 * @param signal is aborted when nobody waits for the answer any more
 * @returns the answer
 * @throws an Error whose message is for a person
 */
export type ControlCommand = (
  request: ControlRequest,
  tell: (news: object) => void,
  signal: AbortSignal,
) => Promise<object>;

/**
 * The control socket: a UNIX stream socket in the user's runtime directory. A request is a line with
 * a JSON object, `{"command":"status"}`; the answer is a line with a JSON object, which has a
 * property `error` when the request was not understood or not carried out. Some commands send lines
 * with a property `progress` before it.
 */
export class ControlSocket {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #commands: ReadonlyMap<string, ControlCommand>;

  private constructor(commands: ReadonlyMap<string, ControlCommand>) {
    this.#commands = commands;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = MAXIMUM_CONNECTIONS;
  }

  /** @param commands by the names that requests give them */
  static async listen(
    path: string,
    commands: ReadonlyMap<string, ControlCommand>,
  ): Promise<ControlSocket> {
    const control = new ControlSocket(commands);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    control.#server.once('error', reject);
    control.#server.listen(path, resolve);
    await promise;
    control.#server.off('error', reject);
    // The directory is private already; this holds even where somebody opens it.
    chmodSync(path, 0o600);
    return control;
  }

  /** Stops listening and removes the socket. */
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    let pendingBytes = 0;
    const hungUp = new AbortController();
    socket.on('close', () => {
      this.#sockets.delete(socket);
      hungUp.abort();
    });
    // Whoever hangs up in the middle of an answer does not want it.
    socket.on('error', () => socket.destroy());
    socket.on('data', (data: Buffer) => {
      pendingBytes = data.includes('\n') ? 0 : pendingBytes + data.length;
      if (pendingBytes > MAXIMUM_LINE_BYTES) {
        socket.destroy();
      }
    });
    const tell = (news: object) => {
      if (socket.writableLength > MAXIMUM_UNREAD_BYTES) {
        socket.destroy();
      } else if (socket.writable) {
        socket.write(`${JSON.stringify(news)}\n`);
      }
    };
    const lines = createInterface({ input: socket });
    // It passes the socket's errors on, which end the process where nobody takes them.
    lines.on('error', () => {});
    this.#answerAll(lines, tell, hungUp.signal).catch(() => socket.destroy());
  }

  /** Answers one line after the other: whoever asks much waits for his own answers. */
  async #answerAll(
    lines: AsyncIterable<string>,
    tell: (news: object) => void,
    signal: AbortSignal,
  ): Promise<void> {
    for await (const line of lines) {
      tell(await this.#answer(line, tell, signal));
    }
  }

  async #answer(line: string, tell: (news: object) => void, signal: AbortSignal): Promise<object> {
    const request = requestOf(line);
    if (request === undefined) {
      return { error: 'not a JSON object' };
    }
    const command = this.#commands.get(String(request.command));
    if (command === undefined) {
      return { error: `unknown command: ${JSON.stringify(request.command ?? null)}` };
    }
    try {
      return await command(request, tell, signal);
    } catch (error) {
      return { error: (error as Error).message };
    }
  }
}

function requestOf(line: string): ControlRequest | undefined {
  try {
    const request: unknown = JSON.parse(line);
    return typeof request === 'object' && request !== null
      ? (request as ControlRequest)
      : undefined;
  } catch {
    return undefined;
  }
}
