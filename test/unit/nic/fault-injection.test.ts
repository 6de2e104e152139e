import { afterEach, describe, expect, test } from 'vitest';
import { Fault, type FaultInjector, Opcode, QueuePairState, WcStatus } from '../../../nic/index.ts';
import {
  cleanUp,
  connectedSides,
  fill,
  outcomes,
  postReceive,
  rdmaOf,
  sendOf,
  text,
} from './support.ts';

const { ERR, RTS } = QueuePairState;
const { RETRY_EXC_ERR, WR_FLUSH_ERR } = WcStatus;

afterEach(cleanUp);

describe('on post', () => {
  test('BREAK keeps the request from taking effect and ends the connection', () => {
    const faults: FaultInjector = { onPost: () => Fault.BREAK };
    const [a, b] = connectedSides({ context: { faults } });
    postReceive(b, 1);
    fill(a, 0, 'lost');
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_WRITE, 2));
    a.queuePair.postSend(sendOf(a, 3));
    expect(outcomes(a.queue)).toEqual([
      [2, RETRY_EXC_ERR],
      [3, WR_FLUSH_ERR],
    ]);
    expect(outcomes(b.queue)).toEqual([[1, WR_FLUSH_ERR]]);
    expect(text(b, 0, 4)).toBe('\0\0\0\0');
  });

  test('BREAK_AFTER lets it take effect, of which the sender learns nothing', () => {
    const faults: FaultInjector = { onPost: () => Fault.BREAK_AFTER };
    const [a, b] = connectedSides({ context: { faults } });
    fill(a, 0, 'kept');
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_WRITE, 2));
    expect(text(b, 0, 4)).toBe('kept');
    expect(a.queuePair.state).toBe(ERR);
    expect(outcomes(a.queue)).toEqual([[2, 0]]);
  });

  test('BREAK_AFTER delivers a message that its sender sees fail', () => {
    const faults: FaultInjector = { onPost: () => Fault.BREAK_AFTER };
    const [a, b] = connectedSides({ context: { faults } });
    for (const wrId of [1, 2]) postReceive(b, wrId);
    a.queuePair.postSend(sendOf(a, 3));
    expect(outcomes(a.queue)).toEqual([[3, RETRY_EXC_ERR]]);
    expect(outcomes(b.queue)).toEqual([
      [1, 0],
      [2, WR_FLUSH_ERR],
    ]);
  });

  test('is told queue pair and opcode of each request', () => {
    const seen: unknown[] = [];
    const faults: FaultInjector = {
      onPost(queuePair, opcode) {
        seen.push([queuePair.number, opcode]);
        return Fault.NONE;
      },
    };
    const [a, b] = connectedSides({ context: { faults } });
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_READ, 1));
    a.queuePair.postSend(sendOf(a, 2));
    expect(seen).toEqual([
      [a.queuePair.number, Opcode.RDMA_READ],
      [a.queuePair.number, Opcode.SEND],
    ]);
  });
});

describe('on delivery', () => {
  test('HOLD delays a message and all behind it, in order', () => {
    let holds = 3;
    const faults: FaultInjector = { onDeliver: () => (holds-- > 0 ? Fault.HOLD : Fault.NONE) };
    const [a, b] = connectedSides({}, { context: { faults } });
    for (const wrId of [1, 2]) postReceive(b, wrId);
    for (const wrId of [3, 4]) a.queuePair.postSend(sendOf(a, wrId));
    for (let count = 0; count < 3; count++) expect(outcomes(b.queue)).toEqual([]);
    expect(outcomes(b.queue)).toEqual([
      [1, 0],
      [2, 0],
    ]);
    expect([a.queuePair.state, b.queuePair.state]).toEqual([RTS, RTS]);
  });

  test('BREAK loses the message and the connection on both sides', () => {
    const faults: FaultInjector = { onDeliver: () => Fault.BREAK };
    const [a, b] = connectedSides({}, { context: { faults } });
    postReceive(b, 1);
    a.queuePair.postSend(sendOf(a, 2));
    expect(outcomes(b.queue)).toEqual([[1, WR_FLUSH_ERR]]);
    expect(outcomes(a.queue)).toEqual([[2, RETRY_EXC_ERR]]);
  });

  test('BREAK_AFTER delivers the message, which its sender sees fail', () => {
    const faults: FaultInjector = { onDeliver: () => Fault.BREAK_AFTER };
    const [a, b] = connectedSides({}, { context: { faults } });
    for (const wrId of [1, 2]) postReceive(b, wrId);
    fill(a, 0, 'through');
    a.queuePair.postSend(sendOf(a, 3));
    expect(outcomes(b.queue)).toEqual([
      [1, 0],
      [2, WR_FLUSH_ERR],
    ]);
    expect(text(b, 0x8000, 7)).toBe('through');
    expect(outcomes(a.queue)).toEqual([[3, RETRY_EXC_ERR]]);
  });
});
