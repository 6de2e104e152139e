import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { fsck } from '../../../server/fsck/fsck.ts';
import { type FileId, rootId, type Store } from '../../../server/store/index.ts';
import { pattern, TestCache } from '../block-cache/support/caches.ts';
import { bytes, codeOf, makeFile, newStore, openStore } from './support/stores.ts';

const block = 4096;

/** Makes a file of four blocks and a bit, and another one, and changes the database when it is closed. */
function reopenAfter(sql: (file: FileId) => string): {
  store: Store;
  cache: TestCache;
  file: FileId;
} {
  const store = newStore(block);
  const cache = new TestCache(store, 32);
  const file = makeFile(store, 'file').id;
  cache.write(file, 0, pattern(4 * block + 100));
  cache.write(makeFile(store, 'other').id, 0, pattern(block));
  cache.cache.flush();
  store.close();
  const database = new Database(store.path);
  database.exec(sql(file));
  database.close();
  const again = openStore(store.path, block);
  return { store: again, cache: new TestCache(again, 32), file };
}

/** As a disk does it: bytes that nobody wrote, of the right length. */
const spoil = (number: number) => (file: FileId) =>
  `UPDATE block SET data = randomblob(length(data)) WHERE content = ${file} AND number = ${number}`;

const kindsOf = (path: string): string[] =>
  fsck(path, { isRepair: false }).findings.map(({ kind }) => kind);

describe('a damaged block', () => {
  it('fails who reads it, by name, and nobody else', () => {
    const { store, cache, file } = reopenAfter(spoil(2));
    const damages: string[] = [];
    store.observe({ damaged: ({ message }) => damages.push(message) });
    expect(codeOf(() => cache.read(file, 2 * block, 10))).toBe('EIO');
    expect(codeOf(() => cache.read(file, 0, 4 * block))).toBe('EIO');
    expect(damages).toHaveLength(2);
    expect(damages[0]).toContain(`block 2 of inode ${file} `);
    expect(cache.read(file, 0, 2 * block).equals(pattern(4 * block).subarray(0, 2 * block))).toBe(
      true,
    );
    expect(cache.read(file, 3 * block, block + 100)).toHaveLength(block + 100);
    const other = store.lookup(rootId, bytes('other')) as FileId;
    expect(cache.read(other, 0, block).equals(pattern(block))).toBe(true);
    expect(codeOf(() => cache.write(file, 2 * block + 5, pattern(5)))).toBe('EIO');
    cache.write(other, 0, pattern(100, 3));
    cache.cache.flush();
    store.commit();
    expect(store.breakdown).toBeUndefined();
  });

  it('is well again when it is overwritten', () => {
    const { store, cache, file } = reopenAfter(spoil(2));
    cache.write(file, 2 * block, pattern(block, 9));
    cache.cache.flush();
    store.close();
    expect(kindsOf(store.path)).toEqual([]);
    const again = new TestCache(openStore(store.path, block), 32);
    expect(again.read(file, 2 * block, block).equals(pattern(block, 9))).toBe(true);
  });

  it('stays damaged when it is cut', () => {
    const { store, cache, file } = reopenAfter(spoil(2));
    cache.cache.truncate(file, 2 * block + 50);
    store.commit();
    expect(codeOf(() => cache.read(file, 2 * block, 10))).toBe('EIO');
    store.close();
    expect(kindsOf(store.path)).toEqual(['checksum']);
  });

  it('keeps what is behind a range from being moved, and changes nothing', () => {
    const { store, cache, file } = reopenAfter(spoil(3));
    const before = store.inode(file)?.size;
    expect(codeOf(() => cache.cache.ranges.collapse(file, 0, block))).toBe('EIO');
    store.commit();
    expect(store.inode(file)?.size).toBe(before);
    expect(cache.read(file, 0, block).equals(pattern(block))).toBe(true);
    store.close();
    expect(kindsOf(store.path)).toEqual(['checksum']);
  });

  it('can be removed with its file', () => {
    const { store, cache, file } = reopenAfter(spoil(0));
    store.remove(rootId, bytes('file'));
    cache.cache.forget(file);
    store.reclaim(file);
    store.close();
    expect(kindsOf(store.path)).toEqual([]);
  });
});

describe('checksums', () => {
  it('follow what is done to a file', () => {
    const { store, cache, file } = reopenAfter(() => '');
    cache.cache.truncate(file, 3 * block + 7);
    cache.cache.ranges.collapse(file, 0, block);
    cache.write(file, block - 3, pattern(50, 2));
    cache.cache.ranges.punch(file, 10, 2000);
    cache.cache.flush();
    store.close();
    expect(kindsOf(store.path)).toEqual([]);
    const database = new Database(store.path);
    expect(
      database.prepare('SELECT count(*) FROM block WHERE checksum IS NULL').pluck().get(),
    ).toBe(0);
    database.close();
  });

  it('are not looked for where an older version wrote, until something is written', () => {
    const { store, cache, file } = reopenAfter(
      (id) => `${spoil(1)(id)}; ALTER TABLE block DROP COLUMN checksum; PRAGMA user_version = 7`,
    );
    expect(cache.read(file, block, block)).toHaveLength(block);
    cache.write(file, 3 * block, pattern(10, 5));
    cache.cache.truncate(file, 4 * block + 10);
    cache.cache.flush();
    store.close();
    expect(kindsOf(store.path)).toEqual([]);
    const database = new Database(store.path);
    const known = database
      .prepare('SELECT number FROM block WHERE content = ? AND checksum IS NOT NULL')
      .pluck()
      .all(file);
    expect(known).toEqual([3, 4]);
    database.close();
  });
});
