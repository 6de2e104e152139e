import { DafsStatus } from '../../client/protocol/status.ts';
import type { Channel } from '../engine/channel.ts';
import { refuse } from '../engine/refusal.ts';
import type { OpenTable } from '../state/opens.ts';
import { CredentialTable } from './credentials.ts';
import type { Limits } from './limits.ts';
import { credentialCapacity, type SessionParameters } from './negotiation.ts';
import { Client, type ClientClaim, isSamePrincipal, type Principal, Session } from './session.ts';

export interface SessionTableOptions {
  readonly limits: Limits;
  readonly opens: OpenTable;
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

  /** Makes a session for a client that has yet to authenticate. */
  connect(
    idString: string,
    verifier: bigint,
    parameters: SessionParameters,
    wantedCredentials: number,
    channel: Channel,
  ): Session {
    const known = this.#clients.get(idString);
    const isSameIncarnation = known !== undefined && known.verifier === verifier;
    const clientId = isSameIncarnation ? known.clientId : this.#options.drawId();
    const claim: ClientClaim = { idString, verifier, clientId };
    const session = new Session(
      this.#options.drawId(),
      parameters,
      claim,
      channel,
      wantedCredentials,
    );
    this.#sessions.set(session.id, session);
    return session;
  }

  /**
   * Believes a session's claim now that its peer has authenticated: a new client (the draft's case
   * A), one more session of a known one (B), or a new incarnation, whose predecessor loses its
   * opens and its sessions (C).
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
    if (known !== undefined && known.verifier !== session.claim.verifier) {
      this.#supersede(idString, known);
    }
    const client = this.#clients.get(idString) ?? this.#admit(session, principal);
    if (client.clientId !== session.claim.clientId) {
      refuse(DafsStatus.DAFSERR_STALE_CLIENTID);
    }
    if (client.sessions.size >= this.#options.limits.maxSessionsPerClient) {
      refuse(DafsStatus.DAFSERR_RESOURCE);
    }
    client.sessions.add(session);
    session.client = client;
    session.principal = principal;
    return client;
  }

  /** @throws Refusal DAFSERR_UNKNOWN_SESSION */
  find(sessionId: bigint): Session {
    return this.#sessions.get(sessionId) ?? refuse(DafsStatus.DAFSERR_UNKNOWN_SESSION);
  }

  /** Forgets a session; with its last session a client loses all that it holds. */
  end(session: Session): void {
    if (!this.#sessions.delete(session.id)) {
      return;
    }
    const { client } = session;
    if (client === undefined) {
      return;
    }
    client.sessions.delete(session);
    if (client.sessions.size === 0) {
      this.#options.opens.closeAllOf(client);
      if (this.#clients.get(session.claim.idString) === client) {
        this.#clients.delete(session.claim.idString);
        this.#options.onClientsChange();
      }
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
    const client = new Client(session.claim, principal, new CredentialTable(capacity));
    this.#clients.set(session.claim.idString, client);
    this.#options.onClientsChange();
    return client;
  }

  #supersede(idString: string, predecessor: Client): void {
    this.#clients.delete(idString);
    this.#options.opens.closeAllOf(predecessor);
    for (const session of [...predecessor.sessions]) {
      session.operations.close('the client has started anew');
    }
  }
}
