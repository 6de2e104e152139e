import { describe, expect, it } from 'vitest';
import { type FileId, FileType, rootId, Store } from '../../../server/store/index.ts';
import { pattern, TestCache } from '../block-cache/support/caches.ts';
import { bytes, codeOf, killedCopy, makeFile, newStore, openStore } from './support/stores.ts';

const blocks = 2000;

/** A file of many blocks without a name, committed. */
function makeLargeOrphan(store: Store) {
  const { id } = makeFile(store, 'large');
  const cache = new TestCache(store, 256);
  cache.write(id, 0, pattern(blocks * store.blockBytes));
  cache.cache.flush();
  store.remove(rootId, bytes('large'));
  store.commit();
  return { id, cache };
}

describe('reclaim', () => {
  it('frees a large file piece by piece', () => {
    const store = newStore(512);
    const { id, cache } = makeLargeOrphan(store);
    expect(store.inode(id)?.nlink).toBe(0);
    cache.cache.forget(id);
    store.reclaim(id);
    expect(store.inode(id)).toBeUndefined();
    let pieces = 0;
    while (store.reclaimSome()) {
      store.commit();
      pieces++;
    }
    store.commit();
    expect(pieces).toBeGreaterThan(4);
    expect(store.statistics().files).toBe(1);
    expect(store.reclaimSome()).toBe(false);
  });

  it('frees piece by piece what a large file held that was cut to nothing', () => {
    const store = newStore(4096);
    const { id } = makeFile(store, 'large');
    const cache = new TestCache(store, 256);
    cache.write(id, 0, pattern(17 << 20));
    cache.cache.flush();
    cache.cache.truncate(id, 0);
    store.commit();
    let pieces = 0;
    while (store.reclaimSome()) {
      store.commit();
      pieces++;
    }
    store.commit();
    expect(pieces).toBeGreaterThan(4);
    expect(store.statistics().files).toBe(2);
  });

  it('can be undone at any piece', () => {
    const store = newStore(512);
    const { id, cache } = makeLargeOrphan(store);
    cache.cache.forget(id);
    store.reclaim(id);
    store.rollback();
    expect(store.inode(id)?.nlink).toBe(0);
    expect(cache.read(id, 0, 100).equals(pattern(100))).toBe(true);
    cache.cache.forget(id);
    store.reclaim(id);
    store.commit();
    while (store.reclaimSome()) {
      // The last piece is undone, too.
    }
    store.rollback();
    expect(store.inode(id)).toBeUndefined();
    expect(store.reclaimSome()).toBe(true);
    while (store.reclaimSome()) {
      store.commit();
    }
    store.commit();
    expect(store.statistics().files).toBe(1);
  });

  it('goes on when the store is opened again', () => {
    const store = newStore(512);
    const { id } = makeLargeOrphan(store);
    const small = makeFile(store, 'small');
    store.remove(rootId, bytes('small'));
    store.close();
    const again = openStore(store.path);
    expect(again.inode(id)).toBeUndefined();
    expect(again.inode(small.id)).toBeUndefined();
    while (again.reclaimSome()) {
      again.commit();
    }
    again.commit();
    expect(again.statistics().files).toBe(1);
  });

  it('gives the space back to new files', () => {
    const store = newStore(4096);
    const { id, cache } = makeLargeOrphan(store);
    const used = store.statistics();
    cache.cache.forget(id);
    store.reclaim(id);
    while (store.reclaimSome()) {
      store.commit();
    }
    store.commit();
    const now = store.statistics();
    const gained = used.totalBytes - used.freeBytes - (now.totalBytes - now.freeBytes);
    expect(gained).toBeGreaterThan(blocks * 4096 * 0.9);
  });

  it('leaves alone what is still held when a store is opened, until it is given up', () => {
    const store = newStore();
    const ids = ['one', 'two'].map((name) => makeFile(store, name).id);
    for (const name of ['one', 'two']) {
      store.remove(rootId, bytes(name));
    }
    const unnamed = store.createUnnamed(rootId, {
      type: FileType.REGULAR,
      mode: 0,
      uid: 0,
      gid: 0,
    });
    store.commit();
    const [held, lost] = ids as [FileId, FileId];
    const opened = Store.open(killedCopy(store), {
      create: false,
      heldObjects: () => new Set([held, unnamed.id]),
    });
    expect(opened.inode(held)?.nlink).toBe(0);
    expect(opened.inode(lost)).toBeUndefined();
    expect(codeOf(() => opened.link(held, rootId, bytes('again')))).toBe('ENOENT');
    expect(opened.link(unnamed.id, rootId, bytes('first'))).toMatchObject({ nlink: 1, flags: 0 });
    opened.reclaim(held);
    expect(opened.inode(held)).toBeUndefined();
    opened.close();
  });
});
