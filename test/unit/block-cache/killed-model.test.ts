import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FileId, rootId, type Store } from '../../../server/store/index.ts';
import { bytes, makeFile, newStore } from '../store/support/stores.ts';
import { pattern, TestCache } from './support/caches.ts';
import { ExpectedFile } from './support/expected-holes.ts';
import { Survivor } from './support/survivor.ts';

const block = 4096;
const blocks = 16;
const largest = blocks * block;

const file = fc.nat(2);
/** Near block boundaries, where mistakes live, and anywhere. */
const position = fc.oneof(
  fc
    .tuple(fc.nat(blocks - 1), fc.integer({ min: -2, max: 2 }))
    .map(([number, by]) => Math.max(0, number * block + by)),
  fc.nat(largest),
);
const length = fc.oneof(
  fc.nat(20),
  fc.nat(4 * block),
  fc.nat(4).map((count) => count * block),
);
const seed = fc.nat(250);
const range = fc.constantFrom('punch', 'zero');
const shift = fc.constantFrom('collapse', 'insert');
const pages = (most: number) => fc.nat(most).map((count) => count * block);

const operation = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.constant('write' as const), file, position, length, seed) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('append' as const), file, length, seed) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('truncate' as const), file, position) },
  { weight: 2, arbitrary: fc.tuple(range, file, position, length) },
  { weight: 1, arbitrary: fc.tuple(shift, file, pages(4), pages(4)) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constant('copy' as const), file, position, file, position, length),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant('times' as const), file, fc.nat(1e9)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('replace' as const), file) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('read' as const), file, position, length) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('flush' as const), file) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('flushSome' as const), fc.nat(6 * block)) },
  { weight: 8, arbitrary: fc.tuple(fc.constant('commit' as const)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('apply' as const)) },
  { weight: 5, arbitrary: fc.tuple(fc.constant('sync' as const), file) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('rollback' as const)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('kill' as const)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('reopen' as const)) },
);
type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never;

/** What is expected of a file: its bytes; undefined: there is none. */
type Contents = ReadonlyMap<FileId, Buffer>;

/**
 * Three files in a cache whose process is killed now and then: after an operation, in the middle of a
 * write, and around commits. What was acknowledged must be there then, to the byte and the time; of
 * what was not, each byte is old or new.
 */
class Killed {
  store: Store;
  cache: Survivor;
  readonly slots: number;
  readonly ids: FileId[] = [];
  readonly expected: ExpectedFile[] = [];
  /** What the files were since the last acknowledgement. */
  #states: Contents[] = [];
  #made = 0;
  /** Moments inside of operations until the process is killed. */
  #countdown = -1;
  #failure: unknown;

  constructor(slots: number) {
    this.slots = slots;
    this.store = newStore(block);
    this.#watch();
    this.cache = new Survivor(this.store, slots);
    this.#watch();
    for (const index of [0, 1, 2]) {
      this.#make(index);
    }
    this.store.commit();
    this.#acknowledge();
  }

