import { readFileSync } from 'node:fs';

/** The process that a client is: pids are used again, but not with the same time of start. */
export interface ClientProcess {
  readonly pid: number;
  /** Undefined when the process could not be looked at: nobody can tell whether it still lives. */
  readonly start: string | undefined;
}

/** When the process of a pid started, whatever the unit; undefined when there is none to be seen. */
export type ProcessStart = (pid: number) => string | undefined;

/** Places behind the name of the program, in which anything may stand (proc_pid_stat(5)). */
const Stat = { STATE: 0, FLAGS: 6, START_TIME: 19 } as const;

/** A zombie, or one that not even its parent sees any more. */
const DEAD_STATES: ReadonlySet<string | undefined> = new Set(['Z', 'X', 'x']);

/** Linux's PF_EXITING: set before a process that ends gives up its sockets. */
const EXITING = 4;

/** When the process of a pid started, in clock ticks since the machine did. */
export const systemProcessStart: ProcessStart = (pid) => {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const isEnding = (Number(fields[Stat.FLAGS]) & EXITING) !== 0;
  return isEnding || DEAD_STATES.has(fields[Stat.STATE]) ? undefined : fields[Stat.START_TIME];
};

/** Whether a process has certainly ended. */
export const hasEnded = ({ pid, start }: ClientProcess, startOf: ProcessStart): boolean =>
  start !== undefined && startOf(pid) !== start;
