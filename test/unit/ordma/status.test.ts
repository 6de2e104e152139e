/** Names and attributes in memory that readers search: who may, at their limits, and when it is nonsense. */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import {
  AttributesEntry,
  Capability,
  filehandleOf,
  NameEntry,
  PackedName,
  WAYS,
} from '../../../client/protocol/index.ts';
import { Permission, permits } from '../../../server/access-control.ts';
import { type FileId, FileType, type Inode } from '../../../server/store/index.ts';
import { InodeRecord } from '../../../server/store/inode-record.ts';
import { cleanUp } from '../nic/support.ts';
import { ExportPair } from './support/exported-store.ts';

afterEach(cleanUp);

const block = 8192;
const root = { uid: 0, gid: 0, groups: [], capabilities: undefined };
const handleOf = (id: number, fileSystem = 7) =>
  filehandleOf(new Uint8Array(16).fill(fileSystem), id);
const directory = 5 as FileId;
const file = 9 as FileId;

function inodeOf(id: FileId, type: FileType, changes: Partial<Inode> = {}): Inode {
  const inode = new InodeRecord(id, type);
  return Object.assign(inode, { mode: 0o755, nlink: 1, ...changes });
}

/** A directory, and a file in it under each of these names. */
function pairWith(names: readonly string[], changes: Partial<Inode> = {}): ExportPair {
  const pair = new ExportPair(64, block);
  const parent = inodeOf(directory, FileType.DIRECTORY, changes);
  pair.exported.attributes.admit(parent);
  pair.exported.attributes.admit(inodeOf(file, FileType.REGULAR));
  for (const name of names) pair.exported.names.admit(parent, Buffer.from(name), file);
  return pair;
}

const find = (pair: ExportPair, name: string, searcher = root) =>
  pair.status.lookup(handleOf(directory), Buffer.from(name), searcher)?.fileId;

/** First words of the entries of the name `one`, the directory and the file. */
function entriesOf({ layout, floats }: ExportPair): number[] {
  const packed = new PackedName();
  packed.set(Buffer.from('one'));
  const within = (set: number, words: number, owner: number) =>
    Array.from({ length: WAYS }, (_, way) => set + way * words).find(
      (word) => floats[word / 2 + 1] === owner,
    ) as number;
  return [
    within(layout.nameSetWord(directory, packed), NameEntry.words, directory),
    within(layout.attributesSetWord(directory), AttributesEntry.words, directory),
    within(layout.attributesSetWord(file), AttributesEntry.words, file),
  ];
}

describe('a name', () => {
  test('leads to its file until it is withdrawn', () => {
    const pair = pairWith(['one', 'two']);
    expect(find(pair, 'one')).toBe(file);
    pair.exported.names.withdraw(directory, Buffer.from('one'));
    expect(find(pair, 'one')).toBeUndefined();
    expect(find(pair, 'two')).toBe(file);
  });

  test.each(['two', 'on', 'onee', 'one\0', 'One', ''])('is not %j', (other) => {
    expect(find(pairWith(['one']), other)).toBeUndefined();
  });

  test('leads nowhere without the attributes of its directory, and of its file', () => {
    for (const id of [directory, file]) {
      const pair = pairWith(['one']);
      pair.exported.attributes.withdraw(id);
      expect(find(pair, 'one')).toBeUndefined();
    }
  });

  test('has 40 bytes at most', () => {
    const pair = pairWith(['x'.repeat(40), 'y'.repeat(41)]);
    expect(find(pair, 'x'.repeat(40))).toBe(file);
    expect(find(pair, 'y'.repeat(41))).toBeUndefined();
  });

  test('makes room in a full set for each that is added, and for no more', () => {
    const pair = pairWith([]);
    const packed = new PackedName();
    const setOf = (name: string) => {
      packed.set(Buffer.from(name));
      return pair.layout.nameSetWord(directory, packed);
    };
    const names = Array.from({ length: 2000 }, (_, number) => `name-${number}`)
      .filter((name) => setOf(name) === setOf('name-0'))
      .slice(0, 3 * WAYS);
    const parent = inodeOf(directory, FileType.DIRECTORY);
    for (const [index, name] of names.entries()) {
      pair.exported.names.admit(parent, Buffer.from(name), file);
      expect(find(pair, name)).toBe(file);
      const found = names.filter((one) => find(pair, one) !== undefined);
      expect(found).toHaveLength(Math.min(index + 1, WAYS));
    }
  });

  test('is not told while it, its directory or its file is changing, nor when nobody serves them', () => {
    const pair = pairWith(['one']);
    const { words } = pair;
    // The sequence is an entry's first word.
    for (const word of entriesOf(pair)) {
      words[word] = (words[word] as number) + 1;
      expect(find(pair, 'one')).toBeUndefined();
      words[word] = (words[word] as number) + 1;
      expect(find(pair, 'one')).toBe(file);
    }
    pair.closeConnection();
    expect(find(pair, 'one')).toBeUndefined();
    expect(pair.status.of(handleOf(file))).toBeUndefined();
  });
});

