import type { Process } from '../nic/network.ts';
import { storage } from './storage.ts';

/** Numbers that no real process has. */
const firstPid = 5_000_000;
const uid = (process.geteuid as () => number)();
const gid = (process.getegid as () => number)();

/** The processes of a machine, as its kernel tells of them in /proc. */
export class Processes {
  #lastPid = firstPid;
  #boots = 0;

  constructor() {
    this.boot();
  }

  start(isServer: boolean): Process {
    this.#lastPid += 1;
    const pid = this.#lastPid;
    storage.virtualFiles.set(statPath(pid), statOf(pid));
    return { pid, uid, gid, isServer, isAlive: true };
  }

  end(process: Process): void {
    process.isAlive = false;
    storage.virtualFiles.delete(statPath(process.pid));
  }

  /** The machine runs anew, and says so. */
  boot(): void {
    this.#boots += 1;
    const id = String(this.#boots).padStart(32, '0');
    storage.virtualFiles.set('/proc/sys/kernel/random/boot_id', id);
  }
}

const statPath = (pid: number): string => `/proc/${pid}/stat`;

/** What proc_pid_stat(5) says of a process that lives: all that is read of it. */
const statOf = (pid: number): string =>
  `${pid} (simulated) S ${[...new Array<number>(18).fill(0), pid].join(' ')}`;
