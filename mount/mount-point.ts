import { accessSync, constants, opendirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CommandError } from './command-error.ts';
import type { MountOptions } from './mount-options.ts';
import { findMount, isDafsMount } from './mount-table.ts';

const FUSE_DEVICE = '/dev/fuse';

/**
 * The canonical path of a directory, as the mount table shows it. The directory itself is not
 * touched when something of ours is mounted on it: a dead mount answers nothing but errors.
 *
 * @throws CommandError NO_SUCH_DIRECTORY, NOT_A_DIRECTORY, NO_PERMISSION
 */
export function canonicalDirectory(path: string): string {
  const absolute = resolve(path);
  const parent = explained(absolute, () => realpathSync.native(dirname(absolute)));
  const direct = absolute === '/' ? '/' : join(parent, basename(absolute));
  if (isDafsMount(direct)) return direct;
  return explained(absolute, () => realpathSync.native(direct));
}

/**
 * Checks that something can be mounted on `path` and returns its canonical form.
 *
 * @throws CommandError that says what is in the way.
 */
export function checkMountPoint(path: string, options: MountOptions): string {
  const directory = canonicalDirectory(path);
  assertNotMounted(directory);
  const status = explained(path, () => statSync(directory));
  if (!status.isDirectory()) {
    throw new CommandError('NOT_A_DIRECTORY', `${path} is not a directory`);
  }
  if (!options.nonEmpty && !isEmpty(directory)) {
    throw new CommandError(
      'NOT_EMPTY',
      `${path} is not empty; -o nonempty mounts over what is in it`,
    );
  }
  return directory;
}

/**
 * Checks that this user can open /dev/fuse.
 *
 * @throws CommandError NO_FUSE or NO_PERMISSION
 */
export function checkFuseDevice(): void {
  if (!statSync(FUSE_DEVICE, { throwIfNoEntry: false })) {
    throw new CommandError(
      'NO_FUSE',
      `${FUSE_DEVICE} is missing: load the kernel's FUSE (modprobe fuse), or give the container the device`,
    );
  }
  try {
    accessSync(FUSE_DEVICE, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw new CommandError(
      'NO_PERMISSION',
      `no permission to open ${FUSE_DEVICE}: mount as root, or let users open it (chmod 666 ${FUSE_DEVICE})`,
      { cause: error },
    );
  }
}

function assertNotMounted(directory: string): void {
  const mounted = findMount(directory);
  if (mounted && isDafsMount(directory)) {
    throw new CommandError(
      'ALREADY_MOUNTED',
      `${directory} is already a mount of ${mounted.source}; dafs umount ${directory} ends it`,
    );
  }
}

function isEmpty(directory: string): boolean {
  const handle = explained(directory, () => opendirSync(directory));
  try {
    return handle.readSync() === null;
  } finally {
    handle.closeSync();
  }
}

const explanations: Readonly<Record<string, (path: string) => CommandError>> = {
  ENOENT: (path) =>
    new CommandError(
      'NO_SUCH_DIRECTORY',
      `no such directory: ${path} (it must exist: mkdir -p ${path})`,
    ),
  ENOTDIR: (path) => new CommandError('NOT_A_DIRECTORY', `${path} is not a directory`),
  EACCES: (path) => new CommandError('NO_PERMISSION', `no permission to reach ${path}`),
  ENOTCONN: (path) =>
    new CommandError('DEAD_MOUNT', `${path} lies in a mount whose process has died; unmount that`),
};

function explained<Result>(path: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    const explanation = explanations[(error as NodeJS.ErrnoException).code ?? ''];
    if (explanation) throw explanation(path);
    throw error;
  }
}
