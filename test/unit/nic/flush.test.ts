/** What an error does to the requests around it, and to nobody else. */
import { afterEach, describe, expect, test } from 'vitest';
import { Opcode, QueuePairState, WcStatus } from '../../../nic/index.ts';
import {
  cleanUp,
  connectedSides,
  connectPair,
  openSide,
  outcomes,
  piece,
  postReceive,
  rdmaOf,
  sendOf,
} from './support.ts';

const { ERR } = QueuePairState;
const { WR_FLUSH_ERR } = WcStatus;

afterEach(cleanUp);

describe('an error among requests that are under way', () => {
  test('completes after those posted before it, and keeps those after it from being done', () => {
    const [a, b] = connectedSides();
    a.arena.memory.fill(1, 0, 64);
    a.queuePair.postSend(sendOf(a, 1));
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_WRITE, 2, { rkey: 0 }));
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_WRITE, 3));
    a.queuePair.postSend(sendOf(a, 4));
    expect(outcomes(a.queue)).toEqual([]);
    postReceive(b, 10);
    postReceive(b, 11);
    expect(outcomes(b.queue)).toEqual([[10, 0]]);
    expect(b.arena.memory[0]).toBe(0);
    expect(outcomes(a.queue)).toEqual([
      [1, 0],
      [2, WcStatus.REM_ACCESS_ERR],
      [3, WR_FLUSH_ERR],
      [4, WR_FLUSH_ERR],
    ]);
    expect(outcomes(b.queue)).toEqual([[11, WR_FLUSH_ERR]]);
  });

  test('harms no other connection of the context', () => {
    const server = openSide();
    const clients = [openSide(), openSide()] as const;
    const pairs = clients.map(() => {
      const queuePair = server.domain.createQueuePair({
        sendCq: server.queue,
        receiveCq: server.queue,
        maxSendWr: 4,
        maxReceiveWr: 4,
        maxMessageBytes: 1024,
      });
      return queuePair;
    });
    for (const [index, client] of clients.entries()) {
      connectPair(client.queuePair, pairs[index] as (typeof pairs)[0]);
    }
    clients[0].queuePair.postSend(rdmaOf(clients[0], server, Opcode.RDMA_WRITE, 1, { rkey: 1 }));
    expect(outcomes(clients[0].queue)).toEqual([[1, WcStatus.REM_ACCESS_ERR]]);
    expect(outcomes(server.queue)).toEqual([]);
    pairs[1]?.postReceive(5, piece(server, 0, 64));
    clients[1].queuePair.postSend(sendOf(clients[1], 2));
    expect(outcomes(server.queue)).toEqual([[5, 0]]);
    expect(pairs.map(({ state }) => state)).toEqual([ERR, QueuePairState.RTS]);
  });
});
