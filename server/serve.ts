import { basename, extname, isAbsolute, resolve } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { claimServerName } from '../client/runtime-directory.ts';
import {
  type ConnectionRequest,
  Listener,
  type NicError,
  startThread,
  Waker,
} from '../nic/index.ts';
import { backUpOnline } from './backup/online-backup.ts';
import { type ControlCommand, type ControlRequest, ControlSocket } from './control-socket.ts';
import type {
  DataPlaneOptions,
  DataPlaneStatus,
  FromDataPlane,
  ToDataPlane,
} from './data-plane/messages.ts';
import { PendingConnections } from './pending-connections.ts';
import { defaultLimits, type Limits } from './sessions/limits.ts';
import { PasswordFile } from './sessions/password-file.ts';
import type { Capacity } from './store/index.ts';

const DEFAULT_CACHE_BYTES = 256 << 20;
const MINIMUM_CACHE_BYTES = 16 << 20;

export interface ServeOptions {
  /** The SQLite file that holds the file system. */
  readonly database: string;
  /** What clients call the server; by default the file's name without its extension. */
  readonly name?: string | undefined;
  /** Whether to make the database when there is none; true by default. */
  readonly create?: boolean | undefined;
  /** Memory for the block cache; 256 MiB by default. */
  readonly cacheBytes?: number | undefined;
  /** Bytes of a block of a new database; an existing one keeps its own. */
  readonly blockBytes?: number | undefined;
  /** Whether trusted clients may read the block cache by themselves (ORDMA); true by default. */
  readonly ordma?: boolean | undefined;
  /** Users that may authenticate by password, see sessions/password-file.ts; none by default. */
  readonly passwordFile?: string | undefined;
  /** How much the files may take; the disk alone limits them by default. */
  readonly capacity?: Capacity | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** A directory on tmpfs for memory that outlives a killed server; /dev/shm by default. */
  readonly unstableDirectory?: string | undefined;
  /** Told of faults of the server and its storage; standard error by default. */
  readonly log?: ((message: string) => void) | undefined;
}

/** What `dafs status` shows of a server. */
export interface ServerStatus extends DataPlaneStatus {
  readonly server: {
    readonly name: string;
    readonly database: string;
    readonly pid: number;
    readonly startedAt: string;
    readonly uptimeSeconds: number;
    readonly memoryBytes: number;
  };
}

export interface RunningServer {
  readonly name: string;
  readonly database: string;
  /** Path of the fabric's socket, which clients connect to. */
  readonly fabric: string;
  /** Path of the control socket: one JSON object per line, see control-socket.ts. */
  readonly control: string;
  status(): Promise<ServerStatus>;
  /** Ends all sessions, makes everything durable, closes the database and removes the sockets. */
  close(): Promise<void>;
  /** Settles when the server has ended: rejects unless that was by `close`. */
  readonly ended: Promise<void>;
}

export type ServeErrorCode = 'INVALID_OPTION' | 'DATA_PLANE_FAILED';

/** The server did not start, or did not go on, for a reason that is not the database's. */
export class ServeError extends Error {
  override readonly name = 'ServeError';
  readonly code: ServeErrorCode;

  constructor(code: ServeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Serves a database over the fabric. This thread keeps the control side; the work is done by a
 * thread of its own. Signals and the end of the process are the caller's business.
 *
 * @returns when clients can connect
 * @throws an Error with a `code` and a message of one line for a person: of StoreOpenError,
 * RuntimeDirectoryError, PasswordFileError, NicError or {@link ServeError}. Nothing is left behind.
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const database = resolve(options.database);
  const name = options.name ?? basename(database, extname(database));
  const cacheBytes = options.cacheBytes ?? DEFAULT_CACHE_BYTES;
  if (!Number.isSafeInteger(cacheBytes) || cacheBytes < MINIMUM_CACHE_BYTES) {
    throw new ServeError(
      'INVALID_OPTION',
      `a cache of ${cacheBytes} bytes is too small: it needs ${MINIMUM_CACHE_BYTES} at least`,
    );
  }
  const sockets = await claimServerName(name);
  const passwords =
    options.passwordFile === undefined ? undefined : PasswordFile.read(options.passwordFile);
  const server = new Server({
    database,
    ...sockets,
    passwords,
    log: options.log ?? logToStandardError,
  });
  await server.start({
    database,
    create: options.create ?? true,
    cacheBytes,
    blockBytes: options.blockBytes,
    exportsCache: options.ordma ?? true,
    capacity: options.capacity ?? {},
    unstableDirectory: options.unstableDirectory,
    limits: { ...defaultLimits, ...options.limits },
    hasPasswords: passwords !== undefined,
  });
  return server;
}

const logToStandardError = (message: string): void => {
  process.stderr.write(`dafs: ${message}\n`);
};

interface ServerParts {
  readonly database: string;
  readonly name: string;
  readonly fabric: string;
  readonly control: string;
  readonly passwords: PasswordFile | undefined;
  readonly log: (message: string) => void;
}

/** The control side of a server. */
class Server implements RunningServer {
  readonly name: string;
  readonly database: string;
  readonly fabric: string;
  readonly control: string;
  readonly ended: Promise<void>;
  readonly #passwords: PasswordFile | undefined;
  readonly #log: (message: string) => void;
  readonly #startedAt = new Date();
  readonly #statusRequests = new Map<number, PromiseWithResolvers<DataPlaneStatus>>();
  readonly #endedResolvers = Promise.withResolvers<void>();
  #lastTicket = 0;
  #worker: Worker | undefined;
  #waker: Waker | undefined;
  #listener: Listener | undefined;
  #controlSocket: ControlSocket | undefined;
  readonly #pending = new PendingConnections();
  #isClosing = false;

