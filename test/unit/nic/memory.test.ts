import { openSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { defineLayout, readU53, writeU53 } from '../../../nic/binary-layout.ts';
import { Access, Arena } from '../../../nic/index.ts';
import {
  copyBytes,
  MappedMemory,
  mapForeignSegment,
  SharedSegment,
} from '../../../nic/mapped-memory.ts';
import {
  MemoryKeys,
  TABLE_BYTES,
  TABLE_ENTRIES,
  TableEntry,
  TranslationProtectionTable,
} from '../../../nic/translation-protection-table.ts';
import { atEnd, cleanUp, createArena, expectCode, openContext, openSide } from './support.ts';

afterEach(cleanUp);

describe('binary layout', () => {
  test('gives each field its word', () => {
    const layout = defineLayout('Test', 32, { a: 'i32', gap: 4, b: 'u53', c: 'f64', rest: 8 });
    expect(layout.word).toEqual({ a: 0, gap: 1, b: 2, c: 4, rest: 6 });
  });

  test('refuses what does not fill its size or is not aligned', () => {
    expect(() => defineLayout('Test', 8, { a: 'i32' })).toThrowError('declares 8 bytes and has 4');
    expect(() => defineLayout('Test', 12, { a: 'i32', b: 'u53' })).toThrowError('multiple of 8');
  });

  test('carries every unsigned integer below 2^53, and recognises greater ones', () => {
    const words = new Int32Array(2);
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        writeU53(words, 0, value);
        expect(readU53(words, 0)).toBe(value);
      }),
    );
    words.set([0, 0x20_0000]);
    expect(readU53(words, 0)).toBe(-1);
    words.set([0, -1]);
    expect(readU53(words, 0)).toBe(-1);
  });
});

describe('mapped memory', () => {
  test('is copied exactly, whatever the alignment', () => {
    const [from, to] = [MappedMemory.private(8192), MappedMemory.private(8192)];
    atEnd(() => {
      from.unmap();
      to.unmap();
    });
    const offset = fc.nat(600);
    fc.assert(
      fc.property(
        offset,
        offset,
        fc.nat(500),
        fc.uint8Array({ minLength: 1200 }), //
        (target, source, length, content) => {
          from.octets.set(content.subarray(0, 1200));
          to.octets.fill(0x55);
          copyBytes(to, target, from, source, length);
          const expected = Buffer.alloc(8192, 0x55);
          from.octets.copy(expected, target, source, source + length);
          expect(expected.equals(to.octets)).toBe(true);
        },
      ),
    );
  });

  test('leaves empty views behind when it is unmapped', () => {
    const memory = MappedMemory.private(4096);
    const { octets, words } = memory;
    memory.unmap();
    expect([octets.length, words.length, words[0]]).toEqual([0, 0, undefined]);
  });

  test('of a peer has to be what it says', () => {
    const segment = new SharedSegment('test', 4096, 'read');
    atEnd(() => segment.close());
    const again = () => openSync(`/proc/self/fd/${segment.descriptor}`, 'r+');
    const mapped = mapForeignSegment(again(), 4096, false);
    segment.memory.words[5] = 42;
    expect(mapped.words[5]).toBe(42);
    mapped.unmap();
    expectCode(() => mapForeignSegment(again(), 8192, false), 'EPROTO');
    expectCode(() => mapForeignSegment(again(), 4096, true), 'EPERM');
  });
});

describe('arena', () => {
  test('is zeroed memory of whole pages at its address', () => {
    for (const remote of ['none', 'read', 'write'] as const) {
      const arena = createArena(5000, remote);
      expect([arena.bytes, arena.memory.length, arena.view.byteLength]).toEqual([8192, 8192, 8192]);
      expect(arena.address % 4096).toBe(0);
      expect(arena.memory.every((byte) => byte === 0)).toBe(true);
      arena.view.setUint16(2, 0x0102, true);
      expect([...arena.memory.subarray(0, 4)]).toEqual([0, 0, 2, 1]);
    }
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 41])('cannot have %d bytes', (bytes) => {
    expectCode(() => Arena.create(bytes, 'none'), 'INVALID_ARGUMENT');
  });

  test('closes when no region is registered in it', () => {
    const side = openSide();
    expectCode(() => side.arena.close(), 'BUSY');
    side.region.deregister();
    side.region.deregister();
    side.arena.close();
    side.arena.close();
    expect(side.arena.memory.length).toBe(0);
  });
});

