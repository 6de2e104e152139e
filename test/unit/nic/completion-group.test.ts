import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  type CompletionGroup,
  createWorkCompletions,
  Opcode,
  type QueuePair,
  Waker,
  WcStatus,
} from '../../../nic/index.ts';
import {
  atEnd,
  cleanUp,
  connectedSides,
  connectPair,
  expectCode,
  openContext,
  openSide,
  piece,
  postReceive,
  rdmaOf,
  type Side,
  sendOf,
} from './support.ts';

afterEach(cleanUp);

function groupOf(side: Side): CompletionGroup {
  const group = side.context.createCompletionGroup();
  group.add(side.queue);
  return group;
}

/** Longer than any test may last: a wait that should have ended fails its test. */
const NEVER_MS = 60_000;

/** Milliseconds that an action takes. */
function timed(action: () => void): number {
  const startMs = performance.now();
  action();
  return performance.now() - startMs;
}

describe('120 connections, each with a queue of its own', () => {
  test('are all heard, and none is starved by a busy one', () => {
    const server = openSide();
    const group = server.context.createCompletionGroup();
    const clients = Array.from({ length: 120 }, () => {
      const client = openSide();
      const queue = server.context.createCompletionQueue(16);
      const queuePair = server.domain.createQueuePair({
        sendCq: queue,
        receiveCq: queue,
        maxSendWr: 4,
        maxReceiveWr: 8,
        maxMessageBytes: 64,
      });
      connectPair(client.queuePair, queuePair);
      group.add(queue);
      for (let wrId = 0; wrId < 8; wrId++) queuePair.postReceive(wrId, piece(server, 0, 64));
      return { client, queuePair };
    });
    const completions = createWorkCompletions(4);
    const heard = new Map<number, number>();
    const [busy] = clients;
    for (const { client } of clients) client.queuePair.postSend(sendOf(client, 1, { flags: 0 }));
    for (let polls = 0; polls < 400 && heard.size < clients.length; polls++) {
      const count = group.poll(completions);
      for (const { qpNumber, status } of completions.slice(0, count)) {
        expect(status).toBe(WcStatus.SUCCESS);
        heard.set(qpNumber, (heard.get(qpNumber) ?? 0) + 1);
        if (qpNumber !== busy?.queuePair.number) continue;
        busy.queuePair.postReceive(1, piece(server, 0, 64));
        busy.client.queuePair.postSend(sendOf(busy.client, 1, { flags: 0 }));
      }
    }
    expect(heard.size).toBe(120);
    const others = clients.slice(1).map(({ queuePair }) => heard.get(queuePair.number));
    expect(new Set(others)).toEqual(new Set([1]));
  });
});

describe('wait', () => {
  test('returns at once when there is something', () => {
    const [a, b] = connectedSides();
    const group = groupOf(a);
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_READ, 1));
    const completions = createWorkCompletions(1);
    expect(group.wait(completions, NEVER_MS)).toBe(1);
  });

  test('lasts as long as it was told when nothing comes', () => {
    const [a] = connectedSides();
    const group = groupOf(a);
    const completions = createWorkCompletions(1);
    const tookMs = timed(() => expect(group.wait(completions, 130)).toBe(0));
    expect(tookMs).toBeGreaterThan(125);
    expect(group.wait(completions, 0)).toBe(0);
  });

  test('is not begun by polling when the one before it was in vain, until something comes', () => {
    const [a, b] = connectedSides();
    const group = groupOf(a);
    const completions = createWorkCompletions(1);
    const begin = vi.spyOn(a.context.pollBudget, 'begin');
    group.wait(completions, 5);
    expect(begin).toHaveBeenCalledTimes(1);
    group.wait(completions, 5);
    group.waitEvent(5);
    expect(begin).toHaveBeenCalledTimes(1);
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_READ, 1));
    expect(group.wait(completions, NEVER_MS)).toBe(1);
    group.wait(completions, 5);
    expect(begin).toHaveBeenCalledTimes(2);
  });

  test('sees a peer of the same thread that has closed', () => {
    const [a, b] = connectedSides();
    const group = groupOf(a);
    postReceive(a, 4);
    b.queuePair.close();
    const completions = createWorkCompletions(1);
    expect(group.wait(completions, 1000)).toBe(1);
    expect(completions[0]).toMatchObject({ wrId: 4, status: WcStatus.WR_FLUSH_ERR });
  });
});

