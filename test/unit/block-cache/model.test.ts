import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fsck } from '../../../server/fsck/fsck.ts';
import type { FileId, Store } from '../../../server/store/index.ts';
import { codeOf, makeFile, newStore, reopen } from '../store/support/stores.ts';
import { pattern, TestCache, usedIn } from './support/caches.ts';
import { ExpectedFile } from './support/expected-holes.ts';

const block = 8192;
const page = 4096;
const blocks = 24;
const largest = blocks * block;

const file = fc.nat(2);
const everyFile = -1;
/** Near block boundaries, where mistakes live, and anywhere. */
const position = fc.oneof(
  fc
    .tuple(fc.nat(blocks - 1), fc.integer({ min: -2, max: 2 }))
    .map(([number, by]) => Math.max(0, number * block + by)),
  fc.nat(largest),
);
const length = fc.oneof(
  fc.nat(20),
  fc.nat(6 * block),
  fc.nat(6).map((blocks) => blocks * block),
);
const seed = fc.nat(250);
const range = fc.constantFrom('punch', 'zero', 'allocate');
const shift = fc.constantFrom('collapse', 'insert');
const pages = (most: number) => fc.nat(most).map((count) => count * page);

const operation = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('write' as const), file, position, length, seed) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('fail' as const), file, position, fc.nat(3)) },
  { weight: 5, arbitrary: fc.tuple(fc.constant('read' as const), file, position, length) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('truncate' as const), file, position) },
  { weight: 3, arbitrary: fc.tuple(range, file, position, length) },
  { weight: 1, arbitrary: fc.tuple(shift, file, pages(2 * blocks), pages(9)) },
  { weight: 1, arbitrary: fc.tuple(shift, file, position, length) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constant('copy' as const), file, position, file, position, length),
  },
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

/** Three files in a cache and what they should be. */
class Comparison {
  store: Store;
  cache: TestCache;
  readonly slots: number;
  readonly ids: FileId[];
  readonly expected: ExpectedFile[];

  constructor(slots: number) {
    this.slots = slots;
    this.store = newStore(block);
    this.cache = new TestCache(this.store, slots);
    this.ids = ['one', 'two', 'three'].map((name) => makeFile(this.store, name).id);
    this.expected = this.ids.map(() => new ExpectedFile(block));
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
    } else if (operation[0] === 'copy') {
      this.copy(operation[1], operation[2], operation[3], operation[4], operation[5]);
    } else if (operation[0] === 'undone') {
      this.undone(operation[1], operation[2], operation[3]);
    } else {
      this.range(operation[0], operation[1], operation[2], operation[3]);
    }
  }

  write(index: number, offset: number, data: Buffer): void {
    this.cache.write(this.id(index), offset, data);
    this.file(index).write(offset, data);
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
    const expected = this.file(index).bytes.subarray(offset, offset + length);
    expect(this.cache.read(this.id(index), offset, length).equals(expected)).toBe(true);
  }

  truncate(index: number, size: number): void {
    this.cache.cache.truncate(this.id(index), size);
    this.file(index).resize(size);
  }

  range(kind: string, index: number, offset: number, length: number): void {
    const file = this.file(index);
    const id = this.id(index);
    const { ranges } = this.cache.cache;
    const isShift = kind === 'collapse' || kind === 'insert';
    if (length === 0 || file.bytes.length > largest) {
      return;
    }
    if (isShift && (offset % page !== 0 || length % page !== 0)) {
      expect(codeOf(() => ranges[kind](id, offset, length))).toBe('EINVAL');
    } else if (kind === 'collapse') {
      const isInside = offset + length < file.bytes.length;
      const code = codeOf(() => ranges.collapse(id, offset, length));
      expect(code).toBe(isInside ? undefined : 'EINVAL');
      if (isInside) {
        file.collapse(offset, length);
      }
    } else if (kind === 'insert') {
      const isInside = offset < file.bytes.length;
      const code = codeOf(() => ranges.insert(id, offset, length));
      expect(code).toBe(isInside ? undefined : 'EINVAL');
      if (isInside) {
        file.insert(offset, length);
      }
    } else if (kind === 'allocate') {
      ranges.allocate(id, offset, length);
    } else {
      ranges[kind as 'punch' | 'zero'](id, offset, length);
      file.clear(offset, length);
    }
  }

  copy(from: number, offset: number, to: number, place: number, length: number): void {
    const source = this.file(from);
    const places = {
      source: { id: this.id(from), offset },
      target: { id: this.id(to), offset: place },
    };
    const bytes = Math.max(0, Math.min(length, source.bytes.length - offset));
    const copy = () => this.cache.cache.ranges.copy(places.source, places.target, length, 2 ** 30);
    if (from === to && Math.abs(offset - place) < length) {
      expect(codeOf(copy)).toBe('EINVAL');
      return;
    }
    expect(copy()).toBe(bytes);
    this.file(to).write(place, Buffer.from(source.bytes.subarray(offset, offset + bytes)));
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

  file(index: number): ExpectedFile {
    return this.expected[index] as ExpectedFile;
  }

  check(): void {
    for (const [index, id] of this.ids.entries()) {
      expect(this.store.inode(id)?.size).toBe(this.file(index).bytes.length);
      this.read(index, 0, largest * 2);
      this.checkHoles(index);
    }
  }

  /** Walks along a file from data to hole to data, as readers of sparse files do. */
  checkHoles(index: number): void {
    const file = this.file(index);
    const { ranges } = this.cache.cache;
    for (let number = 0; number * block < file.bytes.length; number++) {
      const offset = number * block;
      const isData = ranges.nextData(this.id(index), offset) === offset;
      expect([number, ranges.nextHole(this.id(index), offset) === offset]).toEqual([
        number,
        !isData,
      ]);
      expect(isData || !file.mustBeData(number)).toBe(true);
      expect(!isData || file.mayBeData(number)).toBe(true);
    }
    expect(ranges.nextData(this.id(index), file.bytes.length)).toBeUndefined();
    expect(ranges.nextHole(this.id(index), file.bytes.length)).toBeUndefined();
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
      const used = comparison.ids.map((id) => comparison.store.inode(id)?.usedBytes);
      comparison.store.close();
      expect(fsck(comparison.store.path, { isRepair: false }).findings).toEqual([]);
      expect(used).toEqual(comparison.ids.map((id) => usedIn(comparison.store.path, id, block)));
    });
    fc.assert(property, { numRuns: 60 });
  }, 170_000);
});
