import { ChainFlag, PROTOCOL_VERSION } from '../../client/protocol/constants.ts';
import {
  decodeRequestHeader,
  encodeHeaderOnly,
  encodeResponseHeader,
  ResponseHeader,
  requestIsLittleEndian,
  sealMessage,
  verifyMessage,
} from '../../client/protocol/headers.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import { repeat, tellOf } from '../sessions/response-cache.ts';
import { enterChain, inheritFromChain, leaveChain } from './chain.ts';
import { Channel, type ChannelPort, type PeerIdentity } from './channel.ts';
import { type DispatchEntry, dispatchTable } from './dispatch.ts';
import type { Exchange } from './exchange.ts';
import { refuse } from './refusal.ts';
import { ENCODED, PARKED, type Service } from './service.ts';
import { Solitude } from './solitude.ts';
import { StableAnswers } from './stable-answers.ts';
import { statusOf } from './status.ts';
import { SyncForesight } from './sync-foresight.ts';

/** Told of errors that no status of the draft foresees: defects of the server. */
export type FaultReporter = (error: unknown) => void;

/**
 * The responder: takes requests as they come in, executes them, and answers a whole batch of them
 * after one commit. It knows connections as ports only, has no clock of its own and does nothing
 * by itself, so that a test or a simulation can drive it.
 */
export class Engine {
  readonly #service: Service;
  readonly #reportFault: FaultReporter;
  readonly #channels = new Set<Channel>();
  /** Exchanges whose answer is encoded and waits for the commit. */
  readonly #answered: Exchange[] = [];
  readonly #stableAnswers: StableAnswers;
  readonly #solitude = new Solitude();
  readonly #syncForesight = new SyncForesight();
  readonly #responseHeader = new ResponseHeader();
  #requestCount = 0;

