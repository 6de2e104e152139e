/** The tables that readers search, at their limits and when somebody writes nonsense into them. */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { FileEntry, filehandleOf, WAYS } from '../../../client/protocol/index.ts';
import { type FileId, FileType, type Inode } from '../../../server/store/index.ts';
import { cleanUp } from '../nic/support.ts';
import { makeFile, newStore } from '../store/support/stores.ts';
import { ExportedStore, ExportPair } from './support/exported-store.ts';
import { stateIdOf } from './support/state-ids.ts';

afterEach(cleanUp);

const block = 512;
const identity = new Uint8Array(16).fill(7);
const FOR_EVER = Number.MAX_SAFE_INTEGER;

const inodeOf = (id: number, size: number) => ({ id, size, type: FileType.REGULAR }) as Inode;

/** Lists a file with one block, all of whose bytes are its id, in the slot of that number. */
function list(pair: ExportPair, id: number, slot: number): void {
  const { exported, layout } = pair;
  const memory = exported.slotMemory();
  const bucket = layout.bucketWord(id, 0) - layout.bucketsWord;
  memory.ids[slot] = id;
  memory.numbers[slot] = 0;
  memory.next[slot] = memory.buckets[bucket] as number;
  memory.buckets[bucket] = slot;
  exported.blocks.fill(id, slot * block, (slot + 1) * block);
  exported.files.admit(inodeOf(id, block), FOR_EVER);
  exported.opens.admit(stateIdOf(id), id as FileId);
}

/** An export in which nothing is listed. */
function emptyPair(slots = 16): ExportPair {
  const pair = new ExportPair(slots, block);
  const { buckets, next } = pair.exported.slotMemory();
  buckets.fill(-1);
  next.fill(-1);
  return pair;
}

const readOf = (pair: ExportPair, id: number, offset = 0, bytes = block): Buffer | undefined =>
  pair.read(filehandleOf(identity, id), stateIdOf(id), offset, bytes);

/** So many ids whose files share a set. */
function idsOfOneSet(pair: ExportPair, count: number): number[] {
  const ids: number[] = [];
  const set = pair.layout.fileSetWord(1);
  for (let id = 1; ids.length < count; id += 1) {
    if (pair.layout.fileSetWord(id) === set) ids.push(id);
  }
  return ids;
}

describe('the list of files', () => {
  test('serves a file until it is withdrawn, and again when it is admitted', () => {
    const pair = emptyPair();
    expect(readOf(pair, 9)).toBeUndefined();
    list(pair, 9, 3);
    expect(readOf(pair, 9)).toEqual(Buffer.alloc(block, 9));
    pair.exported.files.withdraw(9 as FileId);
    expect(readOf(pair, 9)).toBeUndefined();
    pair.exported.files.admit(inodeOf(9, 100), FOR_EVER);
    expect(readOf(pair, 9)).toHaveLength(100);
    pair.exported.files.withdrawAll();
    expect(readOf(pair, 9)).toBeUndefined();
  });

  test('forgets one of a full set for each that is added, and no other', () => {
    const pair = emptyPair(64);
    const ids = idsOfOneSet(pair, 3 * WAYS);
    const served = () => ids.filter((id) => readOf(pair, id) !== undefined);
    for (const [index, id] of ids.entries()) {
      list(pair, id, index);
      expect(readOf(pair, id)).toEqual(Buffer.alloc(block, id));
      expect(served()).toHaveLength(Math.min(index + 1, WAYS));
    }
  });

  test('reuses what withdrawn files leave before it forgets any', () => {
    const pair = emptyPair(64);
    const ids = idsOfOneSet(pair, WAYS + 1);
    for (const [index, id] of ids.slice(0, WAYS).entries()) list(pair, id, index);
    pair.exported.files.withdraw(ids[1] as FileId);
    list(pair, ids[WAYS] as number, WAYS);
    const served = ids.filter((id) => readOf(pair, id) !== undefined);
    expect(served).toEqual(ids.filter((_, index) => index !== 1));
  });

  test('goes on when a sequence has used up its 32 bits', () => {
    const pair = emptyPair();
    const word = pair.layout.fileSetWord(9) + FileEntry.sequence;
    pair.words[word] = 0x7fff_fffc;
    list(pair, 9, 3);
    for (let change = 0; change < 8; change += 1) {
      pair.exported.files.disturb(9 as FileId);
      expect((pair.words[word] as number) & 1).toBe(0);
      expect(readOf(pair, 9)).toEqual(Buffer.alloc(block, 9));
    }
    expect(pair.words[word]).toBeLessThan(0);
  });

  test('admits no reader of a file that is changing, and none whose access time is due', () => {
    const pair = emptyPair();
    list(pair, 9, 3);
    const word = pair.layout.fileSetWord(9) + FileEntry.sequence;
    pair.words[word] = (pair.words[word] as number) + 1;
    expect(readOf(pair, 9)).toBeUndefined();
    pair.words[word] = (pair.words[word] as number) + 1;
    expect(readOf(pair, 9)).toBeDefined();
    pair.exported.files.admit(inodeOf(9, block), Date.now() / 1000 + 3600);
    expect(readOf(pair, 9)).toBeDefined();
    pair.exported.files.admit(inodeOf(9, block), Date.now() / 1000 - 1);
    expect(readOf(pair, 9)).toBeUndefined();
  });
});

