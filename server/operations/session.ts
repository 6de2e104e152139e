import { AuthType, ChannelUse } from '../../client/protocol/constants.ts';
import { WRITE_INLINE_DATA_OFFSET } from '../../client/protocol/operations/io.ts';
import type { AuthRequest, AuthResult } from '../../client/protocol/operations/session.ts';
import type { ArgumentsOf, ResultsOf } from '../../client/protocol/operations.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { ClientId, SessionId } from '../../client/protocol/types.ts';
import type { Channel } from '../engine/channel.ts';
import { Directives } from '../engine/directives.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import { PARKED, type Service } from '../engine/service.ts';
import { messageMemoryBytes, negotiate, type SessionParameters } from '../sessions/negotiation.ts';
import { isSamePrincipal, type Principal, type Session } from '../sessions/session.ts';

/** After a DISCONNECT the client has this long to close its end before the server does. */
const LINGER_MS = 1000;

type ConnectArguments = ArgumentsOf<'CLIENT_CONNECT'>;

/** Setting sessions up and ending them (section 6.2). */
export const sessionHandlers = {
  CLIENT_CONNECT(service, exchange, args) {
    return connectResults(service, connect(service, exchange, args));
  },

  CLIENT_CONNECT_AUTH(service, exchange, args) {
    // What the draft lists here for a client that cannot prove who it is (section 6.2.4).
    const failure = DafsStatus.DAFSERR_NOT_AUTHENTICATED;
    return authenticate(service, exchange, args.authReq, failure, (principal) => {
      const session = connect(service, exchange, args, principal);
      return { ...connectResults(service, session), ...authResults(principal) };
    });
  },

  CLIENT_AUTH(service, exchange, args) {
    const { session } = exchange;
    const failure = DafsStatus.DAFSERR_NOT_AUTHORIZED;
    return authenticate(service, exchange, args.authReq, failure, (principal) => {
      const { principal: current } = session;
      if (current === undefined) {
        admit(service, exchange, session, principal);
      } else if (!isSamePrincipal(current, principal)) {
        refuse(DafsStatus.DAFSERR_NOT_AUTHORIZED);
      }
      return authResults(principal);
    });
  },

  // The fabric's sockets are private to the server's user, so reaching it is proof enough of who it
  // is; it has no name and password of its own to show.
  SERVER_AUTH(_service, _exchange, args) {
    const { authType } = args;
    if (authType !== AuthType.DAFS_AUTH_NONE && authType !== AuthType.DAFS_AUTH_DEFAULT) {
      refuse(DafsStatus.DAFSERR_NOTSUPP);
    }
    return { authData: { authType } };
  },

  CONNECT_BIND(service, exchange, args) {
    const session = service.sessions.find(args.sessionId);
    requireBindable(session, args.channelUse);
    const failure = DafsStatus.DAFSERR_NOT_AUTHORIZED;
    return authenticate(service, exchange, args.authReq, failure, (principal) => {
      if (session.principal === undefined || !isSamePrincipal(session.principal, principal)) {
        refuse(DafsStatus.DAFSERR_NOT_AUTHORIZED);
      }
      // A password check takes time: another channel may have been faster.
      requireBindable(session, args.channelUse);
      return { ...bind(service, exchange.channel, session, args), ...authResults(principal) };
    });
  },

  DISCONNECT(service, exchange) {
    const { channel, session } = exchange;
    service.notifications.unsubscribe(session);
    service.sessions.disconnect(session);
    session.backControl?.close('the session has ended');
    session.rdmaRead?.close('the session has ended');
    retire(service, channel);
    return undefined;
  },

  SECINFO(service, exchange) {
    const methods = service.authentication.methods(exchange.channel.port.peer);
    return {
      secinfo: methods.filter(isWithoutInformation).map((authType) => ({ info: { authType } })),
    };
  },
} satisfies Handlers;

/** Every method that we have: only GSS has more to tell than its name. */
const isWithoutInformation = (
  method: AuthType,
): method is Exclude<AuthType, typeof AuthType.DAFS_AUTH_GSS> => method !== AuthType.DAFS_AUTH_GSS;

/**
 * Authenticates the peer and answers with what `complete` makes of it, at once or, when a password
 * has to be checked, later; or with `failure`.
 */
function authenticate<Results extends object>(
  service: Service,
  exchange: Exchange,
  request: AuthRequest,
  failure: DafsStatus,
  complete: (principal: Principal) => Results,
): Results | typeof PARKED {
  let isParked = false;
  let answer: (() => Results) | undefined;
  service.authentication.authenticate(exchange.channel.port.peer, request, (principal) => {
    answer = () => complete(principal ?? refuse(failure));
    if (isParked) {
      service.resume(exchange, answer);
    }
  });
  if (answer !== undefined) {
    return answer();
  }
  isParked = true;
  return PARKED;
}

const authResults = (principal: Principal): { authRes: AuthResult; trusted: boolean } => ({
  authRes: { authType: principal.method as Exclude<AuthType, typeof AuthType.DAFS_AUTH_GSS> },
  trusted: principal.isTrusted,
});

