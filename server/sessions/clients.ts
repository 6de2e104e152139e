import { DafsStatus } from '../../client/protocol/status.ts';
import type { Credential } from '../access-control.ts';
import type { Channel } from '../engine/channel.ts';
import type { Clock } from '../engine/clock.ts';
import { refuse } from '../engine/refusal.ts';
import type { OpenTable } from '../state/opens.ts';
import { type ClientProcess, hasEnded, type ProcessStart } from './client-process.ts';
import type { ClientRecords } from './client-records.ts';
import { CredentialTable } from './credentials.ts';
import type { Limits } from './limits.ts';
import { credentialCapacity, type SessionParameters } from './negotiation.ts';
import type { Rations } from './rations.ts';
import type { ResponseCache, SessionResponses } from './response-cache.ts';
import {
  askerOf,
  Client,
  type ClientClaim,
  isSamePrincipal,
  type Principal,
  Session,
} from './session.ts';

export interface SessionTableOptions {
  readonly limits: Limits;
  readonly rations: Rations;
  readonly opens: OpenTable;
  readonly records: ClientRecords;
  readonly responses: ResponseCache;
  readonly clock: Clock;
  readonly processStart: ProcessStart;
  /** Draws the 64 random bits of a session or client id; never 0. */
  readonly drawId: () => bigint;
  /** Called when a client came or went. */
  readonly onClientsChange: () => void;
}

/** All sessions, and the clients that they belong to (section 3.1.1.3). */
export class SessionTable {
  readonly #options: SessionTableOptions;
  readonly #sessions = new Map<bigint, Session>();
  readonly #clients = new Map<string, Client>();

  constructor(options: SessionTableOptions) {
    this.#options = options;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  sessions(): Iterable<Session> {
    return this.#sessions.values();
  }

  clients(): Iterable<Client> {
    return this.#clients.values();
  }

  /**
   * Knows the clients of the last server again. They have the time of a lease to come back; those
   * whose processes have ended go with the first `releaseOverdue`.
   */
  recover(): readonly Client[] {
    const clients = this.#options.records.read();
    for (const client of clients) {
      client.expiresMs = this.#leaseEndMs();
      this.#clients.set(client.claim.idString, client);
    }
    this.#options.responses.recover(clients);
    this.#options.onClientsChange();
    return clients;
  }

  /** Makes a session for a client that has yet to authenticate. */
  connect(
    idString: string,
    verifier: bigint,
    parameters: SessionParameters,
    wantedCredentials: number,
    channel: Channel,
  ): Session {
    const known = this.#clients.get(idString);
    const same = known?.claim.verifier === verifier ? known : undefined;
    const clientId = same?.clientId ?? this.#options.drawId();
    const claim: ClientClaim = { idString, verifier, clientId };
    const useResponseCache = parameters.useResponseCache && same?.isDurable !== false;
    const session = new Session(
      this.#options.drawId(),
      { ...parameters, useResponseCache },
      claim,
      channel,
      wantedCredentials,
    );
    this.#sessions.set(session.id, session);
    return session;
  }

  /**
   * Believes a session's claim now that its peer has authenticated: a new client (the draft's case
   * A), one more session of a known one (B), which may have no other any more, or a new incarnation,
   * whose predecessor loses its opens and its sessions (C).
   *
   * @throws Refusal DAFSERR_CLID_INUSE when the client id string is another principal's,
   * DAFSERR_STALE_CLIENTID when the client id that CLIENT_CONNECT returned was released or superseded
   * in between, DAFSERR_RESOURCE when the client has too many sessions.
   */
  authenticate(session: Session, principal: Principal): Client {
    const { idString } = session.claim;
    const known = this.#clients.get(idString);
    if (known !== undefined && !isSamePrincipal(known.principal, principal)) {
      refuse(DafsStatus.DAFSERR_CLID_INUSE);
    }
    if (known !== undefined && known.claim.verifier !== session.claim.verifier) {
      this.#supersede(known);
    }
    const client = this.#clients.get(idString) ?? this.#admit(session, principal);
    if (client.clientId !== session.claim.clientId) {
      refuse(DafsStatus.DAFSERR_STALE_CLIENTID);
    }
    const { limits, rations } = this.#options;
    if (client.sessions.size >= limits.maxSessionsPerClient) {
      rations.refuse(askerOf(client), 'maxSessionsPerClient');
    }
    this.#follow(client, this.#processOf(session));
    client.sessions.add(session);
    client.expiresMs = undefined;
    client.silentMs = 0;
    session.client = client;
    session.principal = principal;
    if (session.parameters.useResponseCache) {
      this.#options.responses.begin(session, client);
    }
    return client;
  }

  /** @throws Refusal DAFSERR_UNKNOWN_SESSION */
  find(sessionId: bigint): Session {
    return this.#sessions.get(sessionId) ?? refuse(DafsStatus.DAFSERR_UNKNOWN_SESSION);
  }

