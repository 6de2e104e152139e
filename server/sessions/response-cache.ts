import { HEADER_BYTES } from '../../client/protocol/codec.ts';
import { ProtocolError } from '../../client/protocol/protocol-error.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Exchange } from '../engine/exchange.ts';
import { refuse } from '../engine/refusal.ts';
import { readKey } from '../state/entry-bytes.ts';
import { type FileId, StateKind, type Store } from '../store/index.ts';
import type { Limits } from './limits.ts';
import type { Client, Session } from './session.ts';

/** Before the body of a response: what it answers, how, and the file that it calls stable (0: none). */
const Header = {
  SEQUENCE_NUMBER: 0,
  PROCEDURE: 4,
  STATUS: 8,
  STABLE_FILE: 12,
  LENGTH: 20,
} as const;

/** The value of a session: its client, and when it began, by which the oldest is told. */
const SessionValue = { CLIENT_ID: 0, BEGAN_MS: 8, LENGTH: 16 } as const;

const SESSION_ID_BYTES = 8;

/** A stream's sequence number has gone half its way round: before it comes again, the entry is gone. */
const OUTDATED_DISTANCE = 0x8000;

/** The latest response of a stream that is kept. */
export interface CachedResponse {
  readonly sequenceNumber: number;
  readonly procedure: number;
  readonly status: DafsStatus;
  /** The file that must be on stable storage before this is told. */
  readonly stableFile: FileId | undefined;
  /** What the database has of it; behind `Header` the results, in the byte order of its session. */
  readonly value: Uint8Array;
}

/** The responses of one session, one for each stream at most. */
export class SessionResponses {
  readonly sessionId: bigint;
  readonly client: Client;
  readonly beganMs: number;
  /** The session; undefined when its connection, or its server, is gone. */
  session: Session | undefined;
  readonly byStream: (CachedResponse | undefined)[] = [];
  readonly #keys: Uint8Array[] = [];

  constructor(sessionId: bigint, client: Client, beganMs: number, session: Session | undefined) {
    this.sessionId = sessionId;
    this.client = client;
    this.beganMs = beganMs;
    this.session = session;
  }

  /** What the responses take. */
  get bytes(): number {
    return this.byStream.reduce((sum, cached) => sum + (cached?.value.length ?? 0), 0);
  }

  /** What the database knows the response of a stream by. */
  key(stream: number): Uint8Array {
    this.#keys[stream] ??= responseKey(this.sessionId, stream);
    return this.#keys[stream];
  }

  /** @throws Refusal DAFSERR_NOXID_MATCH when no such request has been executed and answered. */
  find(stream: number, sequenceNumber: number, procedure: number): CachedResponse {
    const cached = this.byStream[stream];
    const isMatch = cached?.sequenceNumber === sequenceNumber && cached.procedure === procedure;
    return isMatch ? cached : refuse(DafsStatus.DAFSERR_NOXID_MATCH);
  }
}

/**
 * The responses that clients may not have received (section 5.2): of what must not be done twice. They
 * are in the database, each in the transaction of what it tells of, and here for those who ask.
 */
export class ResponseCache {
  readonly #store: Store;
  readonly #limits: Limits;
  readonly #sessions = new Map<bigint, SessionResponses>();

