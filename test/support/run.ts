/** Runs programs with a time limit: whatever touches a mount may hang with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, resolve } from 'node:path';

export interface RunOptions {
  readonly cwd?: string;
  readonly limitMs?: number;
  readonly environment?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** What to add to the program's errors when the time is over, before it is killed. */
  readonly diagnose?: () => string;
}

export interface RunResult {
  /** The exit status; null where a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

const DEFAULT_LIMIT_MS = 60_000;

function killGroup(child: ChildProcess): void {
  try {
    // The child leads a group of its own: what it started goes with it.
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

/** Runs a program to its end, or to the time limit. */
export function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: options.environment ?? process.env,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    const output = { stdout: '', stderr: '' };
    let timedOut = false;
    const limitMs = options.limitMs ?? DEFAULT_LIMIT_MS;
    const limit = setTimeout(() => {
      timedOut = true;
      output.stderr += `it has not ended after ${limitMs} ms\n${options.diagnose?.() ?? ''}`;
      killGroup(child);
      // A process stuck in the kernel does not die: its end is not waited for.
      setTimeout(() => resolve({ status: null, signal: null, ...output, timedOut }), 2000).unref();
    }, limitMs);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output.stderr += text;
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.once('error', (error) => {
      clearTimeout(limit);
      reject(error);
    });
    child.once('close', (status, signal) => {
      clearTimeout(limit);
      resolve({ status, signal, ...output, timedOut });
    });
  });
}

/** Runs a program that must succeed, and gives what it printed. */
export async function succeed(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const result = await run(program, args, options);
  if (result.status !== 0) {
    const ending = result.timedOut
      ? 'did not end in time'
      : `ended with ${result.status ?? result.signal}`;
    throw new Error(
      `${program} ${args.join(' ')} ${ending}\n${result.stdout.slice(-2000)}${result.stderr.slice(-4000)}`,
    );
  }
  return result.stdout;
}

/** Whether the PATH has such a program, or the file system one of this whole path. */
export function hasProgram(name: string): boolean {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(resolve(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Waits until `condition` holds, and throws with `what` when it does not within the limit. */
export async function until(
  what: string,
  limitMs: number,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > end) {
      throw new Error(`not within ${limitMs} ms: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