  /** @param moment at which one within the operation the process is killed; none: not within it */
  run(operation: Operation, moment: number): void {
    this.#countdown = moment;
    const [kind] = operation;
    if (kind === 'write') {
      this.#write(operation[1], operation[2], pattern(operation[3], operation[4]));
    } else if (kind === 'append') {
      const { length } = this.#file(operation[1]).bytes;
      this.#write(operation[1], length, pattern(operation[2], operation[3]));
    } else if (kind === 'truncate') {
      this.#file(operation[1]).resize(operation[2]);
      this.#changing(() => this.cache.cache.truncate(this.#id(operation[1]), operation[2]));
    } else if (kind === 'copy') {
      this.#copy(operation[1], operation[2], operation[3], operation[4], operation[5]);
    } else if (kind === 'punch' || kind === 'zero' || kind === 'collapse' || kind === 'insert') {
      this.#range(kind, operation[1], operation[2], operation[3]);
    } else if (kind === 'times') {
      const mtime = { seconds: operation[2], nseconds: 7 };
      this.#changing(() => this.store.setAttributes(this.#id(operation[1]), { mtime }));
    } else if (kind === 'replace') {
      this.#replace(operation[1]);
    } else if (kind === 'read') {
      this.cache.read(this.#id(operation[1]), operation[2], operation[3]);
    } else if (kind === 'flush') {
      this.cache.cache.flush(this.#id(operation[1]));
    } else if (kind === 'flushSome') {
      this.cache.cache.flushSome(operation[1]);
    } else if (kind === 'commit') {
      this.store.commit();
      this.#acknowledge();
    } else if (kind === 'apply') {
      this.store.durability.applyIntents();
      this.#acknowledge();
    } else if (kind === 'sync') {
      this.store.commit();
      this.#acknowledge();
      this.cache.cache.secure(this.#id(operation[1]));
      this.store.sync();
    } else if (kind === 'rollback') {
      this.store.rollback();
      this.#resume();
    } else if (kind === 'reopen') {
      this.#reopen();
    } else {
      this.#kill();
    }
    this.#countdown = -1;
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }

  /** Opens what the process would leave, and compares. */
  #kill(): void {
    const successor = this.cache.successor();
    const found = contentsOf(successor, this.#everyId());
    for (const id of this.#everyId()) {
      this.#compare(id, found.get(id));
    }
    const [only] = this.#states;
    if (this.#states.length === 1 && only !== undefined) {
      for (const id of only.keys()) {
        const expected = this.store.inode(id);
        const { size, mtime, ctime, change } = successor.inode(id) ?? {};
        expect({ size, mtime, ctime, change }).toEqual({
          size: expected?.size,
          mtime: expected?.mtime,
          ctime: expected?.ctime,
          change: expected?.change,
        });
      }
    }
    successor.close();
  }

  #compare(id: FileId, found: Buffer | undefined): void {
    const states = this.#states.map((state) => state.get(id));
    const sizes = states.map((state) => state?.length);
    expect(sizes, `size of ${id}`).toContain(found?.length);
    for (let index = 0; index < (found?.length ?? 0); index++) {
      const allowed = states.map((state) => state?.[index]);
      if (!allowed.includes(found?.[index] as number)) {
        expect.fail(`byte ${index} of ${id} is ${found?.[index]}, not one of ${allowed}`);
      }
    }
  }

  /** Makes moments of what the cache hears of: before it does, or after. */
  #watch(): void {
    const moment = () => this.#pass();
    this.store.observe({
      beforeCommit: moment,
      beforeStore: moment,
      stored: moment,
      committed: moment,
      accepted: moment,
      rolledBack: moment,
    });
  }

  /** A moment within an operation. */
  #pass(): void {
    if (this.#countdown-- === 0) {
      try {
        this.#kill();
      } catch (error) {
        // Thrown here, it would be a failure of the store's.
        this.#failure = error;
      }
    }
  }