  constructor(store: Store, limits: Limits) {
    this.#store = store;
    this.#limits = limits;
    // What was answered of a transaction that was undone, was not done.
    store.observe({ rolledBack: () => this.#readResponses() });
  }

  /** Knows the responses of the last server's sessions again, of whose clients these are. */
  recover(clients: readonly Client[]): void {
    const byId = new Map(clients.map((client) => [client.clientId, client]));
    const found: SessionResponses[] = [];
    for (const session of this.#store.state.read(StateKind.SESSION, readSession)) {
      const client = byId.get(session.clientId);
      if (client !== undefined) {
        found.push(new SessionResponses(session.sessionId, client, session.beganMs, undefined));
      }
    }
    found.sort((one, other) => one.beganMs - other.beganMs);
    for (const responses of found) {
      this.#sessions.set(responses.sessionId, responses);
      responses.client.lostSessions.add(responses);
    }
    this.#readResponses();
  }

  /** From now on a session's responses are kept. */
  begin(session: Session, client: Client): void {
    const responses = new SessionResponses(session.id, client, Date.now(), session);
    this.#put(responses);
    session.responses = responses;
  }

  /** The session's connection is lost: its client may ask for its responses. */
  lose(responses: SessionResponses): void {
    const { lostSessions } = responses.client;
    responses.session = undefined;
    lostSessions.add(responses);
    let bytes = [...lostSessions].reduce((sum, lost) => sum + lost.bytes, 0);
    for (const oldest of lostSessions) {
      const isTooMuch =
        lostSessions.size > this.#limits.maxLostSessionsPerClient ||
        bytes > this.#limits.maxLostResponseBytesPerClient;
      if (!isTooMuch) {
        break;
      }
      bytes -= oldest.bytes;
      this.discard(oldest);
    }
  }

  /** Forgets a session's responses. */
  discard(responses: SessionResponses): void {
    const { state } = this.#store;
    responses.byStream.forEach((_response, stream) => {
      state.delete(StateKind.RESPONSE, responses.key(stream));
    });
    state.delete(StateKind.SESSION, sessionKey(responses.sessionId));
    this.#sessions.delete(responses.sessionId);
    responses.client.lostSessions.delete(responses);
    if (responses.session !== undefined) {
      responses.session.responses = undefined;
    }
  }

  /** Puts back what has been discarded in a transaction that was undone. */
  restore(responses: SessionResponses): void {
    this.#sessions.set(responses.sessionId, responses);
    responses.client.lostSessions.add(responses);
  }

  /**
   * The responses of a session that a client asks for.
   * @throws Refusal DAFSERR_UNKNOWN_SESSION, DAFSERR_NOT_AUTHORIZED when it was not the client's.
   */
  of(sessionId: bigint, client: Client): SessionResponses {
    const responses = this.#sessions.get(sessionId) ?? refuse(DafsStatus.DAFSERR_UNKNOWN_SESSION);
    return responses.client === client ? responses : refuse(DafsStatus.DAFSERR_NOT_AUTHORIZED);
  }

  /** Keeps the response to a request, in the transaction in which that is executed. */
  keep(responses: SessionResponses, { header, status, stableFile, response }: Exchange): void {
    const { streamId, seqNumber: sequenceNumber, procedure } = header;
    const file = typeof stableFile === 'number' ? stableFile : undefined;
    const value = Buffer.allocUnsafe(Header.LENGTH + response.length - HEADER_BYTES);
    value.writeUInt32LE(sequenceNumber, Header.SEQUENCE_NUMBER);
    value.writeUInt32LE(procedure, Header.PROCEDURE);
    value.writeUInt32LE(status, Header.STATUS);
    value.writeDoubleLE(file ?? 0, Header.STABLE_FILE);
    value.set(response.bytes.subarray(HEADER_BYTES, response.length), Header.LENGTH);
    this.#store.state.put(StateKind.RESPONSE, responses.key(streamId), value);
    const cached = { sequenceNumber, procedure, status, stableFile: file, value };
    responses.byStream[streamId] = cached;
  }

  /**
   * A request has come on a stream.
   * @returns its response when it has been executed already
   * @throws Refusal DAFSERR_INVAL when another one has its number
   */
  repeated(
    responses: SessionResponses,
    stream: number,
    sequenceNumber: number,
    procedure: number,
  ): CachedResponse | undefined {
    const cached = responses.byStream[stream];
    if (cached === undefined) {
      return undefined;
    }
    if (cached.sequenceNumber === sequenceNumber) {
      return cached.procedure === procedure ? cached : refuse(DafsStatus.DAFSERR_INVAL);
    }
    if (((sequenceNumber - cached.sequenceNumber) & 0xffff) >= OUTDATED_DISTANCE) {
      responses.byStream[stream] = undefined;
      this.#store.state.delete(StateKind.RESPONSE, responses.key(stream));
    }
    return undefined;
  }

  #put(responses: SessionResponses): void {
    const value = new Uint8Array(SessionValue.LENGTH);
    viewOf(value).setBigUint64(SessionValue.CLIENT_ID, responses.client.clientId);
    viewOf(value).setFloat64(SessionValue.BEGAN_MS, responses.beganMs);
    this.#store.state.put(StateKind.SESSION, sessionKey(responses.sessionId), value);
    this.#sessions.set(responses.sessionId, responses);
  }

  /** Takes over what the database has. */
  #readResponses(): void {
    for (const { byStream } of this.#sessions.values()) {
      byStream.length = 0;
    }
    for (const { sessionId, stream, response } of this.#store.state.read(
      StateKind.RESPONSE,
      readResponse,
    )) {
      const responses = this.#sessions.get(sessionId);
      if (responses !== undefined) {
        responses.byStream[stream] = response;
      }
    }
  }
}