describe('the list of opens', () => {
  const other = (id: number) => stateIdOf(id) + (1n << 48n);

  test('decides who may read what', () => {
    const pair = emptyPair();
    list(pair, 9, 3);
    list(pair, 10, 4);
    const handle = filehandleOf(identity, 9);
    expect(pair.read(handle, stateIdOf(9), 0, 1)).toBeDefined();
    for (const stateId of [0n, 2n ** 64n - 1n, stateIdOf(10), other(9), 9n, 1n << 40n]) {
      expect(pair.read(handle, stateId, 0, 1)).toBeUndefined();
    }
    pair.exported.opens.withdraw(stateIdOf(9));
    pair.exported.opens.withdraw(stateIdOf(9));
    expect(pair.read(handle, stateIdOf(9), 0, 1)).toBeUndefined();
  });

  test('forgets one of a full set for each that is added, and takes the same one once', () => {
    const pair = emptyPair();
    list(pair, 9, 3);
    const handle = filehandleOf(identity, 9);
    pair.exported.opens.withdraw(stateIdOf(9));
    const { openSets } = pair.layout;
    const stateIds = [1, 2, 3, 4, 5, 6].map((way) => (1n << 40n) + BigInt(9 + way * openSets));
    const served = () => stateIds.filter((id) => pair.read(handle, id, 0, 1) !== undefined);
    for (const [index, stateId] of stateIds.entries()) {
      pair.exported.opens.admit(stateId, 9 as FileId);
      pair.exported.opens.admit(stateId, 9 as FileId);
      expect(served()).toContain(stateId);
      expect(served().length).toBe(Math.min(index + 1, WAYS));
    }
  });
});

