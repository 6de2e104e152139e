/**
 * What a mount process tells other commands of this user: one small file in the runtime directory,
 * there as long as the mount is.
 */

import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { runtimeDirectory } from '../client/runtime-directory.ts';
import { isDafsMount } from './mount-table.ts';
import { isRunning, type ProcessIdentity } from './processes.ts';

export interface MountRecord {
  directory: string;
  /** The SOURCE of the command. */
  source: string;
  driver: string;
  serverName: string;
  process: ProcessIdentity;
  /** The server that was started for this mount; undefined when the mount uses a shared one. */
  server: ProcessIdentity | undefined;
  /** Where a mount in the background writes; undefined in the foreground. */
  log: string | undefined;
  mountedAt: string;
}

const RECORD_NAME = /^mount-\d+\.json$/;

/** Publishes the record of this process's mount, or replaces it. */
export function publishRecord(record: MountRecord): void {
  const path = recordPath(record.process.pid);
  const incomplete = `${path}.new`;
  writeFileSync(incomplete, JSON.stringify(record), { mode: 0o600 });
  renameSync(incomplete, path);
}

export function removeRecord(record: MountRecord): void {
  rmSync(recordPath(record.process.pid), { force: true });
}

/** Where the mount process started by `pid` in the background writes. */
export function logPath(pid: number): string {
  return join(runtimeDirectory(), `mount-${pid}.log`);
}

/**
 * The mounts of this user: those whose process runs, and the dead ones that are still in the mount
 * table. Files of others, left by killed processes, are removed.
 */
export function listRecords(): MountRecord[] {
  const directory = runtimeDirectory();
  const records: MountRecord[] = [];
  for (const name of readdirSync(directory)) {
    const record = RECORD_NAME.test(name) ? readRecord(join(directory, name)) : undefined;
    if (!record) continue;
    if (isRunning(record.process) || isDafsMount(record.directory)) records.push(record);
    else forgetDeadMount(record);
  }
  return records.sort((left, right) => (left.directory < right.directory ? -1 : 1));
}

/** The mount on `directory` (a canonical path), the latest when there are several. */
export function findRecord(directory: string): MountRecord | undefined {
  return listRecords()
    .filter((record) => record.directory === directory)
    .sort((left, right) => (left.mountedAt < right.mountedAt ? -1 : 1))
    .at(-1);
}

/** Whether what is mounted on `directory` (a canonical path) is ours, and its process was killed. */
export function isDeadMount(directory: string): boolean {
  if (!isDafsMount(directory)) return false;
  const record = findRecord(directory);
  if (record) return !isRunning(record.process);
  try {
    // The kernel may remember its attributes for a while yet.
    statfsSync(directory);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOTCONN';
  }
}

/** Removes what a mount left behind whose process did not end by itself. */
export function forgetDeadMount(record: MountRecord): void {
  removeRecord(record);
  if (record.log) rmSync(record.log, { force: true });
}

/** The last line that a mount in the background wrote; it writes only when something is wrong. */
export function lastLogLine({ log }: MountRecord): string | undefined {
  if (log === undefined || !existsSync(log)) return undefined;
  return readFileSync(log, 'utf8').trim().split('\n').at(-1) || undefined;
}

function recordPath(pid: number): string {
  return join(runtimeDirectory(), `mount-${pid}.json`);
}

function readRecord(path: string): MountRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as MountRecord;
  } catch {
    // It vanished between the listing and now: its mount has just ended.
    return undefined;
  }
}
