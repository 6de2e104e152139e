/** What a request costs a worker in system calls: one read(2) of /dev/fuse and one write(2) to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { firstObstacle, isRoot, mountObstacle, programObstacle } from '../../support/machine.ts';
import { type MountProcess, Workspace } from '../../support/workspace.ts';

const JOBS = 4;
const READS_PER_JOB = 2048;
const READS = JOBS * READS_PER_JOB;

/** Of other kinds: LOOKUP, OPEN, GETATTR, FLUSH, RELEASE, and some more for each job. */
const OTHER_REQUESTS = 100;

const obstacle = firstObstacle(
  mountObstacle(),
  programObstacle(['fio', 'strace']),
  isRoot() ? undefined : 'only root may trace a process that runs already',
);

interface Calls {
  readonly calls: number;
  readonly errors: number;
}

const NONE: Calls = { calls: 0, errors: 0 };

/** Counts calls that are about /dev/fuse, in all threads of a process, until it is told to stop. */
class Trace {
  readonly #strace: ChildProcess;
  readonly #output: string;

  private constructor(strace: ChildProcess, output: string) {
    this.#strace = strace;
    this.#output = output;
  }

  static async start(pid: number, output: string): Promise<Trace> {
    const counted = ['-c', '-U', 'name,calls,errors', '-e', 'trace=read,write', '-P', '/dev/fuse'];
    const strace = spawn('strace', ['-f', ...counted, '-o', output, '-p', String(pid)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [said] = await once(strace.stderr as NodeJS.ReadableStream, 'data');
    expect(String(said)).toContain('attached');
    return new Trace(strace, output);
  }

  /** Ends it and tells what was counted, by system call. */
  async stop(): Promise<Readonly<Record<string, Calls>>> {
    const ended = once(this.#strace, 'exit');
    this.#strace.kill('SIGINT');
    await ended;
    const lines = readFileSync(this.#output, 'utf8').matchAll(/^ *(\w+) +(\d+)(?: +(\d+))? *$/gm);
    return Object.fromEntries(
      [...lines].map(([, name, calls, errors]) => [
        name,
        { calls: Number(calls), errors: Number(errors ?? 0) },
      ]),
    );
  }
}

describe.skipIf(obstacle)('of a busy mount', { timeout: 120_000 }, () => {
  let workspace: Workspace;
  let mount: MountProcess;

  beforeAll(async () => {
    workspace = Workspace.create();
    mount = await workspace.startMount({
      source: workspace.path('files.sqlite'),
      driver: 'kernel',
      // Polling asks for requests that may not be there yet.
      environment: { DAFS_POLL_MICROSECONDS: '0' },
    });
  }, 90_000);

  afterAll(async () => {
    await workspace?.dispose();
  }, 60_000);

  function fio(options: readonly string[]): Promise<string> {
    const file = [`--filename=${mount.directory}/file`, `--size=${READS_PER_JOB * 4096}`];
    const args = ['--name=calls', '--direct=1', '--thread', '--fallocate=none', ...file];
    return workspace.succeed('fio', [...args, ...options], { limitMs: 90_000 });
  }

  test('a 4 KiB read takes one read and one write', async () => {
    await fio(['--rw=write', '--bs=1m', `--numjobs=${JOBS}`, '--offset_increment=8m']);
    const trace = await Trace.start(mount.child.pid as number, workspace.path('calls'));
    await fio([
      ...['--rw=randread', '--bs=4k', `--numjobs=${JOBS}`, '--offset_increment=8m'],
      ...['--ioengine=libaio', '--iodepth=16', '--iodepth_batch=16'],
      '--iodepth_batch_complete_min=16',
    ]);
    const { read = NONE, write = NONE } = await trace.stop();
    const received = read.calls - read.errors;
    expect(received).toBeGreaterThanOrEqual(READS);
    expect(received).toBeLessThan(READS + OTHER_REQUESTS);
    expect(write.calls).toBeGreaterThanOrEqual(READS);
    expect(write.calls).toBeLessThan(READS + OTHER_REQUESTS);
    // Requests come 16 at a time; who has answered them looks once more before it sleeps.
    expect(read.errors).toBeLessThan(READS / 4);
  });
});
