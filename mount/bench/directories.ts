/** Whether a directory is what its figures would be taken for. */
import { mkdtempSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { formatBytes } from '../byte-sizes.ts';
import { CommandError, describeError } from '../command-error.ts';
import { canonicalDirectory } from '../mount-point.ts';
import { isDeadMount } from '../mount-record.ts';
import { type MountTableEntry, mountOf } from '../mount-table.ts';

/** What a user writes before a directory of which he says that nothing needs to be mounted on it. */
const LOCAL_PREFIX = 'local:';

const WORK_PREFIX = 'dafs-bench-';

/** A directory that can be measured, and the mount that it lies on. */
export interface CheckedDirectory {
  /** Canonical. */
  readonly path: string;
  readonly mount: MountTableEntry;
}

/**
 * Checks a directory before anything is measured in it.
 *
 * An empty directory on which nothing is mounted looks just as a mount point does whose mount is missing:
 * its figures would be those of the disk below. So does one of fstab(5) that is not mounted.
 *
 * @param neededBytes what the measurements will write there
 * @throws CommandError that says what is wrong with it
 */
export function checkDirectory(text: string, neededBytes: number): CheckedDirectory {
  const isSaidLocal = text.startsWith(LOCAL_PREFIX);
  const path = canonicalDirectory(isSaidLocal ? text.slice(LOCAL_PREFIX.length) : text);
  if (isDeadMount(path)) {
    throw new CommandError('DEAD_MOUNT', `the process of the mount on ${path} has died`);
  }
  if (!statSync(path).isDirectory()) {
    throw new CommandError('NOT_A_DIRECTORY', `${path} is not a directory`);
  }
  const mount = mountOf(path);
  const isMountPoint = mount.directory === path;
  if (!isMountPoint && isInFileSystemTable(path)) {
    throw new CommandError(
      'NOT_MOUNTED',
      `${path} is a mount point of /etc/fstab, and not mounted`,
    );
  }
  if (!isMountPoint && !isSaidLocal && readdirSync(path).length === 0) {
    throw new CommandError(
      'NOT_MOUNTED',
      `${path} is empty and nothing is mounted on it; if that is meant, write ${LOCAL_PREFIX}${text}`,
    );
  }
  assertRoom(path, neededBytes);
  return { path, mount };
}

/** fstab(5): the second field of each line. */
function isInFileSystemTable(path: string): boolean {
  try {
    const lines = readFileSync('/etc/fstab', 'utf8').split('\n');
    return lines.some((line) => !line.startsWith('#') && line.trim().split(/\s+/)[1] === path);
  } catch {
    return false;
  }
}

function assertRoom(path: string, neededBytes: number): void {
  const { bavail, bsize } = statfsSync(path);
  if (bavail * bsize < neededBytes) {
    throw new CommandError(
      'NO_ROOM',
      `${path} has ${formatBytes(bavail * bsize)} left, and ${formatBytes(neededBytes)} are needed`,
    );
  }
}

/**
 * Makes a directory for the measurements.
 *
 * @throws CommandError NO_PERMISSION
 */
export function makeWorkDirectory(path: string): string {
  try {
    return mkdtempSync(join(path, WORK_PREFIX));
  } catch (error) {
    const reason = describeError(error).split(',', 1)[0];
    throw new CommandError('NO_PERMISSION', `${path} cannot be written to: ${reason}`, {
      cause: error,
    });
  }
}

/**
 * Asked before each measurement: unmounted, or with something else mounted over it, a directory would
 * give another file system's figures.
 *
 * @throws CommandError NOT_MOUNTED
 */
export function assertStillThere({ path, mount }: CheckedDirectory): void {
  const now = mountOf(path);
  if (now.directory === mount.directory && now.device === mount.device) return;
  throw new CommandError(
    'NOT_MOUNTED',
    `${path} was on ${mount.source}, and is on ${now.source} now: its figures would be that one's`,
  );
}
