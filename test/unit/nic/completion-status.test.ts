/** Each error status that a completion can have, and what it does to the queue pairs. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import {
  Access,
  type CompletionQueue,
  Opcode,
  QueuePairState,
  SendFlag,
  type SendWorkRequest,
  VendorError,
  WcStatus,
  type WorkCompletion,
} from '../../../nic/index.ts';
import {
  cleanUp,
  completionsOf,
  connectedSides,
  outcomes,
  piece,
  postReceive,
  rdmaOf,
  type Side,
  sendOf,
} from './support.ts';

const { ERR } = QueuePairState;
const { WR_FLUSH_ERR } = WcStatus;

afterEach(cleanUp);

/** Expects one failed request, with everything posted after and before it flushed on both queues. */
function expectFailure(side: Side, request: SendWorkRequest, expected: Partial<WorkCompletion>) {
  postReceive(side, 100);
  postReceive(side, 101);
  side.queuePair.postSend({ ...request, wrId: 1 });
  side.queuePair.postSend(sendOf(side, 2, { flags: 0 }));
  const completions = completionsOf(side.queue);
  expect(completions[0]).toMatchObject({
    wrId: 1,
    opcode: -1,
    byteLength: 0,
    immediate: -1,
    qpNumber: side.queuePair.number,
    ...expected,
  });
  const rest = completions.slice(1).map(({ wrId, status }) => [wrId, status]);
  expect(rest.sort()).toEqual([
    [100, WR_FLUSH_ERR],
    [101, WR_FLUSH_ERR],
    [2, WR_FLUSH_ERR],
  ]);
  expect(side.queuePair.state).toBe(ERR);
}

/** Expects that the peer's error reaches a side that has one receive posted. */
function expectFlushedReceive(queue: CompletionQueue, wrId: number) {
  expect(outcomes(queue)).toEqual([[wrId, WR_FLUSH_ERR]]);
}

describe('LOC_PROT_ERR', () => {
  const status = WcStatus.LOC_PROT_ERR;

  test('unknown lkey', () => {
    const [a] = connectedSides();
    const sgList = [{ ...piece(a, 0, 8), lkey: a.region.lkey ^ 0x1000 }];
    expectFailure(a, sendOf(a, 1, { sgList }), { status });
  });

  test('lkey of another domain of the same context', () => {
    const [a] = connectedSides();
    const domain = a.context.allocateProtectionDomain();
    const { lkey } = domain.registerMemory(a.arena, 0, 4096, 0);
    expectFailure(a, sendOf(a, 1, { sgList: [{ ...piece(a, 0, 8), lkey }] }), { status });
  });

  test('lkey of a region that was deregistered', () => {
    const [a] = connectedSides();
    const region = a.domain.registerMemory(a.arena, 0, 4096, 0);
    region.deregister();
    const sgList = [{ ...piece(a, 0, 8), lkey: region.lkey }];
    expectFailure(a, sendOf(a, 1, { sgList }), { status });
  });

  test.each([
    ['before the region', -1, 8],
    ['over its end', 0x1000 - 7, 8],
    ['after it', 0x1000, 1],
    ['longer than it', 0, 0x1001],
    ['of a negative length', 0, -1],
  ])('%s', (_, offset, length) => {
    const [a, b] = connectedSides();
    const region = a.domain.registerMemory(a.arena, 0x2000, 0x1000, 0);
    const sgList = [{ lkey: region.lkey, address: region.address + offset, length }];
    expectFailure(a, rdmaOf(a, b, Opcode.RDMA_WRITE, 1, { sgList }), { status });
  });

  test('a read into memory without LOCAL_WRITE', () => {
    const [a, b] = connectedSides();
    const { lkey } = a.domain.registerMemory(a.arena, 0, 4096, 0);
    const sgList = [{ ...piece(a, 0, 8), lkey }];
    expectFailure(a, rdmaOf(a, b, Opcode.RDMA_READ, 1, { sgList }), { status });
  });

  test('an atomic into memory without LOCAL_WRITE', () => {
    const [a, b] = connectedSides();
    const { lkey } = a.domain.registerMemory(a.arena, 0, 4096, 0);
    const sgList = [{ ...piece(a, 0, 8), lkey }];
    expectFailure(a, rdmaOf(a, b, Opcode.ATOMIC_FETCH_AND_ADD, 1, { sgList }), { status });
  });

  test('a receive buffer without LOCAL_WRITE fails both ends', () => {
    const [a, b] = connectedSides();
    const { lkey } = b.domain.registerMemory(b.arena, 0, 4096, 0);
    b.queuePair.postReceive(7, { ...piece(b, 0, 64), lkey });
    postReceive(b, 8);
    a.queuePair.postSend(sendOf(a, 1));
    a.queuePair.postSend(sendOf(a, 2));
    expect(outcomes(b.queue)).toEqual([
      [7, status],
      [8, WR_FLUSH_ERR],
    ]);
    expect(outcomes(a.queue)).toEqual([
      [1, WcStatus.REM_OP_ERR],
      [2, WR_FLUSH_ERR],
    ]);
  });
});

