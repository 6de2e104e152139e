import { DafsError } from './dafs-error.ts';
import {
  type ArgumentsOf,
  type AuthRequest,
  AuthType,
  type ChannelUse,
  type ClientId,
  FIRST_EXCHANGE_BYTES,
  type ResultsOf,
  type SessionId,
} from './protocol/index.ts';
import type { Authentication, CompleteOptions, SessionOptions } from './session-options.ts';

/** How many credentials a client may register, as far as we wish; the server may grant fewer. */
const MAXIMUM_CREDENTIALS = 1024;

/** What the two sides agreed upon for the life of a session (3.1.2.2). */
export interface SessionTerms {
  readonly sessionId: SessionId;
  readonly clientId: ClientId;
  /** Whether the server lets this client register credentials of any user. */
  readonly isTrusted: boolean;
  readonly usesChecksums: boolean;
  readonly littleEndian: boolean;
  readonly maximumRequests: number;
  readonly maximumRequestBytes: number;
  readonly maximumResponseBytes: number;
  readonly maximumCredentials: number;
  readonly usesBackControlChannel: boolean;
  readonly usesRdmaReadChannel: boolean;
}

/**
 * How this process proves itself to a server of the user `serverUserId`. AUTH_NONE is for clients
 * that the server trusts: its own user and root.
 */
export function authenticationFor(
  options: SessionOptions,
  serverUserId: number | undefined,
): AuthRequest {
  const own = (process.geteuid as () => number)();
  const isTrusted = own === 0 || own === serverUserId;
  const chosen: Authentication =
    options.authentication ?? (isTrusted ? { type: 'none' } : { type: 'default' });
  switch (chosen.type) {
    case 'none':
      return { authType: AuthType.DAFS_AUTH_NONE };
    case 'default':
      return { authType: AuthType.DAFS_AUTH_DEFAULT };
    case 'text':
      return {
        authType: AuthType.DAFS_AUTH_TEXT,
        authId: chosen.name,
        authPassword: chosen.password,
      };
  }
}

/** The first request of a session. */
export function connectArguments(
  options: CompleteOptions,
  wantsBackControl: boolean,
  authReq: AuthRequest,
): ArgumentsOf<'CLIENT_CONNECT_AUTH'> {
  return {
    useChecksums: options.checksums,
    useResponseCache: options.usesResponseCache,
    maxCredentials: MAXIMUM_CREDENTIALS,
    maxRequestSize: options.maximumRequestBytes,
    maxResponseSize: options.maximumResponseBytes,
    maxRequests: options.maximumRequests,
    inlineWriteHeaderSize: 0,
    useBackControlChannel: wantsBackControl,
    useRdmaReadChannel: options.rdmaReadChannel,
    fenceIdString: options.fenceId,
    clientIdString: options.identity.name,
    clientVerifier: options.identity.verifier,
    authReq,
  };
}

/** The first request of a further channel of a session. */
export function bindArguments(
  terms: SessionTerms,
  channelUse: (typeof ChannelUse)[keyof typeof ChannelUse],
  maximumRequests: number,
  authReq: AuthRequest,
): ArgumentsOf<'CONNECT_BIND'> {
  return {
    sessionId: terms.sessionId,
    channelUse,
    maxRequestSize: FIRST_EXCHANGE_BYTES,
    maxResponseSize: FIRST_EXCHANGE_BYTES,
    maxRequests: maximumRequests,
    authReq,
  };
}

/**
 * What the server made of the request.
 * @throws DafsError NEGOTIATION_FAILED when it asks for more than this side has prepared
 */
export function agreedTerms(
  options: CompleteOptions,
  results: ResultsOf<'CLIENT_CONNECT_AUTH'>,
): SessionTerms {
  const refuse = (reason: string): never => {
    throw DafsError.local('CLIENT_CONNECT_AUTH', 'NEGOTIATION_FAILED', 'EPROTO', reason);
  };
  if (results.maxResponseSize > options.maximumResponseBytes) {
    refuse(
      `the server wants to send responses of ${results.maxResponseSize} bytes, more than the ${options.maximumResponseBytes} asked for`,
    );
  }
  if (options.checksums && !results.useChecksums) {
    refuse('the server does without checksums, which it must not when it is asked for them');
  }
  return {
    sessionId: results.sessionId,
    clientId: results.clientId,
    isTrusted: results.trusted,
    usesChecksums: results.useChecksums,
    littleEndian: options.littleEndian,
    maximumRequests: Math.min(results.maxRequests, options.maximumRequests),
    maximumRequestBytes: Math.min(results.maxRequestSize, options.maximumRequestBytes),
    maximumResponseBytes: results.maxResponseSize,
    maximumCredentials: results.maxCredentials,
    usesBackControlChannel: results.useBackControlChannel,
    usesRdmaReadChannel: results.useRdmaReadChannel,
  };
}
