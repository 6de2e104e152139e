import { afterEach, describe, expect, test } from 'vitest';
import {
  createWorkCompletions,
  Opcode,
  QueuePairState,
  SendFlag,
  WcStatus,
} from '../../../nic/index.ts';
import {
  cleanUp,
  connectedSides,
  connectPair,
  expectCode,
  openContext,
  openSide,
  outcomes,
  piece,
  postReceive,
  rdmaOf,
  sendOf,
} from './support.ts';

const sizes = { maxSendWr: 4, maxReceiveWr: 4, maxMessageBytes: 64 };

afterEach(cleanUp);

describe('poll', () => {
  test('takes at most as many as it is asked for, oldest first', () => {
    const [a, b] = connectedSides();
    for (let wrId = 0; wrId < 5; wrId++) a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_READ, wrId));
    const completions = createWorkCompletions(3);
    const ids = () => completions.map(({ wrId }) => wrId);
    expect(a.queue.poll(completions, 2)).toBe(2);
    expect(ids().slice(0, 2)).toEqual([0, 1]);
    expect(a.queue.poll(completions)).toBe(3);
    expect(ids()).toEqual([2, 3, 4]);
    expect(a.queue.poll(completions)).toBe(0);
  });

  test('keeps wrIds that are any number', () => {
    const [a, b] = connectedSides();
    const ids = [0, -1, 2 ** 53 - 1, 0.5, -(2 ** 40)];
    for (const wrId of ids) a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_READ, wrId));
    expect(outcomes(a.queue).map(([wrId]) => wrId)).toEqual(ids);
  });

  test('sends and receives may complete in different queues', () => {
    const [a, b] = [openSide(), openSide()];
    const receiveCq = b.context.createCompletionQueue(8);
    const queuePair = b.domain.createQueuePair({ ...sizes, sendCq: b.queue, receiveCq });
    connectPair(a.queuePair, queuePair);
    queuePair.postReceive(1, piece(b, 0, 64));
    postReceive(a, 2);
    a.queuePair.postSend(sendOf(a, 3));
    queuePair.postSend(sendOf(b, 4));
    expect(outcomes(b.queue)).toEqual([]);
    expect(outcomes(receiveCq)).toEqual([[1, 0]]);
    expect(outcomes(a.queue).sort()).toEqual([
      [2, 0],
      [3, 0],
    ]);
    expect(outcomes(receiveCq)).toEqual([]);
    expect(outcomes(b.queue)).toEqual([[4, 0]]);
    a.queuePair.close();
    queuePair.postSend(sendOf(b, 5));
    expect(outcomes(b.queue)).toEqual([[5, WcStatus.RETRY_EXC_ERR]]);
  });

  test('queues of another context are refused', () => {
    const [a, b] = [openSide(), openSide()];
    for (const queues of [
      { sendCq: a.queue, receiveCq: b.queue },
      { sendCq: b.queue, receiveCq: a.queue },
    ]) {
      expectCode(() => a.domain.createQueuePair({ ...sizes, ...queues }), 'INVALID_ARGUMENT');
    }
  });
});

describe('arm', () => {
  test('raises one event at the next completion, and then no more', () => {
    const [a, b] = connectedSides();
    const complete = () => a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_READ, 1));
    complete();
    expect(a.queue.takeEvent()).toBe(false);
    a.queue.arm();
    expect(a.queue.takeEvent()).toBe(false);
    complete();
    complete();
    expect(a.queue.takeEvent()).toBe(true);
    expect(a.queue.takeEvent()).toBe(false);
    complete();
    expect(a.queue.takeEvent()).toBe(false);
    a.queue.arm();
    complete();
    expect(a.queue.takeEvent()).toBe(true);
    expect(outcomes(a.queue)).toHaveLength(5);
  });

  test('for solicited messages ignores the others, but not errors', () => {
    const [a, b] = connectedSides();
    for (let wrId = 0; wrId < 4; wrId++) postReceive(b, wrId);
    b.queue.arm(true);
    a.queuePair.postSend(sendOf(a, 1));
    expect(b.queue.takeEvent()).toBe(false);
    a.queuePair.postSend(sendOf(a, 2, { flags: SendFlag.SOLICITED }));
    expect(b.queue.takeEvent()).toBe(true);
    b.queue.arm(true);
    b.queue.arm();
    b.queue.arm(true);
    a.queuePair.postSend(sendOf(a, 3));
    expect(b.queue.takeEvent()).toBe(true);
    b.queue.arm(true);
    a.queuePair.close();
    expect(b.queue.takeEvent()).toBe(true);
    expect(outcomes(b.queue).map(([, status]) => status)).toEqual([0, 0, 0, 5]);
  });
});

