import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Filehandle, StableHow, type StateId } from '../../../client/protocol/index.ts';
import { Session } from '../../../client/session.ts';
import type { SessionOptions } from '../../../client/session-options.ts';
import { transferLimits } from '../../../client/transfer-requests.ts';
import { Transfers } from '../../../client/transfers.ts';
import { ServerProcess } from './support/server-process.ts';

const FILE_BYTES = 4 << 20;
const FILE = { handle: new Uint8Array(64) as Filehandle, stateId: 0n as StateId };
const LIMITS = { maximumReadBytes: 1 << 20, maximumWriteBytes: 1 << 20 };

const servers: Record<string, ServerProcess> = {};
const sessions: Session[] = [];

beforeAll(async () => {
  for (const script of [
    'plain',
    'moves little at a time',
    'moves very little at a time',
    'leaves data unstable',
  ]) {
    servers[script] = await ServerProcess.start(script);
  }
}, 60_000);

afterEach(() => {
  for (const session of sessions.splice(0)) session.close();
});

afterAll(async () => {
  await Promise.all(Object.values(servers).map((server) => server.stop()));
});

function open(script: string, options: SessionOptions = {}) {
  const session = Session.connect((servers[script] as ServerProcess).path, options);
  sessions.push(session);
  return { session, transfers: new Transfers(session, transferLimits(session, LIMITS)) };
}

function pattern(offset: number, bytes: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, index) => (offset + index) * seed + index / 251);
}

const SIZES = [1, 100, 4096, 4097, 65_536, 1_000_000, 1 << 20, (1 << 20) + 1, 3_500_000];

test.each(['plain', 'moves little at a time', 'moves very little at a time'])(
  'what is written is read again, whatever the size: the server %s',
  (script) => {
    const { transfers } = open(script);
    for (const [seed, bytes] of SIZES.entries()) {
      const offset = seed * 1000;
      const data = pattern(offset, bytes, seed + 3);
      const result = transfers.write(FILE, offset, data, StableHow.UNSTABLE, 0);
      expect(result).toEqual({ bytes, committed: 0, verifier: 5n });
      const into = new Uint8Array(bytes);
      expect(transfers.read(FILE, offset, into, 0)).toBe(bytes);
      expect(Buffer.compare(into, data)).toBe(0);
    }
  },
  30_000,
);

test.each([
  ['little', false],
  ['little', true],
  ['big', true],
] as const)(
  'registered buffers are moved without a slot (%s-endian, checksums: %s)',
  (endianness, checksums) => {
    const { session, transfers } = open('plain', { endianness, checksums });
    const buffer = session.allocateBuffer(3 << 20, 'both');
    for (const [seed, bytes] of [1, 4096, 1 << 20, 2_500_000].entries()) {
      const data = pattern(0, bytes, seed + 11);
      buffer.memory.set(data, 100);
      transfers.writeRegistered(FILE, 5000, buffer, 100, bytes, StableHow.UNSTABLE, 0);
      buffer.memory.fill(0);
      expect(transfers.readRegistered(FILE, 5000, buffer, 7, bytes, 0)).toBe(bytes);
      expect(Buffer.compare(buffer.memory.subarray(7, 7 + bytes), data)).toBe(0);
    }
    buffer.close();
  },
  30_000,
);

test('stable writes are under way together, each with a copy of its data', () => {
  const { session, transfers } = open('plain', { transferSlots: 3 });
  const shared = new Uint8Array(70_000);
  const sizes = [4096, 1, 70_000, 100, 50_000];
  const begun = sizes.map((bytes, index) => {
    shared.fill(index + 1);
    return transfers.beginStable(FILE, index * 100_000, shared.subarray(0, bytes), 0);
  });
  shared.fill(0);
  const written = begun.map((write) => write && transfers.takeStable(write));
  expect(written).toEqual(sizes);
  for (const [index, bytes] of sizes.entries()) {
    const into = new Uint8Array(bytes);
    transfers.read(FILE, index * 100_000, into, 0);
    expect(into.every((byte) => byte === index + 1)).toBe(true);
  }
  expect(session.transfers.freeSlots).toBe(3);
});

test('what does not fit a request, or would take the last slot, is not written stably', () => {
  const { session, transfers } = open('plain', { transferSlots: 2 });
  const long = new Uint8Array((1 << 20) + 1);
  expect(transfers.beginStable(FILE, 0, long, 0)).toBeUndefined();
  const first = transfers.beginStable(FILE, 0, long.subarray(1), 0);
  expect(transfers.beginStable(FILE, 0, long.subarray(0, 5000), 0)).toBeUndefined();
  expect(first && transfers.takeStable(first)).toBe(1 << 20);
  expect(session.transfers.freeSlots).toBe(2);
});

test('a server that leaves data unstable where stable was asked for is not believed', () => {
  const { session, transfers } = open('leaves data unstable');
  const { freeSlots } = session.transfers;
  for (const bytes of [100, 5000]) {
    const write = transfers.beginStable(FILE, 0, new Uint8Array(bytes), 0);
    expect(() => write && transfers.takeStable(write)).toThrow(
      expect.objectContaining({ code: 'BAD_RESPONSE', errno: 'EIO' }),
    );
  }
  expect(session.transfers.freeSlots).toBe(freeSlots);
});

test.each([10, 5000, 2_000_000])('reading %i bytes across the end stops there', (bytes) => {
  const { transfers } = open('moves little at a time');
  const into = new Uint8Array(bytes);
  expect(transfers.read(FILE, FILE_BYTES - 7, into, 0)).toBe(7);
  expect(transfers.read(FILE, FILE_BYTES + 1000, into, 0)).toBe(0);
});

test('a range outside of the buffer is refused before anything is sent', () => {
  const { session, transfers } = open('plain');
  const buffer = session.allocateBuffer(4096, 'both');
  expect(() => transfers.readRegistered(FILE, 0, buffer, 1, 4096, 0)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', errno: 'EINVAL' }),
  );
  expect(session.outstanding).toBe(0);
});

test('every slot is free again after a transfer, and after one that failed', () => {
  const { session, transfers } = open('plain', { transferSlots: 3 });
  transfers.read(FILE, 0, new Uint8Array(3_000_000), 0);
  expect(session.transfers.freeSlots).toBe(3);
  (servers.plain as ServerProcess).kill();
  expect(() => {
    for (;;) transfers.read(FILE, 0, new Uint8Array(3_000_000), 0);
  }).toThrow(expect.objectContaining({ errno: 'EIO' }));
  expect(session.transfers.freeSlots).toBe(3);
}, 60_000);
