import type { PeerCredentials, RemoteRegion } from '../nic/index.ts';
import { Association, channelCapacities } from './association.ts';
import { DafsError, failureOf, hasCode } from './dafs-error.ts';
import { Endpoint } from './endpoint.ts';
import type { SessionTerms } from './negotiation.ts';
import { settleWhenDone } from './promises.ts';
import {
  type ClientId,
  CredType,
  type Extension,
  type Operation,
  operations,
} from './protocol/index.ts';
import { isLoss, Recovery } from './recovery.ts';
import { type BufferUse, RegisteredBuffer, TransferArena } from './registration.ts';
import {
  InPlaceRequest,
  operationName,
  type RepeatedRequest,
  Request,
  type Requestable,
} from './request.ts';
import { serverSockets } from './runtime-directory.ts';
import { type CompleteOptions, type SessionOptions, withDefaults } from './session-options.ts';

/** How long one wait for a completion lasts before it is begun anew. */
const WAIT_SLICE_MS = 1000;
/** How long close() waits for the server's farewell. */
const DISCONNECT_MS = 1000;
/** Pauses between attempts to connect again. */
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 250;

/**
 * A DAFS session: the way to a server, for one thread.
 *
 * Calls are synchronous (call) or pipelined (submit, then wait, poll or whenDone). Whatever waits
 * spins for a moment and then sleeps. When the server dies, every outstanding and every later call
 * fails with errno EIO, code CONNECTION_LOST; nothing hangs. With the option `recovery` the session
 * connects anew instead, and its calls only take longer: each is done exactly once.
 */
export class Session {
  /** Registered memory for transfers of memory that is not. */
  readonly transfers: TransferArena;
  /** How often the session has found its way back to the server. */
  recoveries = 0;
  readonly #path: string;
  readonly #given: SessionOptions;
  readonly #options: CompleteOptions;
  readonly #endpoint: Endpoint;
  readonly #recovery = new Recovery();
  readonly #recovered: ((isKnown: boolean) => void)[] = [];
  #association: Association;
  /** As which the server knew it when the session was whole last. */
  #clientId: ClientId;
  /** The connection is lost, and the time for another one was over: the next request tries again. */
  #isApart = false;
  #isLeaving = false;
  /** Goes out right behind the request that is sent next. */
  #follower: Requestable | undefined;
  /** Makes the error of every call once the session is over. */
  #failure: ((operation: string) => DafsError) | undefined;

  private constructor(path: string, given: SessionOptions) {
    const options = withDefaults(given);
    this.#path = path;
    this.#given = given;
    this.#options = options;
    this.#endpoint = new Endpoint(channelCapacities(options.maximumRequests), given);
    try {
      this.#association = this.#connectFirst();
      this.#clientId = this.terms.clientId;
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

  /** A connection that is lost while the session is agreed upon is made again, where any other is. */
  #connectFirst(): Association {
    const deadline = performance.now() + this.#options.timeoutMs;
    for (;;) {
      try {
        return this.#connect(deadline);
      } catch (error) {
        const isWanted = this.#given.recovery !== undefined && performance.now() < deadline;
        if (!isWanted || !hasCode(error, 'CONNECTION_LOST')) throw error;
        this.#endpoint.reset();
        Atomics.wait(never, 0, 0, FIRST_PAUSE_MS);
      }
    }
  }

  #connect(deadline = performance.now() + this.#options.timeoutMs): Association {
    return new Association(this.#endpoint, this.#path, this.#options, this.#given, deadline);
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

  /** What was agreed with the server. */
  get terms(): SessionTerms {
    return this.#association.terms;
  }

  /** The extensions that the server granted. */
  get extensions(): ReadonlySet<Extension> {
    return this.#association.extensions;
  }

  /** The process at the other end, as the kernel says. */
  get server(): PeerCredentials | undefined {
    return this.#association.server;
  }

  /**
   * Has `action` done each time the session has connected anew; it may use the session.
   * @param action is told whether the server still knows the client, its credentials and open files
   */
  onRecovered(action: (isKnown: boolean) => void): void {
    this.#recovered.push(action);
  }

  /** Whether calls can still succeed. */
  get isAlive(): boolean {
    return this.#failure === undefined;
  }

  /** How many requests wait for their response. */
  get outstanding(): number {
    return this.#association.requester.credits.outstanding;
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
      while (!this.#association.requester.trySend(request)) {
        this.#advance(WAIT_SLICE_MS);
        this.#assertAlive(request);
      }
      if (this.#follower !== undefined && this.#association.requester.trySend(this.#follower)) {
        this.#follower = undefined;
      }
    } catch (error) {
      if (error instanceof DafsError) {
        throw error;
      }
      // It is among what was under way: it has been made again, or has failed.
      this.#lose(error);
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
    return this.#association.requester.channel.queuePair.importRegion(handle, address, bytes);
  }

  /**
   * Takes leave of the server. Buffers of allocateBuffer() are out of its reach then, but their memory
   * stays until they are closed.
   */
  close(): void {
    if (this.#failure === undefined) {
      this.#isLeaving = true;
      this.#disconnect();
      this.#end('SESSION_CLOSED');
    }
    this.#endpoint.close();
    this.transfers.close();
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
      this.#lose(error);
      return 0;
    }
  }

  /** The connection is of no use any more: makes another one where that is wanted. */
  #lose(cause: unknown): void {
    if (this.#given.recovery === undefined || this.#isLeaving || !isLoss(cause)) {
      this.#end('CONNECTION_LOST', cause);
      return;
    }
    this.#recovery.takeOver(this.#association);
    this.#recover(this.#given.recovery.timeoutMs);
  }

