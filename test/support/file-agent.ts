/**
 * A process that makes file calls for a test, one at a time, and keeps what it has opened: whatever
 * touches a mount may hang with it, so tests do not do it themselves.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Calls } from './file-agent-main.ts';

const program = fileURLToPath(new URL('file-agent-main.ts', import.meta.url));

/** A call that takes longer hangs. */
const CALL_LIMIT_MS = 60_000;

type Answer = { readonly result: unknown } | { readonly code: string };

export type FileCalls = {
  [Name in keyof Calls]: (...values: Parameters<Calls[Name]>) => Promise<ReturnType<Calls[Name]>>;
};

/** What a call throws: `code` is the errno's name. */
export class FileCallError extends Error {
  readonly code: string;

  constructor(method: string, code: string) {
    super(`${method}: ${code}`);
    this.code = code;
  }
}

export class FileAgent {
  /** The calls of file-agent-main.ts, made by the other process. */
  readonly files: FileCalls;
  readonly #child: ChildProcess;
  readonly #waiting: ((answer: Answer) => void)[] = [];

  /** @param environment of the workspace, so that the process ends with it */
  constructor(environment: NodeJS.ProcessEnv) {
    this.#child = spawn(process.execPath, [program], {
      env: environment,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => this.#waiting.shift()?.(JSON.parse(line) as Answer));
    lines.on('close', () => {
      for (const answer of this.#waiting.splice(0)) answer({ code: 'the agent has ended' });
    });
    this.files = new Proxy({} as FileCalls, {
      get:
        (_, method: string) =>
        (...values: unknown[]) =>
          this.#call(method, values),
    });
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }

  #call(method: string, values: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => reject(new FileCallError(method, 'hangs')), CALL_LIMIT_MS);
      this.#waiting.push((answer) => {
        clearTimeout(limit);
        if ('code' in answer) reject(new FileCallError(method, answer.code));
        else resolve(answer.result);
      });
      this.#child.stdin?.write(`${JSON.stringify({ method, values })}\n`);
    });
  }
}
