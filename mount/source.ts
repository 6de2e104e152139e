import { statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { listServers, serverSockets } from '../client/runtime-directory.ts';
import { CommandError, describeError } from './command-error.ts';

/** What is mounted: a database that a server is started for, or a server that runs already. */
export type Source =
  | { kind: 'database'; path: string /** As the mount table shows it. */; label: string }
  | { kind: 'server'; name: string; label: string };

const SERVER_PREFIX = 'dafs:';

/**
 * Reads the SOURCE of `dafs mount`. A database need not exist (it is then created), but its
 * directory must.
 *
 * @throws CommandError INVALID_SOURCE
 */
export function parseSource(text: string): Source {
  return text.startsWith(SERVER_PREFIX)
    ? serverSource(text.slice(SERVER_PREFIX.length), text)
    : databaseSource(text);
}

function serverSource(name: string, label: string): Source {
  try {
    serverSockets(name);
  } catch (error) {
    throw new CommandError('INVALID_SOURCE', describeError(error), { cause: error });
  }
  return { kind: 'server', name, label };
}

function databaseSource(text: string): Source {
  if (text === '') throw new CommandError('INVALID_SOURCE', 'the source is empty');
  const path = resolve(text);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new CommandError(
      'INVALID_SOURCE',
      `${path} is a directory; the source is an SQLite file or dafs:NAME`,
    );
  }
  if (!statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory()) {
    throw new CommandError(
      'INVALID_SOURCE',
      `no such directory for the database ${basename(path)}: ${dirname(path)}`,
    );
  }
  return { kind: 'database', path, label: path };
}

/** @throws CommandError NO_SUCH_SERVER, naming those that run */
export async function assertServerRuns(name: string): Promise<void> {
  const names = (await listServers()).map((server) => server.name);
  if (names.includes(name)) return;
  const running = names.length > 0 ? `running: ${names.join(', ')}` : 'none is running';
  throw new CommandError('NO_SUCH_SERVER', `no server called ${name}; ${running}`);
}
