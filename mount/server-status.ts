import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';

/** A server answers at once or is stuck. */
const ANSWER_TIMEOUT_MS = 2000;

/** What a server tells of itself over its control socket, as far as it is shown in tables. */
export interface ServerStatus {
  server: { database: string; pid: number; uptimeSeconds: number; memoryBytes: number };
  cache: { bytes: number; dirtyBytes: number };
  store: {
    totalBytes: number;
    freeBytes: number;
    files: number;
    /** Why nothing can be changed any more; left out when it can. */
    readOnlyReason?: string;
  };
  sessions: {
    number: number;
    client: string;
    uid: number;
    pid: number;
    requests: number;
    opens: number;
  }[];
}

/** Asks the server behind a control socket; undefined when it does not answer. */
export function queryServer(controlSocket: string): Promise<ServerStatus | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection(controlSocket);
    const finish = (status: ServerStatus | undefined) => {
      socket.destroy();
      resolve(status);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => finish(undefined));
    socket.on('error', () => finish(undefined));
    socket.on('close', () => finish(undefined));
    createInterface({ input: socket }).on('line', (line) => {
      const answer = JSON.parse(line) as ServerStatus | { error: string };
      finish('error' in answer ? undefined : answer);
    });
    socket.write('{"command":"status"}\n');
  });
}
