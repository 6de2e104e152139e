/**
 * A server without a NIC: the real engine over a real store, with connections that are function
 * calls. What clients register for RDMA is ordinary memory.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HEADER_BYTES } from '../../../../client/protocol/codec.ts';
import { PROTOCOL_VERSION } from '../../../../client/protocol/constants.ts';
import {
  decodeResponseHeader,
  encodeRequestHeader,
  RequestHeader,
  ResponseHeader,
  sealMessage,
  verifyMessage,
} from '../../../../client/protocol/headers.ts';
import { MessageBuffer } from '../../../../client/protocol/message-buffer.ts';
import type { AnyOperation } from '../../../../client/protocol/operation.ts';
import {
  type ArgumentsOf,
  type OperationName,
  operations,
  type ResultsOf,
} from '../../../../client/protocol/operations.ts';
import { statusName } from '../../../../client/protocol/status.ts';
import type { Credential } from '../../../../server/access-control.ts';
import { BlockCache } from '../../../../server/block-cache.ts';
import {
  assembleEngine,
  type EngineOptions,
  type Random64,
} from '../../../../server/engine/assemble.ts';
import type { Channel, ChannelPort, PeerIdentity } from '../../../../server/engine/channel.ts';
import { systemClock } from '../../../../server/engine/clock.ts';
import type { Engine } from '../../../../server/engine/engine.ts';
import { Exchange } from '../../../../server/engine/exchange.ts';
import type { LocalMemory } from '../../../../server/engine/memory.ts';
import type { Service } from '../../../../server/engine/service.ts';
import { ExportedCache } from '../../../../server/exported-cache/exported-cache.ts';
import {
  Authentication,
  type PasswordVerifier,
} from '../../../../server/sessions/authentication.ts';
import {
  defaultLimits,
  type Limits,
  MINIMUM_MESSAGE_BYTES,
} from '../../../../server/sessions/limits.ts';
import type { SessionParameters } from '../../../../server/sessions/negotiation.ts';
import { openedFiles } from '../../../../server/state/open-record.ts';
import { type OpenLogSync, Store } from '../../../../server/store/index.ts';
import { copyKilled } from '../../store/support/killed-copy.ts';
import { FakeRemoteMemory } from './fake-remote-memory.ts';

export const SERVER_UID = 500;

export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
export const text = (data: Uint8Array): string => Buffer.from(data).toString('latin1');

const ordinaryMemory = (length: number): LocalMemory => ({
  memory: new Uint8Array(length),
  address: 0,
  lkey: 0,
});

export interface TestServerOptions {
  readonly limits?: Partial<Limits>;
  readonly verifyPassword?: PasswordVerifier;
  readonly cacheBytes?: number;
  /** Whether clients may read the cache by themselves. */
  readonly ordma?: boolean;
  /** How the log gets onto the disk. */
  readonly openLogSync?: OpenLogSync;
  /** What the server serves; a new database of its own when left out. */
  readonly database?: string;
  /** The store of a server that was killed just now: what is left of it is served. */
  readonly killed?: Store;
  /** Where ids come from. */
  readonly random?: Random64;
  /** Processes that have ended: all others live. */
  readonly endedProcesses?: Iterable<number>;
}

export class TestServer {
  readonly engine: Engine;
  readonly service: Service;
  readonly store: Store;
  readonly faults: unknown[] = [];
  /** What the log says of clients that ran into a limit. */
  readonly refusals: string[] = [];
  /** The clock of time limits; file times are real. */
  monotonicMs = 0;
  /** Processes that have ended: all others live. */
  readonly endedProcesses: Set<number>;
  readonly #options: TestServerOptions;
  readonly #random: Random64;
  readonly #directory: string;

