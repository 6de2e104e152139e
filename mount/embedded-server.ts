/**
 * The server of one mount: a process of its own that ends with the mount, however the mount ends.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { CommandError } from './command-error.ts';
import { identifyProcess, type ProcessIdentity } from './processes.ts';
import { dafsCommandLine, type ProgramReport } from './program.ts';

export interface EmbeddedServer {
  readonly name: string;
  readonly process: ProcessIdentity | undefined;
  /** Flushes everything, closes the database and resolves when the process has ended. */
  stop(): Promise<void>;
}

/**
 * Starts a server for `database`, with further options of `dafs serve`, and resolves when it can be connected to.
 *
 * @throws CommandError SERVER_FAILED with the server's own words.
 */
export async function startEmbeddedServer(
  database: string,
  options: readonly string[],
): Promise<EmbeddedServer> {
  const name = serverNameFor(database);
  const [program, args] = dafsCommandLine('serve', '--name', name, ...options, '--', database);
  // A session of its own: Ctrl-C in the terminal is for the mount, which still needs the server to
  // flush. The channel tells the server when the mount has died.
  const child = spawn(program, args, {
    detached: true,
    cwd: '/',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  await untilReady(child, exited);
  return {
    name,
    process: identifyProcess(child.pid as number),
    async stop() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

/** Servers are told apart by the mount's process; the database's name is there for the reader. */
function serverNameFor(database: string): string {
  const stem = basename(database).replace(/\.[^.]*$/, '');
  const readable = stem.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^[._-]+/, '');
  return `${readable.slice(0, 40) || 'mount'}-${process.pid}`;
}

async function untilReady(child: ChildProcess, exited: Promise<unknown[]>): Promise<void> {
  const ended = exited.then(([status, signal]): ProgramReport => {
    const how = signal ? `killed by ${signal}` : `status ${status}`;
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
