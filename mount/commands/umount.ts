import { setTimeout as sleep } from 'node:timers/promises';
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
import { DAFS_FILE_SYSTEM_TYPE, findMount } from '../mount-table.ts';
import {
  findMounters,
  isRunning,
  namesOf,
  type ProcessIdentity,
  waitForEnd,
} from '../processes.ts';
import { unmountDirectory } from '../unmount.ts';

/** How long a server and a mount may take to make everything stable before that is called a failure. */
const FLUSH_TIMEOUT_MS = 120_000;

/** How long a mount may take to start its own server again, on a machine that is busy with others. */
const RESTART_TIMEOUT_MS = 30_000;
const RESTART_CHECK_MS = 100;

/**
 * How long others may go on having it mounted where they are. Who makes a container gets a copy of all
 * mounts, and takes away what he does not need.
 */
const COPIES_TIMEOUT_MS = 10_000;

/**
 * `dafs umount`: returns when the mount is gone, its data stable and its own server ended.
 *
 * @throws CommandError NOT_MOUNTED, BUSY or UNMOUNT_FAILED
 */
export async function umountCommand(path: string): Promise<void> {
  const directory = canonicalDirectory(path);
  const mounted = findMount(directory);
  if (mounted?.fileSystemType !== DAFS_FILE_SYSTEM_TYPE) {
    throw new CommandError('NOT_MOUNTED', `${directory} is not a dafs mount`);
  }
  const record = findRecord(directory);
  const isLost = record === undefined ? isDeadMount(directory) : await isBeyondUse(record);
  await unmountDirectory(directory, { lazy: isLost });
  if (isLost && record) endAtOnce(record.process);
  if (record) await untilEnded(record, mounted.device);
}

/** Whoever still has files open in a mount whose server or process died only gets errors of it. */
async function isBeyondUse(record: MountRecord): Promise<boolean> {
  // A server of its own is started again, and has to store what the one before left unstored.
  const patienceMs = record.server === undefined ? 0 : RESTART_TIMEOUT_MS;
  const deadline = Date.now() + patienceMs;
  while (isRunning(record.process)) {
    if (await isSocketAlive(serverSockets(record.serverName).fabric)) return false;
    if (Date.now() >= deadline) return true;
    await sleep(RESTART_CHECK_MS);
  }
  return true;
}

/** A mount without a server has nothing to flush, and would wait for those who still use it. */
function endAtOnce(mountProcess: ProcessIdentity): void {
  if (isRunning(mountProcess)) process.kill(mountProcess.pid, 'SIGKILL');
}

async function untilEnded(record: MountRecord, device: string): Promise<void> {
  const { directory, process: mountProcess, server } = record;
  if (!(await waitForEnd(mountProcess, COPIES_TIMEOUT_MS))) {
    assertNoCopies(directory, device);
  }
  const processes: [string, ProcessIdentity | undefined][] = [
    ['mount', mountProcess],
    ['server', server],
  ];
  for (const [role, identity] of processes) {
    if (identity && !(await waitForEnd(identity, FLUSH_TIMEOUT_MS))) {
      throw new CommandError(
        'UNMOUNT_FAILED',
        `${directory} is unmounted, but its ${role} process ${identity.pid} has not ended after ${FLUSH_TIMEOUT_MS / 1000} s`,
      );
    }
  }
  const lastWords = lastLogLine(record);
  if (lastWords) process.stderr.write(`dafs: the mount process had said: ${lastWords}\n`);
  forgetDeadMount(record);
}

/** The kernel lets go of a file system when the last of the mount namespaces has unmounted it. */
function assertNoCopies(directory: string, device: string): void {
  const mounters = findMounters(device);
  if (mounters.length === 0) return;
  throw new CommandError(
    'UNMOUNT_FAILED',
    `${directory} is unmounted here, but remains mounted in the mount namespace of ${namesOf(mounters)}, and ends with it`,
  );
}
