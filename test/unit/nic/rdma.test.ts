import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { Access, Opcode, SendFlag, WcOpcode, WcStatus } from '../../../nic/index.ts';
import {
  cleanUp,
  completionsOf,
  connectedSides,
  fill,
  outcomes,
  piece,
  postReceive,
  rdmaOf,
  sendOf,
  text,
} from './support.ts';

afterEach(cleanUp);

describe('RDMA write', () => {
  test('lands in the peer without a receive', () => {
    const [a, b] = connectedSides();
    fill(a, 0, 'written');
    const remoteAddress = b.region.address + 0x1234;
    const sgList = [piece(a, 0, 7)];
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_WRITE, 1, { remoteAddress, sgList }));
    expect(text(b, 0x1234, 7)).toBe('written');
    expect(completionsOf(a.queue)).toEqual([
      {
        wrId: 1,
        status: 0,
        opcode: WcOpcode.RDMA_WRITE,
        byteLength: 7,
        immediate: -1,
        qpNumber: a.queuePair.number,
        vendorError: 0,
      },
    ]);
    expect(completionsOf(b.queue)).toEqual([]);
  });

  test('gathers pieces and takes inline data', () => {
    const [a, b] = connectedSides();
    fill(a, 0, 'gathered');
    const sgList = [piece(a, 0, 3), piece(a, 3, 5)];
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_WRITE, 1, { sgList }));
    const flags = SendFlag.INLINE;
    const inlineData = Buffer.from('inline');
    const remoteAddress = b.region.address + 8;
    const inline = { flags, inlineData, remoteAddress };
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_WRITE, 2, inline));
    expect(text(b, 0, 14)).toBe('gatheredinline');
  });

  test('moves the whole region at once', () => {
    const [a, b] = connectedSides();
    for (let at = 0; at < a.arena.bytes; at++) a.arena.memory[at] = (at * 7) & 0xff;
    const sgList = [piece(a, 0, a.region.bytes)];
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_WRITE, 1, { sgList }));
    expect(outcomes(a.queue)).toEqual([[1, 0]]);
    expect(Buffer.compare(a.arena.memory, b.arena.memory)).toBe(0);
  });

  test('with immediate completes a receive, whose buffer it leaves alone', () => {
    const [a, b] = connectedSides();
    postReceive(b, 9);
    fill(a, 0, 'with immediate');
    const more = { immediate: 5, sgList: [piece(a, 0, 14)] };
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_WRITE_WITH_IMM, 1, more));
    expect(text(b, 0, 14)).toBe('with immediate');
    expect(completionsOf(b.queue)).toEqual([
      {
        wrId: 9,
        status: 0,
        opcode: WcOpcode.RECV_RDMA_WITH_IMM,
        byteLength: 14,
        immediate: 5,
        qpNumber: b.queuePair.number,
        vendorError: 0,
      },
    ]);
    expect(text(b, 0x8000, 1)).toBe('\0');
    expect(completionsOf(a.queue)[0]?.opcode).toBe(WcOpcode.RDMA_WRITE);
  });

  test('of nothing needs no key', () => {
    const [a, b] = connectedSides();
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_WRITE, 1, { sgList: [], rkey: 0 }));
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_READ, 2, { sgList: [], rkey: 0 }));
    expect(outcomes(a.queue)).toEqual([
      [1, 0],
      [2, 0],
    ]);
  });
});

describe('RDMA read', () => {
  test('fetches and scatters', () => {
    const [a, b] = connectedSides();
    fill(b, 0x40, 'fetched');
    const sgList = [piece(a, 0x100, 3), piece(a, 0x200, 0), piece(a, 0x301, 4)];
    const remoteAddress = b.region.address + 0x40;
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_READ, 1, { sgList, remoteAddress }));
    expect(completionsOf(a.queue).map(({ opcode, byteLength }) => [opcode, byteLength])).toEqual([
      [WcOpcode.RDMA_READ, 7],
    ]);
    expect([text(a, 0x100, 3), text(a, 0x301, 4)]).toEqual(['fet', 'ched']);
  });

  test('reads from an arena that peers may only read', () => {
    const options = { remote: 'read', access: Access.LOCAL_WRITE | Access.REMOTE_READ } as const;
    const [a, b] = connectedSides({}, options);
    fill(b, 0, 'look');
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_READ, 1, { sgList: [piece(a, 0, 4)] }));
    expect(outcomes(a.queue)).toEqual([[1, 0]]);
    expect(text(a, 0, 4)).toBe('look');
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_WRITE, 2));
    expect(outcomes(a.queue)).toEqual([[2, WcStatus.REM_ACCESS_ERR]]);
  });
});

