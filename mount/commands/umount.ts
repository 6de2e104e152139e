import { isSocketAlive, serverSockets } from '../../client/runtime-directory.ts';
import { CommandError } from '../command-error.ts';
import { canonicalDirectory } from '../mount-point.ts';
import {
  findRecord,
  forgetDeadMount,
  isDeadMount,
  lastLogLine,
  type MountRecord,
} from '../mount-record.ts';
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
  const isLost = record === undefined ? isDeadMount(directory) : await isBeyondUse(record);
  await unmountDirectory(directory, { lazy: isLost });
  if (isLost && record) endAtOnce(record.process);
  if (record) await untilEnded(record);
}

/** Whoever still has files open in a mount whose server or process died only gets errors of it. */
async function isBeyondUse(record: MountRecord): Promise<boolean> {
  if (!isRunning(record.process)) return true;
  return !(await isSocketAlive(serverSockets(record.serverName).fabric));
}

/** A mount without a server has nothing to flush, and would wait for those who still use it. */
function endAtOnce(mountProcess: ProcessIdentity): void {
  if (isRunning(mountProcess)) process.kill(mountProcess.pid, 'SIGKILL');
}

async function untilEnded(record: MountRecord): Promise<void> {
  const processes: [string, ProcessIdentity | undefined][] = [
    ['mount', record.process],
    ['server', record.server],
  ];
  for (const [role, identity] of processes) {
    if (identity && !(await waitForEnd(identity, FLUSH_TIMEOUT_MS))) {
      throw new CommandError(
        'UNMOUNT_FAILED',
        `${record.directory} is unmounted, but its ${role} process ${identity.pid} has not ended after ${FLUSH_TIMEOUT_MS / 1000} s`,
      );
    }
  }
  const lastWords = lastLogLine(record);
  if (lastWords) process.stderr.write(`dafs: the mount process had said: ${lastWords}\n`);
  forgetDeadMount(record);
}
