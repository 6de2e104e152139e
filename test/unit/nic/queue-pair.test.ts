import { afterEach, describe, expect, test } from 'vitest';
import { Opcode, QueuePairState, SendFlag, WcOpcode, WcStatus } from '../../../nic/index.ts';
import {
  atEnd,
  cleanUp,
  completionsOf,
  connectedSides,
  connectPair,
  expectCode,
  fill,
  openSide,
  outcomes,
  piece,
  postReceive,
  rdmaOf,
  sendOf,
  text,
} from './support.ts';

const { RESET, INIT, RTR, RTS, ERR } = QueuePairState;

afterEach(cleanUp);

describe('state machine', () => {
  test('begins in RESET and goes to RTS by connecting', () => {
    const side = openSide();
    side.queuePair.modify(RESET);
    expect(side.queuePair.state).toBe(RESET);
    const other = openSide();
    expect(other.queuePair.state).toBe(INIT);
    connectPair(side.queuePair, other.queuePair);
    expect([side.queuePair.state, other.queuePair.state]).toEqual([RTS, RTS]);
  });

  test.each([
    [RESET, RTR],
    [RESET, RTS],
    [RESET, ERR],
    [INIT, RTS],
    [INIT, INIT],
  ])('refuses %i to %i', (from, to) => {
    const { queuePair } = openSide();
    if (from === RESET) queuePair.modify(RESET);
    expectCode(() => queuePair.modify(to), 'QP_STATE');
    expect(queuePair.state).toBe(from);
  });

  test('does not go to RTR without a connection', () => {
    expectCode(() => openSide().queuePair.modify(RTR), 'QP_STATE');
  });

  test('goes from anywhere but RESET to ERR, and from ERR to RESET only', () => {
    const [a] = connectedSides();
    const idle = openSide();
    for (const { queuePair } of [a, idle]) {
      queuePair.modify(ERR);
      expect(queuePair.state).toBe(ERR);
      for (const state of [INIT, RTR, RTS]) expectCode(() => queuePair.modify(state), 'QP_STATE');
      queuePair.modify(RESET);
      expect(queuePair.state).toBe(RESET);
    }
  });

  test('can be connected again after RESET', () => {
    const [a, b] = connectedSides();
    postReceive(b, 1);
    a.queuePair.postSend(sendOf(a, 2));
    a.queuePair.modify(RESET);
    expect(outcomes(b.queue)).toEqual([[1, WcStatus.WR_FLUSH_ERR]]);
    b.queuePair.modify(RESET);
    connectPair(b.queuePair, a.queuePair);
    postReceive(b, 3);
    fill(a, 0, 'second connection');
    a.queuePair.postSend(sendOf(a, 4));
    expect(outcomes(b.queue)).toEqual([[3, 0]]);
    expect(text(b, 0x8000, 16)).toBe('second connectio');
    expect(outcomes(a.queue)).toEqual([[4, 0]]);
  });

  test('refuses receives in RESET and sends before RTS', () => {
    const side = openSide();
    expectCode(() => side.queuePair.postSend(sendOf(side, 1)), 'QP_STATE');
    side.queuePair.modify(RESET);
    expectCode(() => postReceive(side, 1), 'QP_STATE');
    expectCode(() => side.queuePair.postSend(sendOf(side, 1)), 'QP_STATE');
  });

  test('flushes what is posted in ERR', () => {
    const [a] = connectedSides();
    a.queuePair.modify(ERR);
    postReceive(a, 1);
    a.queuePair.postSend(sendOf(a, 2));
    expect(outcomes(a.queue)).toEqual([
      [1, WcStatus.WR_FLUSH_ERR],
      [2, WcStatus.WR_FLUSH_ERR],
    ]);
  });

  test('refuses everything once closed', () => {
    const [a] = connectedSides();
    a.queuePair.close();
    a.queuePair.close();
    expectCode(() => a.queuePair.modify(RESET), 'CLOSED');
    expectCode(() => postReceive(a, 1), 'CLOSED');
    expectCode(() => a.queuePair.postSend(sendOf(a, 1)), 'CLOSED');
  });
});