  /** Connects until it succeeds or the time is over; then what is under way fails. */
  #recover(timeoutMs: number): void {
    const beganMs = performance.now();
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const failure = this.#tryToRecover();
      if (failure === undefined) {
        return;
      }
      if (!isLoss(failure)) {
        this.#end('CONNECTION_LOST', failure);
        return;
      }
      const passedMs = performance.now() - beganMs;
      if (passedMs >= timeoutMs || this.#given.recovery?.isGivenUp?.(passedMs) === true) {
        this.#isApart = true;
        this.#recovery.failAll(failureOf('CONNECTION_LOST', failure));
        return;
      }
      this.#given.beforeSleep?.(passedMs);
      Atomics.wait(never, 0, 0, Math.min(pauseMs, timeoutMs - passedMs));
    }
  }

  /** @returns why the session is not connected; undefined when it is, and all is as before the loss */
  #tryToRecover(): unknown {
    try {
      this.#endpoint.reset();
      this.#association = this.#connect();
    } catch (error) {
      return error;
    }
    const isKnown = this.terms.clientId === this.#clientId;
    try {
      this.#recovery.settle(this.#association, isKnown, () =>
        this.#endpoint.progress(WAIT_SLICE_MS),
      );
    } catch (error) {
      this.#recovery.takeOver(this.#association);
      return error;
    }
    this.#isApart = false;
    this.recoveries += 1;
    try {
      for (const action of this.#recovered) {
        action(isKnown);
      }
    } catch (error) {
      this.#recovery.takeOver(this.#association);
      return error;
    }
    // Not before all have been told; and one that used the session may have had it connect once more.
    this.#clientId = this.terms.clientId;
    return undefined;
  }

  /** An idle client that was asked to do with fewer requests hands them back by NULLs (3.2.6.4.2). */
  #returnExcessCredits(): void {
    const { credits } = this.#association.requester;
    if (credits.excess > 0 && credits.outstanding === 0) {
      this.#association.requester.trySend(new Request(operations.NULL, {}, 0));
    }
  }

  /** Ends the session: what is outstanding fails now, what comes later fails at once. */
  #end(code: 'CONNECTION_LOST' | 'SESSION_CLOSED', cause?: unknown): void {
    this.#failure = failureOf(code, cause);
    this.#recovery.failAll(this.#failure);
    this.#association.requester.failAll(this.#failure);
  }

  #assertAlive(request: Requestable): void {
    if (this.#isApart) {
      if (!this.#isLeaving) {
        this.#recover(this.#given.recovery?.timeoutMs ?? 0);
      }
      if (this.#isApart) {
        throw failureOf(
          'CONNECTION_LOST',
          new Error('the server is away'),
        )(operationName(request.operation));
      }
    }
    if (this.#failure !== undefined) {
      throw this.#failure(operationName(request.operation));
    }
  }
}

/** What Atomics.wait sleeps on that only shall sleep. */
const never = new Int32Array(new SharedArrayBuffer(4));
