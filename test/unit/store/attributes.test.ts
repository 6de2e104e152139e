import { describe, expect, it } from 'vitest';
import { type FileId, rootId } from '../../../server/store/index.ts';
import { codeOf, makeDirectory, makeFile, newStore, reopen } from './support/stores.ts';

const early = { seconds: -12, nseconds: 999_999_999 };
const late = { seconds: 2 ** 34, nseconds: 1 };

describe('setAttributes', () => {
  it('changes what is given, and ctime and change', () => {
    const store = newStore();
    const { id, ctime, change } = { ...makeFile(store, 'file') };
    const inode = store.setAttributes(id, {
      mode: 0o104711,
      uid: 7,
      gid: 8,
      atime: early,
      mtime: late,
    });
    expect(inode).toMatchObject({ mode: 0o4711, uid: 7, gid: 8, atime: early, mtime: late });
    expect(inode.change).toBeGreaterThan(change);
    expect(inode.ctime).not.toEqual(ctime);
    store.setAttributes(id, { ctime: early, btime: early });
    expect(store.inode(id)).toMatchObject({ ctime: early, btime: early, mode: 0o4711 });
    const again = reopen(store);
    expect(again.inode(id)).toMatchObject({
      mode: 0o4711,
      atime: early,
      mtime: late,
      ctime: early,
      btime: early,
    });
  });

  it('sets mtime with the size', () => {
    const store = newStore();
    const { id } = makeFile(store, 'file');
    store.setAttributes(id, { mtime: early });
    expect(store.setAttributes(id, { size: 10 }).mtime.seconds).toBeGreaterThan(0);
    expect(store.setAttributes(id, { size: 20, mtime: early }).mtime).toEqual(early);
    expect(store.setAttributes(id, { size: Number.MAX_SAFE_INTEGER }).usedBytes).toBe(0);
  });

  it('refuses sizes that cannot be', () => {
    const store = newStore();
    const { id } = makeFile(store, 'file');
    const directory = makeDirectory(store, 'directory');
    expect(codeOf(() => store.setAttributes(id, { size: 2 ** 53 }))).toBe('EFBIG');
    expect(codeOf(() => store.setAttributes(id, { size: -1 }))).toBe('EINVAL');
    expect(codeOf(() => store.setAttributes(id, { size: 0.5 }))).toBe('EINVAL');
    expect(codeOf(() => store.setAttributes(directory.id, { size: 0 }))).toBe('EISDIR');
    expect(codeOf(() => store.setAttributes(999 as FileId, {}))).toBe('ESTALE');
    expect(store.inode(directory.id)?.change).toBe(directory.change);
  });
});

describe('recordAccess', () => {
  it('sets atime alone', () => {
    const store = newStore();
    const { id } = makeFile(store, 'file');
    const before = { ...store.setAttributes(id, { atime: early }) };
    store.recordAccess(id);
    const after = { ...store.inode(id) };
    expect(after.atime?.seconds).toBeGreaterThan(1e9);
    expect(after).toMatchObject({
      mtime: before.mtime,
      ctime: before.ctime,
      change: before.change,
    });
  });
});

describe('change', () => {
  it('never takes a value again, not after its last ones were lost', () => {
    const store = newStore();
    const { id } = makeFile(store, 'file');
    store.commit();
    const seen = new Set<number>();
    for (let round = 0; round < 100; round++) {
      const { change } = store.setAttributes(id, { mode: round });
      expect(seen.has(change)).toBe(false);
      seen.add(change);
      if (round % 2 === 0) {
        store.rollback();
      }
    }
  });
});

describe('times', () => {
  it('of a directory follow its entries, those of an object its names', () => {
    const store = newStore();
    store.setAttributes(rootId, { mtime: early, ctime: early });
    const file = makeFile(store, 'file');
    expect(store.inode(rootId)?.mtime).toEqual(file.btime);
    expect(store.inode(rootId)?.ctime).toEqual(file.btime);
    store.setAttributes(file.id, { ctime: early });
    store.setAttributes(rootId, { mtime: early });
    store.rename(rootId, Buffer.from('file'), rootId, Buffer.from('other'));
    expect(store.inode(file.id)?.ctime.seconds).toBeGreaterThan(1e9);
    expect(store.inode(rootId)?.mtime.seconds).toBeGreaterThan(1e9);
    store.setAttributes(file.id, { ctime: early });
    store.link(file.id, rootId, Buffer.from('link'));
    expect(store.inode(file.id)?.ctime.seconds).toBeGreaterThan(1e9);
    store.setAttributes(file.id, { ctime: early });
    store.remove(rootId, Buffer.from('link'));
    expect(store.inode(file.id)?.ctime.seconds).toBeGreaterThan(1e9);
  });
});

describe('statistics', () => {
  it('count files and bytes', () => {
    const store = newStore();
    const before = store.statistics();
    expect(before).toMatchObject({ files: 1, blockBytes: 4096 });
    makeFile(store, 'file');
    makeFile(store, 'other');
    expect(store.statistics().files).toBe(3);
    store.rollback();
    expect(store.statistics().files).toBe(1);
    makeFile(store, 'file');
    const file = makeFile(store, 'other');
    store.commit();
    store.reclaim(store.remove(rootId, Buffer.from('other')).id);
    expect(store.inode(file.id)).toBeUndefined();
    expect(store.statistics().files).toBe(2);
    expect(before.totalBytes).toBeGreaterThan(before.freeBytes);
    expect(before.freeFiles).toBeGreaterThan(1000);
  });
});