  /** Ends a session that its client ends; with its last session a client loses all that it holds. */
  disconnect(session: Session): void {
    const client = this.#remove(session);
    this.#discard(session.responses);
    if (client?.sessions.size === 0) {
      this.#release(client);
    }
  }

  /**
   * Ends a session whose connection is lost. A durable client that lives keeps what it holds, and has
   * the time of a lease to come back for it.
   */
  lose(session: Session): void {
    const client = this.#remove(session);
    if (client !== undefined && session.responses !== undefined) {
      this.#options.responses.lose(session.responses);
    }
    if (client === undefined || client.sessions.size > 0) {
      return;
    }
    if (client.isDurable && !hasEnded(client.process, this.#options.processStart)) {
      client.expiresMs = this.#leaseEndMs();
      this.#limitLost(client.principal);
    } else {
      this.#release(client);
    }
  }

  /** Ends a session whose making the database did not take. */
  takeBack(session: Session): void {
    const client = this.#remove(session);
    this.#discard(session.responses);
    if (client !== undefined && session.isFirst) {
      this.#release(client);
    } else if (client?.sessions.size === 0) {
      client.expiresMs = this.#leaseEndMs();
    }
  }

  /** Releases the clients that will not come back, or have not. To be called about once a second. */
  releaseOverdue(): void {
    const { clock, processStart } = this.#options;
    const now = clock.monotonicMs();
    for (const client of [...this.#clients.values()]) {
      const { expiresMs } = client;
      if (expiresMs !== undefined && (expiresMs <= now || hasEnded(client.process, processStart))) {
        this.#release(client);
      }
    }
  }

  /** A client has registered a credential, or has none of that handle any more. */
  credentialChanged(client: Client, handle: number, credential: Credential | undefined): void {
    if (!client.isDurable) {
      return;
    }
    if (credential === undefined) {
      this.#options.records.deleteCredential(client, handle);
    } else {
      this.#options.records.putCredential(client, handle, credential);
    }
  }

  /** How many credentials the client of a session can or will be able to register. */
  credentialCapacity(session: Session): number {
    const known = session.client ?? this.#clients.get(session.claim.idString);
    return (
      known?.credentials.capacity ??
      credentialCapacity(session.wantedCredentials, this.#options.limits)
    );
  }

  #admit(session: Session, principal: Principal): Client {
    const capacity = credentialCapacity(session.wantedCredentials, this.#options.limits);
    const client = new Client(
      session.claim,
      principal,
      new CredentialTable(capacity),
      session.parameters.useResponseCache,
      this.#processOf(session),
    );
    if (client.isDurable) {
      this.#options.records.put(client);
    }
    session.isFirst = true;
    this.#clients.set(session.claim.idString, client);
    this.#options.onClientsChange();
    return client;
  }

  #processOf({ operations }: Session): ClientProcess {
    const { pid } = operations.port.peer;
    return { pid, start: this.#options.processStart(pid) };
  }

  /** The process of the latest session is the one whose life counts. */
  #follow(client: Client, { pid, start }: ClientProcess): void {
    if (client.process.pid !== pid || client.process.start !== start) {
      client.process = { pid, start };
      if (client.isDurable) {
        this.#options.records.put(client);
      }
    }
  }

  /** A user's clients that come, and are lost, without end push out his own only. */
  #limitLost(principal: Principal): void {
    let count = 0;
    let first: Client | undefined;
    for (const client of this.#clients.values()) {
      const { expiresMs } = client;
      if (expiresMs !== undefined && isSamePrincipal(client.principal, principal)) {
        count += 1;
        first = expiresMs < (first?.expiresMs ?? Number.POSITIVE_INFINITY) ? client : first;
      }
    }
    if (first !== undefined && count > this.#options.limits.maxLostClientsPerUser) {
      this.#release(first);
    }
  }

  #leaseEndMs(): number {
    return this.#options.clock.monotonicMs() + this.#options.limits.leaseMs;
  }

  /** @returns the session's client, unless there was none, or it has been released. */
  #remove(session: Session): Client | undefined {
    this.#sessions.delete(session.id);
    const { client } = session;
    const isKnown = client?.sessions.delete(session) === true;
    return isKnown && this.#clients.get(session.claim.idString) === client ? client : undefined;
  }

  /** Forgets a client with all that it holds. */
  #release(client: Client): void {
    this.#options.opens.closeAllOf(client);
    if (client.isDurable) {
      for (const { responses } of client.sessions) {
        this.#discard(responses);
      }
      for (const responses of client.lostSessions) {
        this.#discard(responses);
      }
      this.#options.records.delete(client);
    }
    this.#clients.delete(client.claim.idString);
    this.#options.onClientsChange();
  }

  #discard(responses: SessionResponses | undefined): void {
    if (responses !== undefined) {
      this.#options.responses.discard(responses);
    }
  }

  #supersede(predecessor: Client): void {
    this.#release(predecessor);
    for (const session of [...predecessor.sessions]) {
      session.operations.close('the client has started anew');
    }
  }
}
