import { NicError } from '../nic/index.ts';
import type { Association } from './association.ts';
import { DafsError, hasStatus } from './dafs-error.ts';
import {
  type ArgumentsOf,
  DafsStatus,
  type MessageBuffer,
  OpenType,
  operations,
  type SessionId,
} from './protocol/index.ts';
import { operationName, Request, type Requestable } from './request.ts';
import type { Unanswered } from './requester.ts';

/** An unanswered request of a session that is over. */
interface Pending extends Unanswered {
  readonly sessionId: SessionId;
}

const { DAFSERR_NOXID_MATCH, DAFSERR_UNKNOWN_SESSION } = DafsStatus;

/**
 * What became of the requests that were under way when a connection was lost (section 5.2): the
 * server's response cache knows which of them were done, and what their answers were. The others are
 * made again. Requests whose answers are not cached do no harm when they are done twice.
 */
export class Recovery {
  #pending: Pending[] = [];
  /** A request of ours under way: it means nothing to another association. */
  #inquiry: Requestable | undefined;

  /** Takes over what waits for its answer in an association whose connection is lost. */
  takeOver({ requester, terms }: Association): void {
    const { sessionId } = terms;
    const lost = requester.takeUnanswered().filter(({ request }) => request !== this.#inquiry);
    // One that was just being made again is known by its new name alone.
    const again = new Set(lost.map(({ request }) => request));
    const others = this.#pending.filter(({ request }) => !again.has(request));
    this.#pending = [...lost.map((unanswered) => ({ ...unanswered, sessionId })), ...others];
  }

  /**
   * Gives each request its answer, or makes it again on the new association, in the order in which
   * they were sent. A client that the server has forgotten has no credentials: their handles may be
   * those of others by now.
   * @param isKnown whether the server still knows the client
   * @param advance waits for messages of the new association
   * @throws what a further loss throws; what is not settled then is for the next association
   */
  settle({ requester, terms }: Association, isKnown: boolean, advance: () => void): void {
    const send = (request: Requestable): void => {
      while (!requester.trySend(request)) {
        advance();
      }
    };
    const settle = (request: Requestable): void => {
      this.#inquiry = request;
      send(request);
      while (!request.isDone) {
        advance();
      }
    };
    const sessions = new Set(this.#pending.map(({ sessionId }) => sessionId));
    for (let lost = this.#pending[0]; lost !== undefined; lost = this.#pending[0]) {
      const { request, sessionId, stream, sequenceNumber } = lost;
      const { procedure, cached } = request.operation;
      const name = { sessionId, xidStream: stream, xidSeq: sequenceNumber, procedure };
      const fate = cached && sessionId !== terms.sessionId ? fateOf(name, settle) : 'not done';
      if (fate === 'done') {
        settle(new FetchRequest(name, request));
      } else if (fate === 'unknown' && !isHarmless(request)) {
        request.fail(forgotten(request));
      } else if (!isKnown && request.credential !== 0) {
        request.fail(outdated(request));
      } else {
        send(request);
      }
      this.#pending.shift();
    }
    for (const sessionId of sessions) {
      discard(sessionId, settle);
    }
  }

  /** Nobody will answer any more. */
  failAll(failure: (operation: string) => DafsError): void {
    for (const { request } of this.#pending.splice(0)) {
      request.fail(failure(operationName(request.operation)));
    }
  }
}

/** Sends a request and returns when it is answered. */
type Settle = (request: Requestable) => void;

/** What names a request of another session: of CHECK_RESPONSE and FETCH_RESPONSE. */
type RequestName = ArgumentsOf<'FETCH_RESPONSE'>;

/** What the server knows of a request of a session that is over. */
function fateOf(name: RequestName, settle: Settle): 'done' | 'not done' | 'unknown' {
  try {
    const check = new Request(operations.CHECK_RESPONSE, name, 0);
    settle(check);
    assertSucceeded(check);
    return 'done';
  } catch (error) {
    if (hasStatus(error, DAFSERR_NOXID_MATCH)) {
      return 'not done';
    }
    if (hasStatus(error, DAFSERR_UNKNOWN_SESSION)) {
      return 'unknown';
    }
    throw error;
  }
}

/**
 * The server may have dropped them by itself, or be unable to drop them, as when its disk fails: then
 * they go with the client.
 */
function discard(sessionId: SessionId, settle: Settle): void {
  settle(new Request(operations.DISCARD_RESPONSES, { sessionId }, 0));
}

/** @throws DafsError when it has not. */
const assertSucceeded = <Arguments, Results>(request: Request<Arguments, Results>): Results =>
  request.results;

const forgotten = ({ operation }: Requestable): DafsError =>
  DafsError.local(
    operationName(operation),
    'CONNECTION_LOST',
    'EIO',
    'the server has forgotten this client: whether the request was done is not known',
  );

/**
 * What a client that is forgotten had open and locked is gone: to open, close, lock or unlock once more does
 * no harm, unless a file is made.
 */
const isHarmless = ({ operation, arguments: requestArguments }: Requestable): boolean =>
  operation.category === 'lock-state-modifying' ||
  operation === operations.CLOSE ||
  (requestArguments as Partial<ArgumentsOf<'OPEN'>>).open?.openType === OpenType.OPEN_NOCREATE;

const outdated = ({ operation }: Requestable): DafsError =>
  DafsError.local(
    operationName(operation),
    'CLIENT_FORGOTTEN',
    'EIO',
    'the server has forgotten this client and its credentials: the request can be made again',
  );

/** Fetches the answer of another request, which gets it as if it had come to itself. */
class FetchRequest implements Requestable {
  readonly operation = operations.FETCH_RESPONSE;
  readonly arguments: RequestName;
  readonly credential = 0;
  isDone = false;
  readonly #answered: Requestable;

  constructor(name: RequestName, answered: Requestable) {
    this.arguments = name;
    this.#answered = answered;
  }

  complete(status: number, message: MessageBuffer): void {
    this.#answered.complete(status, message);
    this.isDone = true;
  }

  /** The connection is lost once more: the other request still waits for its answer. */
  fail(): void {
    this.isDone = true;
  }
}

/**
 * Whether it tells that the server is gone or cannot be had now, as when its disk fails, rather than that
 * it refuses.
 */
export function isLoss(error: unknown): boolean {
  const codes = ['CONNECT_FAILED', 'CONNECTION_LOST', 'DAFSERR_RESOURCE', 'DAFSERR_IO'];
  return error instanceof NicError || (error instanceof DafsError && codes.includes(error.code));
}
