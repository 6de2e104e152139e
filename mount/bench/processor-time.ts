/** Who has used the processors for how long, as /proc tells it. */
import { readFileSync } from 'node:fs';
import { statFields } from '../processes.ts';

/** Of all times in /proc, whatever the kernel's own clock is: proc_pid_stat(5). */
const TICKS_PER_SECOND = 100;

/** Where times stand in /proc/PID/stat, counted from the field after the program's name. */
const StatField = {
  USER_TIME: 11,
  SYSTEM_TIME: 12,
  USER_TIME_OF_CHILDREN: 13,
  SYSTEM_TIME_OF_CHILDREN: 14,
} as const;

/** Where times stand in the first line of /proc/stat: all that is neither idle nor waiting nor stolen. */
const BUSY_FIELDS = { USER: 1, NICE: 2, SYSTEM: 3, INTERRUPT: 6, SOFT_INTERRUPT: 7 } as const;

function secondsIn(fields: readonly string[], places: readonly number[]): number {
  return places.reduce((sum, place) => sum + Number(fields[place]), 0) / TICKS_PER_SECOND;
}

/** The processor time of a process and of all its threads, of those that have ended too, in seconds. */
export function processorSeconds(pid: number): number {
  return secondsIn(statFields(pid), [StatField.USER_TIME, StatField.SYSTEM_TIME]);
}

/** The processor time of all children of this process that have ended, in seconds. */
export function processorSecondsOfChildren(): number {
  const { USER_TIME_OF_CHILDREN, SYSTEM_TIME_OF_CHILDREN } = StatField;
  return secondsIn(statFields('self'), [USER_TIME_OF_CHILDREN, SYSTEM_TIME_OF_CHILDREN]);
}

/** The processor time of all that has run on this machine, interrupts included, in seconds. */
export function processorSecondsOfMachine(): number {
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1);
  return secondsIn(line.split(/\s+/), Object.values(BUSY_FIELDS));
}

/** Processes, and kernel threads, by what they are called in a report. */
export type ServerProcesses = Readonly<Record<string, readonly number[]>>;

/** Of processes that have ended meanwhile nothing is known any more: they count as 0. */
function secondsOfAll(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    try {
      return sum + processorSeconds(pid);
    } catch {
      return sum;
    }
  }, 0);
}

/** Looks how much processor time goes by from its making on. */
export class ProcessorMeter {
  readonly #processes: ServerProcesses;
  readonly #machine = processorSecondsOfMachine();
  readonly #servers: Readonly<Record<string, number>>;

  constructor(processes: ServerProcesses) {
    this.#processes = processes;
    this.#servers = this.#secondsOfServers();
  }

  /** What went by for whom, in seconds. */
  read(): { machine: number; servers: Record<string, number> } {
    const servers = this.#secondsOfServers();
    for (const name of Object.keys(servers)) {
      servers[name] = Math.max(0, (servers[name] as number) - (this.#servers[name] as number));
    }
    return { machine: processorSecondsOfMachine() - this.#machine, servers };
  }

  #secondsOfServers(): Record<string, number> {
    const entries = Object.entries(this.#processes);
    return Object.fromEntries(entries.map(([name, pids]) => [name, secondsOfAll(pids)]));
  }
}
