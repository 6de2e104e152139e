/**
 * A second process whose file calls a case makes as if they were its own: the call travels through
 * a pipe, and the case waits for the answer without an event loop, because cases are synchronous.
 */
import { spawn } from 'node:child_process';
import { closeSync, readSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import { call, PosixError } from '../support/libc.ts';
import type { Target } from './target.ts';

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

export class OtherProcess {
  readonly target: Target;
  readonly #requests: number;
  readonly #answers: number;

  /** Starts a process in `directory`; it ends with `end`, or when this process does. */
  constructor(directory: string) {
    const requests = pipe();
    const answers = pipe();
    const program = fileURLToPath(new URL('./other-process-main.ts', import.meta.url));
    const child = spawn(process.execPath, [program], {
      cwd: directory,
      stdio: [requests.readEnd, answers.writeEnd, 'inherit'],
    });
    child.unref();
    closeSync(requests.readEnd);
    closeSync(answers.writeEnd);
    this.#requests = requests.writeEnd;
    this.#answers = answers.readEnd;
    this.target = new Proxy({} as Target, {
      get:
        (_, method) =>
        (...values: unknown[]) =>
          this.#ask({ method: String(method), values }),
    });
  }

  end(): void {
    closeSync(this.#requests);
    // The pipe's end is the process's end: what it had open is closed by then.
    receiveMessage(this.#answers);
    closeSync(this.#answers);
  }

  #ask(request: RemoteCall): unknown {
    sendMessage(this.#requests, request);
    const answer = receiveMessage(this.#answers) as RemoteAnswer | undefined;
    if (answer === undefined) {
      throw new Error(`the other process died in ${request.method}`);
    }
    if ('code' in answer) {
      throw new PosixError(answer.code, answer.call);
    }
    return answer.result;
  }
}