describe('LOC_LEN_ERR', () => {
  const status = WcStatus.LOC_LEN_ERR;

  test('a message longer than the queue pair carries', () => {
    const [a] = connectedSides();
    expectFailure(a, sendOf(a, 1, { sgList: [piece(a, 0, 1025)] }), { status });
  });

  test('a length that is no number', () => {
    const [a] = connectedSides();
    expectFailure(a, sendOf(a, 1, { sgList: [piece(a, 0, Number.NaN)] }), { status });
  });

  test('an inline message longer than the queue pair carries', () => {
    const [a] = connectedSides();
    const inline = { flags: SendFlag.INLINE, inlineData: new Uint8Array(1025) };
    expectFailure(a, sendOf(a, 1, inline), { status });
  });

  test('an RDMA transfer longer than 1 GiB', () => {
    const [a, b] = connectedSides();
    const sgList = [piece(a, 0, 2 ** 30 + 1)];
    expectFailure(a, rdmaOf(a, b, Opcode.RDMA_WRITE, 1, { sgList }), { status });
  });

  test('an atomic on anything but 8 bytes', () => {
    const [a, b] = connectedSides();
    const sgList = [piece(a, 0, 4)];
    expectFailure(a, rdmaOf(a, b, Opcode.ATOMIC_CMP_AND_SWP, 1, { sgList }), { status });
  });

  test('a message longer than the receive: REM_INV_REQ_ERR at its sender', () => {
    const [a, b] = connectedSides();
    postReceive(b, 7, 0x8000, 15);
    postReceive(b, 8);
    a.queuePair.postSend(sendOf(a, 1));
    a.queuePair.postSend(sendOf(a, 2, { flags: 0 }));
    expect(outcomes(b.queue)).toEqual([
      [7, status],
      [8, WR_FLUSH_ERR],
    ]);
    expect(b.arena.memory[0x8000]).toBe(0);
    expect(outcomes(a.queue)).toEqual([
      [1, WcStatus.REM_INV_REQ_ERR],
      [2, WR_FLUSH_ERR],
    ]);
    expect([a.queuePair.state, b.queuePair.state]).toEqual([ERR, ERR]);
  });
});

describe('LOC_QP_OP_ERR', () => {
  const status = WcStatus.LOC_QP_OP_ERR;

  test('an inline read', () => {
    const [a, b] = connectedSides();
    const inline = { flags: SendFlag.INLINE, inlineData: new Uint8Array(8) };
    expectFailure(a, rdmaOf(a, b, Opcode.RDMA_READ, 1, inline), { status });
  });

  test('an atomic with no piece or two', () => {
    for (const count of [0, 2]) {
      const [a, b] = connectedSides();
      const sgList = Array.from({ length: count }, () => piece(a, 0, 8));
      expectFailure(a, rdmaOf(a, b, Opcode.ATOMIC_FETCH_AND_ADD, 1, { sgList }), { status });
    }
  });
});

