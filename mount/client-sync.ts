import { type Filehandle, operations, type Session } from '../client/index.ts';
import type { PendingSync } from './file-system.ts';

/** Asks for a file to be put on stable storage; the session is free for other requests meanwhile. */
export function beginSync(session: Session, filehandle: Filehandle): PendingSync {
  // The handle is its maker's, and another file's soon: a request may be sent again.
  const range = { filehandle: filehandle.slice() as Filehandle, offset: 0, count: 0 };
  const request = session.submit(operations.COMMIT, range);
  return {
    hasEnded() {
      session.poll();
      return request.isDone;
    },
    settle() {
      session.wait(request);
    },
  };
}
