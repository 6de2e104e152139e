import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { type QueuePair, QueuePairState, WcStatus } from '../../../nic/index.ts';
import {
  cleanUp,
  completionsOf,
  connectPair,
  expectCode,
  fill,
  openSide,
  outcomes,
  piece,
  type Side,
  sendOf,
  text,
} from './support.ts';

afterEach(cleanUp);

/** A server whose queue pairs draw on one queue, and its clients. */
function star(clientCount: number, rnrRetry = 7) {
  const server = openSide();
  const shared = server.domain.createSharedReceiveQueue({ maxWr: 8 });
  const clients: Side[] = [];
  const queuePairs: QueuePair[] = [];
  for (let index = 0; index < clientCount; index++) {
    const client = openSide({ queuePair: { rnrRetry } });
    const queuePair = server.domain.createQueuePair({
      sendCq: server.queue,
      receiveCq: server.queue,
      sharedReceiveQueue: shared,
      maxSendWr: 4,
      maxReceiveWr: 1,
      maxMessageBytes: 64,
    });
    connectPair(client.queuePair, queuePair);
    clients.push(client);
    queuePairs.push(queuePair);
  }
  return { server, shared, clients, queuePairs };
}

test('serves all its queue pairs, first come first served', () => {
  const { server, shared, clients, queuePairs } = star(3);
  for (let wrId = 0; wrId < 8; wrId++) shared.postReceive(wrId, piece(server, wrId * 64, 64));
  for (const [index, client] of [...clients.entries(), ...clients.entries()]) {
    fill(client, 0, `client ${index}`);
    client.queuePair.postSend(sendOf(client, 1, { flags: 0 }));
  }
  const completions = completionsOf(server.queue);
  expect(completions.map(({ wrId }) => wrId)).toEqual([0, 1, 2, 3, 4, 5]);
  for (const { wrId, qpNumber } of completions) {
    const index = queuePairs.findIndex(({ number }) => number === qpNumber);
    expect(text(server, wrId * 64, 8)).toBe(`client ${index}`);
  }
});

test('lets messages wait while it is empty', () => {
  const { server, shared, clients } = star(2);
  for (const client of clients) client.queuePair.postSend(sendOf(client, 1));
  expect(outcomes(server.queue)).toEqual([]);
  shared.postReceive(7, piece(server, 0, 64));
  expect(outcomes(server.queue)).toEqual([[7, 0]]);
  shared.postReceive(8, piece(server, 0, 64));
  expect(outcomes(server.queue)).toEqual([[8, 0]]);
  for (const client of clients) expect(outcomes(client.queue)).toEqual([[1, 0]]);
});

test('takes a message off the retry clock when receives are posted', async () => {
  const { server, shared, clients } = star(1, 2);
  const [client] = clients as [Side];
  client.queuePair.postSend(sendOf(client, 1));
  outcomes(server.queue);
  expect(outcomes(client.queue)).toEqual([]);
  shared.postReceive(7, piece(server, 0, 64));
  await pause(50);
  expect(outcomes(client.queue)).toEqual([]);
  expect(outcomes(server.queue)).toEqual([[7, 0]]);
  expect(outcomes(client.queue)).toEqual([[1, 0]]);
});

test('keeps its receives when a queue pair fails', () => {
  const { server, shared, clients, queuePairs } = star(2);
  shared.postReceive(1, piece(server, 0, 64));
  queuePairs[0]?.modify(QueuePairState.ERR);
  expect(outcomes(server.queue)).toEqual([]);
  const [, client] = clients as [Side, Side];
  client.queuePair.postSend(sendOf(client, 5));
  expect(outcomes(server.queue)).toEqual([[1, 0]]);
});

test('a receive that is too short fails its queue pair alone', () => {
  const { server, shared, clients, queuePairs } = star(2);
  shared.postReceive(1, piece(server, 0, 4));
  shared.postReceive(2, piece(server, 0, 64));
  const [first, second] = clients as [Side, Side];
  first.queuePair.postSend(sendOf(first, 5));
  expect(outcomes(server.queue)).toEqual([[1, WcStatus.LOC_LEN_ERR]]);
  expect(outcomes(first.queue)).toEqual([[5, WcStatus.REM_INV_REQ_ERR]]);
  second.queuePair.postSend(sendOf(second, 6));
  expect(outcomes(server.queue)).toEqual([[2, 0]]);
  expect(queuePairs.map(({ state }) => state)).toEqual([QueuePairState.ERR, QueuePairState.RTS]);
});

test('has a limit, and refuses what does not belong together', () => {
  const { server, shared, queuePairs } = star(1);
  for (let wrId = 0; wrId < 8; wrId++) shared.postReceive(wrId, piece(server, 0, 64));
  expectCode(() => shared.postReceive(8, piece(server, 0, 64)), 'QUEUE_FULL');
  const [queuePair] = queuePairs as [QueuePair];
  expectCode(() => queuePair.postReceive(1, piece(server, 0, 64)), 'INVALID_ARGUMENT');
  expectCode(() => server.domain.createSharedReceiveQueue({ maxWr: 0 }), 'INVALID_ARGUMENT');
  const other = openSide();
  expectCode(
    () =>
      other.domain.createQueuePair({
        sendCq: other.queue,
        receiveCq: other.queue,
        sharedReceiveQueue: shared,
        maxSendWr: 1,
        maxReceiveWr: 1,
        maxMessageBytes: 64,
      }),
    'INVALID_ARGUMENT',
  );
});

test('closes when no queue pair draws on it any more', () => {
  const { server, shared, queuePairs } = star(1);
  expectCode(() => shared.close(), 'BUSY');
  queuePairs[0]?.close();
  shared.close();
  shared.close();
  expectCode(() => shared.postReceive(1, piece(server, 0, 64)), 'CLOSED');
});
