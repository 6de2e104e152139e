/**
 * A directory of its own for a test file, with a runtime directory, servers and mounts in it, all of
 * which end with it: also when the test fails, and also when the test's process ends early.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RunOptions, type RunResult, run, succeed, until } from './run.ts';
import { describeThreads } from './threads.ts';

/** The `dafs` command, as npm links it. */
export const command = fileURLToPath(new URL('../../mount/dafs.cjs', import.meta.url));

/** Generous, because a machine busy with other tests starts processes slowly. */
const READY_LIMIT_MS = 45_000;
const END_LIMIT_MS = 20_000;

export interface ServerProcess {
  readonly name: string;
  readonly fabricSocket: string;
  readonly database: string;
  readonly child: ChildProcess;
  /** Ends it as Ctrl-C does, everything flushed. */
  stop(): Promise<void>;
  /** kill -9 */
  kill(): Promise<void>;
}

export interface MountProcess {
  readonly directory: string;
  readonly child: ChildProcess;
  /** `dafs umount`, and waits for the process to end. */
  unmount(): Promise<void>;
  kill(): Promise<void>;
}

export interface MountRequest {
  /** A database or `dafs:NAME`. */
  readonly source: string;
  readonly driver: string;
  readonly directory?: string;
  readonly options?: readonly string[];
  /** What the mount and what it starts find in their environment, beside the workspace's own. */
  readonly environment?: NodeJS.ProcessEnv;
}

const workspaces = new Set<Workspace>();

process.once('exit', () => {
  for (const workspace of workspaces) {
    workspace.disposeNow();
  }
});
// A test process that is told to go, or whose runner went, leaves through the door above.
for (const event of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect']) {
  process.once(event, () => process.exit(1));
}

/** The mount points below `directory`, innermost first. */
function mountPointsBelow(directory: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${directory}/`))
    .reverse();
}

/** The processes that carry this runtime directory in their environment. */
function processesWith(runtimeDirectory: string): number[] {
  const mark = `XDG_RUNTIME_DIR=${runtimeDirectory}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(mark);
      } catch {
        return false;
      }
    })
    .map(Number);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

export class Workspace {
  readonly directory: string;
  readonly runtimeDirectory: string;
  /** What processes of this workspace are started with. */
  readonly environment: NodeJS.ProcessEnv;
  #made = 0;

  private constructor(directory: string) {
    this.directory = directory;
    this.runtimeDirectory = join(directory, 'run');
    mkdirSync(this.runtimeDirectory, { mode: 0o700 });
    this.environment = { ...process.env, XDG_RUNTIME_DIR: this.runtimeDirectory };
    workspaces.add(this);
  }

  static create(): Workspace {
    // Other users are let through to mounts with allow_other; the runtime directory stays private.
    const directory = mkdtempSync(join(tmpdir(), 'dafs-'));
    spawnSync('chmod', ['711', directory]);
    return new Workspace(directory);
  }

  /** A path in this workspace. */
  path(name: string): string {
    return join(this.directory, name);
  }

