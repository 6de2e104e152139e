import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BlockCache } from '../../../server/block-cache.ts';
import { type FileId, rootId } from '../../../server/store/index.ts';
import { bytes, codeOf, makeFile, newStore, reopen } from '../store/support/stores.ts';
import { pattern, TestCache } from './support/caches.ts';

const block = 4096;

describe('BlockCache', () => {
  it('gives back what was written, before and after it is in the store', () => {
    const store = newStore();
    const file = makeFile(store, 'file');
    const cache = new TestCache(store, 64);
    const data = pattern(3 * block + 100);
    cache.write(file.id, 50, data);
    const expected = Buffer.concat([Buffer.alloc(50), data]);
    expect(cache.read(file.id, 0, 1e6 % cache.cache.maxTransferBytes).equals(expected)).toBe(true);
    expect(cache.cache.dirtyBytes).toBe(4 * block);
    expect(cache.cache.unloggedAgeMs).toBeGreaterThan(0);
    cache.cache.flush(file.id);
    expect(cache.cache.dirtyBytes).toBe(0);
    expect(cache.cache.unloggedAgeMs).toBe(0);
    const again = reopen(store);
    expect(new TestCache(again, 64).read(file.id, 0, 20_000).equals(expected)).toBe(true);
    expect(again.inode(file.id)?.size).toBe(expected.length);
  });

  it('clips reads at the end of the file', () => {
    const store = newStore();
    const file = makeFile(store, 'file');
    const cache = new TestCache(store, 64);
    cache.write(file.id, 0, pattern(5000));
    const emitted: number[] = [];
    const emit = (_: number, length: number) => emitted.push(length);
    expect(cache.cache.read(file.id, 4000, 10_000, emit)).toBe(1000);
    expect(emitted).toEqual([96, 904]);
    expect(cache.cache.read(file.id, 5000, 10, emit)).toBe(0);
    expect(cache.cache.read(file.id, 9000, 10, emit)).toBe(0);
    expect(cache.cache.read(file.id, 0, 0, emit)).toBe(0);
  });

  it('follows a write with size, times and change', () => {
    const store = newStore();
    const file = makeFile(store, 'file');
    const past = { seconds: 1, nseconds: 0 };
    const { change } = {
      ...store.setAttributes(file.id, { mtime: past, ctime: past, atime: past }),
    };
    const cache = new TestCache(store, 64);
    cache.write(file.id, 10_000, pattern(10));
    const inode = store.inode(file.id);
    expect(inode?.size).toBe(10_010);
    expect(inode?.mtime.seconds).toBeGreaterThan(1e9);
    expect(inode?.ctime).toEqual(inode?.mtime);
    expect(inode?.atime).toEqual(past);
    expect(inode?.change).toBeGreaterThan(change);
    cache.cache.write(file.id, 99_999, 0, () => expect.fail());
    expect(store.inode(file.id)?.size).toBe(10_010);
  });

  it('counts a slot that held a new block once as what it holds now', () => {
    const store = newStore();
    const stored = makeFile(store, 'stored');
    const first = new TestCache(store, 8);
    first.write(stored.id, 0, pattern(8 * block));
    first.cache.flush();
    const reader = reopen(store);
    const fresh = makeFile(reader, 'fresh');
    const cache = new TestCache(reader, 8);
    cache.write(fresh.id, 0, pattern(block));
    cache.write(fresh.id, 0, pattern(block, 2));
    // Every slot is one of the stored file's once, also the one that the first block left.
    cache.cache.flush();
    for (let number = 0; number < 8; number += 1) {
      cache.read(stored.id, number * block, block);
      cache.write(stored.id, number * block + 1, pattern(10));
    }
    cache.cache.flush();
    expect(reader.inode(stored.id)?.usedBytes).toBe(8 * block);
    expect(reader.inode(fresh.id)?.usedBytes).toBe(block);
  });

  it('stores sizes and times together with the data, and attributes at once', () => {
    const store = newStore();
    const file = makeFile(store, 'file');
    const cache = new TestCache(store, 64);
    cache.write(file.id, 0, pattern(100));
    store.setAttributes(file.id, { mode: 0o600 });
    store.commit();
    const again = reopen(store);
    expect(again.inode(file.id)).toMatchObject({ size: 0, mode: 0o600 });
  });

  it('keeps holes out of the store and out of the memory', () => {
    const store = newStore();
    const file = makeFile(store, 'file');
    const cache = new TestCache(store, 64);
    cache.write(file.id, 2 ** 40, pattern(100));
    cache.cache.flush();
    store.commit();
    expect(store.inode(file.id)).toMatchObject({ size: 2 ** 40 + 100, usedBytes: 100 });
    expect(cache.pieces(file.id, 2 ** 40 - 5000, 10_000)).toEqual([-904, -4096, 100]);
    expect(cache.pieces(file.id, 0, 2 * block)).toEqual([-block, -block]);
    const last = Number.MAX_SAFE_INTEGER;
    cache.write(file.id, last - 10, pattern(10));
    expect(cache.read(file.id, last - 10, 20).equals(pattern(10))).toBe(true);
    expect(codeOf(() => cache.write(file.id, last - 9, pattern(10)))).toBe('EFBIG');
  });

  it('stores no more of a small file than it holds', () => {
    const store = newStore(65_536);
    const cache = new TestCache(store, 64);
    for (let count = 0; count < 500; count++) {
      cache.write(makeFile(store, `file ${count}`).id, 0, pattern(100, count));
    }
    cache.cache.flush();
    store.close();
    expect(statSync(store.path).size).toBeLessThan(500 * 1024);
  });

  it('counts what is written as used at once', () => {
    const store = newStore();
    const file = makeFile(store, 'file');
    const cache = new TestCache(store, 64);
    cache.write(file.id, 0, pattern(1000));
    expect(store.inode(file.id)?.usedBytes).toBe(1000);
    cache.write(file.id, 500, pattern(10_000));
    expect(store.inode(file.id)?.usedBytes).toBe(10_500);
    cache.cache.flush();
    expect(store.inode(file.id)?.usedBytes).toBe(10_500);
    cache.write(file.id, 0, pattern(10_500));
    expect(store.inode(file.id)?.usedBytes).toBe(10_500);
    cache.cache.truncate(file.id, 5000);
    expect(store.inode(file.id)?.usedBytes).toBe(5000);
  });

  it('refuses what has no data and ranges that are none', () => {
    const store = newStore();
    const fifo = store.create(rootId, bytes('fifo'), { type: 7, mode: 0, uid: 0, gid: 0 });
    const file = makeFile(store, 'file');
    const cache = new TestCache(store, 64);
    const ignore = () => undefined;
    expect(codeOf(() => cache.cache.read(rootId, 0, 10, ignore))).toBe('EISDIR');
    expect(codeOf(() => cache.cache.write(rootId, 0, 10, ignore))).toBe('EISDIR');
    expect(codeOf(() => cache.cache.truncate(rootId, 10))).toBe('EISDIR');
    expect(codeOf(() => cache.cache.read(fifo.id, 0, 10, ignore))).toBe('EINVAL');
    expect(codeOf(() => cache.cache.read(999 as FileId, 0, 10, ignore))).toBe('ESTALE');
    expect(codeOf(() => cache.cache.read(file.id, -1, 10, ignore))).toBe('EINVAL');
    const tooLong = cache.cache.maxTransferBytes + 1;
    expect(codeOf(() => cache.cache.write(file.id, 0, tooLong, ignore))).toBe('EINVAL');
    expect(() => new BlockCache(store, new Uint8Array(7 * block))).toThrow(RangeError);
  });

  it('shows nothing of a write whose bytes did not come', () => {
    const store = newStore();
    const file = makeFile(store, 'file');
    const cache = new TestCache(store, 64);
    const data = pattern(5 * block);
    cache.write(file.id, 0, data);
    for (const isStored of [false, true]) {
      if (isStored) {
        cache.cache.flush();
        store.commit();
      }
      const { size, change, mtime } = { ...store.inode(file.id) };
      for (let failing = 0; failing < 5; failing++) {
        let piece = 0;
        const write = () =>
          cache.cache.write(file.id, 1000, 5 * block, (start, length) => {
            cache.memory.fill(0xaa, start, start + length);
            if (piece++ === failing) {
              throw new Error('the peer is gone');
            }
          });
        expect(write).toThrow('the peer is gone');
        expect(cache.read(file.id, 0, 8 * block).equals(data)).toBe(true);
        expect(store.inode(file.id)).toMatchObject({ size, change, mtime });
      }
      expect(cache.cache.dirtyBytes).toBe(isStored ? 0 : 5 * block);
    }
  });

  it('reads a file that is larger than its memory, again and again', () => {
    const store = newStore();
    const file = makeFile(store, 'file');
    const cache = new TestCache(store, 8);
    const data = pattern(100 * block + 17);
    cache.write(file.id, 0, data);
    for (let round = 0; round < 3; round++) {
      expect(cache.read(file.id, 0, data.length).equals(data)).toBe(true);
    }
  });

  it('writes back when too much is waiting, the oldest first', () => {
    const store = newStore();
    const file = makeFile(store, 'file');
    const cache = new TestCache(store, 40, { dirtyLimitBytes: 10 * block });
    for (let number = 0; number < 30; number++) {
      cache.write(file.id, number * block, pattern(block, number));
      expect(cache.cache.dirtyBytes).toBeLessThanOrEqual(10 * block);
    }
    store.rollback();
    const again = new TestCache(reopen(store), 40);
    expect(again.read(file.id, 0, block).equals(pattern(block, 0))).toBe(true);
  });

  it('flushSome takes what has waited longest', () => {
    const store = newStore();
    const one = makeFile(store, 'one');
    const two = makeFile(store, 'two');
    const cache = new TestCache(store, 64);
    cache.write(one.id, 0, pattern(2 * block));
    cache.write(two.id, 0, pattern(2 * block));
    cache.write(one.id, 0, pattern(2 * block, 5));
    cache.cache.flushSome(2 * block);
    expect(cache.cache.dirtyBytes).toBe(2 * block);
    const again = reopen(store);
    expect(again.inode(one.id)?.size).toBe(2 * block);
    expect(again.inode(two.id)?.size).toBe(0);
    const data = new TestCache(again, 64).read(one.id, 0, 2 * block);
    expect(data.equals(pattern(2 * block, 5))).toBe(true);
  });

  it('never lets go of what is not committed', () => {
    const store = newStore();
    const file = makeFile(store, 'file');
    store.commit();
    const cache = new TestCache(store, 16);
    const data = pattern(4 * block);
    cache.write(file.id, 0, data);
    cache.cache.flush();
    // Other files want all the memory, then the transaction is undone.
    const other = makeFile(store, 'other');
    cache.write(other.id, 0, pattern(2 * block));
    store.rollback();
    expect(cache.cache.dirtyBytes).toBe(4 * block);
    expect(cache.read(file.id, 0, 9 * block).equals(data)).toBe(true);
    expect(codeOf(() => cache.read(other.id, 0, block))).toBe('ESTALE');
    cache.cache.flush();
    const again = new TestCache(reopen(store), 16);
    expect(again.read(file.id, 0, 9 * block).equals(data)).toBe(true);
  });

  it('forgets a file', () => {
    const store = newStore();
    const file = makeFile(store, 'file');
    const cache = new TestCache(store, 64);
    cache.write(file.id, 0, pattern(5 * block));
    store.remove(rootId, bytes('file'));
    cache.cache.forget(file.id);
    store.reclaim(file.id);
    expect(cache.cache.dirtyBytes).toBe(0);
    store.commit();
    expect(codeOf(() => cache.read(file.id, 0, 10))).toBe('ESTALE');
    cache.cache.flush();
  });

  it('drops what was written to a file that was reclaimed behind its back', () => {
    const store = newStore();
    const file = makeFile(store, 'file');
    const cache = new TestCache(store, 64);
    cache.write(file.id, 0, pattern(5 * block));
    store.remove(rootId, bytes('file'));
    store.reclaim(file.id);
    cache.cache.flush();
    store.commit();
    expect(cache.cache.dirtyBytes).toBe(0);
  });

  it('brings a dropped file back with an undone transaction', () => {
    const store = newStore();
    const file = makeFile(store, 'file');
    store.commit();
    const cache = new TestCache(store, 64);
    const data = pattern(5 * block + 10);
    cache.write(file.id, 0, data);
    store.remove(rootId, bytes('file'));
    cache.cache.forget(file.id);
    store.reclaim(file.id);
    store.rollback();
    expect(store.inode(file.id)).toMatchObject({ nlink: 1, size: data.length });
    expect(cache.read(file.id, 0, 10 * block).equals(data)).toBe(true);
  });
});