describe('memory region', () => {
  test('is a piece of its arena', () => {
    const { domain, arena } = openSide();
    const region = domain.registerMemory(arena, 100, 50, Access.LOCAL_WRITE);
    expect([region.address, region.bytes]).toEqual([arena.address + 100, 50]);
    region.memory[0] = 9;
    expect(arena.memory[100]).toBe(9);
  });

  test.each([
    [-1, 10],
    [0, 0],
    [0.5, 10],
    [65_536, 1],
    [65_530, 7],
    [0, 65_537],
  ])('cannot lie at %d with %d bytes', (offset, bytes) => {
    const { domain, arena } = openSide();
    expectCode(() => domain.registerMemory(arena, offset, bytes, 0), 'INVALID_ARGUMENT');
  });

  test('there can be 4096 of in a context', () => {
    const { context, arena } = openSide();
    const domain = context.allocateProtectionDomain();
    const regions = Array.from({ length: TABLE_ENTRIES - 1 }, () =>
      domain.registerMemory(arena, 0, 1, 0),
    );
    expect(new Set(regions.map(({ lkey }) => lkey)).size).toBe(TABLE_ENTRIES - 1);
    expectCode(() => domain.registerMemory(arena, 0, 1, 0), 'ENOMEM');
    regions[7]?.deregister();
    domain.registerMemory(arena, 0, 1, 0).deregister();
  });
});

describe('protection domain', () => {
  test('closes when nothing is left in it', () => {
    const context = openContext();
    const domain = context.allocateProtectionDomain();
    const region = domain.registerMemory(createArena(4096, 'none'), 0, 64, 0);
    expectCode(() => domain.close(), 'BUSY');
    region.deregister();
    const shared = domain.createSharedReceiveQueue({ maxWr: 1 });
    expectCode(() => domain.close(), 'BUSY');
    shared.close();
    domain.close();
    domain.close();
  });

  test.each([
    ['maxSendWr', 0],
    ['maxSendWr', 65_537],
    ['maxReceiveWr', 1.5],
    ['maxMessageBytes', 0],
    ['maxMessageBytes', (16 << 20) + 1],
    ['rnrRetry', 8],
    ['rnrRetry', -1],
  ])('makes no queue pair with %s %d', (name, value) => {
    const { domain, queue } = openSide();
    const sizes = { maxSendWr: 1, maxReceiveWr: 1, maxMessageBytes: 64, [name]: value };
    const options = { sendCq: queue, receiveCq: queue, ...sizes };
    expectCode(() => domain.createQueuePair(options), 'INVALID_ARGUMENT');
  });
});

describe('translation and protection table', () => {
  test('answers for a key from when it is published until it is withdrawn', () => {
    const table = new TranslationProtectionTable();
    atEnd(() => table.close());
    const { memory } = table.segment;
    const read = new TableEntry();
    const key = fc.integer({ min: 1, max: 2 ** 32 - 1 });
    const u53 = fc.maxSafeNat();
    fc.assert(
      fc.property(key, u53, u53, u53, fc.nat(), (key, address, bytes, segmentOffset, segment) => {
        const entry = { access: 15, address, bytes, segmentOffset, segment, queuePair: 0 };
        expect(read.read(memory, key)).toBe(false);
        table.publish(key, entry);
        expect(read.read(memory, key)).toBe(true);
        expect({ ...read }).toEqual(entry);
        expect(read.read(memory, (key ^ 0x8000_0000) >>> 0)).toBe(false);
        expect(read.read(memory, 0)).toBe(false);
        table.withdraw(key);
      }),
    );
    expect(memory.bytes).toBe(TABLE_BYTES);
  });

  test('keys repeat neither while they are valid nor soon after', () => {
    const keys = new MemoryKeys();
    const seen = new Set<number>();
    const held: number[] = [];
    for (let count = 0; count < 20_000; count++) {
      const key = keys.allocate();
      expect(seen.has(key)).toBe(false);
      expect(key).toBeGreaterThan(0);
      seen.add(key);
      held.push(key);
      if (held.length > 1000) keys.release(held.shift() ?? 0);
    }
  });
});

test('registration refuses rights that contradict the arena or one another', () => {
  const side = openSide();
  const register = (remote: 'none' | 'read' | 'write', access: number) => () =>
    side.domain.registerMemory(createArena(4096, remote), 0, 4096, access);
  const { LOCAL_WRITE, REMOTE_WRITE, REMOTE_READ, REMOTE_ATOMIC, MW_BIND } = Access;
  for (const access of [REMOTE_WRITE, REMOTE_ATOMIC, 32, -1, 1.5]) {
    expect(register('write', access)).toThrowError(/access/);
  }
  for (const access of [REMOTE_READ, MW_BIND, LOCAL_WRITE | REMOTE_WRITE]) {
    expect(register('none', access)).toThrowError(/'none'/);
  }
  expect(register('read', LOCAL_WRITE | REMOTE_WRITE)).toThrowError(/'write'/);
  expect(register('read', LOCAL_WRITE | REMOTE_READ)).not.toThrow();
});
