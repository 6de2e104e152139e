import { isSocketAlive, serverSockets } from '../../client/runtime-directory.ts';
import { CommandError } from '../command-error.ts';
import { canonicalDirectory } from '../mount-point.ts';
import { findRecord, forgetDeadMount, type MountRecord } from '../mount-record.ts';
import { isDafsMount } from '../mount-table.ts';
import { isRunning, type ProcessIdentity, waitForEnd } from '../processes.ts';
import { unmountDirectory } from '../unmount.ts';

/** How long a server and a mount may take to make everything stable before that is called a failure. */
const FLUSH_TIMEOUT_MS = 120_000;

/**
 * `dafs umount`: returns when the mount is gone, its data stable and its own server ended.
 *
 * @throws CommandError NOT_MOUNTED, BUSY or UNMOUNT_FAILED
 */
export async function umountCommand(path: string): Promise<void> {
  const directory = canonicalDirectory(path);
  if (!isDafsMount(directory)) {
    throw new CommandError('NOT_MOUNTED', `${directory} is not a dafs mount`);
  }
  const record = findRecord(directory);
  await unmountDirectory(directory, { lazy: await isBeyondUse(record) });
  if (record) await untilEnded(record);
}

/** Whoever still has files open in a mount whose server or process died only gets errors of it. */
async function isBeyondUse(record: MountRecord | undefined): Promise<boolean> {
  if (!record) return false;
  if (!isRunning(record.process)) return true;
  return !(await isSocketAlive(serverSockets(record.serverName).fabric));
}

async function untilEnded(record: MountRecord): Promise<void> {
  const processes: [string, ProcessIdentity | undefined][] = [
    ['mount', record.process],
    ['server', record.server],
  ];
  for (const [role, process] of processes) {
    if (process && !(await waitForEnd(process, FLUSH_TIMEOUT_MS))) {
      throw new CommandError(
        'UNMOUNT_FAILED',
        `${record.directory} is unmounted, but its ${role} process ${process.pid} has not ended after ${FLUSH_TIMEOUT_MS / 1000} s`,
      );
    }
  }
  forgetDeadMount(record);
}
