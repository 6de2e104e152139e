/** Two real processes: what they share, and what is left of one when the other is killed. */
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type CompletionGroup,
  connect,
  createWorkCompletions,
  Listener,
  Opcode,
  QueuePairState,
  SendFlag,
  VendorError,
  WcStatus,
} from '../../../nic/index.ts';
import {
  atEnd,
  cleanUp,
  completionsOf,
  createArena,
  openSide,
  postReceive,
  type Side,
  type SideOptions,
  sendOf,
  socketPath,
} from './support.ts';

const { RTS, ERR } = QueuePairState;

afterEach(cleanUp);

function start(role: string, path: string): ChildProcess {
  const child = fork(new URL('./peer-process.ts', import.meta.url), [role, path]);
  atEnd(() => child.kill('SIGKILL'));
  return child;
}

function nextReport(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`the peer process ended with ${code}`)));
  });
}

/** Kills at once and without a chance, and waits until it is done. */
async function killNow(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

interface Stage {
  readonly side: Side;
  readonly group: CompletionGroup;
  readonly listener: Listener;
}

function stage(options: SideOptions = {}): Stage {
  const side = openSide(options);
  const group = side.context.createCompletionGroup();
  group.add(side.queue);
  const listener = Listener.listen(socketPath());
  atEnd(() => listener.close());
  return { side, group, listener };
}

/** Accepts the next connection, telling it where this side's memory lies. */
function acceptOne({ side, listener }: Stage): void {
  const request = listener.accept(5000);
  if (request === undefined) throw new Error('the peer process did not connect');
  const privateData = Buffer.alloc(12);
  privateData.writeDoubleLE(side.region.address, 0);
  privateData.writeUInt32LE(side.region.rkey, 8);
  request.accept(side.queuePair, privateData);
}

/** Waits, as anybody does who knows nothing of the peer's death, until it is noticed. */
function awaitDeath({ group, side }: Stage): void {
  const completions = createWorkCompletions(64);
  while (side.queuePair.state === RTS) group.wait(completions, 15_000);
}

/** The files that a process has mapped, by name; of memory without one (memfd), what it is called. */
function mappedFiles(pid: number | 'self'): string[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n');
  return lines.map((line) => line.split(/\s+/)[5] ?? '');
}

describe('two processes', () => {
  test('count together without losing one', { timeout: 60_000 }, async () => {
    const first = stage();
    const second = stage();
    // Both of the second context's region lie in the first one's arena: one memory, two peers.
    const region = second.side.domain.registerMemory(first.side.arena, 0, 4096, 15);
    const [one, two] = [
      start('contend', first.listener.path),
      start('contend', second.listener.path),
    ];
    acceptOne(first);
    acceptOne({ ...second, side: { ...second.side, region } });
    const done = [one, two].map(async (child) => {
      while ((await nextReport(child)) !== 'done');
    });
    await Promise.all(done);
    const { view } = first.side.arena;
    const [added, lock, locked] = [0, 8, 16].map((offset) => view.getBigUint64(offset, true));
    expect([added, lock, locked]).toEqual([40_000n, 0n, 40_000n]);
  });

  test('cannot write what they may only read', { timeout: 20_000 }, async () => {
    const { side, listener, group } = stage();
    const readable = createArena(8192, 'read');
    side.domain.registerMemory(readable, 0, 4096, 4);
    const child = start('trespass', listener.path);
    acceptOne({ side, listener, group });
    const denied = {
      map: 'EPERM',
      reopen: 'EPERM',
      write: 'EPERM',
      truncate: 'EPERM',
      read: 'done',
    };
    const writable = { ...denied, map: 'done', reopen: 'done', write: 'done' };
    const [ring, epoch, bell, table, shared, readOnly] = (await nextReport(child)) as unknown[];
    expect({ ring, epoch, table, readOnly }).toEqual({
      ring: denied,
      epoch: denied,
      table: denied,
      readOnly: denied,
    });
    expect({ bell, shared }).toEqual({ bell: writable, shared: writable });
  });

  test('wake each other from sleep', { timeout: 20_000 }, async () => {
    const { side, group, listener } = stage();
    const child = start('echo', listener.path);
    acceptOne({ side, group, listener });
    await nextReport(child);
    const completions = createWorkCompletions(4);
    for (let round = 0; round < 50; round++) {
      // Long enough for the other side to fall asleep.
      await pause(round % 5);
      postReceive(side, round);
      side.arena.view.setUint32(0, round, true);
      side.queuePair.postSend(sendOf(side, 1, { flags: 0 }));
      expect(group.wait(completions, 15_000)).toBe(1);
      expect(side.arena.view.getUint32(0x8000, true)).toBe(round);
    }
  });

  test('cost next to nothing while they sleep', { timeout: 20_000 }, async () => {
    const { side, group, listener } = stage();
    const child = start('echo', listener.path);
    acceptOne({ side, group, listener });
    await nextReport(child);
    const completions = createWorkCompletions(4);
    group.wait(completions, 200);
    const before = process.cpuUsage();
    group.wait(completions, 3000);
    const used = process.cpuUsage(before);
    // A thousandth of a core is usual; whoever polled would use a whole one.
    expect((used.user + used.system) / 3_000_000).toBeLessThan(0.25);
  });
});

describe('kill -9 of a peer', () => {
  test('that sleeps is noticed within a slice of our own sleep', { timeout: 20_000 }, async () => {
    const scene = stage();
    const child = start('sleep', scene.listener.path);
    acceptOne(scene);
    await nextReport(child);
    for (let wrId = 0; wrId < 4; wrId++) postReceive(scene.side, wrId);
    const immediate = 77;
    const last = { opcode: Opcode.SEND_WITH_IMM, immediate, flags: SendFlag.SIGNALED };
    scene.side.queuePair.postSend(sendOf(scene.side, 10, last));
    expect(await nextReport(child)).toEqual({ status: 0, immediate });
    await killNow(child);
    awaitDeath(scene);
    const statuses = completionsOf(scene.side.queue).map(({ status }) => status);
    expect(new Set(statuses).size).toBeLessThanOrEqual(1);
    expect(scene.side.queuePair.state).toBe(ERR);
  });

  test('before it has taken our messages fails the first of them', {
    timeout: 20_000,
  }, async () => {
    const scene = stage();
    const child = start('ask', scene.listener.path);
    acceptOne(scene);
    await nextReport(child);
    for (const wrId of [1, 2]) scene.side.queuePair.postSend(sendOf(scene.side, wrId));
    postReceive(scene.side, 3);
    await killNow(child);
    const startMs = performance.now();
    while (scene.side.queuePair.state === RTS && performance.now() - startMs < 2000) {
      scene.side.context.serviceIfDue();
    }
    expect(completionsOf(scene.side.queue)).toMatchObject([
      { wrId: 1, status: WcStatus.RETRY_EXC_ERR, vendorError: VendorError.PEER_GONE },
      { wrId: 2, status: WcStatus.WR_FLUSH_ERR },
      { wrId: 3, status: WcStatus.WR_FLUSH_ERR },
    ]);
  });

  test('in the middle of posting leaves whole messages only', { timeout: 60_000 }, async () => {
    for (let round = 0; round < 8; round++) {
      const scene = stage({ queuePair: { maxReceiveWr: 64, maxSendWr: 64 } });
      const { side, group } = scene;
      const child = start('flood', scene.listener.path);
      for (let wrId = 0; wrId < 32; wrId++) postReceive(side, wrId, 0x8000 + 1024 * wrId, 64);
      acceptOne(scene);
      await nextReport(child);
      const killAtMs = performance.now() + 20 + round * 7;
      let expected = 0;
      let killed = false;
      const completions = createWorkCompletions(64);
      while (side.queuePair.state === RTS) {
        const count = group.wait(completions, 100);
        for (const { wrId, status, byteLength } of completions.slice(0, count)) {
          if (status !== 0) continue;
          const words = [0, 60].map((at) =>
            side.arena.view.getUint32(0x8000 + 1024 * wrId + at, true),
          );
          expect([byteLength, ...words]).toEqual([64, expected, expected]);
          expected++;
          if (side.queuePair.state === RTS) postReceive(side, wrId, 0x8000 + 1024 * wrId, 64);
        }
        if (!killed && performance.now() >= killAtMs) {
          killed = true;
          child.kill('SIGKILL');
        }
      }
      expect(expected).toBeGreaterThan(0);
      cleanUp();
    }
  });

  test('in the middle of the handshake harms nobody', { timeout: 20_000 }, async () => {
    const scene = stage();
    for (const role of ['stall', 'ask']) {
      const child = start(role, scene.listener.path);
      await nextReport(child);
      await killNow(child);
    }
    // The one that asked has left its request: accepting it shows that it is dead.
    const request = scene.listener.accept(100);
    const other = openSide();
    expect(() => request?.accept(other.queuePair)).toThrowError(
      expect.objectContaining({ code: 'ECONNRESET' }),
    );
    const child = start('echo', scene.listener.path);
    acceptOne(scene);
    expect(await nextReport(child)).toBe('connected');
    expect(scene.side.queuePair.state).toBe(RTS);
  });

  test('that serves leaves nothing but a socket file', { timeout: 20_000 }, async () => {
    const scene = stage();
    const path = socketPath();
    const child = start('serve', path);
    await nextReport(child);
    postReceive(scene.side, 5);
    connect(path, scene.side.queuePair);
    // What the two share has no name in any directory, so that a killed process cannot leave it behind.
    const mapped = mappedFiles(child.pid as number);
    expect(mapped.some((name) => name.startsWith('/memfd:dafs-table'))).toBe(true);
    expect(mapped.filter((name) => name.startsWith('/dev/shm/'))).toEqual([]);
    await killNow(child);
    awaitDeath(scene);
    // Nothing of the dead process stays mapped here.
    const tables = mappedFiles('self').filter((name) => name.startsWith('/memfd:dafs-table'));
    expect(tables).toHaveLength(1);
    const successor = Listener.listen(path);
    successor.close();
    expect(existsSync(path)).toBe(false);
  });
});