describe('overrun', () => {
  test('kills the queue and its queue pairs, not their neighbours', () => {
    const [a, b] = connectedSides({ entries: 3 });
    const neighbour = connectedSides();
    for (let wrId = 0; wrId < 3; wrId++) a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_READ, wrId));
    expect(a.queuePair.state).toBe(QueuePairState.RTS);
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_READ, 3));
    expect(a.queuePair.state).toBe(QueuePairState.ERR);
    const completions = createWorkCompletions(4);
    expectCode(() => a.queue.poll(completions), 'CQ_OVERRUN');
    expectCode(() => a.queue.poll(completions), 'CQ_OVERRUN');
    expectCode(() => a.queue.arm(), 'CQ_OVERRUN');
    postReceive(b, 1);
    expect(outcomes(b.queue)).toEqual([[1, WcStatus.WR_FLUSH_ERR]]);
    neighbour[0].queuePair.postSend(rdmaOf(neighbour[0], neighbour[1], Opcode.RDMA_READ, 1));
    expect(outcomes(neighbour[0].queue)).toEqual([[1, 0]]);
  });

  test('by messages: the one too many, and what was taken before, is lost with the queue', () => {
    const [a, b] = connectedSides({}, { entries: 2 });
    for (let wrId = 0; wrId < 4; wrId++) postReceive(b, wrId);
    for (let wrId = 0; wrId < 4; wrId++) a.queuePair.postSend(sendOf(a, wrId));
    expect(b.queue.poll(createWorkCompletions(8))).toBe(0);
    expectCode(() => b.queue.poll(createWorkCompletions(8)), 'CQ_OVERRUN');
    expect(b.queuePair.state).toBe(QueuePairState.ERR);
    const statuses = outcomes(a.queue).map(([, status]) => status);
    expect(statuses.filter((status) => status === WcStatus.RETRY_EXC_ERR)).toHaveLength(1);
    expect(statuses).toHaveLength(4);
  });

  test('while flushing', () => {
    const [a] = connectedSides({ entries: 4 });
    for (let wrId = 0; wrId < 6; wrId++) postReceive(a, wrId);
    a.queuePair.modify(QueuePairState.ERR);
    expectCode(() => a.queue.poll(createWorkCompletions(8)), 'CQ_OVERRUN');
  });

  test('exactly as many as fit are fine', () => {
    const [a] = connectedSides({ entries: 6 });
    for (let wrId = 0; wrId < 6; wrId++) postReceive(a, wrId);
    a.queuePair.modify(QueuePairState.ERR);
    expect(outcomes(a.queue)).toHaveLength(6);
  });
});

describe('sizes and closing', () => {
  test.each([0, -1, 1.5, 2 ** 20 + 1, Number.NaN])('refuses %d entries', (entries) => {
    const context = openContext();
    expectCode(() => context.createCompletionQueue(entries), 'INVALID_ARGUMENT');
  });

  test('closes only when no queue pair completes in it, and says so afterwards', () => {
    const side = openSide();
    expectCode(() => side.queue.close(), 'BUSY');
    side.queuePair.close();
    side.queue.close();
    side.queue.close();
    expectCode(() => side.queue.poll(createWorkCompletions(1)), 'CLOSED');
    expectCode(() => side.queue.arm(), 'CLOSED');
  });

  test('a closed context makes nothing more', () => {
    const { context } = openSide();
    context.close();
    context.close();
    expectCode(() => context.allocateProtectionDomain(), 'CLOSED');
    expectCode(() => context.createCompletionQueue(1), 'CLOSED');
    expectCode(() => context.createCompletionGroup(), 'CLOSED');
    expectCode(() => context.waker(), 'CLOSED');
  });
});
