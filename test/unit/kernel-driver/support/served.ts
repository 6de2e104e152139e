/** Mounts that tests make: each served by a process of its own, in a directory of its own. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type RunResult, run } from '../../../support/run.ts';

const serveProgram = fileURLToPath(new URL('serve.ts', import.meta.url));

export interface ServeRequest {
  readonly kind: 'memory' | 'locking' | 'dying' | 'meeting' | 'ceiling';
  readonly options?: string;
  readonly directory?: string;
  /** A program and its arguments that start the serving process as somebody or somewhere else. */
  readonly through?: readonly string[];
}

const living = new Set<Served>();
const directories: string[] = [];

process.once('exit', () => {
  for (const served of living) served.removeNow();
});

/** A new directory that every user may enter. */
export function makeMountPoint(): string {
  const parent = mkdtempSync(join(tmpdir(), 'dafs-kernel-driver-'));
  chmodSync(parent, 0o755);
  directories.push(parent);
  const directory = join(parent, 'mnt');
  mkdirSync(directory);
  return directory;
}

export class Served {
  readonly directory: string;
  readonly child: ChildProcess;
  /** What the process wrote to standard error. */
  errors = '';
  readonly #lines: string[] = [];
  readonly #waiting: ((line: string | undefined) => void)[] = [];
  readonly #exited: Promise<number | null>;

  private constructor(directory: string, child: ChildProcess) {
    this.directory = directory;
    this.child = child;
    living.add(this);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    const output = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    output.on('line', (line) => {
      const waiter = this.#waiting.shift();
      if (waiter === undefined) this.#lines.push(line);
      else waiter(line);
    });
    output.on('close', () => {
      for (const waiter of this.#waiting.splice(0)) waiter(undefined);
    });
    this.#exited = new Promise((resolve) => child.once('close', (status) => resolve(status)));
  }

  /** Starts a process that mounts; resolves when it has, or has failed to. */
  static async start(request: ServeRequest): Promise<Served> {
    const directory = request.directory ?? makeMountPoint();
    const [program = '', ...words] = [...(request.through ?? []), process.execPath];
    const child = spawn(
      program,
      [...words, serveProgram, request.kind, directory, request.options ?? ''],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    const served = new Served(directory, child);
    if ((await served.line()) !== 'mounted') await served.exited();
    return served;
  }

  /** The next line that the process says; undefined when it says no more. */
  line(): Promise<string | undefined> {
    const line = this.#lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.child.exitCode !== null) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Gives the process a command and returns what it answers. */
  command(line: string): Promise<string | undefined> {
    this.child.stdin?.write(`${line}\n`);
    return this.line();
  }

  /** Runs a shell script in the mounted directory, from a process of its own. */
  shell(script: string, limitMs = 10_000): Promise<RunResult> {
    return run('sh', ['-c', `cd "$0" && { ${script}\n}`, this.directory], { limitMs });
  }

  /** Its exit status, once it has exited. */
  exited(): Promise<number | null> {
    return this.#exited;
  }

  /** Whether something is mounted on the directory. */
  isMounted(): boolean {
    return readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${this.directory} `);
  }

  /** Takes mount and process away by force. */
  removeNow(): void {
    living.delete(this);
    if (this.isMounted()) spawnSync('umount', ['-l', this.directory], { timeout: 5000 });
    this.child.kill('SIGKILL');
  }
}

/** Takes away what the tests of a file have left. */
export function removeAll(): void {
  for (const served of [...living]) served.removeNow();
  for (const directory of directories.splice(0)) {
    rmSync(directory, { recursive: true, force: true });
  }
}
