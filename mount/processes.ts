import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process, told apart from a later one with the same number by the time it started. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks after boot (proc_pid_stat(5), field 22). */
  startTicks: number;
}

/** @returns undefined when no such process runs (a zombie does not run). */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The second field is the program's name in parentheses and may contain anything, also those.
  const fields = status.slice(status.lastIndexOf(')') + 2).split(' ');
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

/** The processes that have their working directory or an open file below `directory`. */
export function findMountUsers(directory: string): MountUser[] {
  const users: MountUser[] = [];
  for (const entry of readdirSync('/proc')) {
    if (/^\d+$/.test(entry) && usesDirectory(entry, directory)) {
      users.push({ pid: Number(entry), program: programOf(entry) });
    }
  }
  return users;
}

function usesDirectory(pid: string, directory: string): boolean {
  // Links of /proc are read as text: nothing in the mount itself is touched.
  const isInside = (path: string | undefined) =>
    path === directory || path?.startsWith(`${directory}/`);
  if (['cwd', 'root', 'exe'].some((name) => isInside(linkTarget(`/proc/${pid}/${name}`)))) {
    return true;
  }
  return descriptorsOf(pid).some((name) => isInside(linkTarget(`/proc/${pid}/fd/${name}`)));
}

function descriptorsOf(pid: string): string[] {
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

function programOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '?';
  }
}