/** Makes a session on a new channel, which becomes its operations channel. */
function connect(
  service: Service,
  exchange: Exchange,
  args: ConnectArguments,
  principal?: Principal,
): Session {
  const { limits, sessions } = service;
  const { channel } = exchange;
  requireIdentifier(args.clientIdString.length, 1, limits.maxIdentifierBytes);
  requireIdentifier(args.fenceIdString.length, 0, limits.maxIdentifierBytes);
  const parameters = affordable(
    service,
    channel,
    negotiate(args, limits, WRITE_INLINE_DATA_OFFSET),
  );
  const idString = Buffer.from(args.clientIdString).toString('latin1');
  const session = sessions.connect(
    idString,
    args.clientVerifier,
    parameters,
    args.maxCredentials,
    channel,
  );
  try {
    if (principal !== undefined) {
      admit(service, exchange, session, principal);
    }
    channel.resize(parameters);
  } catch (error) {
    sessions.takeBack(session);
    throw error;
  }
  channel.session = session;
  channel.role = 'operations';
  channel.credits.negotiated(parameters.maxRequests);
  return session;
}

/**
 * As many of the requests as there is memory left for of what the channel's process may have.
 * @throws Refusal DAFSERR_RESOURCE when that is none
 */
function affordable(
  service: Service,
  channel: Channel,
  parameters: SessionParameters,
): SessionParameters {
  const { peer } = channel.port;
  const left =
    service.limits.maxMessageMemoryBytesPerProcess - service.messageMemoryBytesOf(peer.pid);
  const ofOne = messageMemoryBytes({ ...parameters, maxRequests: 1 });
  const maxRequests = Math.min(parameters.maxRequests, Math.floor(left / ofOne));
  if (maxRequests < 1) {
    service.rations.refuse(peer, 'maxMessageMemoryBytesPerProcess');
  }
  return { ...parameters, maxRequests };
}

/** Makes a session that of its client, unless the database does not take it. */
function admit(service: Service, exchange: Exchange, session: Session, principal: Principal): void {
  const { channel } = exchange;
  service.sessions.authenticate(session, principal);
  channel.deadlineMs = undefined;
  exchange.isModified = true;
  exchange.undo = () => {
    service.sessions.takeBack(session);
    retire(service, channel);
  };
}

/** Nothing can be asked for on the channel any more. */
function retire(service: Service, channel: Channel): void {
  channel.session = undefined;
  channel.role = 'ended';
  channel.deadlineMs = service.clock.monotonicMs() + LINGER_MS;
}

function requireIdentifier(bytes: number, minimum: number, maximum: number): void {
  if (bytes < minimum || bytes > maximum) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
}

function connectResults(service: Service, session: Session): ResultsOf<'CLIENT_CONNECT'> {
  return {
    ...session.parameters,
    sessionId: session.id as SessionId,
    clientId: session.claim.clientId as ClientId,
    maxCredentials: service.sessions.credentialCapacity(session),
  };
}

type BindableUse = (typeof ChannelUse)[keyof typeof ChannelUse];

const isBound = (session: Session, use: BindableUse): boolean =>
  (use === ChannelUse.DAFS_BACK_CONTROL_CHANNEL ? session.backControl : session.rdmaRead) !==
  undefined;

/** @throws Refusal DAFSERR_INVAL, DAFSERR_NOT_AUTHENTICATED or DAFSERR_ILLEGAL_STATE (6.2.5). */
function requireBindable(session: Session, use: number): asserts use is BindableUse {
  const isNegotiated = new Map<number, boolean>([
    [ChannelUse.DAFS_BACK_CONTROL_CHANNEL, session.parameters.useBackControlChannel],
    [ChannelUse.DAFS_RDMA_READ_CHANNEL, session.parameters.useRdmaReadChannel],
  ]).get(use);
  if (isNegotiated === undefined) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
  if (session.client === undefined) {
    refuse(DafsStatus.DAFSERR_NOT_AUTHENTICATED);
  }
  if (!isNegotiated || isBound(session, use as BindableUse)) {
    refuse(DafsStatus.DAFSERR_ILLEGAL_STATE);
  }
}

/** On a bound channel the server is the one who asks: no receives are posted any more (3.2.6.1). */
function bind(
  service: Service,
  channel: Channel,
  session: Session,
  args: ArgumentsOf<'CONNECT_BIND'>,
): Pick<ResultsOf<'CONNECT_BIND'>, 'maxRequestSize' | 'maxResponseSize' | 'maxRequests'> {
  const wishes = { ...session.parameters, maxCredentials: 0, ...args };
  const parameters = affordable(service, channel, negotiate(wishes, service.limits, 0));
  channel.session = session;
  channel.deadlineMs = undefined;
  channel.credits.retire();
  if (args.channelUse === ChannelUse.DAFS_BACK_CONTROL_CHANNEL) {
    channel.role = 'back-control';
    session.backControl = channel;
    channel.directives = directivesOn(channel, parameters);
  } else {
    channel.role = 'rdma-read';
    session.rdmaRead = channel;
  }
  const { maxRequestSize, maxResponseSize, maxRequests } = parameters;
  return { maxRequestSize, maxResponseSize, maxRequests };
}

/** What we send there are requests, and responses are what we receive; one buffer more to send from. */
function directivesOn(channel: Channel, parameters: SessionParameters): Directives {
  const { maxRequestSize, maxResponseSize, maxRequests } = parameters;
  channel.resize({
    ...parameters,
    maxRequestSize: maxResponseSize,
    maxResponseSize: maxRequestSize,
    maxRequests: maxRequests + 1,
  });
  return new Directives(channel, maxRequests);
}
