import type { DirectOpBuffer } from '../../client/protocol/types.ts';

/** What one client has that no other one may use, as plain data. */
export interface Betrayed {
  readonly sessionId: string;
  readonly clientIdString: string;
  readonly stateId: string;
  readonly filehandle: string;
  /** Memory that it has registered for the server to read and write. */
  readonly memory: DirectOpBuffer;
}
