/** What was synced is there after a power cut, and the file system is whole. */
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fsck } from '../../../server/fsck/fsck.ts';
import { type FileId, rootId, type Store } from '../../../server/store/index.ts';
import { copyKilled } from '../store/support/killed-copy.ts';
import { bytes, makeFile, openStore, temporaryDirectory } from '../store/support/stores.ts';
import { pattern, TestCache } from './support/caches.ts';
import { ExpectedFile } from './support/expected-holes.ts';
import { FaultyDisk } from './support/faulty-disk.ts';

const LIMIT = { timeout: 120_000 };
const block = 4096;
const largest = 12 * block;
const which = fc.nat(3);
const place = fc.oneof(
  fc.nat(largest),
  fc.nat(12).map((number) => number * block),
);
const length = fc.oneof(fc.nat(50), fc.nat(3 * block));

const operation = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.constant('write' as const), which, place, length) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('truncate' as const), which, place) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('punch' as const), which, place, length) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('allocate' as const), which, place, length) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('mode' as const), which, fc.nat(0o777)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('replace' as const), which) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('commit' as const)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('apply' as const)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('flush' as const), which) },
  { weight: 8, arbitrary: fc.tuple(fc.constant('sync' as const), which, fc.boolean()) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('cut' as const), fc.nat(2 ** 31)) },
);
type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never;

/** A file, and what it has been since it was synced last; before that nobody was promised anything. */
interface Promised {
  readonly id: FileId;
  readonly name: string;
  readonly expected: ExpectedFile;
  states: Buffer[];
  isSynced: boolean;
}

class Subject {
  readonly #disk = new FaultyDisk();
  readonly #store: Store;
  readonly #cache: TestCache;
  readonly #files: Promised[] = [];
  #made = 0;

  constructor() {
    const path = `${temporaryDirectory()}/store.dafs`;
    openStore(path, block).close();
    this.#store = openStore(path, block, {}, () => this.#disk);
    this.#cache = new TestCache(this.#store, 64);
    for (const index of [0, 1, 2, 3]) {
      this.#make(index);
    }
  }

  run(operation: Operation): void {
    const [kind] = operation;
    const { ranges } = this.#cache.cache;
    if (kind === 'commit') {
      this.#store.commit();
    } else if (kind === 'apply') {
      this.#store.durability.applyIntents();
    } else if (kind === 'cut') {
      this.#cut(operation[1]);
    } else {
      const [, index] = operation;
      const file = this.#files[index] as Promised;
      if (kind === 'write') {
        const data = pattern(operation[3], ++this.#made);
        file.expected.write(operation[2], data);
        this.#changed(file);
        this.#cache.write(file.id, operation[2], data);
      } else if (kind === 'truncate') {
        file.expected.resize(operation[2]);
        this.#changed(file);
        this.#cache.cache.truncate(file.id, operation[2]);
      } else if (kind === 'punch' && operation[3] > 0) {
        file.expected.clear(operation[2], operation[3]);
        this.#changed(file);
        ranges.punch(file.id, operation[2], operation[3]);
      } else if (kind === 'allocate' && operation[3] > 0) {
        ranges.allocate(file.id, operation[2], operation[3]);
      } else if (kind === 'mode') {
        this.#store.setAttributes(file.id, { mode: operation[2] });
      } else if (kind === 'replace') {
        this.#replace(index);
      } else if (kind === 'flush') {
        this.#cache.cache.flush(file.id);
      } else if (kind === 'sync') {
        this.#sync(file, operation[2]);
      }
    }
  }

  #sync(file: Promised, isAlone: boolean): void {
    this.#store.commit();
    this.#cache.cache.secure(file.id);
    this.#store.durability.beginSync(isAlone);
    expect(this.#store.durability.syncHasEnded()).toBe(true);
    file.states = [Buffer.from(file.expected.bytes)];
    file.isSynced = true;
  }

  #changed(file: Promised): void {
    file.states.push(Buffer.from(file.expected.bytes));
  }

