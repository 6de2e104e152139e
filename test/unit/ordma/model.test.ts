/** Whatever happens to files: what a reader reads by itself is what the server would have said. */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { FileId } from '../../../server/store/index.ts';
import { pattern } from '../block-cache/support/caches.ts';
import { cleanUp } from '../nic/support.ts';
import { makeFile, newStore } from '../store/support/stores.ts';
import { ExportedStore } from './support/exported-store.ts';

afterEach(cleanUp);

const block = 512;
const largest = 30 * block;
const file = fc.nat(2);
const position = fc.oneof(
  fc.nat(29).map((number) => number * block),
  fc.nat(largest),
);
const length = fc.oneof(fc.nat(20), fc.nat(6 * block));

const operation = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('write' as const), file, position, length) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('fail' as const), file, position, length) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('truncate' as const), file, position, length) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('ask' as const), file, position, length) },
  { weight: 8, arbitrary: fc.tuple(fc.constant('read' as const), file, position, length) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('flush' as const), file, position, length) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('commit' as const), file, position, length) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('undo' as const), file, position, length) },
);
type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never;

class Comparison {
  readonly exported: ExportedStore;
  readonly ids: FileId[];
  readonly buffers: Buffer[];
  served = 0;

  constructor(slots: number) {
    const store = newStore(block);
    this.exported = new ExportedStore(store, slots);
    this.ids = ['one', 'two', 'three'].map((name) => makeFile(store, name).id);
    this.buffers = this.ids.map(() => Buffer.alloc(0));
    store.commit();
  }

  run([name, index, offset, bytes]: Operation): void {
    const { store, cache } = this.exported;
    const id = this.ids[index] as FileId;
    if (name === 'write') this.#write(index, offset, pattern(bytes, offset));
    else if (name === 'fail') this.#fail(id, offset, bytes);
    else if (name === 'truncate') this.#truncate(index, offset);
    else if (name === 'ask') this.#ask(index, offset, bytes);
    else if (name === 'read') this.#read(index, offset, bytes);
    else if (name === 'flush') cache.cache.flush(id);
    else if (name === 'commit') store.commit();
    else this.#undo(index, offset);
  }

  #resize(index: number, size: number): Buffer {
    const resized = Buffer.alloc(size);
    (this.buffers[index] as Buffer).copy(resized);
    this.buffers[index] = resized;
    return resized;
  }

  #write(index: number, offset: number, data: Buffer): void {
    this.exported.cache.write(this.ids[index] as FileId, offset, data);
    if (data.length === 0) return;
    const size = Math.max((this.buffers[index] as Buffer).length, offset + data.length);
    data.copy(this.#resize(index, size), offset);
  }

  /** A write whose data do not come. */
  #fail(id: FileId, offset: number, bytes: number): void {
    const { cache, memory } = this.exported.cache;
    const write = () =>
      cache.write(id, offset, Math.min(bytes + 1, cache.maxTransferBytes), (start, length) => {
        memory.fill(0xdd, start, start + length);
        throw new RangeError('no bytes');
      });
    expect(write).toThrowError(RangeError);
  }

  #truncate(index: number, size: number): void {
    this.exported.cache.cache.truncate(this.ids[index] as FileId, size);
    this.#resize(index, size);
  }

  #ask(index: number, offset: number, bytes: number): void {
    const id = this.ids[index] as FileId;
    const expected = (this.buffers[index] as Buffer).subarray(offset, offset + bytes);
    expect(this.exported.cache.read(id, offset, bytes).equals(expected)).toBe(true);
    this.exported.admit(id);
  }

  #read(index: number, offset: number, bytes: number): void {
    const read = this.exported.read(this.ids[index] as FileId, offset, bytes);
    if (read === undefined) return;
    this.served += 1;
    const expected = (this.buffers[index] as Buffer).subarray(offset, offset + bytes);
    expect(read.equals(expected)).toBe(true);
  }

  /** A transaction that is read in, and then undone. */
  #undo(index: number, size: number): void {
    const { store, cache } = this.exported;
    const id = this.ids[index] as FileId;
    store.commit();
    cache.cache.flush(id);
    cache.cache.truncate(id, size);
    cache.read(id, 0, size);
    this.exported.admit(id);
    store.rollback();
    expect(this.exported.read(id, 0, 1)).toBeUndefined();
  }
}

describe('what a reader reads by itself', () => {
  test('is the file as it is, with little memory too', () => {
    let served = 0;
    const operations = fc.array(operation, { minLength: 20, maxLength: 150, size: 'max' });
    fc.assert(
      fc.property(operations, fc.integer({ min: 8, max: 80 }), (steps, slots) => {
        const comparison = new Comparison(slots);
        for (const step of steps) comparison.run(step);
        served += comparison.served;
        comparison.exported.store.close();
        cleanUp();
      }),
      { numRuns: 60 },
    );
    // Else nothing was compared.
    expect(served).toBeGreaterThan(100);
  }, 90_000);
});
