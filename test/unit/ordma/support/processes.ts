import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { Count, Versions } from './versions.ts';

const SHORTEST_RUN_MS = 4000;
/** For a machine that is busy with other things. */
const LONGEST_RUN_MS = 90_000;
const LOOK_MS = 200;

/** How often each of these has to have been done. */
export type Enough = { readonly [What in keyof typeof Count]?: number };

/** The processes of a test, each a `*-main.ts` of this directory, and the versions that they share. */
export class Processes {
  readonly directory = mkdtempSync(join(tmpdir(), 'dafs-ordma-'));
  /** Of the random choices; DAFS_SEED repeats a run's. */
  readonly seed = Number(process.env.DAFS_SEED ?? Date.now() % 1_000_000);
  readonly versions: Versions;
  readonly #path = join(this.directory, 'versions');
  readonly #children: ChildProcess[] = [];
  readonly #ends: Promise<void>[] = [];

  constructor() {
    this.versions = Versions.create(this.#path);
    console.log(`DAFS_SEED=${this.seed}`);
  }

  /**
   * Starts a process with the socket that it is to use, the versions, and more arguments; resolves when
   * it has said that it is ready, if it is one that says so.
   */
  async start(role: string, socket: string, ...args: string[]): Promise<void> {
    const program = fileURLToPath(new URL(`./${role}-main.ts`, import.meta.url));
    const child = spawn(process.execPath, [program, socket, this.#path, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.push(child);
    const end = endOf(child, `${role} ${args.join(' ')}`);
    this.#ends.push(end);
    // How it ended is told to who waits for the run.
    await Promise.race([once(child.stdout, 'data'), end.catch(() => undefined)]);
  }

  /**
   * Lets them work until enough was done, and then has them stop.
   * @throws what the first that failed complained of
   */
  async runUntil(enough: Enough): Promise<void> {
    const failed = Promise.race(this.#ends).catch(() => 'failed' as const);
    const startMs = performance.now();
    for (;;) {
      const outcome = await Promise.race([failed, sleep(LOOK_MS)]);
      const elapsedMs = performance.now() - startMs;
      const isDone = elapsedMs > SHORTEST_RUN_MS && this.#isEnough(enough);
      if (outcome === 'failed' || isDone || elapsedMs > LONGEST_RUN_MS) break;
    }
    this.versions.stop();
    await Promise.all(this.#ends);
    // Else the run has shown nothing.
    expect(this.#isEnough(enough)).toBe(true);
  }

  #isEnough(enough: Enough): boolean {
    return Object.entries(enough).every(
      ([what, count]) => this.versions.counted(Count[what as keyof typeof Count]) >= count,
    );
  }

  async dispose(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await Promise.allSettled(this.#ends);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Resolves when the process has ended well; else rejects with what it wrote to standard error. */
async function endOf(child: ChildProcess, name: string): Promise<void> {
  let errors = '';
  child.stderr?.on('data', (data) => {
    errors += data;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new Error(`${name}: ${errors || `status ${status}`}`);
}
