import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

const MAXIMUM_LINE_BYTES = 4096;
const MAXIMUM_CONNECTIONS = 64;

/**
 * The control socket: a UNIX stream socket in the user's runtime directory. A request is a line with
 * a JSON object, `{"command":"status"}`; the answer is a line with a JSON object, which has a
 * property `error` when the request was not understood.
 */
export class ControlSocket {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #status: () => Promise<object>;

  private constructor(status: () => Promise<object>) {
    this.#status = status;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = MAXIMUM_CONNECTIONS;
  }

  /** @param status gives what the command `status` answers */
  static async listen(path: string, status: () => Promise<object>): Promise<ControlSocket> {
    const control = new ControlSocket(status);
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
    socket.on('close', () => this.#sockets.delete(socket));
    // Whoever hangs up in the middle of an answer does not want it.
    socket.on('error', () => socket.destroy());
    socket.on('data', (data: Buffer) => {
      pendingBytes = data.includes('\n') ? 0 : pendingBytes + data.length;
      if (pendingBytes > MAXIMUM_LINE_BYTES) {
        socket.destroy();
      }
    });
    createInterface({ input: socket }).on('line', (line) => {
      void this.#answer(line).then((answer) => {
        if (socket.writable) {
          socket.write(`${JSON.stringify(answer)}\n`);
        }
      });
    });
  }

  async #answer(line: string): Promise<object> {
    try {
      const request: unknown = JSON.parse(line);
      const command = (request as { command?: unknown } | null)?.command;
      return command === 'status'
        ? await this.#status()
        : { error: `unknown command: ${JSON.stringify(command ?? null)}` };
    } catch {
      return { error: 'not a JSON object' };
    }
  }
}
