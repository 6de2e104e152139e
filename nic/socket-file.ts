import { closeSync, constants, lstatSync, openSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { NicError } from './error.ts';
import { closeDescriptor, createSocket, lockExclusively, setMode } from './system-calls.ts';
import { bindSocketTo, connectSocketTo } from './unix-socket.ts';

const SOCKET_MODE = 0o600;

/**
 * Binds a socket to a path, with mode 0600, in place of a socket that a dead process has left there.
 * @returns the inode of the socket file.
 * @throws NicError EADDRINUSE when somebody answers there or it is no socket, and what bind(2) throws.
 */
export function bindSocketFile(socket: number, path: string): number {
  // On Linux the mode of the socket itself becomes that of the file it is bound to.
  setMode(socket, SOCKET_MODE);
  // Two starters must not both find the leftover dead and remove each other's new socket.
  const directory = openDirectory(path);
  try {
    lockExclusively(directory);
    removeLeftover(path);
    bindSocketTo(socket, path);
    return lstatSync(path).ino;
  } finally {
    closeSync(directory);
  }
}

function openDirectory(path: string): number {
  try {
    return openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new NicError(code ?? 'EIO', `cannot listen on ${path}: ${(error as Error).message}`);
  }
}

function removeLeftover(path: string): void {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return;
  if (!status.isSocket()) {
    throw new NicError('EADDRINUSE', `cannot listen on ${path}: a file that is no socket is there`);
  }
  if (isAnswered(path)) {
    throw new NicError('EADDRINUSE', `cannot listen on ${path}: a running process listens there`);
  }
  unlinkSync(path);
}

/** Whether a process listens on the socket file. */
function isAnswered(path: string): boolean {
  const socket = createSocket();
  try {
    // Connected, or so many wait that nobody else may connect: somebody listens in both cases.
    connectSocketTo(socket, path);
    return true;
  } catch (error) {
    return !(error instanceof NicError && error.code === 'ECONNREFUSED');
  } finally {
    closeDescriptor(socket);
  }
}

/** Removes the socket file unless another listener has put its own there. */
export function removeSocketFile(path: string, inode: number): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.ino === inode) unlinkSync(path);
}
