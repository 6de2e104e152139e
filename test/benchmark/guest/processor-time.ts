/** Who has worked in the guest: processor time by process, which there is a count of instructions. */
import { readdirSync, readFileSync } from 'node:fs';

/** Nanoseconds by name: `mount` and `serve` of this project, others by the name of their program. */
export type Work = ReadonlyMap<string, number>;

/** What a file of /proc says, or nothing where its process has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function tasksOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** Kernel threads of one kind differ in what follows a slash or a number. */
function nameOf(pid: string): string {
  const words = read(`/proc/${pid}/cmdline`).split('\0');
  const command = words.find((word) => word === 'mount' || word === 'serve');
  return command ?? read(`/proc/${pid}/comm`).replace(/[/\d].*|\n/g, '');
}

/** The time of all that run, proc_pid_schedstat(5): the time on the processor comes first. */
export function workSoFar(): Work {
  const work = new Map<string, number>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const times = tasksOf(pid).map((task) => read(`/proc/${pid}/task/${task}/schedstat`));
    const total = times.reduce((sum, text) => sum + Number(text.split(' ')[0]), 0);
    const name = nameOf(pid);
    work.set(name, (work.get(name) ?? 0) + total);
  }
  return work;
}

/** What is worth telling. */
const LEAST_NANOSECONDS = 5e6;

/** Billions of instructions by name, the most first, of those that still run. */
export function workSince(before: Work): [name: string, billions: number][] {
  return [...workSoFar()]
    .map(([name, total]): [string, number] => [name, total - (before.get(name) ?? 0)])
    .filter(([, nanoseconds]) => nanoseconds >= LEAST_NANOSECONDS)
    .sort(([, one], [, other]) => other - one)
    .map(([name, nanoseconds]) => [name, nanoseconds / 1e9]);
}
