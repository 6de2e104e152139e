/** The memory of processes, as /proc tells it. */
import { readFileSync } from 'node:fs';

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

/** A memory file, or one on the file system that lies in memory. */
const MEMORY_FILE = /^\/(memfd:|dev\/shm\/)/;

/** The memory of a process: proc_pid_smaps(5). */
export function memoryOf(pid: number): MemoryUse {
  const use = { residentBytes: 0, proportionalBytes: 0, peersBytes: 0 };
  let isPeers = false;
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
    const [, rights, path] = HEADING.exec(line) ?? [];
    if (rights !== undefined) isPeers = rights[1] !== 'w' && MEMORY_FILE.test(path ?? '');
    const [, kind, kilobytes] = FIGURE.exec(line) ?? [];
    const bytes = Number(kilobytes) * 1024;
    if (kind === 'Pss') use.proportionalBytes += bytes;
    if (kind === 'Rss') use.residentBytes += bytes;
    if (kind === 'Rss' && isPeers) use.peersBytes += bytes;
  }
  return use;
}
