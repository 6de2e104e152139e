import type { PeerCredentials, RemoteRegion } from '../nic/index.ts';
import { BackControl } from './back-control.ts';
import type { ChannelOptions } from './channel.ts';
import { DafsError, hasStatus } from './dafs-error.ts';
import { Endpoint } from './endpoint.ts';
import {
  agreedTerms,
  authenticationFor,
  bindArguments,
  connectArguments,
  type SessionTerms,
} from './negotiation.ts';
import { settleWhenDone } from './promises.ts';
import {
  type AuthRequest,
  ChannelUse,
  CredType,
  DafsStatus,
  type Extension,
  FIRST_EXCHANGE_BYTES,
  type Operation,
  operations,
} from './protocol/index.ts';
import { type BufferUse, RegisteredBuffer, TransferArena } from './registration.ts';
import {
  badResponse,
  InPlaceRequest,
  operationName,
  type RepeatedRequest,
  Request,
  type Requestable,
} from './request.ts';
import { Requester } from './requester.ts';
import { serverSockets } from './runtime-directory.ts';
import { type CompleteOptions, type SessionOptions, withDefaults } from './session-options.ts';

/** How long one wait for a completion lasts before it is begun anew. */
const WAIT_SLICE_MS = 1000;
/** How long close() waits for the server's farewell. */
const DISCONNECT_MS = 1000;
/** Directives that the server may have outstanding. */
const BACK_CONTROL_REQUESTS = 8;

/**
 * A DAFS session: the way to a server, for one thread.
 *
 * Calls are synchronous (call) or pipelined (submit, then wait, poll or whenDone). Whatever waits
 * spins for a moment and then sleeps. When the server dies, every outstanding and every later call
 * fails with errno EIO, code CONNECTION_LOST; nothing hangs.
 */
export class Session {
  /** What was agreed with the server. */
  readonly terms: SessionTerms;
  /** The extensions that the server granted. */
  readonly extensions: ReadonlySet<Extension>;
  /** Registered memory for transfers of memory that is not. */
  readonly transfers: TransferArena;
  /** The process at the other end, as the kernel says. */
  readonly server: PeerCredentials | undefined;
  readonly #endpoint: Endpoint;
  readonly #requester: Requester;
  /** Goes out right behind the request that is sent next. */
  #follower: Requestable | undefined;
  /** Makes the error of every call once the session is over. */
  #failure: ((operation: string) => DafsError) | undefined;

  private constructor(path: string, given: SessionOptions) {
    const options = withDefaults(given);
    const deadline = performance.now() + options.timeoutMs;
    this.#endpoint = new Endpoint([options.maximumRequests, BACK_CONTROL_REQUESTS, 1], given);
    try {
      const channel = this.#endpoint.openChannel(path, channelOptions(options), options.timeoutMs);
      this.server = channel.queuePair.peer;
      this.#requester = new Requester(channel, options.maximumRequests);
      this.#endpoint.attach(this.#requester);
      const auth = authenticationFor(given, this.server?.uid);
      this.terms = this.#negotiate(options, given.onDirective !== undefined, auth, deadline);
      this.extensions = this.#agreeOnExtensions(options.extensions, deadline);
      this.#bindChannels(path, options, given, auth, deadline);
      this.transfers = new TransferArena(
        this.#endpoint.domain,
        options.transferSlots,
        options.transferSlotBytes,
      );
    } catch (error) {
      this.#endpoint.close();
      throw error;
    }
  }

  /**
   * Connects to the server called `name`, or to the one whose fabric socket has that path (a name
   * with a slash in it).
   *
   * @throws DafsError CONNECT_FAILED when there is none, NEGOTIATION_FAILED, or the server's refusal;
   * RuntimeDirectoryError when the name or the runtime directory cannot be used
   */
  static connect(name: string, options: SessionOptions = {}): Session {
    return new Session(name.includes('/') ? name : serverSockets(name).fabric, options);
  }