  constructor(service: Service, reportFault: FaultReporter) {
    this.#service = service;
    this.#reportFault = reportFault;
    this.#stableAnswers = new StableAnswers(
      service.store,
      service.cache,
      (exchange, failure) => this.#sendHeld(exchange, failure),
      (error) => this.#noteFailure(error),
    );
  }

  get channelCount(): number {
    return this.#channels.size;
  }

  /** Requests executed since the start. */
  get requestCount(): number {
    return this.#requestCount;
  }

  channels(): Iterable<Channel> {
    return this.#channels;
  }

  /** Why no more connections of this process can be taken; undefined when they can. */
  reasonToReject({ uid, pid }: PeerIdentity): string | undefined {
    const { maxConnections, maxConnectionsPerUser, maxConnectionsPerProcess } =
      this.#service.limits;
    const peers = [...this.#channels].map(({ port }) => port.peer);
    const ofUser = peers.filter((peer) => peer.uid === uid).length;
    const ofProcess = peers.filter((peer) => peer.pid === pid).length;
    const levels: readonly (readonly [who: string, count: number, maximum: number])[] = [
      ['the server', peers.length, maxConnections],
      [`user ${uid}`, ofUser, maxConnectionsPerUser],
      [`process ${pid}`, ofProcess, maxConnectionsPerProcess],
    ];
    const full = levels.find(([, count, maximum]) => count >= maximum);
    return full && `${full[0]} has ${full[1]} connections and gets no more`;
  }

  /** Message buffers of all connections of a process. */
  messageMemoryBytesOf(pid: number): number {
    let bytes = 0;
    for (const { port, messageMemoryBytes } of this.#channels) {
      bytes += port.peer.pid === pid ? messageMemoryBytes : 0;
    }
    return bytes;
  }

  /** A connection was accepted. Its port must be able to post receives at once. */
  attach(port: ChannelPort): Channel {
    const { clock, limits } = this.#service;
    const channel = new Channel(port, clock.monotonicMs() + limits.handshakeMs);
    this.#channels.add(channel);
    return channel;
  }

  /** A connection is gone. What nobody will come back for is released; `finish` makes that durable. */
  detach(channel: Channel): void {
    if (!this.#channels.delete(channel)) {
      return;
    }
    channel.isClosed = true;
    channel.directives?.fail();
    const { session } = channel;
    if (session === undefined) {
      return;
    }
    if (channel.role !== 'rdma-read') {
      this.#service.notifications.unsubscribe(session);
    }
    if (channel.role === 'operations') {
      this.#service.sessions.lose(session);
      session.backControl?.close('the session has ended');
      session.rdmaRead?.close('the session has ended');
    } else if (session.backControl === channel) {
      session.backControl = undefined;
    } else if (session.rdmaRead === channel) {
      session.rdmaRead = undefined;
    }
  }

  /** Executes a request; its answer is sent by the next `finish`. Or takes an answer to one of ours. */
  receive(exchange: Exchange): void {
    const { directives } = exchange.channel;
    if (directives !== undefined) {
      directives.receive(exchange);
      return;
    }
    this.#requestCount += 1;
    exchange.channel.requestCount += 1;
    exchange.begin();
    try {
      this.#readHeader(exchange);
      this.#execute(exchange);
    } catch (error) {
      this.#fail(exchange, error);
    }
  }

  /** Gives the answer of a request that was parked, unless its client is gone. */
  resume(exchange: Exchange, complete: () => object | undefined): void {
    if (exchange.channel.isClosed) {
      return;
    }
    try {
      this.#service.notifications.actor = exchange.channel.session?.client;
      this.#answer(exchange, complete());
    } catch (error) {
      this.#fail(exchange, error);
    }
  }

  /**
   * Commits what the requests so far have changed, and sends their answers; those that promise stable
   * storage when the promise is kept: also for that this is to be called again and again.
   */
  finish(): void {
    const failure = this.#commit();
    for (const exchange of this.#answered) {
      this.#solitude.executed(exchange);
      this.#syncForesight.executed(exchange);
      if (failure !== undefined && exchange.isModified) {
        exchange.undo?.();
        exchange.stableFile = undefined;
        this.#setFailure(exchange, failure);
      }
      if (!exchange.channel.isClosed && !this.#stableAnswers.hold(exchange)) {
        this.#send(exchange);
      }
    }
    this.#answered.length = 0;
    const isAlone = this.#solitude.isCertain;
    this.#stableAnswers.advance(isAlone);
    const expected = this.#syncForesight.take();
    if (isAlone && expected !== undefined) {
      this.#stableAnswers.syncAhead(expected);
    }
    this.#solitude.roundEnded();
    this.#service.notifications.flush();
    if (failure === undefined) {
      this.#service.lockGrants.flush();
    }
  }

  /** How long until `finish` has something to do by itself; Infinity when it has not. */
  dueMs(): number {
    return this.#service.notifications.dueMs();
  }

  /**
   * Closes connections that did not become sessions in time, releases clients that have not come back
   * in time, and takes from those that are not heard what others wait for; `finish` makes that durable.
   * To be called about once a second.
   */
  closeOverdue(): void {
    const { sessions, leases } = this.#service;
    sessions.releaseOverdue();
    leases.look(sessions.clients());
    const now = this.#service.clock.monotonicMs();
    for (const channel of this.#channels) {
      if (channel.deadlineMs !== undefined && channel.deadlineMs <= now) {
        channel.close('no session was established in time');
      }
    }
  }

  #readHeader(exchange: Exchange): void {
    const { channel, request, response, header } = exchange;
    if (channel.littleEndian === undefined || channel.role === 'new') {
      channel.littleEndian = requestIsLittleEndian(request.bytes.subarray(0, request.length));
    }
    request.littleEndian = channel.littleEndian;
    response.littleEndian = channel.littleEndian;
    decodeRequestHeader(request, header);
    if (header.protocolVersion !== PROTOCOL_VERSION) {
      refuse(DafsStatus.DAFSERR_ILLEGAL_PROT);
    }
    const parameters = channel.session?.parameters;
    if (parameters !== undefined) {
      exchange.isSealed = parameters.useChecksums;
      request.inlineWriteHeaderBytes = parameters.inlineWriteHeaderSize;
      if (parameters.useChecksums) {
        verifyMessage(request);
      }
      if (header.streamId >= parameters.maxRequests) {
        refuse(DafsStatus.DAFSERR_INVAL);
      }
    }
    channel.credits.desire(header.desiredNreq);
  }

  #execute(exchange: Exchange): void {
    const { channel, header } = exchange;
    const entry = dispatchTable[header.procedure] ?? refuse(DafsStatus.DAFSERR_NOTSUPP);
    exchange.entry = entry;
    enterChain(channel.chain, header.chainFlags, entry.operation);
    requireState(exchange, entry);
    if (this.#repeat(exchange)) {
      return;
    }
    const { handler } = entry;
    if (handler === undefined) {
      refuse(DafsStatus.DAFSERR_NOTSUPP);
    }
    const args: object = entry.operation.arguments.decode(exchange.request);
    exchange.args = args;
    inheritFromChain(channel.chain, header.chainFlags, entry.operation, args);
    this.#service.notifications.actor = channel.session?.client;
    const { durability } = this.#service.store;
    const { modificationCount } = durability;
    const results = handler(this.#service, exchange, args as never);
    if (results !== PARKED) {
      const changesFiles = !entry.changesHeld || durability.modificationCount !== modificationCount;
      exchange.isModified ||= isDone(exchange) && entry.operation.modifies && changesFiles;
      this.#answer(exchange, results);
    }
  }

  /** Answers a request of a session with a response cache that has been executed before (5.2.5). */
  #repeat(exchange: Exchange): boolean {
    const { channel, header } = exchange;
    const responses = channel.session?.responses;
    if (responses === undefined) {
      return false;
    }
    const { streamId, seqNumber, procedure } = header;
    const cached = this.#service.responses.repeated(responses, streamId, seqNumber, procedure);
    if (cached === undefined) {
      return false;
    }
    tellOf(cached, exchange);
    repeat(cached, exchange);
    this.#answer(exchange, ENCODED);
    return true;
  }

  #answer(exchange: Exchange, results: object | undefined | typeof ENCODED): void {
    const { channel, response, entry, header } = exchange;
    if (results === undefined) {
      encodeHeaderOnly(response);
    } else if (results !== ENCODED) {
      entry?.operation.results.encode(response, results);
    }
    this.#keep(exchange);
    const { status, args } = exchange;
    channel.chain = leaveChain(
      channel.chain,
      header.chainFlags,
      entry?.operation,
      status,
      args,
      results === ENCODED ? undefined : results,
    );
    this.#answered.push(exchange);
  }

  /** Keeps what a client that loses its connection will ask for, in the transaction of the request. */
  #keep(exchange: Exchange): void {
    const { channel, header, entry, status } = exchange;
    const responses = channel.session?.responses;
    const isToBeKept =
      entry?.operation.cached === true || (header.chainFlags & ChainFlag.DAFS_CHF_SAVE) !== 0;
    if (responses !== undefined && isToBeKept && status === DafsStatus.DAFS_STATUS_OK) {
      this.#service.responses.keep(responses, exchange);
    }
  }

  #fail(exchange: Exchange, error: unknown): void {
    let status = statusOf(error);
    if (status === undefined) {
      this.#reportFault(error);
      status = DafsStatus.DAFSERR_SERVERFAULT;
    }
    exchange.undo?.();
    exchange.stableFile = undefined;
    this.#setFailure(exchange, status);
    const { channel, header, entry } = exchange;
    channel.chain = leaveChain(
      channel.chain,
      header.chainFlags,
      entry?.operation,
      status,
      undefined,
      undefined,
    );
    this.#answered.push(exchange);
  }

  #setFailure(exchange: Exchange, status: DafsStatus): void {
    exchange.status = status;
    const resultsOfFailure = exchange.entry?.resultsOfFailure;
    if (resultsOfFailure === undefined) {
      encodeHeaderOnly(exchange.response);
    } else {
      exchange.entry?.operation.results.encode(exchange.response, resultsOfFailure);
    }
  }

  /** One commit for all that was changed. Returns the status that stands for its failure. */
  #commit(): DafsStatus | undefined {
    const { store, held } = this.#service;
    try {
      held.record();
      store.commit();
      return undefined;
    } catch (error) {
      held.commitFailed();
      return this.#noteFailure(error);
    }
  }

  #noteFailure(error: unknown): DafsStatus {
    this.#reportFault(error);
    return statusOf(error) ?? DafsStatus.DAFSERR_IO;
  }

  /** Sends an answer that was held back, unless its client is gone. */
  #sendHeld(exchange: Exchange, failure: DafsStatus | undefined): void {
    if (exchange.channel.isClosed) {
      return;
    }
    if (failure !== undefined) {
      this.#setFailure(exchange, failure);
    }
    this.#send(exchange);
  }

  #send(exchange: Exchange): void {
    const { channel, header, response, status } = exchange;
    // The requester may use the credit as soon as it has the response (section 3.2.6.3).
    channel.port.release(exchange);
    channel.credits.beforeResponse();
    const responseHeader = this.#responseHeader;
    responseHeader.protocolVersion =
      status === DafsStatus.DAFSERR_ILLEGAL_PROT
        ? supportedVersionBelow(header.protocolVersion)
        : PROTOCOL_VERSION;
    responseHeader.targetNreq = channel.credits.target;
    responseHeader.streamId = header.streamId;
    responseHeader.seqNumber = header.seqNumber;
    responseHeader.analyzerLow = header.analyzerLow;
    responseHeader.analyzerHigh = header.analyzerHigh;
    responseHeader.status = status;
    encodeResponseHeader(response, responseHeader);
    if (exchange.isSealed) {
      sealMessage(response);
    }
    channel.port.send(exchange);
  }
}