describe('atomics', () => {
  test('fetch and add, wrapping round at 64 bits', () => {
    const [a, b] = connectedSides();
    b.arena.view.setBigUint64(0, 2n ** 64n - 2n, true);
    const more = { sgList: [piece(a, 0x104, 8)], swapOrAdd: 5n };
    a.queuePair.postSend(rdmaOf(a, b, Opcode.ATOMIC_FETCH_AND_ADD, 1, more));
    expect(completionsOf(a.queue).map(({ opcode, byteLength }) => [opcode, byteLength])).toEqual([
      [WcOpcode.FETCH_ADD, 8],
    ]);
    expect(a.arena.view.getBigUint64(0x104, true)).toBe(2n ** 64n - 2n);
    expect(b.arena.view.getBigUint64(0, true)).toBe(3n);
  });

  test('compare and swap, which swaps only what it expects', () => {
    const [a, b] = connectedSides();
    b.arena.view.setBigUint64(8, 10n, true);
    const more = { sgList: [piece(a, 0, 8)], remoteAddress: b.region.address + 8 };
    const swap = (compare: bigint, swapOrAdd: bigint) => {
      const request = { ...more, compare, swapOrAdd };
      a.queuePair.postSend(rdmaOf(a, b, Opcode.ATOMIC_CMP_AND_SWP, 1, request));
      expect(completionsOf(a.queue)[0]).toMatchObject({ status: 0, opcode: WcOpcode.COMP_SWAP });
      return [a.arena.view.getBigUint64(0, true), b.arena.view.getBigUint64(8, true)];
    };
    expect(swap(9n, 1n)).toEqual([10n, 10n]);
    expect(swap(10n, 2n ** 63n)).toEqual([10n, 2n ** 63n]);
    expect(swap(2n ** 63n, 7n)).toEqual([2n ** 63n, 7n]);
  });
});

describe('order', () => {
  test('a receive completes when all writes posted before its send have landed', () => {
    const [a, b] = connectedSides();
    for (let wrId = 0; wrId < 8; wrId++) postReceive(b, wrId);
    for (let round = 0; round < 8; round++) {
      a.arena.view.setUint32(0, round, true);
      const flags = 0;
      a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_WRITE, 0, { flags }));
      a.queuePair.postSend(sendOf(a, round, { flags }));
      expect(outcomes(b.queue)).toEqual([[round, 0]]);
      expect(b.arena.view.getUint32(0, true)).toBe(round);
    }
  });

  test('completions come in the order of posting, whatever is done first', () => {
    const [a, b] = connectedSides();
    a.queuePair.postSend(sendOf(a, 1));
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_WRITE, 2));
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_READ, 3, { flags: 2 | SendFlag.FENCE }));
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_WRITE_WITH_IMM, 4, { immediate: 1 }));
    a.queuePair.postSend(sendOf(a, 5));
    expect(outcomes(a.queue)).toEqual([]);
    postReceive(b, 1);
    expect(outcomes(b.queue)).toEqual([[1, 0]]);
    expect(outcomes(a.queue)).toEqual([
      [1, 0],
      [2, 0],
      [3, 0],
    ]);
    postReceive(b, 2);
    postReceive(b, 3);
    expect(outcomes(b.queue)).toEqual([
      [2, 0],
      [3, 0],
    ]);
    expect(outcomes(a.queue)).toEqual([
      [4, 0],
      [5, 0],
    ]);
  });

  test('a signalled write behind unsignalled messages completes when they are taken', () => {
    const [a, b] = connectedSides();
    a.queuePair.postSend(sendOf(a, 1, { flags: 0 }));
    a.queuePair.postSend(rdmaOf(a, b, Opcode.RDMA_WRITE, 2));
    expect(outcomes(a.queue)).toEqual([]);
    postReceive(b, 1);
    expect(outcomes(b.queue)).toEqual([[1, 0]]);
    expect(outcomes(a.queue)).toEqual([[2, 0]]);
  });
});

test('any sequence of writes and reads moves what plain copies would', () => {
  const [a, b] = connectedSides();
  const SPAN = 700;
  const operation = fc.record({
    isWrite: fc.boolean(),
    local: fc.nat(SPAN),
    remote: fc.nat(SPAN),
    length: fc.nat(SPAN),
    seed: fc.nat(255),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
      a.arena.memory.fill(0);
      b.arena.memory.fill(0);
      const local = new Uint8Array(2 * SPAN);
      const remote = new Uint8Array(2 * SPAN);
      for (const { isWrite, local: from, remote: to, length, seed } of operations) {
        const opcode = isWrite ? Opcode.RDMA_WRITE : Opcode.RDMA_READ;
        a.arena.memory[from] = seed;
        local[from] = seed;
        const remoteAddress = b.region.address + to;
        const sgList = [piece(a, from, length)];
        a.queuePair.postSend(rdmaOf(a, b, opcode, 0, { flags: 0, remoteAddress, sgList }));
        if (isWrite) remote.set(local.subarray(from, from + length), to);
        else local.set(remote.subarray(to, to + length), from);
      }
      expect(Buffer.compare(a.arena.memory.subarray(0, 2 * SPAN), local)).toBe(0);
      expect(Buffer.compare(b.arena.memory.subarray(0, 2 * SPAN), remote)).toBe(0);
    }),
    { numRuns: 200 },
  );
});