  /** Whether calls can still succeed. */
  get isAlive(): boolean {
    return this.#failure === undefined;
  }

  /** How many requests wait for their response. */
  get outstanding(): number {
    return this.#requester.credits.outstanding;
  }

  /**
   * Performs one operation of the protocol's table and returns its results.
   * @param credential a handle of registerCredential(); 0 are the session's own credentials
   * @throws DafsError with the server's status, or that the session is over
   */
  call<Arguments, Results>(
    operation: Operation<Arguments, Results>,
    requestArguments: Arguments,
    credential = 0,
  ): Results {
    return this.wait(this.submit(operation, requestArguments, credential));
  }

  /**
   * The same without a copy of the results: `take` sees them where they arrived, copies the byte
   * strings that it keeps, and gives what is returned.
   */
  callInPlace<Arguments, Results, Taken>(
    operation: Operation<Arguments, Results>,
    requestArguments: Arguments,
    credential: number,
    take: (results: Results) => Taken,
  ): Taken {
    const request = new InPlaceRequest(operation, requestArguments, credential, take);
    this.send(request);
    return this.wait(request);
  }

  /** Sends a request and returns at once, unless it must wait for a credit. */
  submit<Arguments, Results>(
    operation: Operation<Arguments, Results>,
    requestArguments: Arguments,
    credential = 0,
  ): Request<Arguments, Results> {
    const request = new Request(operation, requestArguments, credential);
    this.send(request);
    return request;
  }

  /** Sends a request that the caller has made; waits only for a credit. */
  send(request: Requestable): void {
    try {
      this.#assertAlive(request);
      while (!this.#requester.trySend(request)) {
        this.#advance(WAIT_SLICE_MS);
        this.#assertAlive(request);
      }
      if (this.#follower !== undefined && this.#requester.trySend(this.#follower)) {
        this.#follower = undefined;
      }
    } catch (error) {
      if (error instanceof DafsError) {
        throw error;
      }
      this.#end('CONNECTION_LOST', error);
      this.#assertAlive(request);
    }
  }

  /** Sends `request` right behind the next one: the server takes both at once. It fails if there is none. */
  sendBehindNext(request: Requestable): void {
    this.#follower = request;
  }

  /** Waits until the response of `request` is there and returns its results. */
  wait<Arguments, Results>(request: Request<Arguments, Results>): Results {
    this.settle(request);
    return request.results;
  }

  /**
   * Sends a request that is made again and again, and waits until it has succeeded; its `results`
   * are those of this time then.
   */
  repeat<Arguments, Results, Name extends keyof Results & string>(
    request: RepeatedRequest<Arguments, Results, Name>,
    credential: number,
  ): void {
    request.begin(credential);
    this.send(request);
    this.settle(request);
    request.assertSucceeded();
  }