describe('REM_ACCESS_ERR', () => {
  const status = WcStatus.REM_ACCESS_ERR;

  test.each([
    ['write', Opcode.RDMA_WRITE, Access.REMOTE_READ | Access.REMOTE_ATOMIC],
    ['write with immediate', Opcode.RDMA_WRITE_WITH_IMM, Access.REMOTE_READ],
    ['read', Opcode.RDMA_READ, Access.REMOTE_WRITE | Access.REMOTE_ATOMIC],
    ['fetch and add', Opcode.ATOMIC_FETCH_AND_ADD, Access.REMOTE_WRITE | Access.REMOTE_READ],
    ['compare and swap', Opcode.ATOMIC_CMP_AND_SWP, Access.REMOTE_WRITE],
  ])('%s without its right', (_, opcode, remote) => {
    const [a, b] = connectedSides({}, { access: Access.LOCAL_WRITE | remote });
    postReceive(b, 50);
    const request = rdmaOf(a, b, opcode, 1, { sgList: [piece(a, 0, 8)] });
    expectFailure(a, request, { status, vendorError: VendorError.RIGHTS });
    expectFlushedReceive(b.queue, 50);
    expect(b.arena.memory[0]).toBe(0);
  });

  test.each([
    ['before the region', -1],
    ['over its end', 0x1000 - 7],
    ['after it', 0x1000],
    ['far away', 2 ** 46],
    ['at no number', Number.NaN],
  ])('%s', (_, offset) => {
    const [a, b] = connectedSides();
    const region = b.domain.registerMemory(b.arena, 0x2000, 0x1000, b.region.access);
    const remoteAddress = region.address + offset;
    const more = { rkey: region.rkey, remoteAddress, sgList: [piece(a, 0, 8)] };
    const expected = { status, vendorError: VendorError.BOUNDS };
    expectFailure(a, rdmaOf(a, b, Opcode.RDMA_WRITE, 1, more), expected);
  });

  test('the exact bounds are admitted', () => {
    const [a, b] = connectedSides();
    const region = b.domain.registerMemory(b.arena, 0x2000, 0x1000, b.region.access);
    for (const [offset, length] of [
      [0, 0x1000],
      [0xfff, 1],
      [0xff8, 8],
    ] as const) {
      const remoteAddress = region.address + offset;
      const more = { rkey: region.rkey, remoteAddress, sgList: [piece(a, 0, length)] };
      a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_WRITE, 1, more));
      expect(outcomes(a.queue)).toEqual([[1, 0]]);
    }
  });

  test.each([
    ['forged: another generation', (rkey: number) => (rkey ^ 0x1000) >>> 0],
    ['forged: another index', (rkey: number) => (rkey ^ 1) >>> 0],
    ['none', () => 0],
    ['all ones', () => 0xffffffff],
  ])('rkey %s', (_, forge) => {
    const [a, b] = connectedSides();
    const request = rdmaOf(a, b, Opcode.RDMA_READ, 1, { rkey: forge(b.region.rkey) });
    expectFailure(a, request, { status, vendorError: VendorError.UNKNOWN_KEY });
  });

  test('a stale rkey misses, even when its place in the table is taken again', () => {
    const [a, b] = connectedSides();
    const stale = b.domain.registerMemory(b.arena, 0, 64, b.region.access);
    stale.deregister();
    for (let count = 0; count < 4096; count++) {
      b.domain.registerMemory(b.arena, 0, 64, b.region.access).deregister();
    }
    const request = rdmaOf(a, b, Opcode.RDMA_WRITE, 1, { rkey: stale.rkey });
    expectFailure(a, request, { status, vendorError: VendorError.UNKNOWN_KEY });
  });

  test('an rkey of another domain', () => {
    const [a, b] = connectedSides();
    const domain = b.context.allocateProtectionDomain();
    const { rkey } = domain.registerMemory(b.arena, 0, 4096, b.region.access);
    const request = rdmaOf(a, b, Opcode.RDMA_WRITE, 1, { rkey });
    expectFailure(a, request, { status, vendorError: VendorError.UNKNOWN_KEY });
  });

  test('a region registered for local use only', () => {
    const [a, b] = connectedSides();
    const { rkey } = b.domain.registerMemory(b.arena, 0, 4096, Access.LOCAL_WRITE);
    const request = rdmaOf(a, b, Opcode.RDMA_READ, 1, { rkey });
    expectFailure(a, request, { status, vendorError: VendorError.UNKNOWN_KEY });
  });

  test('checkRemote tells beforehand, without moving anything', () => {
    const [a, b] = connectedSides();
    const { address, bytes, rkey } = b.region;
    const write = (...range: [number, number, number]) =>
      a.queuePair.checkRemote(...range, Access.REMOTE_WRITE);
    expect(write(rkey, address, bytes)).toBe(true);
    expect(write(rkey, address, bytes + 1)).toBe(false);
    expect(write(rkey, address - 1, 1)).toBe(false);
    expect(write(rkey + 0x1000, address, 1)).toBe(false);
    const only = b.domain.registerMemory(b.arena, 0, 64, Access.REMOTE_READ);
    expect(a.queuePair.checkRemote(only.rkey, only.address, 64, Access.REMOTE_READ)).toBe(true);
    expect(a.queuePair.checkRemote(only.rkey, only.address, 64, Access.REMOTE_ATOMIC)).toBe(false);
    only.deregister();
    expect(a.queuePair.checkRemote(only.rkey, only.address, 64, Access.REMOTE_READ)).toBe(false);
    expect(a.queuePair.state).toBe(QueuePairState.RTS);
    b.queuePair.close();
    expect(write(rkey, address, bytes)).toBe(false);
  });
});

