/** A backup is the state of one moment, whole or not there. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Handshake } from '../../../server/backup/handshake.ts';
import { backUpDatabase, backUpOnline } from '../../../server/backup/online-backup.ts';
import { fsck } from '../../../server/fsck/fsck.ts';
import { rootId, type Store } from '../../../server/store/index.ts';
import { pattern, TestCache } from '../block-cache/support/caches.ts';
import { makeSample } from '../fsck/support.ts';
import {
  killedCopy,
  makeFile,
  names,
  newStore,
  openStore,
  temporaryDirectory,
} from '../store/support/stores.ts';

const target = (): string => join(temporaryDirectory(), 'copy.dafs');

/** What the data plane does when a backup has come so far. */
const offerOf = (store: Store, cache: TestCache) => (handshake: SharedArrayBuffer) => {
  cache.cache.flush();
  store.durability.applyIntents();
  expect(new Handshake(handshake).offer()).toBe(true);
};

describe('a backup of a database that nobody has open', () => {
  it('is a file system of its own, and whole', async () => {
    const { path } = makeSample();
    const copy = target();
    const parts: number[] = [];
    const { bytes } = await backUpDatabase(path, copy, { onProgress: (part) => parts.push(part) });
    expect(bytes).toBe(statSync(copy).size);
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    const { objects, dataBytes } = fsck(path, { isRepair: false });
    expect(fsck(copy, { isRepair: false })).toMatchObject({ findings: [], objects, dataBytes });
    expect(names(openStore(copy))).toEqual(names(openStore(path)));
    expect(readdirSync(dirname(copy)).filter((name) => name.includes('partial'))).toEqual([]);
    expect(parts.every((part) => part >= 0 && part <= 1)).toBe(true);
  });

  it('has what a killed server had acknowledged', async () => {
    const store = newStore();
    makeFile(store, 'acknowledged');
    store.commit();
    const copy = target();
    await backUpDatabase(killedCopy(store), copy);
    expect(names(openStore(copy))).toEqual(['acknowledged']);
  });

  it('is refused of one that is served, and into a file that exists', async () => {
    const { path } = makeSample();
    const copy = target();
    writeFileSync(copy, 'precious');
    await expect(backUpDatabase(path, copy)).rejects.toMatchObject({ code: 'TARGET_EXISTS' });
    expect(readFileSync(copy, 'utf8')).toBe('precious');
    const store = openStore(path);
    await expect(backUpDatabase(path, target())).rejects.toMatchObject({ code: 'BUSY' });
    store.close();
    const nowhere = join(copy, 'below');
    await expect(backUpDatabase(path, nowhere)).rejects.toMatchObject({ code: 'FAILED' });
  });

  it('leaves nothing when it is cancelled', async () => {
    const { path } = makeSample();
    const copy = target();
    const given = { signal: AbortSignal.abort() };
    await expect(backUpDatabase(path, copy, given)).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(readdirSync(dirname(copy))).toEqual([]);
    await backUpDatabase(path, copy);
  });
});

describe('a backup of a store that is being written', () => {
  it('has all of the moment of its beginning, and nothing that came later', async () => {
    const store = newStore();
    const cache = new TestCache(store, 64);
    for (let index = 0; index < 64; index += 1) {
      cache.write(makeFile(store, `before ${index}`).id, 0, pattern(150_000, index));
      store.commit();
    }
    const overwritten = store.lookup(rootId, Buffer.from('before 63'));
    const copy = target();
    let later = 0;
    await backUpOnline(store.path, copy, offerOf(store, cache), {
      onProgress: () => {
        cache.write(makeFile(store, `later ${later}`).id, 0, pattern(150_000));
        cache.write(overwritten as never, 0, pattern(150_000, 200 + later));
        cache.cache.flush();
        store.commit();
        store.durability.applyIntents();
        later += 1;
      },
    });
    expect(later).toBeGreaterThan(1);
    const expected = Array.from({ length: 64 }, (_, index) => `before ${index}`).sort();
    expect(fsck(copy, { isRepair: false }).findings).toEqual([]);
    const copied = openStore(copy);
    expect(names(copied)).toEqual(expected);
    const reader = new TestCache(copied, 64);
    for (let index = 0; index < 64; index += 1) {
      const id = copied.lookup(rootId, Buffer.from(`before ${index}`)) as never;
      expect(reader.read(id, 0, 150_000).equals(pattern(150_000, index))).toBe(true);
    }
    expect(names(store)).toHaveLength(64 + later);
  });

  it('fails, and leaves nothing, when there is no snapshot or nobody wants it', async () => {
    const store = newStore();
    const cache = new TestCache(store, 64);
    const copy = target();
    const refuse = (handshake: SharedArrayBuffer) => new Handshake(handshake).refuse();
    await expect(backUpOnline(store.path, copy, refuse)).rejects.toMatchObject({
      code: 'NO_SNAPSHOT',
    });
    const given = { signal: AbortSignal.abort() };
    await expect(
      backUpOnline(store.path, copy, offerOf(store, cache), given),
    ).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(existsSync(copy)).toBe(false);
    expect(readdirSync(dirname(copy))).toEqual([]);
  });
});
