/** Starts and drives the process of runner-main.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { TargetAddress } from './targets.ts';

export interface CaseOutcome {
  readonly name: string;
  readonly passed: boolean;
  /** Why it failed. */
  readonly message?: string;
}

const START_LIMIT_MS = 15_000;
export const CASE_LIMIT_MS = 20_000;

const program = fileURLToPath(new URL('./runner-main.ts', import.meta.url));

export class CaseRunner {
  readonly #address: TargetAddress;
  readonly #environment: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;

  constructor(address: TargetAddress, environment: NodeJS.ProcessEnv = process.env) {
    this.#address = address;
    this.#environment = environment;
  }

  /** Runs one case; a runner that hangs or dies fails it, and the next case gets a new one. */
  async run(name: string): Promise<CaseOutcome> {
    const child = this.#child ?? (await this.#start());
    child.send(name);
    const answer = await this.#nextMessage(child, CASE_LIMIT_MS);
    if (typeof answer === 'string') {
      await this.end();
      return { name, passed: false, message: answer };
    }
    return answer as CaseOutcome;
  }

  /** Ends the process, by force where it does not go by itself. */
  async end(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) {
      return;
    }
    const exited = once(child, 'exit');
    const force = setTimeout(() => child.kill('SIGKILL'), 2000);
    if (child.connected) {
      child.disconnect();
    }
    // A process stuck in a dead mount ends only with the mount: its end is not waited for long.
    await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 5000).unref())]);
    clearTimeout(force);
  }

  async #start(): Promise<ChildProcess> {
    const child = spawn(process.execPath, [program, JSON.stringify(this.#address)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
      env: this.#environment,
    });
    this.#child = child;
    const answer = await this.#nextMessage(child, START_LIMIT_MS);
    if (answer !== 'ready') {
      throw new Error(`the runner of ${JSON.stringify(this.#address)} did not start: ${answer}`);
    }
    return child;
  }

  /** The child's next message, or a sentence that says why none came. */
  #nextMessage(child: ChildProcess, limitMs: number): Promise<unknown> {
    return new Promise((resolve) => {
      const settle = (answer: unknown) => {
        clearTimeout(limit);
        child.off('message', settle);
        child.off('exit', onExit);
        resolve(answer);
      };
      const onExit = (code: number | null, signal: string | null) => {
        settle(`the runner ended with ${signal ?? `status ${code}`}`);
      };
      const limit = setTimeout(() => settle(`nothing came within ${limitMs} ms`), limitMs);
      child.once('message', settle);
      child.once('exit', onExit);
    });
  }
}
