/**
 * A second process whose file calls a case makes as if they were its own: the call travels through
 * a pipe, and the case waits for the answer without an event loop, because cases are synchronous.
 */
import { spawn } from 'node:child_process';
import { closeSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import { C, call, PosixError } from '../support/libc.ts';
import { pauseUntil } from './expect.ts';
import type { Target } from './target.ts';
import type { PendingCall, RemoteTarget } from './target-locks.ts';

export interface RemoteCall {
  readonly method: string;
  readonly values: readonly unknown[];
}

export type RemoteAnswer =
  | { readonly result: unknown }
  | { readonly code: string; readonly call: string };

function readExactly(fd: number, bytes: number): Buffer | undefined {
  const buffer = Buffer.alloc(bytes);
  for (let filled = 0; filled < bytes; ) {
    const count = readSync(fd, buffer, filled, bytes - filled, null);
    if (count === 0) {
      return undefined;
    }
    filled += count;
  }
  return buffer;
}

/** Reads one message that `sendMessage` wrote; undefined at the end of the pipe. */
export function receiveMessage(fd: number): unknown {
  const length = readExactly(fd, 4);
  const body = length && readExactly(fd, length.readUInt32LE());
  return body && deserialize(body);
}

/** Writes one message to a pipe, its length first. */
export function sendMessage(fd: number, message: unknown): void {
  const body = serialize(message);
  const whole = Buffer.alloc(4 + body.length);
  whole.writeUInt32LE(body.length);
  whole.set(body, 4);
  for (let sent = 0; sent < whole.length; ) {
    sent += writeSync(fd, whole, sent);
  }
}

function pipe(): { readEnd: number; writeEnd: number } {
  const fds = new Uint8Array(8);
  // Close-on-exec, or the child would hold the very end whose closing tells it to go.
  call('pipe2', fds, 0o2000000);
  const view = new DataView(fds.buffer);
  return { readEnd: view.getInt32(0, true), writeEnd: view.getInt32(4, true) };
}

/** The numbers of fcntl(2) and flock(2), by which a process is known to wait for a lock. */
const LOCK_CALLS: Readonly<Record<string, readonly string[]>> = {
  x64: ['72', '73'],
  arm64: ['25', '32'],
};

/** Which of these events poll(2) tells of a descriptor, and POLLERR, POLLHUP or POLLNVAL. */
export function pollNow(fd: number, events: number): number {
  const descriptor = new DataView(new ArrayBuffer(8));
  descriptor.setInt32(0, fd, true);
  descriptor.setInt16(4, events, true);
  call('poll', new Uint8Array(descriptor.buffer), 1, 0);
  return descriptor.getInt16(6, true);
}

/** Whether a pipe has something to read, or has ended. */
const isReadable = (fd: number): boolean => pollNow(fd, C.POLLIN) !== 0;

/** A file of /proc/PID; empty when the process is gone. */
function readProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}

const stateOf = (pid: number): string | undefined =>
  readProcess(pid, 'stat').split(') ').at(-1)?.[0];

function sleepsInLock(pid: number): boolean {
  const [number = ''] = readProcess(pid, 'syscall').split(' ');
  return LOCK_CALLS[process.arch]?.includes(number) === true && stateOf(pid) === 'S';
}

/** Files are open until the last thread is gone, which is not the first one's to tell. */
function isGone(pid: number): boolean {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.length === 1 && stateOf(pid) === 'Z';
  } catch {
    return true;
  }
}

export class OtherProcess {
  readonly target: RemoteTarget;
  readonly #pid: number;
  readonly #requests: number;
  readonly #answers: number;
  #isKilled = false;
  /** Calls that were begun and whose results nobody has taken. */
  #unanswered = 0;

  /** Starts a process; it ends with `end`, or when this process does. */
  constructor() {
    const requests = pipe();
    const answers = pipe();
    const program = fileURLToPath(new URL('./other-process-main.ts', import.meta.url));
    const child = spawn(process.execPath, [program], {
      cwd: '/',
      stdio: [requests.readEnd, answers.writeEnd, 'inherit'],
    });
    child.unref();
    closeSync(requests.readEnd);
    closeSync(answers.writeEnd);
    this.#pid = child.pid as number;
    this.#requests = requests.writeEnd;
    this.#answers = answers.readEnd;
    const own: Pick<RemoteTarget, 'begin' | 'signal'> = {
      begin: (method, ...values) => this.#begin({ method, values }),
      signal: (name) => this.#signal(name),
    };
    this.target = new Proxy(own as RemoteTarget, {
      get: (target, method: keyof Target) =>
        target[method] ?? ((...values: unknown[]) => this.#ask({ method, values })),
    });
  }

  /** Makes it as it was at the start. @returns false when that cannot be: it is to be ended */
  renew(): boolean {
    if (this.#isKilled || this.#unanswered > 0) {
      return false;
    }
    this.#ask({ method: 'release', values: [] });
    this.target.chdir('/');
    return true;
  }

  end(): void {
    if (this.#unanswered > 0) {
      this.#signal('SIGKILL');
    }
    closeSync(this.#requests);
    // The pipe's end is the process's end: what it had open is closed by then.
    while (receiveMessage(this.#answers) !== undefined);
    closeSync(this.#answers);
  }

  #begin(request: RemoteCall): PendingCall {
    this.#send(request);
    const isDone = () => isReadable(this.#answers);
    pauseUntil(() => isDone() || sleepsInLock(this.#pid));
    return { isDone, result: () => this.#answer(request) };
  }

  #signal(name: NodeJS.Signals): void {
    process.kill(this.#pid, name);
    if (name === 'SIGKILL') {
      this.#isKilled = true;
      pauseUntil(() => isGone(this.#pid));
    }
  }

  #ask(request: RemoteCall): unknown {
    this.#send(request);
    return this.#answer(request);
  }

  #send(request: RemoteCall): void {
    this.#unanswered += 1;
    sendMessage(this.#requests, request);
  }

  #answer(request: RemoteCall): unknown {
    const answer = receiveMessage(this.#answers) as RemoteAnswer | undefined;
    this.#unanswered -= 1;
    if (answer === undefined) {
      throw new Error(`the other process died in ${request.method}`);
    }
    if ('code' in answer) {
      throw new PosixError(answer.code, answer.call);
    }
    return answer.result;
  }
}
