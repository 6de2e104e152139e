/**
 * The server of one mount: a process of its own that ends with the mount, however the mount ends.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { CommandError } from './command-error.ts';
import { identifyProcess, type ProcessIdentity } from './processes.ts';
import { dafsCommandLine, type ProgramReport } from './program.ts';

/** How long to wait before a server that cannot be started is tried again. */
const RESTART_PAUSE_MS = 1000;

export interface EmbeddedServer {
  readonly name: string;
  readonly process: ProcessIdentity | undefined;
  /** Flushes everything, closes the database and resolves when the process has ended. */
  stop(): Promise<void>;
}

/**
 * Starts a server for `database`, with further options of `dafs serve`, and resolves when it can be
 * connected to. When it dies before it is stopped, another one takes its place.
 *
 * @param onRestarted told of the process that has done so
 * @throws CommandError SERVER_FAILED with the server's own words.
 */
export async function startEmbeddedServer(
  database: string,
  options: readonly string[],
  onRestarted: (process: ProcessIdentity | undefined) => void,
): Promise<EmbeddedServer> {
  const name = serverNameFor(database);
  const args = ['--name', name, ...options, '--', database];
  let server = await startServer(args);
  let isStopping = false;
  const keepRunning = async (): Promise<void> => {
    for (;;) {
      const how = await server.exited;
      if (isStopping) return;
      process.stderr.write(`dafs: the server has ended (${how}); it is started again\n`);
      server = await startAgain(args, () => isStopping);
      if (!isStopping) onRestarted(server.process);
    }
  };
  const ended = keepRunning();
  return {
    name,
    get process() {
      return server.process;
    },
    async stop() {
      isStopping = true;
      if (server.child.connected) server.child.disconnect();
      await ended;
    },
  };
}

interface ServerProcess {
  readonly child: ChildProcess;
  readonly process: ProcessIdentity | undefined;
  /** How it has ended. */
  readonly exited: Promise<string>;
}

/** @throws CommandError SERVER_FAILED */
async function startServer(serverArguments: readonly string[]): Promise<ServerProcess> {
  const [program, args] = dafsCommandLine('serve', ...serverArguments);
  // A session of its own: Ctrl-C in the terminal is for the mount, which still needs the server to
  // flush. The channel tells the server when the mount has died.
  const child = spawn(program, args, {
    detached: true,
    cwd: '/',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit').then(([status, signal]) =>
    signal ? `killed by ${signal}` : `status ${status}`,
  );
  await untilReady(child, exited);
  return { child, process: identifyProcess(child.pid as number), exited };
}

/** Tries until it succeeds: programs wait on the mount. */
async function startAgain(
  serverArguments: readonly string[],
  isStopping: () => boolean,
): Promise<ServerProcess> {
  for (;;) {
    try {
      const server = await startServer(serverArguments);
      // It was told to stop while it was being started.
      if (isStopping()) server.child.disconnect();
      return server;
    } catch (error) {
      if (isStopping() || !(error instanceof CommandError)) throw error;
      process.stderr.write(`dafs: ${error.message}; it is tried again\n`);
      await setTimeout(RESTART_PAUSE_MS);
    }
  }
}

/** Servers are told apart by the mount's process; the database's name is there for the reader. */
function serverNameFor(database: string): string {
  const stem = basename(database).replace(/\.[^.]*$/, '');
  const readable = stem.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^[._-]+/, '');
  return `${readable.slice(0, 40) || 'mount'}-${process.pid}`;
}

async function untilReady(child: ChildProcess, exited: Promise<string>): Promise<void> {
  const ended = exited.then((how): ProgramReport => {
    return { type: 'failed', code: 'EXITED', message: `the server ended at once (${how})` };
  });
  const report = await Promise.race([
    once(child, 'message').then(([message]) => message as ProgramReport),
    ended,
  ]);
  if (report.type === 'failed') {
    await exited;
    throw new CommandError('SERVER_FAILED', report.message);
  }
}