  #make(index: number): void {
    const name = `file ${++this.#made}`;
    const { id } = makeFile(this.#store, name);
    const expected = new ExpectedFile(block);
    this.#files[index] = { id, name, expected, states: [Buffer.alloc(0)], isSynced: false };
  }

  #replace(index: number): void {
    const { id, name } = this.#files[index] as Promised;
    this.#store.remove(rootId, bytes(name));
    this.#cache.cache.forget(id);
    this.#store.reclaim(id);
    this.#make(index);
  }

  /** Looks at what would be left if the power went off now. */
  #cut(seed: number): void {
    let state = seed;
    const isThere = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 31 === 1;
    };
    const path = this.#disk.cut(this.#store.path, temporaryDirectory(), isThere);
    const found = openStore(path, block);
    const cache = new TestCache(found, 64);
    for (const { id, name, states, isSynced } of this.#files) {
      if (isSynced) {
        expect(found.lookup(rootId, bytes(name)), name).toBe(id);
        compare(cache.read(id, 0, 3 * largest), states);
      }
    }
    found.close();
    expect(fsck(path, { isRepair: false }).findings).toEqual([]);
  }
}

/** Each byte must be of one of the states; what was not there is zeros. */
function compare(found: Buffer, states: readonly Buffer[]): void {
  const sizes = states.map((state) => state.length);
  expect(found.length).toBeGreaterThanOrEqual(Math.min(...sizes));
  expect(found.length).toBeLessThanOrEqual(Math.max(...sizes));
  for (const [index, byte] of found.entries()) {
    if (!states.some((state) => (state[index] ?? 0) === byte)) {
      expect.fail(`byte ${index} is ${byte}, not one of ${states.map((state) => state[index])}`);
    }
  }
}

describe('a log', () => {
  it('that is torn anywhere leaves a whole number of syncs, in their order', LIMIT, () => {
    const path = `${temporaryDirectory()}/store.dafs`;
    openStore(path, block).close();
    const store = openStore(path, block);
    const cache = new TestCache(store, 64);
    const { id } = makeFile(store, 'file');
    const states: Buffer[] = [Buffer.alloc(0)];
    const expected = new ExpectedFile(block);
    for (const [index, offset] of [0, 100, block - 7, 3 * block, 50, 2 * block].entries()) {
      const data = pattern(40 + 3 * index, index);
      expected.write(offset, data);
      cache.write(id, offset, data);
      cache.cache.secure(id);
      store.sync();
      states.push(Buffer.from(expected.bytes));
    }
    const log = readFileSync(`${path}-intents`);
    const length = log.findLastIndex((byte) => byte !== 0) + 1;
    let last = 0;
    for (let end = 0; end <= length; end += end + 60 < length ? 59 : 1) {
      const copy = copyKilled(store, temporaryDirectory());
      writeFileSync(`${copy}-intents`, log.subarray(0, end));
      const found = openStore(copy, block);
      const isThere = found.lookup(rootId, bytes('file')) === id;
      const content = isThere ? new TestCache(found, 64).read(id, 0, largest) : Buffer.alloc(0);
      const which = states.findIndex((state) => state.equals(content));
      expect(which, `${end} bytes`).toBeGreaterThanOrEqual(last);
      last = which;
      found.close();
    }
    expect(last).toBe(states.length - 1);
  });
});

describe('a power cut', () => {
  it('leaves what was synced, in a whole file system', LIMIT, () => {
    const operations = fc.array(operation, { minLength: 1, maxLength: 60, size: 'max' });
    const property = fc.property(operations, fc.nat(2 ** 31), (chosen, seed) => {
      const subject = new Subject();
      for (const one of chosen) {
        subject.run(one);
      }
      subject.run(['cut', seed]);
    });
    fc.assert(property, { numRuns: Number(process.env.DAFS_POWER_CUTS ?? 40) });
  });
});