describe('a range', () => {
  test('ends with the file, and needs all of its blocks', () => {
    const store = newStore(block);
    const exported = new ExportedStore(store, 16);
    const { id } = makeFile(store, 'file');
    exported.cache.write(id, 0, Buffer.alloc(3 * block + 10, 1));
    exported.cache.write(id, 5 * block, Buffer.alloc(10, 2));
    exported.cache.read(id, 0, 1);
    exported.admit(id);
    expect(exported.read(id, 2 * block - 5, 10)).toEqual(Buffer.alloc(10, 1));
    expect(exported.read(id, 5 * block + 4, 4096)).toEqual(Buffer.alloc(6, 2));
    expect(exported.read(id, 5 * block + 10, 10)).toHaveLength(0);
    expect(exported.read(id, 2 ** 50, 10)).toHaveLength(0);
    // The fifth block is a hole.
    expect(exported.read(id, 4 * block + 100, 10)).toBeUndefined();
    expect(exported.read(id, 3 * block, 3 * block)).toBeUndefined();
  });

  test('is not served when another file has taken the slots', () => {
    const store = newStore(block);
    const exported = new ExportedStore(store, 8);
    const [one, two] = [makeFile(store, 'one').id, makeFile(store, 'two').id];
    for (const id of [one, two]) exported.cache.write(id, 0, Buffer.alloc(8 * block, Number(id)));
    exported.cache.cache.flush();
    store.commit();
    for (let round = 0; round < 10; round += 1) {
      for (const [id, other] of [
        [one, two],
        [two, one],
      ] as const) {
        exported.cache.read(id, 0, 8 * block);
        exported.admit(id);
        expect(exported.read(id, 4 * block, block)).toEqual(Buffer.alloc(block, Number(id)));
        for (let number = 0; number < 8; number += 1) {
          const read = exported.read(other, number * block, block);
          if (read !== undefined) expect(read).toEqual(Buffer.alloc(block, Number(other)));
        }
      }
    }
  });

  test('must fit the buffer', () => {
    const pair = emptyPair();
    list(pair, 9, 3);
    const { reader, buffer } = pair;
    const file = { handle: filehandleOf(identity, 9), stateId: stateIdOf(9) as never };
    for (const [offset, bytes] of [
      [buffer.bytes - block + 1, block],
      [buffer.bytes, 1],
      [-1, 10],
    ] as const) {
      expect(reader.read(file, 0, buffer, offset, bytes)).toBe(-1);
    }
  });
});

describe('an export that holds nonsense', () => {
  test('leads nobody in circles', () => {
    const pair = emptyPair();
    list(pair, 9, 3);
    const { next, ids } = pair.exported.slotMemory();
    ids[3] = 8;
    next[3] = 3;
    expect(readOf(pair, 9)).toBeUndefined();
    next.fill(4);
    expect(readOf(pair, 9)).toBeUndefined();
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, 2 ** 60])(
    'has a size of %d',
    (size) => {
      const pair = emptyPair();
      list(pair, 9, 3);
      pair.floats[pair.layout.fileSetWord(9) / 2 + FileEntry.size] = size;
      const read = readOf(pair, 9);
      if (read !== undefined) expect(read.length).toBeLessThanOrEqual(block);
    },
  );

  test('never makes a reader throw, nor put anything beside the range asked for', () => {
    const pair = emptyPair(4);
    list(pair, 9, 3);
    const { words, layout, buffer, reader } = pair;
    const indexWords = layout.blocksOffset / 4;
    const sound = words.slice(0, indexWords);
    const file = { handle: filehandleOf(identity, 9), stateId: stateIdOf(9) as never };
    const word = fc.oneof(fc.integer(), fc.integer({ min: -2, max: 70 }), fc.constant(2 ** 31 - 1));
    const place = fc.nat(indexWords - 1);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(place, word), { maxLength: 40 }),
        fc.nat(3000),
        fc.nat(3000),
        (changes, offset, bytes) => {
          words.set(sound);
          for (const [at, value] of changes) words[at] = value;
          buffer.memory.fill(0x55, 0, 8192);
          const read = reader.read(file, offset, buffer, 1000, bytes);
          expect(Number.isInteger(read)).toBe(true);
          expect(read).toBeGreaterThanOrEqual(-1);
          expect(read).toBeLessThanOrEqual(bytes);
          const around = [
            buffer.memory.subarray(0, 1000),
            buffer.memory.subarray(1000 + bytes, 8192),
          ];
          for (const side of around) expect(side.every((byte) => byte === 0x55)).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

test('reads nothing when the connection is over', () => {
  const pair = emptyPair();
  list(pair, 9, 3);
  expect(readOf(pair, 9)).toBeDefined();
  pair.closeConnection();
  expect(readOf(pair, 9)).toBeUndefined();
});