const isDone = ({ status }: Exchange): boolean => status === DafsStatus.DAFS_STATUS_OK;

/** The next lower version that we speak, 0 if there is none (section 6.1.3). */
const supportedVersionBelow = (version: number): number =>
  version > PROTOCOL_VERSION ? PROTOCOL_VERSION : 0;

/**
 * What must have come before a request: nothing at all, a session, or an authenticated one.
 *
 * @throws Refusal DAFSERR_ILLEGAL_STATE, DAFSERR_BAD_SESSION, DAFSERR_NOTSUPP for an extension that
 * was not granted, or what Session.credential throws.
 */
function requireState(exchange: Exchange, entry: DispatchEntry): void {
  const { role } = exchange.channel;
  if (entry.requires === 'new channel') {
    if (role !== 'new') {
      refuse(DafsStatus.DAFSERR_ILLEGAL_STATE);
    }
    return;
  }
  const { session } = exchange;
  if (role !== 'operations') {
    refuse(DafsStatus.DAFSERR_ILLEGAL_STATE);
  }
  const { extension } = entry.operation;
  if (extension !== undefined && !session.extensions.has(extension)) {
    refuse(DafsStatus.DAFSERR_NOTSUPP);
  }
  if (entry.requires === 'authentication') {
    exchange.credential = session.credential(exchange.header.credHandle);
  }
}
