import type { Extension } from '../../client/protocol/extensions.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Credential } from '../access-control.ts';
import type { Channel } from '../engine/channel.ts';
import { refuse } from '../engine/refusal.ts';
import type { LockedRange } from '../state/lock-ranges.ts';
import type { LockKind } from '../state/lock-space.ts';
import type { Open, OpenHolder } from '../state/opens.ts';
import type { FileId } from '../store/index.ts';
import type { ClientProcess } from './client-process.ts';
import { type CredentialTable, DEFAULT_CREDENTIAL_HANDLE } from './credentials.ts';
import type { SessionParameters } from './negotiation.ts';
import type { Asker } from './rations.ts';
import type { SessionResponses } from './response-cache.ts';

/** Who somebody proved to be, and how. */
export interface Principal {
  /** An authentication type of section 6.1.9. */
  readonly method: number;
  readonly name: string;
  /** What requests without a registered credential are executed as. */
  readonly credential: Credential;
  /** Whether it may register credentials of others (section 3.1.1.1.2). */
  readonly isTrusted: boolean;
}

export const isSamePrincipal = (one: Principal, other: Principal): boolean =>
  one.method === other.method && one.name === other.name;

/** Which client a session claims to belong to: believed once it has authenticated. */
export interface ClientClaim {
  /** The client-id string, its bytes as Latin-1 so that it can be a key. */
  readonly idString: string;
  /** Changes whenever the client starts anew and has forgotten its opens. */
  readonly verifier: bigint;
  /** The shorthand that was returned for both. */
  readonly clientId: bigint;
}

/** An open or a lock that a client has no more, because others wanted it when its lease was over. */
export type Loss = {
  /** Counts the losses of a client from 1. */
  readonly number: number;
  readonly fileId: FileId;
} & ({ readonly stateId: bigint } | { readonly kind: LockKind; readonly range: LockedRange });

/** One incarnation of a client: what its sessions have in common. */
export class Client implements OpenHolder {
  readonly claim: ClientClaim;
  readonly principal: Principal;
  readonly credentials: CredentialTable;
  /**
   * Whether what it holds is in the database, and is kept for a while when its connections are lost:
   * its first session asked for a response cache. The database knows it by its client id.
   */
  readonly isDurable: boolean;
  /** The process that made the latest of its sessions. */
  process: ClientProcess;
  readonly sessions = new Set<Session>();
  readonly opens = new Set<Open>();
  /** Of sessions whose connections are lost, the oldest first. */
  readonly lostSessions = new Set<SessionResponses>();
  /** Without sessions: until when it is kept, on the monotonic clock. */
  expiresMs: number | undefined;
  /** How long nothing has come from it, and how many requests had come when that began: leases.ts. */
  silentMs = 0;
  requestsHeard = 0;
  /** What was taken from it meanwhile and it has yet to learn, the first first. */
  losses: readonly Loss[] = [];
  /** The number of its latest loss. */
  lastLoss = 0;

  constructor(
    claim: ClientClaim,
    principal: Principal,
    credentials: CredentialTable,
    isDurable: boolean,
    process: ClientProcess,
  ) {
    this.claim = claim;
    this.principal = principal;
    this.credentials = credentials;
    this.isDurable = isDurable;
    this.process = process;
  }

  /** Never another client's, and the same as long as there is this one, over restarts of the server. */
  get clientId(): bigint {
    return this.claim.clientId;
  }
}

/** The process that asks in a client's name. */
export const askerOf = ({ principal, process }: Client): Asker => ({
  uid: principal.credential.uid,
  pid: process.pid,
});

/** A DAFS session (section 3.1). It lives as long as its operations channel. */
export class Session {
  readonly id: bigint;
  readonly parameters: SessionParameters;
  readonly claim: ClientClaim;
  readonly operations: Channel;
  /** How many credentials the client asked for with this session; its first session decides. */
  readonly wantedCredentials: number;
  backControl: Channel | undefined;
  rdmaRead: Channel | undefined;
  /** Set when the client has authenticated; nothing but that is possible before. */
  client: Client | undefined;
  principal: Principal | undefined;
  /** Its response cache, if that was negotiated. */
  responses: SessionResponses | undefined;
  /** With this session its client became known. */
  isFirst = false;
  /** What EXTENSIONS granted. */
  readonly extensions = new Set<Extension>();

  constructor(
    id: bigint,
    parameters: SessionParameters,
    claim: ClientClaim,
    operations: Channel,
    wantedCredentials: number,
  ) {
    this.id = id;
    this.parameters = parameters;
    this.claim = claim;
    this.operations = operations;
    this.wantedCredentials = wantedCredentials;
  }

  /**
   * The credential that a request names in its header.
   *
   * @throws Refusal DAFSERR_NOT_AUTHENTICATED, DAFSERR_NOT_AUTHORIZED when an untrusted client names
   * any but its own, DAFSERR_NO_CREDS when there is no such handle.
   */
  credential(handle: number): Credential {
    if (this.client === undefined || this.principal === undefined) {
      refuse(DafsStatus.DAFSERR_NOT_AUTHENTICATED);
    }
    if (handle === DEFAULT_CREDENTIAL_HANDLE) {
      return this.principal.credential;
    }
    if (!this.principal.isTrusted) {
      refuse(DafsStatus.DAFSERR_NOT_AUTHORIZED);
    }
    return this.client.credentials.find(handle);
  }
}
