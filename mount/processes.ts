import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MountTableEntry, readMountTable } from './mount-table.ts';

/** A process, told apart from a later one with the same number by the time it started. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks after boot (proc_pid_stat(5), field 22). */
  startTicks: number;
}

/**
 * The fields of proc_pid_stat(5) from the third on.
 * @throws the system's error when there is no such process.
 */
export function statFields(pid: number | 'self'): string[] {
  const status = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The second field is the program's name in parentheses and may contain anything, also those.
  return status.slice(status.lastIndexOf(')') + 2).split(' ');
}

/** @returns undefined when no such process runs (a zombie does not run). */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  let fields: string[];
  try {
    fields = statFields(pid);
  } catch {
    return undefined;
  }
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return { pid, startTicks: Number(fields[19]) };
}

/** Whether just this process still runs. */
export function isRunning(process: ProcessIdentity): boolean {
  return identifyProcess(process.pid)?.startTicks === process.startTicks;
}

/** Signals that end a process which has made no arrangements: kill(1)'s, the terminal's, and the like. */
const ENDING_SIGNALS = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGKILL', 'SIGTERM'] as const;

/**
 * Whether a signal waits for a thread that will end its process as soon as it can be delivered: whatever
 * the thread waits for, nobody needs it any more (proc_pid_status(5)). A process that is gone waits for
 * nothing.
 */
export function isBeingKilled(pid: number): boolean {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return false;
  }
  const mask = (name: string): bigint =>
    BigInt(`0x${new RegExp(`^${name}:\\t([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? 0}`);
  const pending = mask('SigPnd') | mask('ShdPnd');
  const deadly = pending & ~mask('SigBlk') & ~mask('SigIgn') & ~mask('SigCgt');
  return ENDING_SIGNALS.some((name) => (deadly & bitOf(name)) !== 0n);
}

const bitOf = (name: (typeof ENDING_SIGNALS)[number]): bigint =>
  1n << BigInt(constants.signals[name] - 1);

/** Waits until the process has ended; false when it still runs after `timeoutMs`. */
export async function waitForEnd(process: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isRunning(process)) {
    if (Date.now() >= deadline) return false;
    await sleep(10);
  }
  return true;
}

/** A process that keeps a mount busy. */
export interface MountUser {
  pid: number;
  program: string;
}

/** How messages name them. */
export const namesOf = (users: readonly MountUser[]): string =>
  users.map(({ pid, program }) => `${program} (${pid})`).join(', ');

/** The processes that have their working directory or an open file below `directory`. */
export function findMountUsers(directory: string): MountUser[] {
  return processesWhere((pid) => usesDirectory(pid, directory)).map(asUser);
}

const asUser = (pid: number): MountUser => ({ pid, program: programOf(pid) });

/** All processes, and kernel threads, of which this is true. */
export function processesWhere(isWanted: (pid: number) => boolean): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter(isWanted);
}

/**
 * The processes in whose mount namespaces the file system of a device (`major:minor`) is mounted, the
 * first of each namespace (mount_namespaces(7)).
 */
export function findMounters(device: string): MountUser[] {
  const namespaces = new Set<string>();
  const isFirst = (pid: number): boolean => {
    const namespace = linkTarget(`/proc/${pid}/ns/mnt`);
    if (namespace === undefined || namespaces.has(namespace)) return false;
    namespaces.add(namespace);
    return true;
  };
  const hasMounted = (pid: number): boolean =>
    mountTableOf(pid).some((mount) => mount.device === device);
  return processesWhere((pid) => isFirst(pid) && hasMounted(pid)).map(asUser);
}

function mountTableOf(pid: number): MountTableEntry[] {
  try {
    return readMountTable(pid);
  } catch {
    return [];
  }
}

function usesDirectory(pid: number, directory: string): boolean {
  // Links of /proc are read as text: nothing in the mount itself is touched.
  const isInside = (path: string | undefined) =>
    path === directory || path?.startsWith(`${directory}/`);
  if (['cwd', 'root', 'exe'].some((name) => isInside(linkTarget(`/proc/${pid}/${name}`)))) {
    return true;
  }
  return openFilesOf(pid).some(isInside);
}

/** What the descriptors of a process lead to, as far as this process may know. */
export function openFilesOf(pid: number): string[] {
  return descriptorsOf(pid).flatMap((name) => linkTarget(`/proc/${pid}/fd/${name}`) ?? []);
}

/**
 * The path of a file that a process has open below `directory`, by its inode number; undefined when it
 * cannot be told.
 */
export function openPathOf(pid: number, inode: number, directory: string): string | undefined {
  for (const name of descriptorsOf(pid)) {
    const path = linkTarget(`/proc/${pid}/fd/${name}`);
    if (path?.startsWith(`${directory}/`) && inodeOf(`/proc/${pid}/fdinfo/${name}`) === inode) {
      // Linux says this also of a name that it has only forgotten, which happens in a mount.
      return path.replace(/ \(deleted\)$/, '');
    }
  }
  return undefined;
}

/** Linux 5.14 and later tell it (proc_pid_fdinfo(5)): the file itself need not be asked. */
function inodeOf(fdinfo: string): number | undefined {
  try {
    const found = /^ino:\t(\d+)$/m.exec(readFileSync(fdinfo, 'latin1'));
    return found === null ? undefined : Number(found[1]);
  } catch {
    return undefined;
  }
}

function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch {
    return [];
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** What a process calls itself; `?` when there is none. */
export function programOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '?';
  }
}