  /** Waits until the response of `request` is there, whether it succeeded or not. */
  settle(request: Requestable): void {
    if (request === this.#follower) {
      this.#follower = undefined;
      request.fail(DafsError.notSent(operationName(request.operation)));
    }
    while (!request.isDone) {
      this.#advance(WAIT_SLICE_MS);
      if (this.#failure !== undefined && !request.isDone) {
        // It was never sent on this session, so nothing will ever answer it.
        request.fail(this.#failure(operationName(request.operation)));
      }
    }
  }

  /**
   * Takes what has arrived, after waiting up to `timeoutMs` for something. Request.isDone tells
   * which requests are answered; directives of the server are answered meanwhile.
   * @returns how many messages arrived
   */
  poll(timeoutMs = 0): number {
    return this.#failure === undefined ? this.#advance(timeoutMs) : 0;
  }

  /** A promise of the results of `request`, for programs that live in the event loop. */
  whenDone<Arguments, Results>(request: Request<Arguments, Results>): Promise<Results> {
    return settleWhenDone(this, request);
  }

  /**
   * The handle of a user for whom this client acts; all sessions of one identity share it.
   * @param capabilities bits of Capability (the extension); when left out root has all, others none
   * @param keepsAccessTimes what he reads and owns keeps its access time; goes with `capabilities`
   * @throws DafsError DAFSERR_NOT_AUTHORIZED when the server does not trust this client
   */
  registerCredential(
    uid: number,
    gid: number,
    groups: readonly number[] = [],
    capabilities?: number,
    keepsAccessTimes = false,
  ): number {
    const ids = { uid: uid | 0, gid: gid | 0, groups };
    if (capabilities !== undefined) {
      const user = { ...ids, capabilities: capabilities >>> 0, keepsAccessTimes };
      return this.call(operations.REGISTER_CRED2, user).credHandle;
    }
    const cred = { credType: CredType.DAFS_CRED_ID, ...ids } as const;
    return this.call(operations.REGISTER_CRED, { cred }).credHandle;
  }

  /** Gives a handle of registerCredential() back. */
  releaseCredential(credential: number): void {
    this.call(operations.RELEASE_CRED, { credHandle: credential as never });
  }

  /** Allocates memory that the server may move file data into and out of by itself. */
  allocateBuffer(bytes: number, use: BufferUse): RegisteredBuffer {
    return RegisteredBuffer.allocate(this.#endpoint.domain, bytes, use);
  }

  /**
   * Memory of the server's that it has opened to this session for reading.
   * @throws NicError REM_ACCESS_ERR when it has not, QP_STATE when the session is over
   */
  importMemory(handle: number, address: number, bytes: number): RemoteRegion {
    return this.#requester.channel.queuePair.importRegion(handle, address, bytes);
  }

  /**
   * Takes leave of the server. Buffers of allocateBuffer() are out of its reach then, but their memory
   * stays until they are closed.
   */
  close(): void {
    if (this.#failure === undefined) {
      this.#disconnect();
      this.#end('SESSION_CLOSED');
    }
    this.#endpoint.close();
    this.transfers.close();
  }

  #negotiate(
    options: CompleteOptions,
    wantsBackControl: boolean,
    auth: AuthRequest,
    deadline: number,
  ): SessionTerms {
    const results = this.#exchange(
      this.#requester,
      new Request(
        operations.CLIENT_CONNECT_AUTH,
        connectArguments(options, wantsBackControl, auth),
        0,
      ),
      deadline,
    );
    const terms = agreedTerms(options, results);
    this.#requester.credits.grant(terms.maximumRequests);
    this.#requester.useChecksums = terms.usesChecksums;
    return terms;
  }

  #agreeOnExtensions(wanted: readonly Extension[], deadline: number): ReadonlySet<Extension> {
    if (wanted.length === 0) {
      return new Set();
    }
    try {
      const request = new Request(operations.EXTENSIONS, { wanted }, 0);
      return new Set(this.#exchange(this.#requester, request, deadline).granted);
    } catch (error) {
      // A server of the draft alone does not know the procedure.
      if (hasStatus(error, DafsStatus.DAFSERR_NOTSUPP)) {
        return new Set();
      }
      throw error;
    }
  }

