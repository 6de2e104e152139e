import { DafsError } from '../client/dafs-error.ts';
import { ErrnoError, errnoName, errnoNumber } from './errno.ts';

/** Runs an action of the client; what it throws is what POSIX would say. */
export function posix<Result>(action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw error instanceof DafsError ? errnoErrorOf(error) : error;
  }
}

/** Saying ENOENT is daily work: the stack, which its cause has anyway, would cost most of it. */
function errnoErrorOf(error: DafsError): ErrnoError {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return new ErrnoError(errnoName(errnoNumber(error.errno)), error.message, { cause: error });
  } finally {
    Error.stackTraceLimit = limit;
  }
}
