/** What processes have used, as /proc tells it. */
import { readFileSync } from 'node:fs';

/** Of the times in /proc/PID/stat, whatever the kernel's own clock is: proc_pid_stat(5). */
const TICKS_PER_SECOND = 100;
/** Where user and system time stand, counted from the field after the program's name. */
const USER_TIME = 11;
const SYSTEM_TIME = 12;

/** The processor time of a process and of all its threads, of those that have ended too, in seconds. */
export function processorSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The program's name may hold anything, parentheses and spaces too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) / TICKS_PER_SECOND;
}

export interface MemoryUse {
  /** Resident, whoever else has the same pages. */
  readonly residentBytes: number;
  /** Resident, each page divided by the number of processes that have it. */
  readonly proportionalBytes: number;
  /**
   * Of what is resident, memory files that the process may only read: they belong to its peers, who
   * may write them, as a server's exported cache does that a mount maps.
   */
  readonly peersBytes: number;
}

const HEADING = /^[0-9a-f]+-[0-9a-f]+ (....) \S+ \S+ \d+ *(.*)$/;
const FIGURE = /^(Rss|Pss): +(\d+) kB$/;

/** The memory of a process: proc_pid_smaps(5). */
export function memoryOf(pid: number): MemoryUse {
  const use = { residentBytes: 0, proportionalBytes: 0, peersBytes: 0 };
  let isPeers = false;
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
    const [, rights, path] = HEADING.exec(line) ?? [];
    if (rights !== undefined) isPeers = rights[1] !== 'w' && path?.startsWith('/memfd:') === true;
    const [, kind, kilobytes] = FIGURE.exec(line) ?? [];
    const bytes = Number(kilobytes) * 1024;
    if (kind === 'Pss') use.proportionalBytes += bytes;
    if (kind === 'Rss') use.residentBytes += bytes;
    if (kind === 'Rss' && isPeers) use.peersBytes += bytes;
  }
  return use;
}
