/**
 * What one client may take of the server. Sizes and numbers of requests are negotiated down. Who asks
 * for more connections is refused them by the fabric; who asks for more of what a client holds is
 * answered DAFSERR_RESOURCE, and named in the server's log (rations.ts).
 */
export interface Limits {
  /** Connections of all clients together; more are rejected by the fabric. */
  readonly maxConnections: number;
  /** Connections of one user, so that no user keeps the others out. */
  readonly maxConnectionsPerUser: number;
  /** Connections of one process, so that one that runs wild leaves some to others of its user. */
  readonly maxConnectionsPerProcess: number;
  readonly maxSessionsPerClient: number;
  /** Lost sessions whose responses are kept, and how much these may take; the oldest go first. */
  readonly maxLostSessionsPerClient: number;
  readonly maxLostResponseBytesPerClient: number;
  /** Clients of one user that are kept without connections; who was lost first goes first. */
  readonly maxLostClientsPerUser: number;
  /** Of all clients together. */
  readonly maxOpens: number;
  readonly maxOpensPerClient: number;
  /** Locked ranges and waits for locks together. */
  readonly maxLocksPerClient: number;
  /** Whenever a file is unlocked, all that wait for it are looked at. */
  readonly maxWaitsPerClient: number;
  /** Negotiated down at CLIENT_CONNECT. */
  readonly maxCredentialsPerClient: number;
  /** More supplementary groups in a credential are DAFSERR_INVAL (section 6.2.8). */
  readonly maxGroupsPerCredential: number;
  /** Lock owners, client ids and fence ids that are longer are DAFSERR_INVAL. */
  readonly maxIdentifierBytes: number;
  /** Requests under way at once on one channel. */
  readonly maxRequests: number;
  readonly maxRequestBytes: number;
  readonly maxResponseBytes: number;
  /** Message buffers of one session; the number of its requests is negotiated down to fit. */
  readonly maxMessageMemoryBytes: number;
  /** The same of all sessions of a process. */
  readonly maxMessageMemoryBytesPerProcess: number;
  /** The longest READ (longer ones return less) and WRITE (longer ones are DAFSERR_WRITE_TOOBIG). */
  readonly maxTransferBytes: number;
  /** Buffers of a client that one direct request may name; more are DAFSERR_INVAL. */
  readonly maxDirectBuffers: number;
  /** A connection without an authenticated session is closed after this time. */
  readonly handshakeMs: number;
  /** What a client holds that lost its connections, or its server, is kept so long for its return. */
  readonly leaseMs: number;
}

/** A message buffer is never smaller: the first exchange needs as much (section 3.2.6.3). */
export const MINIMUM_MESSAGE_BYTES = 4096;

export const defaultLimits: Limits = {
  maxConnections: 1024,
  maxConnectionsPerUser: 512,
  maxConnectionsPerProcess: 256,
  maxSessionsPerClient: 64,
  maxLostSessionsPerClient: 256,
  maxLostResponseBytesPerClient: 16 << 20,
  maxLostClientsPerUser: 512,
  maxOpens: 1 << 20,
  maxOpensPerClient: 1 << 18,
  maxLocksPerClient: 1 << 16,
  maxWaitsPerClient: 2048,
  maxCredentialsPerClient: 4096,
  maxGroupsPerCredential: 256,
  maxIdentifierBytes: 1024,
  maxRequests: 64,
  maxRequestBytes: 65_536,
  maxResponseBytes: 65_536,
  maxMessageMemoryBytes: 4 << 20,
  maxMessageMemoryBytesPerProcess: 128 << 20,
  maxTransferBytes: 1 << 20,
  maxDirectBuffers: 64,
  handshakeMs: 10_000,
  leaseMs: 30_000,
};
