/**
 * Locks between two mounts of one server, and what becomes of them when somebody dies.
 *
 *     npx vitest run test/applications/locks.test.ts
 *     DAFS_SEED=1234 npx vitest run test/applications/locks.test.ts
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { firstObstacle, mountObstacle, programObstacle } from '../support/machine.ts';
import { until } from '../support/run.ts';
import { type MountProcess, type ServerProcess, Workspace } from '../support/workspace.ts';
import { sized } from './support.ts';

const LIMIT_MS = sized(240_000, 900_000);
const WAIT_LIMIT_MS = 60_000;
const SEEDS = sized(1, 5);
const ROUNDS = sized(40, 1000);
const PROCESSES = 4;
/** More than a mount has threads. */
const WAITERS = 8;
/** Locks of fcntl(2), of open files, and of flock(2); a file for each. */
const KINDS = ['record', 'open file', 'flock'] as const;
const BESIDE_ROUNDS = sized(1500, 100_000);

const countProgram = fileURLToPath(new URL('count-main.ts', import.meta.url));
const lockProgram = fileURLToPath(new URL('lock-main.ts', import.meta.url));
const besideProgram = fileURLToPath(new URL('beside-main.ts', import.meta.url));
const obstacle = firstObstacle(mountObstacle(), programObstacle(['flock', 'sh']));

const givenSeed = process.env.DAFS_SEED;
const seeds = givenSeed
  ? [Number(givenSeed)]
  : Array.from({ length: SEEDS }, () => randomInt(2 ** 32));