  constructor(parts: ServerParts) {
    this.name = parts.name;
    this.database = parts.database;
    this.fabric = parts.fabric;
    this.control = parts.control;
    this.#passwords = parts.passwords;
    this.#log = parts.log;
    this.ended = this.#endedResolvers.promise;
    // Whoever does not ask how it ended is not to be ended by it.
    this.ended.catch(() => {});
  }

  async start(options: DataPlaneOptions): Promise<void> {
    await this.#startDataPlane(options);
    try {
      this.#listener = Listener.listen(this.fabric);
      this.#controlSocket = await ControlSocket.listen(
        this.control,
        new Map<string, ControlCommand>([
          ['status', () => this.status()],
          ['backup', (...request) => this.#backUp(...request)],
        ]),
      );
    } catch (error) {
      await this.close();
      throw error;
    }
    void this.#acceptConnections(this.#listener);
  }

  status(): Promise<ServerStatus> {
    if (this.#worker === undefined) {
      return Promise.reject(new ServeError('DATA_PLANE_FAILED', 'the server has ended'));
    }
    const request = Promise.withResolvers<DataPlaneStatus>();
    this.#lastTicket += 1;
    this.#statusRequests.set(this.#lastTicket, request);
    this.#tell({ type: 'status', ticket: this.#lastTicket });
    return request.promise.then((status) => ({
      server: {
        name: this.name,
        database: this.database,
        pid: process.pid,
        startedAt: this.#startedAt.toISOString(),
        uptimeSeconds: Math.round((Date.now() - this.#startedAt.getTime()) / 1000),
        memoryBytes: process.memoryUsage.rss(),
      },
      ...status,
    }));
  }

  /** `{"command":"backup","target":PATH}`, answered `{bytes}`: the target is made by this process. */
  async #backUp(
    { target }: ControlRequest,
    tell: (news: object) => void,
    signal: AbortSignal,
  ): Promise<object> {
    if (typeof target !== 'string' || !isAbsolute(target)) {
      throw new ServeError('INVALID_OPTION', 'the target of a backup is an absolute path');
    }
    const bytes = await backUpOnline(
      this.database,
      target,
      (handshake) => this.#tell({ type: 'snapshot', handshake }),
      { onProgress: (progress) => tell({ progress }), signal },
    );
    return { bytes };
  }

  close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#listener?.close();
      this.#controlSocket?.close();
      this.#tell({ type: 'stop' });
    }
    return this.ended;
  }

  /** Starts the thread and waits until it has opened the database, or has not. */
  #startDataPlane(options: DataPlaneOptions): Promise<void> {
    const { promise, resolve: settle, reject } = Promise.withResolvers<void>();
    const worker = startThread(new URL('./data-plane/worker.ts', import.meta.url), options);
    this.#worker = worker;
    worker.on('message', (message: FromDataPlane) => {
      if (message.type === 'ready') {
        this.#waker = Waker.open(message.waker);
        settle();
      } else if (message.type === 'refused') {
        reject(Object.assign(new Error(message.message), { code: message.code }));
      } else {
        this.#hear(message);
      }
    });
    worker.on('error', (error) => {
      const failure = new ServeError('DATA_PLANE_FAILED', `the data plane failed: ${error}`, {
        cause: error,
      });
      reject(failure);
      this.#end(failure);
    });
    worker.on('exit', () => {
      const failure = new ServeError('DATA_PLANE_FAILED', 'the data plane ended by itself');
      reject(failure);
      this.#end(this.#isClosing ? undefined : failure);
    });
    return promise;
  }

  #hear(message: Exclude<FromDataPlane, { type: 'ready' | 'refused' }>): void {
    switch (message.type) {
      case 'status':
        this.#statusRequests.get(message.ticket)?.resolve(message.status);
        this.#statusRequests.delete(message.ticket);
        break;
      case 'verify':
        void this.#verify(message.ticket, message.name, message.password);
        break;
      case 'arrived':
        this.#pending.remove();
        break;
      case 'fault':
        this.#log(message.message);
        break;
    }
  }

  async #verify(ticket: number, name: string, password: string): Promise<void> {
    const credential = await this.#passwords?.verify(name, password);
    this.#tell({ type: 'verified', ticket, credential });
  }

  async #acceptConnections(listener: Listener): Promise<void> {
    try {
      for (;;) {
        this.#hand(await listener.acceptAsync());
        await this.#pending.room();
      }
    } catch (error) {
      if (!this.#isClosing) {
        this.#log(`no more connections are accepted: ${(error as NicError).message}`);
      }
    }
  }

  #hand(request: ConnectionRequest): void {
    if (this.#isClosing) {
      request.reject('the server is stopping');
    } else {
      this.#pending.add();
      this.#tell({ type: 'connection', request: request.detach() });
    }
  }

  #tell(message: ToDataPlane): void {
    this.#worker?.postMessage(message);
    this.#waker?.wake();
  }

  #end(failure: ServeError | undefined): void {
    this.#waker?.close();
    this.#waker = undefined;
    this.#worker = undefined;
    for (const request of this.#statusRequests.values()) {
      request.reject(failure ?? new ServeError('DATA_PLANE_FAILED', 'the server has ended'));
    }
    this.#statusRequests.clear();
    this.#listener?.close();
    this.#controlSocket?.close();
    if (failure === undefined) {
      this.#endedResolvers.resolve();
    } else {
      this.#endedResolvers.reject(failure);
    }
  }
}
