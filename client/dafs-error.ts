import { errnoOf } from './protocol/errno.ts';
import { DafsStatus, statusName } from './protocol/status.ts';

/** What the client itself can find wrong, with no status from the server. */
export type ClientErrorCode =
  /** No server listens there, or it refused the connection. */
  | 'CONNECT_FAILED'
  /** The server died or broke the connection; the session is over. */
  | 'CONNECTION_LOST'
  /** The server does not know the client any more, nor whom the request was made for: nothing was done. */
  | 'CLIENT_FORGOTTEN'
  /** The session was closed by this program. */
  | 'SESSION_CLOSED'
  /** A response that the protocol does not allow; the session is over. */
  | 'BAD_RESPONSE'
  /** What the server offers cannot be worked with. */
  | 'NEGOTIATION_FAILED'
  /** Data arrived with a checksum that is not its own. */
  | 'BAD_CHECKSUM'
  /** The server restarted and may have lost data that was not committed. */
  | 'WRITE_VERIFIER_CHANGED'
  /** A request that was to follow another one at once had none to follow, or no credit. */
  | 'NOT_SENT'
  /** The arguments are not what the call takes. */
  | 'INVALID_ARGUMENT';

/**
 * A DAFS operation failed.
 *
 * `status` is the server's (client/protocol/status.ts) and 0 when the client itself found the
 * fault; `code` is the stable name of either: `DAFSERR_NOENT`, or one of ClientErrorCode. `errno`
 * is the POSIX name that a local file system would have used; what has no counterpart there is EIO.
 *
 * What the server answered has no stack: most of these answers are daily work (ENOENT), which the
 * stack would make ten times as long.
 */
export class DafsError extends Error {
  readonly status: number;
  readonly code: string;
  readonly errno: string;
  /** The procedure or the library call, for instance `LOOKUP`. */
  readonly operation: string;
  /** What the server told beside the status: of LOCK, for instance, the conflicting lock. */
  results: unknown;

  constructor(
    operation: string,
    code: string,
    errno: string,
    message: string,
    status = 0,
    options?: ErrorOptions,
  ) {
    const limit = Error.stackTraceLimit;
    if (status !== 0) {
      Error.stackTraceLimit = 0;
    }
    super(`${operation}: ${message}`, options);
    Error.stackTraceLimit = limit;
    this.name = 'DafsError';
    this.operation = operation;
    this.code = code;
    this.errno = errno;
    this.status = status;
  }

  /** What the server answered to `operation`. */
  static fromStatus(operation: string, status: number, results?: unknown): DafsError {
    const name = statusName(status);
    const code = name ?? `DAFSERR_${status}`;
    const message = `the server answered ${code} (${status})`;
    const errno =
      name === undefined || name === 'DAFS_STATUS_OK' ? 'EIO' : errnoOf(operation, name);
    const error = new DafsError(operation, code, errno, message, status);
    error.results = results;
    return error;
  }

  /** A request was to be sent right behind another one, and there was none, or no credit for it. */
  static notSent(operation: string): DafsError {
    const message = 'there was no request that it could follow';
    return new DafsError(operation, 'NOT_SENT', 'EAGAIN', message);
  }

  /** What the client found wrong by itself. */
  static local(
    operation: string,
    code: ClientErrorCode,
    errno: string,
    message: string,
    options?: ErrorOptions,
  ): DafsError {
    return new DafsError(operation, code, errno, message, 0, options);
  }
}

/** Whether `error` is a server's answer with this status. */
export function hasStatus(error: unknown, status: DafsStatus): boolean {
  return (
    error instanceof DafsError && error.status === status && status !== DafsStatus.DAFS_STATUS_OK
  );
}

/** Whether `error` is what the client has found by itself, under this code. */
export const hasCode = (error: unknown, code: ClientErrorCode): boolean =>
  error instanceof DafsError && error.code === code;

/** What `call` gives; undefined when it fails because there is no such name. */
export function undefinedIfNone<Result>(call: () => Result): Result | undefined {
  try {
    return call();
  } catch (error) {
    if (hasStatus(error, DafsStatus.DAFSERR_NOENT)) {
      return undefined;
    }
    throw error;
  }
}

/** Makes the errors of calls on a session that is over. */
export function failureOf(
  code: 'CONNECTION_LOST' | 'SESSION_CLOSED',
  cause: unknown,
): (operation: string) => DafsError {
  const reason =
    code === 'SESSION_CLOSED'
      ? 'the session is closed'
      : `the session is over: ${(cause as Error).message}`;
  return (operation) => DafsError.local(operation, code, 'EIO', reason, { cause });
}