describe('send and receive', () => {
  test('carries bytes, length and immediate', () => {
    const [a, b] = connectedSides();
    postReceive(b, 7);
    postReceive(b, 8, 0x9000);
    fill(a, 0, 'without');
    a.queuePair.postSend(sendOf(a, 1, { sgList: [piece(a, 0, 7)] }));
    fill(a, 0, 'with it');
    const immediate = 0xfedcba98;
    a.queuePair.postSend(sendOf(a, 2, { opcode: Opcode.SEND_WITH_IMM, immediate }));
    const received = completionsOf(b.queue);
    expect(received).toEqual([
      {
        wrId: 7,
        status: 0,
        opcode: WcOpcode.RECV,
        byteLength: 7,
        immediate: -1,
        qpNumber: b.queuePair.number,
        vendorError: 0,
      },
      {
        wrId: 8,
        status: 0,
        opcode: WcOpcode.RECV,
        byteLength: 16,
        immediate,
        qpNumber: b.queuePair.number,
        vendorError: 0,
      },
    ]);
    expect(text(b, 0x8000, 7)).toBe('without');
    expect(text(b, 0x9000, 7)).toBe('with it');
    expect(completionsOf(a.queue).map(({ wrId, opcode }) => [wrId, opcode])).toEqual([
      [1, WcOpcode.SEND],
      [2, WcOpcode.SEND],
    ]);
  });

  test('gathers several pieces, of any alignment', () => {
    const [a, b] = connectedSides();
    postReceive(b, 1, 0x8001);
    fill(a, 3, 'one ');
    fill(a, 0x111, 'two ');
    fill(a, 0x200, 'three');
    const sgList = [piece(a, 3, 4), piece(a, 0x111, 4), piece(a, 0, 0), piece(a, 0x200, 5)];
    a.queuePair.postSend(sendOf(a, 1, { sgList }));
    expect(completionsOf(b.queue)[0]?.byteLength).toBe(13);
    expect(text(b, 0x8001, 13)).toBe('one two three');
  });

  test('takes inline data from anywhere, without registered memory', () => {
    const [a, b] = connectedSides();
    postReceive(b, 1);
    const inlineData = Buffer.from('inline');
    const flags = SendFlag.INLINE | SendFlag.SIGNALED;
    a.queuePair.postSend(sendOf(a, 1, { flags, inlineData, sgList: [] }));
    inlineData.fill(0);
    expect(outcomes(b.queue)).toEqual([[1, 0]]);
    expect(text(b, 0x8000, 6)).toBe('inline');
  });

  test('carries empty messages and messages of the greatest length', () => {
    const [a, b] = connectedSides();
    postReceive(b, 1);
    postReceive(b, 2);
    a.queuePair.postSend(sendOf(a, 1, { sgList: [] }));
    a.arena.memory.fill(0x5a, 0, 1024);
    a.queuePair.postSend(sendOf(a, 2, { sgList: [piece(a, 0, 1024)] }));
    expect(completionsOf(b.queue).map(({ byteLength }) => byteLength)).toEqual([0, 1024]);
    expect(b.arena.memory.subarray(0x8000, 0x8401)).toEqual(
      Uint8Array.from({ length: 1025 }, (_, index) => (index < 1024 ? 0x5a : 0)),
    );
  });

  test('waits for a receive and then delivers in order', () => {
    const [a, b] = connectedSides();
    for (let wrId = 0; wrId < 3; wrId++) {
      fill(a, 0, `message ${wrId}`);
      a.queuePair.postSend(sendOf(a, wrId, { sgList: [piece(a, 0, 9)] }));
    }
    expect(outcomes(b.queue)).toEqual([]);
    expect(outcomes(a.queue)).toEqual([]);
    for (let wrId = 0; wrId < 3; wrId++) postReceive(b, wrId, 0x8000 + wrId * 16);
    expect(outcomes(b.queue)).toEqual([0, 1, 2].map((wrId) => [wrId, 0]));
    expect(text(b, 0x8000, 41).split('\0').filter(Boolean)).toEqual([
      'message 0',
      'message 1',
      'message 2',
    ]);
    expect(outcomes(a.queue)).toEqual([0, 1, 2].map((wrId) => [wrId, 0]));
  });

  test('keeps order and content over many turns of the ring, both ways at once', () => {
    const [a, b] = connectedSides();
    const sides = [a, b];
    for (let round = 0; round < 2000; round++) {
      for (const side of sides) postReceive(side, round, 0x8000);
      for (const side of sides) {
        side.arena.view.setUint32(0, round, true);
        side.queuePair.postSend(sendOf(side, round, { flags: 0 }));
      }
      for (const side of sides) {
        expect(outcomes(side.queue)).toEqual([[round, 0]]);
        expect(side.arena.view.getUint32(0x8000, true)).toBe(round);
      }
    }
  });

  test('makes completions of signalled requests only', () => {
    const [a, b] = connectedSides();
    for (let wrId = 0; wrId < 4; wrId++) postReceive(b, wrId);
    for (let wrId = 0; wrId < 4; wrId++) {
      const flags = wrId === 2 ? SendFlag.SIGNALED : 0;
      a.queuePair.postSend(sendOf(a, wrId, { flags }));
    }
    expect(outcomes(b.queue)).toHaveLength(4);
    expect(outcomes(a.queue)).toEqual([[2, 0]]);
  });

  test('says QUEUE_FULL, and has room again when the peer has taken something', () => {
    const [a, b] = connectedSides();
    for (let wrId = 0; wrId < 16; wrId++) a.queuePair.postSend(sendOf(a, wrId, { flags: 0 }));
    expectCode(() => a.queuePair.postSend(sendOf(a, 16)), 'QUEUE_FULL');
    postReceive(b, 0);
    expect(outcomes(b.queue)).toEqual([[0, 0]]);
    a.queuePair.postSend(sendOf(a, 16));
    expectCode(() => a.queuePair.postSend(sendOf(a, 17)), 'QUEUE_FULL');
    for (let wrId = 0; wrId < 16; wrId++) postReceive(a, wrId);
    expectCode(() => postReceive(a, 16), 'QUEUE_FULL');
  });

  test('has room for RDMA when the ring holds as many messages as it may', () => {
    const [a, b] = connectedSides({ queuePair: { maxSendMessages: 2 } });
    for (let wrId = 0; wrId < 2; wrId++) a.queuePair.postSend(sendOf(a, wrId, { flags: 0 }));
    expectCode(() => a.queuePair.postSend(sendOf(a, 2)), 'QUEUE_FULL');
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_WRITE, 3));
    for (let turn = 0; turn < 9; turn++) {
      postReceive(b, turn);
      expect(outcomes(b.queue)).toEqual([[turn, 0]]);
      a.queuePair.postSend(sendOf(a, 4, { flags: 0 }));
      expectCode(() => a.queuePair.postSend(sendOf(a, 5)), 'QUEUE_FULL');
    }
  });

  test('tells of a failure before the messages ahead of it are taken', () => {
    const [a, b] = connectedSides();
    a.queuePair.postSend(sendOf(a, 1));
    expect(a.queuePair.hasFailed).toBe(false);
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_READ, 2, { rkey: 0 }));
    expect([a.queuePair.state, a.queuePair.hasFailed]).toEqual([RTS, true]);
    postReceive(b, 1);
    expect(outcomes(b.queue)).toEqual([[1, 0]]);
    expect(outcomes(a.queue)).toEqual([
      [1, 0],
      [2, WcStatus.REM_ACCESS_ERR],
    ]);
    expect([a.queuePair.state, a.queuePair.hasFailed]).toEqual([ERR, true]);
  });

  test('refuses unknown opcodes and inline requests without data', () => {
    const [a] = connectedSides();
    const opcode = 9 as Opcode;
    expectCode(() => a.queuePair.postSend(sendOf(a, 1, { opcode })), 'INVALID_ARGUMENT');
    const flags = SendFlag.INLINE;
    expectCode(() => a.queuePair.postSend(sendOf(a, 1, { flags })), 'INVALID_ARGUMENT');
  });

  test('works between two queue pairs of one context', () => {
    const side = openSide();
    const other = side.domain.createQueuePair({
      sendCq: side.queue,
      receiveCq: side.queue,
      maxSendWr: 4,
      maxReceiveWr: 4,
      maxMessageBytes: 64,
    });
    connectPair(side.queuePair, other);
    other.postReceive(5, piece(side, 0x100, 64));
    fill(side, 0, 'to myself');
    side.queuePair.postSend(sendOf(side, 6, { sgList: [piece(side, 0, 9)] }));
    expect(outcomes(side.queue).sort()).toEqual([
      [5, 0],
      [6, 0],
    ]);
    expect(text(side, 0x100, 9)).toBe('to myself');
  });
});

