/** What processes do that do not get on: for the messages of tests that ran out of time. */
import { readdirSync, readFileSync } from 'node:fs';

/**
 * The threads of processes, a line each: what each is called, its state, where in the kernel it waits,
 * and its system call with the arguments (proc_pid_stat(5), proc_pid_wchan(5), proc_pid_syscall(5)).
 */
export function describeThreads(pids: readonly number[]): string {
  return pids.flatMap((pid) => [nameOf(pid), ...threadsOf(pid)]).join('\n');
}

const nameOf = (pid: number): string =>
  `process ${pid}: ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`;

function threadsOf(pid: number): string[] {
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return ['  has ended meanwhile'];
  }
  return threads.map((thread) => {
    const from = (name: string) => read(`/proc/${pid}/task/${thread}/${name}`);
    const state = /^State:\s+(.*)$/m.exec(from('status'))?.[1] ?? '?';
    return `  ${thread} ${from('comm')}: ${state}, ${from('wchan')}, ${from('syscall')}`;
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return '?';
  }
}