describe('truncate', () => {
  const sizes = [0, 1, block - 1, block, block + 1, 3 * block, 3 * block + 7];

  it.each(sizes)('to %i cuts, and later growth reads zeros', (size) => {
    for (const isStored of [false, true]) {
      const store = newStore();
      const file = makeFile(store, 'file');
      let cache = new TestCache(store, 64);
      const data = pattern(4 * block);
      cache.write(file.id, 0, data);
      if (isStored) {
        cache.cache.flush();
        store.commit();
      }
      cache.cache.truncate(file.id, size);
      expect(cache.read(file.id, 0, 8 * block).equals(data.subarray(0, size))).toBe(true);
      cache.cache.truncate(file.id, 4 * block);
      const expected = Buffer.concat([data.subarray(0, size), Buffer.alloc(4 * block - size)]);
      expect(cache.read(file.id, 0, 8 * block).equals(expected)).toBe(true);
      cache.cache.flush();
      cache = new TestCache(reopen(store), 64);
      expect(cache.read(file.id, 0, 8 * block).equals(expected)).toBe(true);
    }
  });

  it.each(sizes)('to %i is undone with its transaction', (size) => {
    for (const isStored of [false, true]) {
      const store = newStore();
      const file = makeFile(store, 'file');
      store.commit();
      const cache = new TestCache(store, 64);
      const data = pattern(4 * block);
      cache.write(file.id, 0, data);
      if (isStored) {
        cache.cache.flush();
        store.commit();
      }
      cache.cache.truncate(file.id, size);
      cache.write(file.id, size, pattern(10, 99));
      store.rollback();
      expect(cache.read(file.id, 0, 8 * block).equals(data)).toBe(true);
      cache.cache.flush();
      const again = new TestCache(reopen(store), 64);
      expect(again.read(file.id, 0, 8 * block).equals(data)).toBe(true);
    }
  });

  it('to nothing lets a large file go at once, and takes new data', () => {
    const store = newStore(65_536);
    const file = makeFile(store, 'file');
    const cache = new TestCache(store, 512);
    for (let count = 0; count < 20; count++) {
      cache.write(file.id, count * 2 ** 20, pattern(2 ** 20, count));
    }
    cache.cache.flush();
    store.commit();
    const { files } = store.statistics();
    cache.cache.truncate(file.id, 0);
    expect(store.inode(file.id)).toMatchObject({ size: 0, usedBytes: 0 });
    cache.write(file.id, 70_000, pattern(100));
    cache.cache.flush();
    store.commit();
    while (store.reclaimSome()) {
      store.commit();
    }
    store.commit();
    expect(store.statistics().files).toBe(files);
    const again = new TestCache(reopen(store), 512);
    const expected = Buffer.concat([Buffer.alloc(70_000), pattern(100)]);
    expect(again.read(file.id, 0, 1e6).equals(expected)).toBe(true);
  });
});