describe.skipIf(obstacle)(`two mounts of one server${obstacle ?? ''}`, () => {
  let workspace: Workspace;
  let server: ServerProcess;
  let first: MountProcess;
  let second: MountProcess;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    workspace = Workspace.create();
    server = await workspace.startServer();
    const request = { source: `dafs:${server.name}`, driver: 'kernel' };
    first = await workspace.startMount(request);
    second = await workspace.startMount(request);
  }, LIMIT_MS);

  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill('SIGKILL');
    }
    await workspace.dispose();
  }, LIMIT_MS);

  /** flock(1) on a file of a mount: takes the lock, says so, and keeps it until standard input ends. */
  function lock(mount: MountProcess, name: string): { child: ChildProcess; output: () => string } {
    const script = 'exec flock "$1" sh -c "echo locked; exec cat >/dev/null"';
    // A group of its own, so that all that comes of it can be killed together.
    const child = spawn('sh', ['-c', script, 'sh', `${mount.directory}/${name}`], {
      detached: true,
    });
    return watched(child);
  }

  function watched(child: ChildProcess): { child: ChildProcess; output: () => string } {
    children.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    return { child, output: () => output };
  }

  /** The same by a program of ours, for all kinds of locks. */
  function hold(
    mount: MountProcess,
    kind: (typeof KINDS)[number],
  ): { child: ChildProcess; output: () => string } {
    const child = spawn(process.execPath, [lockProgram, `${mount.directory}/${kind}`, kind], {
      detached: true,
    });
    return watched(child);
  }

  const hasEnded = ({ child: { exitCode, signalCode } }: { child: ChildProcess }) =>
    exitCode !== null || signalCode !== null;

  const isLocked = (one: { output: () => string }) => one.output().includes('locked');

  /** Whether the process sleeps in fcntl(2) or flock(2), which on x86-64 and arm64 have these numbers. */
  function waits({ child }: { child: ChildProcess }): boolean {
    try {
      const [number = ''] = readFileSync(`/proc/${child.pid}/syscall`, 'latin1').split(' ');
      return (process.arch === 'arm64' ? ['25', '32'] : ['72', '73']).includes(number);
    } catch {
      return false;
    }
  }

  it.each(seeds)(
    'count together without losing one (seed %i)',
    { timeout: LIMIT_MS },
    async (seed) => {
      // While a process makes a file longer, its kernel believes nobody else about the size.
      for (const name of ['records', 'whole']) {
        await workspace.succeed('truncate', ['-s', '256', `${first.directory}/${name}`]);
      }
      const runs = Array.from({ length: PROCESSES }, (_, index) =>
        workspace.succeed(
          process.execPath,
          [
            countProgram,
            (index % 2 === 0 ? first : second).directory,
            String(seed + index),
            String(ROUNDS),
          ],
          { limitMs: LIMIT_MS },
        ),
      );
      const counted = (await Promise.all(runs)).map(
        (output) => JSON.parse(output) as Record<string, number[]>,
      );
      for (const name of ['records', 'whole']) {
        const text = await workspace.succeed('cat', [`${second.directory}/${name}`]);
        const sums = counted
          .map((one) => one[name] as number[])
          .reduce((sum, one) => sum.map((value, index) => value + (one[index] as number)));
        expect(text.match(/.{64}/gs)?.map(Number)).toEqual(sums);
      }
    },
  );

  it('a process sees what it has written, while others write beside it', {
    timeout: LIMIT_MS,
  }, async () => {
    const name = 'beside';
    await workspace.succeed('truncate', ['-s', '4096', `${first.directory}/${name}`]);
    const start = (mount: MountProcess, place: number, role: string) =>
      workspace.succeed(
        process.execPath,
        [besideProgram, `${mount.directory}/${name}`, String(place), role, String(BESIDE_ROUNDS)],
        { limitMs: LIMIT_MS },
      );
    await Promise.all([
      start(first, 0, 'writes'),
      start(first, 0, 'reads'),
      start(second, 64, 'writes'),
    ]);
  });

  it('who waits holds up nobody, however many wait, and Ctrl-C ends a wait', {
    timeout: LIMIT_MS,
  }, async () => {
    const holder = lock(first, 'file');
    await until('the lock is held', WAIT_LIMIT_MS, () => isLocked(holder));
    const waiters = Array.from({ length: WAITERS }, () => lock(second, 'file'));
    await until('the others wait', WAIT_LIMIT_MS, () => waiters.every(waits));
    const path = `${second.directory}/another`;
    const text = await workspace.succeed('sh', [
      '-euc',
      'echo through >"$1"; cat "$1"',
      'sh',
      path,
    ]);
    expect(text).toBe('through\n');
    for (const { child } of waiters.slice(1)) {
      child.kill('SIGINT');
    }
    for (const { child } of waiters.slice(1)) {
      await until('a waiter is gone', WAIT_LIMIT_MS, () => child.signalCode === 'SIGINT');
    }
    expect(waiters.map(isLocked)).not.toContain(true);
    holder.child.stdin?.end();
    const [last] = waiters as [(typeof waiters)[number]];
    await until('the one who stayed has the lock', WAIT_LIMIT_MS, () => isLocked(last));
    last.child.stdin?.end();
    await until('he ends', WAIT_LIMIT_MS, () => last.child.exitCode !== null);
    const next = lock(first, 'file');
    await until('the lock is free', WAIT_LIMIT_MS, () => isLocked(next));
  });

  it('a lock ends with its process', { timeout: LIMIT_MS }, async () => {
    const holder = lock(first, 'file');
    await until('the lock is held', WAIT_LIMIT_MS, () => isLocked(holder));
    const waiter = lock(second, 'file');
    await until('the other waits', WAIT_LIMIT_MS, () => waits(waiter));
    // flock(1) has become `sh`, whose `cat` has the file open as well.
    process.kill(-(holder.child.pid as number), 'SIGKILL');
    await until('the other has the lock', WAIT_LIMIT_MS, () => isLocked(waiter));
  });

  it('a lock ends with the mount of its holder', { timeout: LIMIT_MS }, async () => {
    const holder = lock(first, 'file');
    await until('the lock is held', WAIT_LIMIT_MS, () => isLocked(holder));
    const waiter = lock(second, 'file');
    await until('the other waits', WAIT_LIMIT_MS, () => waits(waiter));
    await first.kill();
    await until('the other has the lock', WAIT_LIMIT_MS, () => isLocked(waiter));
  });

  it('locks and those who wait for them outlive the server', { timeout: LIMIT_MS }, async () => {
    const holders = KINDS.map((kind) => hold(first, kind));
    await until('the locks are held', WAIT_LIMIT_MS, () => holders.every(isLocked));
    const staying = KINDS.map((kind) => hold(second, kind));
    const [here, killedMeanwhile, killedLater] = [
      hold(first, 'flock'),
      hold(second, 'flock'),
      hold(second, 'flock'),
    ] as const;
    const waiters = [...staying, here, killedMeanwhile, killedLater];
    await until('the others wait', WAIT_LIMIT_MS, () => waiters.every(waits));
    await server.kill();
    killedMeanwhile.child.kill('SIGKILL');
    const { database, name } = server;
    server = await workspace.startServer({ database, name });
    await until('one is gone who was killed before', WAIT_LIMIT_MS, () =>
      hasEnded(killedMeanwhile),
    );
    const late = hold(second, 'flock');
    await until('one more waits', WAIT_LIMIT_MS, () => waits(late));
    killedLater.child.kill('SIGINT');
    await until('one is gone afterwards', WAIT_LIMIT_MS, () => hasEnded(killedLater));
    const left = [...staying, here, late];
    expect(left.map(({ output }) => output()).join('')).toBe('');
    for (const { child } of holders) {
      child.stdin?.end();
    }
    while (left.length > 0) {
      await until('one of them has his lock', WAIT_LIMIT_MS, () => left.some(isLocked));
      const [one] = left.splice(left.findIndex(isLocked), 1);
      expect(one?.output()).toBe('locked\n');
      one?.child.stdin?.end();
    }
    const next = KINDS.map((kind) => hold(first, kind));
    await until('the locks are free', WAIT_LIMIT_MS, () => next.every(isLocked));
  });

  it('a mount in which somebody waits goes away by force', { timeout: LIMIT_MS }, async () => {
    const holder = lock(first, 'file');
    await until('the lock is held', WAIT_LIMIT_MS, () => isLocked(holder));
    const waiter = lock(second, 'file');
    await until('the other waits', WAIT_LIMIT_MS, () => waits(waiter));
    await second.kill();
    await until('the waiter gives up', WAIT_LIMIT_MS, () => waiter.child.exitCode !== null);
    holder.child.stdin?.end();
    await until('the holder ends', WAIT_LIMIT_MS, () => holder.child.exitCode !== null);
    const next = lock(first, 'file');
    await until('the lock is free', WAIT_LIMIT_MS, () => isLocked(next));
  });
});
