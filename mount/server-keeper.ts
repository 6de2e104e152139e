/** Keeps the server of a mount running: starts it, and another one when it has died. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { CommandError, type CommandErrorCode, describeError } from './command-error.ts';
import { identifyProcess, type ProcessIdentity } from './processes.ts';
import { dafsCommandLine, type ProgramReport } from './program.ts';
import { say } from './say.ts';

/** How long to wait before a server that cannot be started is tried again. */
const RESTART_PAUSE_MS = 1000;

/** Plain data, for threads. */
export type KeeperReport =
  /** The server can be connected to: the first one, or another in its place. */
  | { readonly kind: 'running'; readonly process: ProcessIdentity | undefined }
  /** There is none, and none is tried any more; the last report. */
  | { readonly kind: 'failed'; readonly code: CommandErrorCode; readonly message: string }
  /** It was told to end, and has; the last report. */
  | { readonly kind: 'ended' };

interface ServerProcess {
  readonly child: ChildProcess;
  readonly process: ProcessIdentity | undefined;
  /** How it has ended. */
  readonly exited: Promise<string>;
}

/**
 * Starts a server with the arguments of `dafs serve`, and keeps it running in this thread's event loop.
 *
 * @returns tells the server to flush everything, close the database and end
 */
export function keepServer(
  serverArguments: readonly string[],
  tell: (report: KeeperReport) => void,
): () => void {
  let server: ServerProcess | undefined;
  let isStopping = false;
  const letGo = (): void => {
    if (server?.child.connected) server.child.disconnect();
  };
  const keepRunning = async (): Promise<void> => {
    server = await startServer(serverArguments);
    for (;;) {
      tell({ kind: 'running', process: server.process });
      // It may have been told to stop while the server was being started.
      if (isStopping) letGo();
      const how = await server.exited;
      if (isStopping) return;
      say(`the server has ended (${how}); it is started again`);
      server = await startAgain(serverArguments, () => isStopping);
    }
  };
  keepRunning().then(
    () => tell({ kind: 'ended' }),
    (error) => tell({ kind: 'failed', code: 'SERVER_FAILED', message: describeError(error) }),
  );
  return () => {
    isStopping = true;
    letGo();
  };
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
  const exited = once(child, 'exit').then(
    ([status, signal]) => (signal ? `killed by ${signal}` : `status ${status}`),
    // The system has no room for another process.
    describeError,
  );
  await untilReady(child, exited);
  return { child, process: identifyProcess(child.pid as number), exited };
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

/** Tries until it succeeds: programs wait on the mount. */
async function startAgain(
  serverArguments: readonly string[],
  isStopping: () => boolean,
): Promise<ServerProcess> {
  for (;;) {
    try {
      return await startServer(serverArguments);
    } catch (error) {
      if (isStopping()) throw error;
      say(`${describeError(error)}; it is tried again`);
      await setTimeout(RESTART_PAUSE_MS);
    }
  }
}
