import { type Filehandle, InPlaceRequest, operations, type Session } from '../client/index.ts';
import type { PendingSync } from './file-system.ts';

/** Nobody wants to know anything of the results. */
const nothing = (): void => {};

/** Asks for a file to be put on stable storage; the session is free for other requests meanwhile. */
export function beginSync(session: Session, filehandle: Filehandle): PendingSync {
  // The handle is its maker's, and another file's soon: a request may be sent again.
  const range = { filehandle: filehandle.slice() as Filehandle, offset: 0, count: 0 };
  const request = new InPlaceRequest(operations.COMMIT, range, 0, nothing);
  session.send(request);
  return {
    get hasEnded() {
      return request.isDone;
    },
    look() {
      session.poll();
    },
    settle() {
      session.wait(request);
    },
  };
}