describe('a directory', () => {
  const id = fc.nat(3);
  const capability = fc.constantFrom(undefined, 0, ...Object.values(Capability));

  test('is searched by whom the server lets search it, and by nobody else', () => {
    let served = 0;
    const place = fc.record({ mode: fc.nat(0o7777), uid: id, gid: id });
    const caller = fc.record({ uid: id, gid: id, groups: fc.array(id), capabilities: capability });
    fc.assert(
      fc.property(place, caller, ({ ...changes }, { capabilities, ...ids }) => {
        const pair = pairWith(['one'], changes);
        const credential = capabilities === undefined ? ids : { ...ids, capabilities };
        const parent = inodeOf(directory, FileType.DIRECTORY, changes);
        const isAllowed = permits(parent, credential, Permission.EXECUTE);
        served += isAllowed ? 1 : 0;
        expect(find(pair, 'one', { ...ids, capabilities } as never)).toBe(
          isAllowed ? file : undefined,
        );
        cleanUp();
      }),
      { numRuns: 200 },
    );
    expect(served).toBeGreaterThan(20);
  });

  test('whose access control list says who may is left to the server, save for who may anyway', () => {
    const pair = pairWith(['one'], { accessAcl: [] });
    expect(find(pair, 'one', { ...root, uid: 7 })).toBeUndefined();
    expect(find(pair, 'one')).toBe(file);
  });

  test('is none', () => {
    const pair = pairWith([]);
    const other = inodeOf(11 as FileId, FileType.REGULAR);
    pair.exported.attributes.admit(other);
    pair.exported.names.admit(other, Buffer.from('one'), file);
    expect(pair.status.lookup(handleOf(11), Buffer.from('one'), root)).toBeUndefined();
  });
});

test.each([0, -1, 0.5, 2 ** 53])('there is no file %d, whatever is said of it', (id) => {
  const pair = pairWith(['one']);
  const { floats, words, layout } = pair;
  const [name = 0, , attributes = 0] = entriesOf(pair);
  const last = layout.attributesSetWord(id) + (WAYS - 1) * AttributesEntry.words;
  words.copyWithin(last, attributes, attributes + AttributesEntry.words);
  floats[last / 2 + AttributesEntry.id] = id;
  floats[name / 2 + NameEntry.id] = id;
  expect(find(pair, 'one')).toBeUndefined();
});

test('entries of nobody are no file, and no directory', () => {
  const pair = pairWith(['one']);
  pair.exported.names.withdraw(directory, Buffer.from('one'));
  pair.exported.attributes.withdraw(directory);
  expect(pair.status.of(handleOf(0))).toBeUndefined();
  expect(pair.status.lookup(handleOf(0), Buffer.from('one'), root)).toBeUndefined();
});

test('devices with larger numbers than entries hold are not told', () => {
  const pair = pairWith([]);
  const device = (id: FileId, major: number) =>
    inodeOf(id, FileType.BLOCK_DEVICE, { rdev: { major, minor: 1 } });
  pair.exported.attributes.admit(device(12 as FileId, 0xffff_ffff));
  pair.exported.attributes.admit(device(13 as FileId, 0x1_0000_0000));
  expect(pair.status.of(handleOf(12))?.rdevMajor).toBe(0xffff_ffff);
  expect(pair.status.of(handleOf(13))).toBeUndefined();
});

test('handles of another file system mean nothing', () => {
  const pair = pairWith(['one']);
  expect(pair.status.of(handleOf(file))).toBeDefined();
  expect(pair.status.of(handleOf(file, 8))).toBeUndefined();
  expect(pair.status.lookup(handleOf(directory, 8), Buffer.from('one'), root)).toBeUndefined();
});

test('nonsense makes no reader throw, nor tell what no server could', () => {
  const pair = pairWith(['one']);
  const { words, layout } = pair;
  const entries = entriesOf(pair);
  const sound = words.slice(0, layout.slotIdsFloat * 2);
  const value = fc.oneof(fc.integer(), fc.integer({ min: -2, max: 70 }), fc.constant(0x7ff0_0000));
  const change = fc.tuple(fc.constantFrom(...entries), fc.nat(AttributesEntry.words - 1), value);
  fc.assert(
    fc.property(fc.array(change, { maxLength: 10 }), (changes) => {
      words.set(sound);
      for (const [entry, at, word] of changes) words[entry + at] = word;
      const found = [
        pair.status.of(handleOf(file)),
        pair.status.lookup(handleOf(directory), Buffer.from('one'), root),
      ];
      for (const status of found) {
        if (status === undefined) continue;
        const { sizeBytes, usedBytes, accessTime, modifyTime, changeTime, createTime } = status;
        const times = [accessTime, modifyTime, changeTime, createTime];
        const numbers = [sizeBytes, usedBytes, ...times.flatMap(Object.values)];
        expect(Math.min(sizeBytes, usedBytes)).toBeGreaterThanOrEqual(0);
        expect(numbers.every(Number.isSafeInteger)).toBe(true);
      }
    }),
    { numRuns: 3000 },
  );
});