describe('REM_INV_REQ_ERR', () => {
  test.each([1, 2, 4, 7])('an atomic %i bytes off its 8', (offset) => {
    const [a, b] = connectedSides();
    const remoteAddress = b.region.address + offset;
    const request = rdmaOf(a, b, Opcode.ATOMIC_FETCH_AND_ADD, 1, {
      remoteAddress,
      sgList: [piece(a, 0, 8)],
      swapOrAdd: 1n,
    });
    const status = WcStatus.REM_INV_REQ_ERR;
    expectFailure(a, request, { status, vendorError: VendorError.MISALIGNED });
    expect(b.arena.view.getBigUint64(0)).toBe(0n);
  });
});

describe('RNR_RETRY_EXC_ERR', () => {
  const status = WcStatus.RNR_RETRY_EXC_ERR;

  test('at once without retries', () => {
    const [a, b] = connectedSides({ queuePair: { rnrRetry: 0 } });
    a.queuePair.postSend(sendOf(a, 1));
    a.queuePair.postSend(sendOf(a, 2));
    expect(outcomes(a.queue)).toEqual([]);
    expect(outcomes(b.queue)).toEqual([]);
    expect(outcomes(a.queue)).toEqual([
      [1, status],
      [2, WR_FLUSH_ERR],
    ]);
    postReceive(b, 3);
    expect(outcomes(b.queue)).toEqual([[3, WR_FLUSH_ERR]]);
  });

  test('after its retries, unless a receive is posted before', async () => {
    for (const comesInTime of [true, false]) {
      const [a, b] = connectedSides({ queuePair: { rnrRetry: 3 } });
      a.queuePair.postSend(sendOf(a, 1, { flags: 0 }));
      a.queuePair.postSend(sendOf(a, 2));
      outcomes(b.queue);
      expect(outcomes(a.queue)).toEqual([]);
      if (comesInTime) {
        postReceive(b, 3);
        await pause(60);
        expect(outcomes(a.queue)).toEqual([]);
        expect(outcomes(b.queue)).toEqual([[3, 0]]);
        expect(outcomes(a.queue)).toEqual([]);
      } else {
        await pause(60);
        expect(outcomes(a.queue)).toEqual([
          [1, status],
          [2, WR_FLUSH_ERR],
        ]);
      }
    }
  });

  test('never with 7 retries', async () => {
    const [a, b] = connectedSides({ queuePair: { rnrRetry: 7 } });
    a.queuePair.postSend(sendOf(a, 1));
    outcomes(b.queue);
    await pause(150);
    expect(outcomes(a.queue)).toEqual([]);
    postReceive(b, 2);
    expect(outcomes(b.queue)).toEqual([[2, 0]]);
    expect(outcomes(a.queue)).toEqual([[1, 0]]);
  });
});

describe('RETRY_EXC_ERR', () => {
  const status = WcStatus.RETRY_EXC_ERR;

  test('messages that the peer had not taken when it closed', () => {
    const [a, b] = connectedSides();
    postReceive(b, 10);
    for (const wrId of [1, 2, 3]) a.queuePair.postSend(sendOf(a, wrId));
    expect(outcomes(b.queue)).toEqual([[10, 0]]);
    b.queuePair.close();
    expect(
      completionsOf(a.queue).map(({ wrId, status, vendorError }) => [wrId, status, vendorError]),
    ) //
      .toEqual([
        [1, 0, 0],
        [2, status, VendorError.PEER_GONE],
        [3, WR_FLUSH_ERR, 0],
      ]);
  });

  test('an RDMA request to a peer that has left', () => {
    const [a, b] = connectedSides();
    const request = rdmaOf(a, b, Opcode.RDMA_WRITE, 1);
    b.queuePair.modify(ERR);
    expectFailure(a, request, { status, vendorError: VendorError.PEER_GONE });
    expect(b.arena.memory[0]).toBe(0);
  });
});