describe('the end of a connection', () => {
  test('delivers what was sent before an orderly close, then flushes', () => {
    const [a, b] = connectedSides();
    postReceive(b, 1);
    postReceive(b, 2);
    fill(a, 0, 'farewell');
    a.queuePair.postSend(sendOf(a, 1));
    a.queuePair.close();
    expect(outcomes(b.queue)).toEqual([
      [1, WcStatus.SUCCESS],
      [2, WcStatus.WR_FLUSH_ERR],
    ]);
    expect(text(b, 0x8000, 8)).toBe('farewell');
    expect(b.queuePair.state).toBe(ERR);
  });

  test('delivers nothing that the sender has given up', () => {
    const [a, b] = connectedSides();
    a.queuePair.postSend(sendOf(a, 1));
    a.queuePair.modify(ERR);
    expect(outcomes(a.queue)).toEqual([[1, WcStatus.WR_FLUSH_ERR]]);
    postReceive(b, 2);
    expect(outcomes(b.queue)).toEqual([[2, WcStatus.WR_FLUSH_ERR]]);
  });

  test('tells who the peer is', () => {
    const [a, b] = connectedSides();
    const self = { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() };
    expect(a.queuePair.peer).toEqual(self);
    expect(b.queuePair.peer).toEqual(self);
    atEnd(() => expect(b.queuePair.peer).toEqual(self));
  });
});
