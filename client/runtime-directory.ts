import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';

/** The longest path that fits into the kernel's `sun_path` with its terminating zero byte. */
const MAXIMUM_SOCKET_PATH_BYTES = 107;

/**
 * A socket between bind() and listen() refuses connections exactly as the socket of a dead process
 * does. What is younger than this is therefore never taken for somebody else's leftover.
 */
const STARTING_MS = 5_000;

const FABRIC_SUFFIX = '.fabric';
const CONTROL_SUFFIX = '.control';
const SERVER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export type RuntimeDirectoryErrorCode =
  | 'NOT_A_DIRECTORY'
  | 'NOT_OWNED'
  | 'NOT_PRIVATE'
  | 'CANNOT_CREATE'
  | 'INVALID_NAME'
  | 'PATH_TOO_LONG'
  | 'NAME_IN_USE';

/** The runtime directory cannot be trusted, or a server's name cannot be used in it. */
export class RuntimeDirectoryError extends Error {
  readonly code: RuntimeDirectoryErrorCode;

  constructor(code: RuntimeDirectoryErrorCode, message: string) {
    super(message);
    this.name = 'RuntimeDirectoryError';
    this.code = code;
  }
}

/** Where a server of this user is found. */
export interface ServerSockets {
  readonly name: string;
  /** The fabric's socket: connection management of the emulated NIC. */
  readonly fabric: string;
  /** The control socket: JSON lines. */
  readonly control: string;
}

/**
 * The private directory of this user's DAFS sockets: `$XDG_RUNTIME_DIR/dafs`, or
 * `/tmp/dafs-$UID` where there is no such variable or it names somebody else's directory (as
 * `sudo` leaves it). It is created when missing.
 *
 * @throws RuntimeDirectoryError when the directory is not this user's alone: whoever can write to
 * it could put his own server in the place of ours.
 */
export function runtimeDirectory(): string {
  const path = runtimeDirectoryPath();
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new RuntimeDirectoryError(
        'CANNOT_CREATE',
        `cannot create the runtime directory ${path}: ${(error as Error).message}`,
      );
    }
  }
  assertPrivate(path);
  return path;
}

/**
 * The sockets of the server called `name`; the server need not exist.
 *
 * @throws RuntimeDirectoryError INVALID_NAME, PATH_TOO_LONG, or what runtimeDirectory() throws.
 */
export function serverSockets(name: string): ServerSockets {
  if (!SERVER_NAME.test(name)) {
    throw new RuntimeDirectoryError(
      'INVALID_NAME',
      `"${name}" is no server name: 1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit`,
    );
  }
  const stem = join(runtimeDirectory(), name);
  const sockets = { name, fabric: stem + FABRIC_SUFFIX, control: stem + CONTROL_SUFFIX };
  if (Buffer.byteLength(sockets.control) > MAXIMUM_SOCKET_PATH_BYTES) {
    throw new RuntimeDirectoryError(
      'PATH_TOO_LONG',
      `the socket path ${sockets.control} is longer than ${MAXIMUM_SOCKET_PATH_BYTES} bytes; use a shorter name or XDG_RUNTIME_DIR`,
    );
  }
  return sockets;
}

/** The servers of this user that are alive now, by name. */
export async function listServers(): Promise<ServerSockets[]> {
  const servers = namedServers();
  const alive = await Promise.all(servers.map((server) => isSocketAlive(server.fabric)));
  return servers.filter((_, index) => alive[index]);
}

/**
 * Makes `name` free for a server that is about to listen: leftovers of a dead server of that name
 * are removed, and so are those of other servers that died some time ago.
 *
 * @throws RuntimeDirectoryError NAME_IN_USE while a living server has the name.
 */
export async function claimServerName(name: string): Promise<ServerSockets> {
  const sockets = serverSockets(name);
  if ((await isSocketAlive(sockets.fabric)) || (await isSocketAlive(sockets.control))) {
    throw new RuntimeDirectoryError('NAME_IN_USE', `a server called "${name}" is already running`);
  }
  releaseServerName(name);
  await removeDeadServers();
  return sockets;
}

/** Removes the sockets called `name`: what a server does with its own when it ends. */
export function releaseServerName(name: string): void {
  const sockets = serverSockets(name);
  rmSync(sockets.fabric, { force: true });
  rmSync(sockets.control, { force: true });
}

/** Removes what dead servers left behind and returns their names. Servers just starting are left alone. */
export async function removeDeadServers(): Promise<string[]> {
  const removed: string[] = [];
  for (const server of namedServers()) {
    const isStarting = isYoung(server.fabric) || isYoung(server.control);
    if (isStarting || (await isSocketAlive(server.fabric))) {
      continue;
    }
    releaseServerName(server.name);
    removed.push(server.name);
  }
  return removed;
}

/**
 * Whether some process listens on the UNIX socket at `path`, of whatever type it is. Asking a
 * SOCK_SEQPACKET socket for a stream connection yields EPROTOTYPE from a living listener without
 * bothering it, and ECONNREFUSED from a dead one.
 */
export function isSocketAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      // EAGAIN: its backlog is full, so it lives.
      resolve(error.code === 'EPROTOTYPE' || error.code === 'EAGAIN');
    });
  });
}

function runtimeDirectoryPath(): string {
  const parent = process.env.XDG_RUNTIME_DIR;
  const parentStatus = parent ? lstatSync(parent, { throwIfNoEntry: false }) : undefined;
  if (parent && parentStatus?.isDirectory() && parentStatus.uid === effectiveUserId()) {
    return join(parent, 'dafs');
  }
  return `/tmp/dafs-${effectiveUserId()}`;
}

function assertPrivate(path: string): void {
  const status = lstatSync(path);
  if (!status.isDirectory()) {
    throw new RuntimeDirectoryError('NOT_A_DIRECTORY', `${path} is not a directory; remove it`);
  }
  if (status.uid !== effectiveUserId()) {
    throw new RuntimeDirectoryError(
      'NOT_OWNED',
      `the runtime directory ${path} belongs to user ${status.uid}, not to ${effectiveUserId()}`,
    );
  }
  if ((status.mode & 0o077) !== 0) {
    throw new RuntimeDirectoryError(
      'NOT_PRIVATE',
      `the runtime directory ${path} is open to other users; make it private: chmod 700 ${path}`,
    );
  }
}

function namedServers(): ServerSockets[] {
  const names = new Set<string>();
  for (const entry of readdirSync(runtimeDirectory())) {
    const suffix = [FABRIC_SUFFIX, CONTROL_SUFFIX].find((known) => entry.endsWith(known));
    const name = suffix ? entry.slice(0, -suffix.length) : '';
    if (SERVER_NAME.test(name)) {
      names.add(name);
    }
  }
  return [...names].sort().map(serverSockets);
}

function isYoung(path: string): boolean {
  const status = lstatSync(path, { throwIfNoEntry: false });
  return status !== undefined && Date.now() - status.ctimeMs < STARTING_MS;
}

function effectiveUserId(): number {
  // getuid family exists on every system this package installs on (package.json "os").
  return (process.geteuid as () => number)();
}
