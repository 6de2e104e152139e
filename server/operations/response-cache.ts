import type { ArgumentsOf } from '../../client/protocol/operations.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import { ENCODED, type Service } from '../engine/service.ts';
import {
  type CachedResponse,
  repeat,
  type SessionResponses,
  tellOf,
} from '../sessions/response-cache.ts';

/** What a client asks after it has lost a session (section 6.3). */
export const responseCacheHandlers = {
  CHECK_RESPONSE(service, exchange, args) {
    tellOf(find(service, exchange, args), exchange);
    return undefined;
  },

  FETCH_RESPONSE(service, exchange, args) {
    const cached = find(service, exchange, args);
    tellOf(cached, exchange);
    repeat(cached, exchange);
    return ENCODED;
  },

  DISCARD_RESPONSES(service, exchange, { sessionId }) {
    const responses = responsesOf(service, exchange, sessionId);
    service.responses.discard(responses);
    exchange.undo = () => service.responses.restore(responses);
    return undefined;
  },
} satisfies Handlers;

/** @throws Refusal DAFSERR_NOXID_MATCH, or what responsesOf throws. */
function find(
  service: Service,
  exchange: Exchange,
  { sessionId, xidStream, xidSeq, procedure }: ArgumentsOf<'CHECK_RESPONSE'>,
): CachedResponse {
  return responsesOf(service, exchange, sessionId).find(xidStream, xidSeq, procedure);
}

/**
 * The responses of another session of the same client. Its connection ends here, if the server has not
 * noticed its loss: what has come on it and was not executed will not be.
 *
 * @throws Refusal DAFSERR_UNKNOWN_SESSION, DAFSERR_NOT_AUTHORIZED, DAFSERR_INVAL for the session that
 * asks.
 */
function responsesOf(service: Service, exchange: Exchange, sessionId: bigint): SessionResponses {
  const responses = service.responses.of(sessionId, exchange.client);
  if (responses.session === exchange.session) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
  responses.session?.operations.close('its client asks what has become of its requests');
  // What is told here may have been executed just now, and not be committed yet.
  exchange.isModified = true;
  return responses;
}