  constructor(options: TestServerOptions = {}) {
    this.#options = options;
    this.endedProcesses = new Set(options.endedProcesses);
    this.#random = options.random ?? countingRandom();
    this.#directory = mkdtempSync(join(tmpdir(), 'dafs-server-'));
    const { openLogSync, killed } = options;
    const database =
      killed === undefined
        ? (options.database ?? join(this.#directory, 'test.db'))
        : copyKilled(killed, this.#directory);
    this.store = Store.open(database, {
      create: true,
      ...(openLogSync !== undefined && { openLogSync }),
      heldObjects: openedFiles,
    });
    const limits = { ...defaultLimits, ...options.limits };
    const cacheBytes = options.cacheBytes ?? 32 << 20;
    const layout = ExportedCache.layoutFor(cacheBytes, this.store.blockBytes);
    const exported = options.ordma
      ? new ExportedCache(layout, new Uint8Array(layout.bytes))
      : undefined;
    const cacheMemory = {
      ...ordinaryMemory(0),
      memory: exported?.blocks ?? new Uint8Array(cacheBytes),
    };
    const parts: EngineOptions = {
      store: this.store,
      cache: new BlockCache(this.store, cacheMemory.memory, { exported }),
      cacheMemory,
      exported,
      writeVerifier: 1n,
      staging: ordinaryMemory(limits.maxTransferBytes),
      zeros: ordinaryMemory(4096),
      authentication: new Authentication({
        serverUid: SERVER_UID,
        verifyPassword: options.verifyPassword,
      }),
      limits,
      clock: { now: systemClock.now, monotonicMs: () => this.monotonicMs },
      random: this.#random,
      processStart: (pid) => (this.endedProcesses.has(pid) ? undefined : `start of ${pid}`),
      reportFault: (error) => this.faults.push(error),
      reportRefusal: (message) => this.refusals.push(message),
    };
    try {
      const { engine, service } = assembleEngine(parts);
      this.engine = engine;
      this.service = service;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** A connection from a process of this user. */
  connection(peer: Partial<PeerIdentity> = {}): TestConnection {
    return new TestConnection(this, { pid: 1, uid: SERVER_UID, gid: SERVER_UID, ...peer });
  }

  /** An authenticated session, of the server's own user unless the options say otherwise. */
  client(options: ClientOptions = {}): TestConnection {
    const connection = this.connection(options.peer);
    connection.connect(options);
    return connection;
  }

  /** What a new process serves after this one was killed just now: only the files of the store are left. */
  successor(options: TestServerOptions = {}): TestServer {
    const killed = this.store;
    return new TestServer({ ...this.#options, random: this.#random, ...options, killed });
  }

  close(): void {
    this.store.close();
    rmSync(this.#directory, { recursive: true });
  }
}

/** Ids that differ, and are the same in each run of a test. */
function countingRandom(): () => bigint {
  let last = 0x0123_4567_89ab_cdefn;
  return () => {
    last = (last * 6364136223846793005n + 1442695040888963407n) & 0xffff_ffff_ffff_ffffn;
    return last;
  };
}

export interface ClientOptions {
  readonly peer?: Partial<PeerIdentity>;
  readonly connect?: Partial<ArgumentsOf<'CLIENT_CONNECT_AUTH'>>;
  readonly littleEndian?: boolean;
}

export const connectArguments: ArgumentsOf<'CLIENT_CONNECT_AUTH'> = {
  useChecksums: false,
  useResponseCache: false,
  maxCredentials: 0,
  maxRequestSize: 8192,
  maxResponseSize: 8192,
  maxRequests: 4,
  inlineWriteHeaderSize: 0,
  useBackControlChannel: false,
  useRdmaReadChannel: false,
  fenceIdString: '',
  clientIdString: bytes('client'),
  clientVerifier: 1n as ArgumentsOf<'CLIENT_CONNECT_AUTH'>['clientVerifier'],
  authReq: { authType: 0 },
};

export interface Response<Results> {
  /** The draft's name of the status, without its prefix. */
  readonly status: string;
  readonly header: ResponseHeader;
  /** Of a success, or of a failure that carries results. */
  readonly results: Results;
}

const shortStatus = (status: number): string =>
  statusName(status)?.replace(/^DAFS(?:ERR|_STATUS)_/, '') ?? `status ${status}`;

/** One connection, seen from the client's side. */
export class TestConnection implements ChannelPort {
  readonly peer: PeerIdentity;
  readonly remoteMemory: FakeRemoteMemory;
  readonly server: TestServer;
  readonly channel: Channel;
  /** Responses that were sent, in their order. */
  readonly sent: MessageBuffer[] = [];
  closeReason: string | undefined;
  posted = 0;
  credHandle = 0;
  checksums = false;
  littleEndian = true;
  #messageBytes: readonly [number, number] = [MINIMUM_MESSAGE_BYTES, MINIMUM_MESSAGE_BYTES];
  #free: Exchange[] = [];
  #serial = 0;

  constructor(server: TestServer, peer: PeerIdentity) {
    this.server = server;
    this.peer = peer;
    this.remoteMemory = new FakeRemoteMemory();
    this.channel = server.engine.attach(this);
    this.channel.credits.begin();
  }

  #takeExchange(): Exchange {
    const free = this.#free.pop();
    if (free !== undefined) {
      return free;
    }
    const options = { littleEndian: this.littleEndian };
    const [requestBytes, responseBytes] = this.#messageBytes;
    return new Exchange(
      this.channel,
      0,
      MessageBuffer.allocate(requestBytes, options),
      MessageBuffer.allocate(responseBytes, options),
    );
  }

  // What the engine calls.

  postReceive(): void {
    this.posted += 1;
  }

  take(): Exchange {
    return this.#takeExchange();
  }

  release(exchange: Exchange): void {
    if (exchange.request.bytes.length === this.#messageBytes[0]) {
      this.#free.push(exchange);
    }
  }

  resize(parameters: SessionParameters): void {
    this.#messageBytes = [parameters.maxRequestSize, parameters.maxResponseSize];
    this.#free = [];
  }

  send(exchange: Exchange): void {
    const { bytes: source, length } = exchange.response;
    const { littleEndian } = exchange.response;
    const copy = MessageBuffer.allocate(exchange.response.bytes.length, { littleEndian });
    copy.bytes.set(source.subarray(0, length));
    copy.length = length;
    this.sent.push(copy);
  }

  exportCache(): { handle: number; address: number } {
    return { handle: 7, address: 4096 };
  }

  close(reason: string): void {
    this.closeReason = reason;
    this.server.engine.detach(this.channel);
    this.server.engine.finish();
  }

  // What tests call.

  connect(options: ClientOptions = {}): ResultsOf<'CLIENT_CONNECT_AUTH'> {
    this.littleEndian = options.littleEndian ?? true;
    const args = { ...connectArguments, ...options.connect };
    const response = this.call('CLIENT_CONNECT_AUTH', args);
    if (response.status !== 'OK') {
      throw new Error(`CLIENT_CONNECT_AUTH: ${response.status}`);
    }
    this.checksums = args.useChecksums;
    return response.results;
  }

  registerCredential({ uid, gid, groups }: Credential): number {
    const response = this.call('REGISTER_CRED', {
      cred: { credType: 1, uid: uid | 0, gid: gid | 0, groups },
    });
    return response.results.credHandle;
  }

  /** Sends one request and takes its response; the batch is this request alone. */
  call<Name extends OperationName>(
    name: Name,
    args: ArgumentsOf<Name>,
    header: Partial<RequestHeader> = {},
  ): Response<ResultsOf<Name>> {
    const count = this.sent.length;
    this.submit(name, args, header);
    this.server.engine.finish();
    const response = this.sent[count];
    if (response === undefined) {
      throw new Error(`${name} was not answered`);
    }
    return this.decode(name, response, args);
  }

  /** Sends a request without the end of the batch. */
  submit<Name extends OperationName>(
    name: Name,
    args: ArgumentsOf<Name>,
    header: Partial<RequestHeader> = {},
  ): void {
    const exchange = this.#takeExchange();
    const operation: AnyOperation = operations[name];
    const { request } = exchange;
    request.littleEndian = this.littleEndian;
    request.inlineWriteHeaderBytes = this.channel.session?.parameters.inlineWriteHeaderSize ?? 0;
    operation.arguments.encode(request, args);
    this.#serial += 1;
    encodeRequestHeader(request, {
      ...new RequestHeader(),
      protocolVersion: PROTOCOL_VERSION,
      procedure: operation.procedure,
      credHandle: this.credHandle,
      seqNumber: this.#serial & 0xffff,
      analyzerLow: this.#serial,
      ...header,
    });
    if (this.checksums) {
      sealMessage(request);
    }
    this.deliver(exchange);
  }

  /** Sends bytes as they are. */
  raw(message: Uint8Array): MessageBuffer {
    const count = this.sent.length;
    const exchange = this.#takeExchange();
    exchange.request.bytes.set(message);
    exchange.request.length = message.length;
    this.deliver(exchange);
    this.server.engine.finish();
    return this.sent[count] as MessageBuffer;
  }

  /** Delivers a message that `write` puts into an exchange; the batch does not end. */
  deliverWritten(write: (message: MessageBuffer) => void): void {
    const exchange = this.#takeExchange();
    exchange.request.littleEndian = this.littleEndian;
    write(exchange.request);
    this.deliver(exchange);
  }

  deliver(exchange: Exchange): void {
    this.posted -= 1;
    this.server.engine.receive(exchange);
  }

  decode<Name extends OperationName>(
    name: Name,
    message: MessageBuffer,
    args?: ArgumentsOf<Name>,
  ): Response<ResultsOf<Name>> {
    const operation: AnyOperation = operations[name];
    const header = new ResponseHeader();
    decodeResponseHeader(message, header);
    if (this.checksums) {
      verifyMessage(message);
    }
    const discriminators = {
      authType: () => (args as unknown as { authType: number }).authType,
      status: () => header.status,
    };
    const { resultsDiscriminator } = operation;
    const external = resultsDiscriminator && discriminators[resultsDiscriminator]();
    const results =
      message.length > HEADER_BYTES ? operation.results.decode(message, external) : {};
    return { status: shortStatus(header.status), header, results };
  }

  /** Ends the connection as the death of the client does. */
  die(): void {
    this.close('the client died');
  }
}
