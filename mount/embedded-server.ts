/**
 * The server of one mount: a process of its own that ends with the mount, however the mount ends.
 */

import { basename } from 'node:path';
import { startThread } from '../nic/thread.ts';
import { CommandError } from './command-error.ts';
import type { ProcessIdentity } from './processes.ts';
import { type KeeperReport, keepServer } from './server-keeper.ts';

export interface EmbeddedServer {
  readonly name: string;
  readonly process: ProcessIdentity | undefined;
  /** Flushes everything, closes the database and resolves when the process has ended. */
  stop(): Promise<void>;
}

export interface EmbeddedServerOptions {
  readonly database: string;
  /** Further options of `dafs serve`. */
  readonly options: readonly string[];
  /**
   * Whether this thread may wait for the server synchronously: then a thread of its own looks after the
   * server, because this one's event loop stands still meanwhile.
   */
  readonly isAwaitedHere: boolean;
  /** Told of each process that runs: the first, and each that takes the place of one that died. */
  readonly onRunning?: (process: ProcessIdentity | undefined) => void;
}

/**
 * Starts a server for a database and resolves when it can be connected to. When it dies before it is
 * stopped, another one takes its place.
 *
 * @throws CommandError SERVER_FAILED with the server's own words.
 */
export async function startEmbeddedServer({
  database,
  options,
  isAwaitedHere,
  onRunning,
}: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const name = serverNameFor(database);
  const started = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  // Whoever stops the server learns of it.
  ended.promise.catch(() => {});
  let server: ProcessIdentity | undefined;
  const hear = (report: KeeperReport): void => {
    if (report.kind === 'running') {
      server = report.process;
      onRunning?.(server);
      started.resolve();
    } else if (report.kind === 'failed') {
      const failure = new CommandError(report.code, report.message);
      started.reject(failure);
      ended.reject(failure);
    } else {
      ended.resolve();
    }
  };
  const keep = isAwaitedHere ? keepInThread : keepServer;
  const tellToEnd = keep(['--name', name, ...options, '--', database], hear);
  await started.promise;
  return {
    name,
    get process() {
      return server;
    },
    stop() {
      tellToEnd();
      return ended.promise;
    },
  };
}

const keepInThread: typeof keepServer = (serverArguments, tell) => {
  const thread = startThread(
    new URL('./server-keeper-thread.ts', import.meta.url),
    serverArguments,
  );
  thread.on('message', tell);
  return () => thread.postMessage('stop');
};

/** Servers are told apart by the mount's process; the database's name is there for the reader. */
function serverNameFor(database: string): string {
  const stem = basename(database).replace(/\.[^.]*$/, '');
  const readable = stem.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^[._-]+/, '');
  return `${readable.slice(0, 40) || 'mount'}-${process.pid}`;
}