describe('waker', () => {
  test('ends a wait from another thread, once', async () => {
    const side = openSide();
    const group = groupOf(side);
    const completions = createWorkCompletions(1);
    const started = new SharedArrayBuffer(4);
    const workerData = { token: side.context.waker(), started };
    const worker = new Worker(new URL('./waker-worker.ts', import.meta.url), { workerData });
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    // The worker cannot begin before this thread lets its event loop run.
    await new Promise((resolve) => worker.once('message', resolve));
    expect(side.context.takeWake()).toBe(false);
    Atomics.store(new Int32Array(started), 0, 1);
    const tookMs = timed(() => expect(group.wait(completions, NEVER_MS)).toBe(0));
    expect(tookMs).toBeGreaterThan(50);
    // Until it is taken, the wake ends every wait.
    expect(group.wait(completions, NEVER_MS)).toBe(0);
    expect(side.context.takeWake()).toBe(true);
    expect(side.context.takeWake()).toBe(false);
    expect(timed(() => group.wait(completions, 100))).toBeGreaterThan(90);
    await ended;
  });

  test('before the wait counts too, and many count as one', () => {
    const side = openSide();
    const group = groupOf(side);
    const waker = Waker.open(side.context.waker());
    waker.wake();
    waker.wake();
    expect(group.wait(createWorkCompletions(1), NEVER_MS)).toBe(0);
    expect(side.context.takeWake()).toBe(true);
    expect(side.context.takeWake()).toBe(false);
    waker.close();
    waker.close();
    expectCode(() => waker.wake(), 'CLOSED');
  });

  test('of a closed context is refused, and an open one outlives it', () => {
    const context = openContext();
    const token = context.waker();
    const waker = Waker.open(token);
    atEnd(() => waker.close());
    context.close();
    expectCode(() => Waker.open(token), 'CLOSED');
    waker.wake();
  });
});

describe('waitEvent', () => {
  test('tells which armed queue has something, and leaves it there', () => {
    const [a, b] = connectedSides();
    const group = groupOf(a);
    const idle = a.context.createCompletionQueue(4);
    group.add(idle);
    idle.arm();
    a.queue.arm();
    expect(group.waitEvent(20)).toBeUndefined();
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_READ, 1));
    expect(group.waitEvent(1000)).toBe(a.queue);
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_READ, 2));
    expect(group.waitEvent(20)).toBeUndefined();
    expect(group.poll(createWorkCompletions(4))).toBe(2);
  });
});

describe('membership', () => {
  test('is of queues of one context, once each', () => {
    const side = openSide();
    const other = openSide();
    const group = groupOf(side);
    group.add(side.queue);
    expectCode(() => group.add(other.queue), 'INVALID_ARGUMENT');
    group.remove(other.queue);
    group.remove(side.queue);
    expect(group.poll(createWorkCompletions(1))).toBe(0);
  });

  test('ends for a queue that overflows, without a loss to the others', () => {
    const server = openSide({ entries: 1 });
    const healthy = server.context.createCompletionQueue(8);
    const group = groupOf(server);
    group.add(healthy);
    const client = openSide();
    const second = openSide();
    const queuePair: QueuePair = server.domain.createQueuePair({
      sendCq: healthy,
      receiveCq: healthy,
      maxSendWr: 4,
      maxReceiveWr: 4,
      maxMessageBytes: 64,
    });
    connectPair(client.queuePair, server.queuePair);
    connectPair(second.queuePair, queuePair);
    for (const wrId of [1, 2]) postReceive(server, wrId);
    for (const wrId of [1, 2]) client.queuePair.postSend(sendOf(client, wrId));
    queuePair.postReceive(3, piece(server, 0, 64));
    second.queuePair.postSend(sendOf(second, 3));
    const completions = createWorkCompletions(4);
    expect(group.poll(completions)).toBe(1);
    expect(completions[0]?.wrId).toBe(3);
    expectCode(() => group.poll(completions), 'CQ_OVERRUN');
    expect(group.poll(completions)).toBe(0);
  });
});
