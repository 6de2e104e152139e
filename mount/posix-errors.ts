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

function errnoErrorOf(error: DafsError): ErrnoError {
  return new ErrnoError(errnoName(errnoNumber(error.errno)), error.message, { cause: error });
}