  /** Makes an empty directory in this workspace. */
  makeDirectory(name: string): string {
    const path = this.path(name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Runs a program with this workspace's environment. */
  run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return run(program, args, this.#withDefaults(options));
  }

  /** Runs a program that must succeed, and gives what it printed. */
  succeed(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
    return succeed(program, args, this.#withDefaults(options));
  }

  /** Whatever does not end may wait for any process of this workspace. */
  #withDefaults(options: RunOptions): RunOptions {
    const diagnose = () => describeThreads(this.processes());
    return { environment: this.environment, diagnose, ...options };
  }

  /** Runs the `dafs` command to its end. */
  dafs(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.run(process.execPath, [command, ...args], options);
  }

  /** Starts `dafs serve` and waits until it answers. */
  async startServer(
    o: {
      database?: string;
      name?: string;
      options?: readonly string[];
      /** Is given the process before it is ready. */
      onSpawn?: (child: ChildProcess) => void;
    } = {},
  ): Promise<ServerProcess> {
    const name = o.name ?? this.#nextName('server');
    const database = o.database ?? this.path(`${name}.sqlite`);
    const child = this.#spawnDafs(['serve', database, '--name', name, ...(o.options ?? [])]);
    o.onSpawn?.(child);
    const stem = join(this.runtimeDirectory, 'dafs', name);
    await this.#ready(child, `the server ${name} answers`, () => isListening(`${stem}.control`));
    return {
      name,
      fabricSocket: `${stem}.fabric`,
      database,
      child,
      stop: () => endProcess(child, 'SIGTERM'),
      kill: () => endProcess(child, 'SIGKILL'),
    };
  }

  /** Starts `dafs mount -f` and waits until the directory is a mount point that answers. */
  async startMount(request: MountRequest): Promise<MountProcess> {
    const directory = request.directory ?? this.makeDirectory(this.#nextName('mount'));
    const options = request.options ?? [];
    const args = [
      ...['mount', request.source, directory, '-f', '--driver', request.driver],
      ...(options.length === 0 ? [] : ['-o', options.join(',')]),
    ];
    const child = this.#spawnDafs(args, request.environment);
    await this.#ready(child, `${directory} is mounted`, () => isMountPoint(directory));
    return {
      directory,
      child,
      unmount: async () => {
        const { status, signal, stderr } = await this.dafs(['umount', directory]);
        if (status !== 0) {
          throw new Error(`dafs umount ended with ${status ?? signal}: ${stderr}`);
        }
        await until('the mount process ends', END_LIMIT_MS, () => hasEnded(child));
      },
      kill: () => endProcess(child, 'SIGKILL'),
    };
  }

  /** The processes of this workspace that still run, whoever started them. */
  processes(): number[] {
    return processesWith(this.runtimeDirectory);
  }

  /** Unmounts and ends everything, and removes the directory. */
  async dispose(): Promise<void> {
    this.#unmountAll();
    for (const pid of this.processes()) {
      signal(pid, 'SIGTERM');
    }
    await until('processes end', END_LIMIT_MS / 2, () => this.processes().length === 0).catch(
      () => undefined,
    );
    this.disposeNow();
  }

  /** What `dispose` does, by force and at once. */
  disposeNow(): void {
    workspaces.delete(this);
    this.#unmountAll();
    for (const pid of this.processes()) {
      signal(pid, 'SIGKILL');
    }
    // Removing below a living mount would delete its files.
    if (mountPointsBelow(this.directory).length === 0) {
      rmSync(this.directory, { recursive: true, force: true });
    }
  }

  #unmountAll(): void {
    for (const path of mountPointsBelow(this.directory)) {
      const program = process.getuid?.() === 0 ? ['umount', '-l'] : ['fusermount3', '-uz'];
      spawnSync(program[0] ?? '', [program[1] ?? '', path], { timeout: 5000 });
    }
  }

  #nextName(kind: string): string {
    this.#made += 1;
    return `${kind}-${this.#made}`;
  }

  #spawnDafs(args: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess {
    return spawn(process.execPath, [command, ...args], {
      env: { ...this.environment, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      // The tests' own Ctrl-C must not reach it before the clean-up does.
      detached: true,
    });
  }

  async #ready(
    child: ChildProcess,
    what: string,
    condition: () => Promise<boolean>,
  ): Promise<void> {
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-10_000);
      });
    }
    try {
      await until(what, READY_LIMIT_MS, async () => {
        if (hasEnded(child)) {
          throw new Error(`it ended with ${child.signalCode ?? child.exitCode}`);
        }
        return condition();
      });
    } catch (error) {
      signal(child.pid ?? 0, 'SIGKILL');
      throw new Error(`${what}: ${(error as Error).message}\n${output}`);
    }
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended meanwhile.
  }
}

async function endProcess(child: ChildProcess, name: NodeJS.Signals): Promise<void> {
  child.kill(name);
  await until(`process ${child.pid} ends`, END_LIMIT_MS, () => hasEnded(child));
}

function isListening(path: string): Promise<boolean> {
  if (!existsSync(path)) {
    return Promise.resolve(false);
  }
  return new Promise((resolve) => {
    const connection = createConnection(path);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => resolve(false));
  });
}

/**
 * Whether something is mounted there that answers. Asked from another process, because the answer of a
 * dead mount may never come; and for statistics, because the kernel remembers attributes.
 */
export async function isMountPoint(directory: string): Promise<boolean> {
  const ask = (program: string, options: readonly string[]) =>
    run(program, [...options, directory], { limitMs: 5000 });
  if ((await ask('mountpoint', ['-q'])).status !== 0) return false;
  // A dead mount may be gone by now: then it is the directory below that answers.
  const { status, stdout } = await ask('stat', ['--file-system', '--format=%T']);
  return status === 0 && stdout.startsWith('fuse');
}
