/** What the control side and the data plane tell each other. All of it can be posted between threads. */
import type { DetachedRequest, WakerToken } from '../../nic/index.ts';
import type { Credential } from '../access-control.ts';
import type { Limits } from '../sessions/limits.ts';
import type { Capacity } from '../store/index.ts';

/** What the data plane is started with. */
export interface DataPlaneOptions {
  readonly database: string;
  readonly create: boolean;
  readonly cacheBytes: number;
  /** Of a new database; an existing one keeps its own. */
  readonly blockBytes: number | undefined;
  /** Whether trusted clients may read the cache by themselves. */
  readonly exportsCache: boolean;
  /** Where the cache's memory outlives the server. */
  readonly unstableDirectory: string | undefined;
  /** How much the store may hold. */
  readonly capacity: Capacity;
  readonly limits: Limits;
  /** Whether the control side can check passwords. */
  readonly hasPasswords: boolean;
}

export type ToDataPlane =
  | { readonly type: 'connection'; readonly request: DetachedRequest }
  | { readonly type: 'status'; readonly ticket: number }
  | {
      readonly type: 'verified';
      readonly ticket: number;
      readonly credential: Credential | undefined;
    }
  /** A backup waits for its snapshot: see backup/handshake.ts. */
  | { readonly type: 'snapshot'; readonly handshake: SharedArrayBuffer }
  | { readonly type: 'stop' };

export type FromDataPlane =
  | { readonly type: 'ready'; readonly waker: WakerToken }
  /** The database could not be opened: the error's code and its message for a person. */
  | { readonly type: 'refused'; readonly code: string; readonly message: string }
  | { readonly type: 'status'; readonly ticket: number; readonly status: DataPlaneStatus }
  | {
      readonly type: 'verify';
      readonly ticket: number;
      readonly name: string;
      readonly password: string;
    }
  /** A connection was taken up, or refused: it is not the control side's any more. */
  | { readonly type: 'arrived' }
  /** Something went wrong that is the server's own fault, or its storage's. */
  | { readonly type: 'fault'; readonly message: string };

export interface SessionStatus {
  /** Identifies the session in this status alone: the real id is a secret of its client. */
  readonly number: number;
  /** The client-id string, with what is not printable escaped. */
  readonly client: string;
  readonly uid: number;
  readonly pid: number;
  readonly isTrusted: boolean;
  readonly requests: number;
  readonly opens: number;
  readonly credentials: number;
  readonly maxRequests: number;
  readonly hasBackControl: boolean;
  readonly hasRdmaRead: boolean;
  /** Numbers of the extensions that it was granted. */
  readonly extensions: readonly number[];
}

export interface DataPlaneStatus {
  readonly cache: { readonly bytes: number; readonly dirtyBytes: number };
  readonly store: {
    readonly totalBytes: number;
    readonly freeBytes: number;
    readonly files: number;
    readonly blockBytes: number;
    /** Why nothing can be changed any more; undefined when it can. */
    readonly readOnlyReason: string | undefined;
  };
  readonly counters: {
    readonly connections: number;
    readonly clients: number;
    readonly requests: number;
    readonly opens: number;
  };
  /** How often each limit of sessions/limits.ts was the reason to refuse something. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly sessions: readonly SessionStatus[];
}
