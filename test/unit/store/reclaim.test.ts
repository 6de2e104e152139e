import { describe, expect, it } from 'vitest';
import { rootId, type Store } from '../../../server/store/index.ts';
import { pattern, TestCache } from '../block-cache/support/caches.ts';
import { bytes, makeFile, newStore, openStore } from './support/stores.ts';

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
});
