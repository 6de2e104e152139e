import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FileId, Store } from '../../../server/store/index.ts';
import { makeFile, newStore, reopen } from '../store/support/stores.ts';
import { pattern, TestCache } from './support/caches.ts';

const block = 512;
const largest = 60 * block;

const file = fc.nat(2);
const everyFile = -1;
/** Near block boundaries, where mistakes live, and anywhere. */
const position = fc.oneof(
  fc
    .tuple(fc.nat(59), fc.integer({ min: -2, max: 2 }))
    .map(([number, by]) => Math.max(0, number * block + by)),
  fc.nat(largest),
);
const length = fc.oneof(
  fc.nat(20),
  fc.nat(6 * block),
  fc.nat(6).map((blocks) => blocks * block),
);
const seed = fc.nat(250);

const operation = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('write' as const), file, position, length, seed) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('fail' as const), file, position, fc.nat(3)) },
  { weight: 5, arbitrary: fc.tuple(fc.constant('read' as const), file, position, length) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('truncate' as const), file, position) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constant('flush' as const), fc.oneof(file, fc.constant(everyFile))),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant('flushSome' as const), fc.nat(8 * block)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('commit' as const)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('undone' as const), file, position, fc.boolean()) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('reopen' as const)) },
);
type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never;

/** Three files in a cache and three buffers that should be equal to them. */
class Comparison {
  store: Store;
  cache: TestCache;
  readonly slots: number;
  readonly ids: FileId[];
  readonly buffers: Buffer[];

  constructor(slots: number) {
    this.slots = slots;
    this.store = newStore(block);
    this.cache = new TestCache(this.store, slots);
    this.ids = ['one', 'two', 'three'].map((name) => makeFile(this.store, name).id);
    this.buffers = this.ids.map(() => Buffer.alloc(0));
    this.store.commit();
  }

  run(operation: Operation): void {
    if (operation[0] === 'commit') {
      this.store.commit();
    } else if (operation[0] === 'reopen') {
      this.reopen();
    } else if (operation[0] === 'flush') {
      this.cache.cache.flush(operation[1] === everyFile ? undefined : this.id(operation[1]));
    } else if (operation[0] === 'flushSome') {
      this.cache.cache.flushSome(operation[1]);
    } else if (operation[0] === 'write') {
      this.write(operation[1], operation[2], pattern(operation[3], operation[4]));
    } else if (operation[0] === 'fail') {
      this.fail(operation[1], operation[2], operation[3]);
    } else if (operation[0] === 'read') {
      this.read(operation[1], operation[2], operation[3]);
    } else if (operation[0] === 'truncate') {
      this.truncate(operation[1], operation[2]);
    } else {
      this.undone(operation[1], operation[2], operation[3]);
    }
  }

  write(index: number, offset: number, data: Buffer): void {
    this.cache.write(this.id(index), offset, data);
    if (data.length > 0) {
      const grown = Buffer.alloc(Math.max(this.buffer(index).length, offset + data.length));
      this.buffer(index).copy(grown);
      data.copy(grown, offset);
      this.buffers[index] = grown;
    }
  }

  fail(index: number, offset: number, failing: number): void {
    let piece = 0;
    const write = () =>
      this.cache.cache.write(
        this.id(index),
        offset,
        this.cache.cache.maxTransferBytes,
        (start, bytes) => {
          this.cache.memory.fill(0xdd, start, start + bytes);
          if (piece++ >= failing || bytes < block) {
            throw new RangeError('no bytes');
          }
        },
      );
    try {
      write();
      // The last piece was the failing one's predecessor: the write is as good as any.
      this.write(index, offset, Buffer.alloc(this.cache.cache.maxTransferBytes, 0xdd));
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
    }
  }

  read(index: number, offset: number, length: number): void {
    const expected = this.buffer(index).subarray(offset, offset + length);
    expect(this.cache.read(this.id(index), offset, length).equals(expected)).toBe(true);
  }

  truncate(index: number, size: number): void {
    this.cache.cache.truncate(this.id(index), size);
    const resized = Buffer.alloc(size);
    this.buffer(index).copy(resized);
    this.buffers[index] = resized;
  }

  /** A transaction that does this and that and is undone. */
  undone(index: number, size: number, isFlushed: boolean): void {
    this.store.commit();
    this.cache.cache.flush(this.id(index));
    this.cache.cache.truncate(this.id(index), size);
    if (isFlushed) {
      this.cache.cache.flush();
    }
    this.store.rollback();
  }

  reopen(): void {
    this.cache.cache.flush();
    this.store = reopen(this.store);
    this.cache = new TestCache(this.store, this.slots);
  }

  id(index: number): FileId {
    return this.ids[index] as FileId;
  }

  buffer(index: number): Buffer {
    return this.buffers[index] as Buffer;
  }

  check(): void {
    for (const [index, id] of this.ids.entries()) {
      expect(this.store.inode(id)?.size).toBe(this.buffer(index).length);
      this.read(index, 0, largest * 2);
    }
  }
}

describe('BlockCache', () => {
  it('is what plain buffers are, with little memory too', () => {
    const operations = fc.array(operation, { minLength: 1, maxLength: 150, size: 'max' });
    const property = fc.property(operations, fc.integer({ min: 8, max: 40 }), (steps, slots) => {
      const comparison = new Comparison(slots);
      for (const step of steps) {
        comparison.run(step);
      }
      comparison.check();
      comparison.reopen();
      comparison.check();
      for (const id of comparison.ids) {
        const { usedBytes = 0, size = 0 } = comparison.store.inode(id) ?? {};
        expect(usedBytes).toBeGreaterThanOrEqual(0);
        expect(usedBytes).toBeLessThanOrEqual(size);
      }
      comparison.store.close();
    });
    fc.assert(property, { numRuns: 100 });
  }, 90_000);
});