  #bindChannels(
    path: string,
    options: CompleteOptions,
    given: SessionOptions,
    auth: AuthRequest,
    deadline: number,
  ): void {
    if (this.terms.usesBackControlChannel && given.onDirective !== undefined) {
      const { DAFS_BACK_CONTROL_CHANNEL } = ChannelUse;
      const channel = this.#bind(path, DAFS_BACK_CONTROL_CHANNEL, options, auth, deadline);
      this.#endpoint.attach(new BackControl(channel, given.onDirective, this.terms.usesChecksums));
    }
    if (this.terms.usesRdmaReadChannel) {
      this.#bind(path, ChannelUse.DAFS_RDMA_READ_CHANNEL, options, auth, deadline);
    }
  }

  /** Opens one more channel of this session (CONNECT_BIND). */
  #bind(
    path: string,
    use: (typeof ChannelUse)[keyof typeof ChannelUse],
    options: CompleteOptions,
    auth: AuthRequest,
    deadline: number,
  ) {
    const capacity = use === ChannelUse.DAFS_BACK_CONTROL_CHANNEL ? BACK_CONTROL_REQUESTS : 1;
    const channel = this.#endpoint.openChannel(
      path,
      {
        capacity,
        maximumSendBytes: FIRST_EXCHANGE_BYTES,
        maximumReceiveBytes: FIRST_EXCHANGE_BYTES,
        littleEndian: options.littleEndian,
      },
      options.timeoutMs,
    );
    // No checksums yet: the server learns only from this request which session the channel joins.
    const requester = new Requester(channel, capacity);
    this.#endpoint.attach(requester);
    const bind = bindArguments(this.terms, use, capacity, auth);
    this.#exchange(requester, new Request(operations.CONNECT_BIND, bind, 0), deadline);
    return channel;
  }

  /** One request and its response while the session is being set up. */
  #exchange<Arguments, Results>(
    requester: Requester,
    request: Request<Arguments, Results>,
    deadline: number,
  ): Results {
    const name = operationName(request.operation);
    try {
      requester.trySend(request);
      while (!request.isDone) {
        const remainingMs = deadline - performance.now();
        if (remainingMs <= 0) {
          throw DafsError.local(name, 'CONNECT_FAILED', 'ETIMEDOUT', 'the server does not answer');
        }
        this.#endpoint.progress(Math.ceil(remainingMs));
      }
    } catch (error) {
      throw error instanceof DafsError ? error : badResponse(name, error);
    }
    return request.results;
  }

  /** Says DISCONNECT; a server that dies or hangs meanwhile changes nothing. */
  #disconnect(): void {
    try {
      const request = this.submit(operations.DISCONNECT, {});
      const deadline = performance.now() + DISCONNECT_MS;
      while (!request.isDone && performance.now() < deadline) {
        this.#advance(DISCONNECT_MS);
      }
    } catch (error) {
      if (!(error instanceof DafsError)) {
        throw error;
      }
    }
  }

  #advance(timeoutMs: number): number {
    try {
      const messages = this.#endpoint.progress(timeoutMs);
      this.#returnExcessCredits();
      return messages;
    } catch (error) {
      this.#end('CONNECTION_LOST', error);
      return 0;
    }
  }

  /** An idle client that was asked to do with fewer requests hands them back by NULLs (3.2.6.4.2). */
  #returnExcessCredits(): void {
    const { credits } = this.#requester;
    if (credits.excess > 0 && credits.outstanding === 0) {
      this.#requester.trySend(new Request(operations.NULL, {}, 0));
    }
  }

  /** Ends the session: what is outstanding fails now, what comes later fails at once. */
  #end(code: 'CONNECTION_LOST' | 'SESSION_CLOSED', cause?: unknown): void {
    const reason =
      code === 'SESSION_CLOSED'
        ? 'the session is closed'
        : `the session is over: ${(cause as Error).message}`;
    this.#failure = (operation) => DafsError.local(operation, code, 'EIO', reason, { cause });
    this.#requester.failAll(this.#failure);
  }

  #assertAlive(request: Requestable): void {
    if (this.#failure !== undefined) {
      throw this.#failure(operationName(request.operation));
    }
  }
}

function channelOptions(options: CompleteOptions): ChannelOptions {
  return {
    capacity: options.maximumRequests,
    maximumSendBytes: Math.max(options.maximumRequestBytes, FIRST_EXCHANGE_BYTES),
    maximumReceiveBytes: Math.max(options.maximumResponseBytes, FIRST_EXCHANGE_BYTES),
    littleEndian: options.littleEndian,
  };
}