  #write(index: number, offset: number, data: Buffer): void {
    const { maxTransferBytes } = this.cache.cache;
    for (let from = 0; from < data.length; from += maxTransferBytes) {
      const piece = data.subarray(from, from + maxTransferBytes);
      this.#file(index).write(offset + from, piece);
      this.#changing(() => this.#transfer(index, offset + from, piece));
    }
  }

  #transfer(index: number, offset: number, data: Buffer): void {
    let at = 0;
    this.cache.cache.write(this.#id(index), offset, data.length, (start, length) => {
      this.cache.memory.set(data.subarray(at, at + length), start);
      at += length;
      this.#pass();
    });
  }

  /** An operation that makes the files what they are expected to be; nobody is told yet. */
  #changing(action: () => void): void {
    this.#states = [...this.#states, this.#contents()];
    action();
  }

  #copy(from: number, offset: number, to: number, place: number, length: number): void {
    const source = this.#file(from);
    const target = { id: this.#id(to), offset: place };
    if (from === to && Math.abs(offset - place) < length) {
      return;
    }
    const data = Buffer.from(source.bytes.subarray(offset, offset + length));
    // It is done block by block, and somebody may be told of a part.
    for (let end = 1; end <= data.length; end++) {
      if (end === data.length || (offset + end) % block === 0 || (place + end) % block === 0) {
        this.#file(to).write(place, data.subarray(0, end));
        this.#states = [...this.#states, this.#contents()];
      }
    }
    this.#changing(() =>
      this.cache.cache.ranges.copy({ id: this.#id(from), offset }, target, length, 2 ** 30),
    );
  }

  #range(
    kind: 'punch' | 'zero' | 'collapse' | 'insert',
    index: number,
    offset: number,
    length: number,
  ): void {
    const file = this.#file(index);
    const isShift = kind === 'collapse' || kind === 'insert';
    const isInside = offset + (kind === 'collapse' ? length : 0) < file.bytes.length;
    if (length === 0 || file.bytes.length > largest || (isShift && !isInside)) {
      return;
    }
    if (kind === 'collapse' || kind === 'insert') {
      file[kind](offset, length);
    } else {
      file.clear(offset, length);
    }
    this.#changing(() => this.cache.cache.ranges[kind](this.#id(index), offset, length));
  }

  /** Another file in the place of one, which nobody has open. */
  #replace(index: number): void {
    const id = this.#id(index);
    const name = bytes(`file ${id}`);
    this.store.remove(rootId, name);
    this.cache.cache.forget(id);
    this.store.reclaim(id);
    this.#make(index);
    this.#states = [...this.#states, this.#contents()];
  }

  #make(index: number): void {
    const { id } = makeFile(this.store, `made ${++this.#made}`);
    this.store.rename(rootId, bytes(`made ${this.#made}`), rootId, bytes(`file ${id}`));
    this.ids[index] = id;
    this.expected[index] = new ExpectedFile(block);
  }

  /** Goes on with what an undone transaction has left. */
  #resume(): void {
    const known = [...new Set(this.#states.flatMap((state) => [...state.keys()]))];
    const alive = known.filter((id) => this.store.inode(id) !== undefined);
    for (const index of [0, 1, 2]) {
      const id = alive[index] as FileId;
      this.ids[index] = id;
      const expected = new ExpectedFile(block);
      expected.write(0, this.cache.read(id, 0, 3 * largest));
      expected.resize(this.store.inode(id)?.size ?? 0);
      this.expected[index] = expected;
    }
    expect(alive.length).toBe(3);
    this.#states = [...this.#states, this.#contents()];
  }

  #reopen(): void {
    this.#countdown = -1;
    const successor = this.cache.successor();
    if (this.#states.length > 1) {
      successor.close();
      return;
    }
    this.store.close();
    this.store = successor;
    this.#watch();
    this.cache = new Survivor(successor, this.slots);
    this.#watch();
  }

  #acknowledge(): void {
    this.#states = [this.#contents()];
  }

  #contents(): Contents {
    return new Map(
      this.ids.map((id, index) => [id, Buffer.from(this.#file(index).bytes)] as const),
    );
  }

  #everyId(): FileId[] {
    return [...new Set(this.#states.flatMap((state) => [...state.keys()]))];
  }

  #id(index: number): FileId {
    return this.ids[index] as FileId;
  }

  #file(index: number): ExpectedFile {
    return this.expected[index] as ExpectedFile;
  }
}

function contentsOf(store: Store, ids: readonly FileId[]): Contents {
  const cache = new TestCache(store, 64);
  const there = ids.filter((id) => store.inode(id) !== undefined);
  return new Map(there.map((id) => [id, cache.read(id, 0, 4 * largest)] as const));
}

describe('the block cache of a killed process', () => {
  it('leaves all that was acknowledged', { timeout: 170_000 }, () => {
    const steps = fc.array(fc.tuple(operation, fc.oneof(fc.constant(-1), fc.nat(9))), {
      minLength: 1,
      maxLength: 60,
      size: 'max',
    });
    const property = fc.property(steps, fc.integer({ min: 8, max: 40 }), (chosen, slots) => {
      const killed = new Killed(slots);
      for (const [step, moment] of chosen) {
        killed.run(step, moment);
      }
      killed.run(['commit'], 2);
      killed.run(['kill'], -1);
      killed.store.close();
    });
    fc.assert(property, { numRuns: 40 });
  });
});
