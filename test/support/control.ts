/** Asks a server's control socket, as `dafs status` does. */
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Workspace } from './workspace.ts';

const ANSWER_LIMIT_MS = 5000;

export interface ServerStatus {
  readonly server: { readonly pid: number };
  readonly sessions: readonly { readonly extensions: readonly number[] }[];
  readonly store: { readonly files: number };
  readonly counters: { readonly requests: number };
}

/** How many requests a server of this workspace has had. */
export const askRequests = async (workspace: Workspace, name: string): Promise<number> =>
  (await askStatus(workspace, name)).counters.requests;

/** The status of a server of this workspace, as it tells it itself. */
export function askStatus(workspace: Workspace, name: string): Promise<ServerStatus> {
  const path = join(workspace.runtimeDirectory, 'dafs', `${name}.control`);
  return new Promise((resolve, reject) => {
    const connection = createConnection(path);
    connection.setTimeout(ANSWER_LIMIT_MS, () => {
      connection.destroy(new Error(`the server ${name} does not tell its status`));
    });
    connection.once('error', reject);
    createInterface(connection).once('line', (line) => {
      connection.destroy();
      resolve(JSON.parse(line) as ServerStatus);
    });
    connection.write('{"command":"status"}\n');
  });
}