/** Answers a request with what another one was answered. @throws ProtocolError TOO_LARGE */
export function repeat({ status, value }: CachedResponse, exchange: Exchange): void {
  const { response } = exchange;
  const body = value.subarray(Header.LENGTH);
  if (HEADER_BYTES + body.length > response.bytes.length) {
    throw new ProtocolError('TOO_LARGE', 'response', 'does not fit into this session’s messages');
  }
  response.bytes.set(body, HEADER_BYTES);
  response.length = HEADER_BYTES + body.length;
  exchange.status = status;
}

/**
 * What an answer tells may have been executed just now: it waits for the commit, and for the stable
 * storage that was promised.
 */
export function tellOf({ stableFile }: CachedResponse, exchange: Exchange): void {
  exchange.isModified = true;
  exchange.stableFile = stableFile;
}

function responseIn(value: Uint8Array): CachedResponse {
  const view = viewOf(value);
  const file = view.getFloat64(Header.STABLE_FILE, true);
  return {
    sequenceNumber: view.getUint32(Header.SEQUENCE_NUMBER, true),
    procedure: view.getUint32(Header.PROCEDURE, true),
    status: view.getUint32(Header.STATUS, true) as DafsStatus,
    stableFile: file === 0 ? undefined : (file as FileId),
    value,
  };
}

/** @throws Error for an entry that is no session's */
export function readSession(key: Uint8Array, content: Uint8Array) {
  const value = readKey(content, SessionValue.LENGTH);
  return {
    sessionId: readKey(key, SESSION_ID_BYTES).readBigUInt64BE(),
    clientId: value.readBigUInt64BE(SessionValue.CLIENT_ID),
    beganMs: value.readDoubleBE(SessionValue.BEGAN_MS),
  };
}

/** @throws Error for an entry that is no response */
export function readResponse(keyBytes: Uint8Array, value: Uint8Array) {
  const key = readKey(keyBytes, SESSION_ID_BYTES + 2);
  return {
    sessionId: key.readBigUInt64BE(),
    stream: key.readUInt16BE(SESSION_ID_BYTES),
    response: responseIn(value),
  };
}

function sessionKey(sessionId: bigint): Uint8Array {
  const key = new Uint8Array(SESSION_ID_BYTES);
  viewOf(key).setBigUint64(0, sessionId);
  return key;
}

function responseKey(sessionId: bigint, stream: number): Uint8Array {
  const key = Buffer.alloc(SESSION_ID_BYTES + 2);
  viewOf(key).setBigUint64(0, sessionId);
  viewOf(key).setUint16(SESSION_ID_BYTES, stream);
  return key;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
