import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { pattern, TestCache } from '../block-cache/support/caches.ts';
import { makeFile, newStore, openStore, temporaryDirectory } from './support/stores.ts';

const mebibyte = 2 ** 20;
const writtenMebibytes = 400;

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

describe('the log', () => {
  it('is used again and again as long as who can wait does', { timeout: 120_000 }, () => {
    const store = newStore(65_536);
    const file = makeFile(store, 'file');
    const cache = new TestCache(store, 64);
    const data = pattern(mebibyte);
    for (let count = 0; count < writtenMebibytes; count += 1) {
      cache.write(file.id, (count % 16) * mebibyte, data);
      cache.cache.flush();
      store.commit();
      while (store.durability.isLogCrowded) {
        sleep(1);
        store.durability.advanceLog();
      }
    }
    const logBytes = statSync(`${store.path}-wal`).size;
    expect(logBytes).toBeLessThan(160 * mebibyte);
    expect(cache.read(file.id, 15 * mebibyte, 2 * mebibyte).equals(data)).toBe(true);
  });

  it('is not made to wait for who moves it', { timeout: 60_000 }, () => {
    const store = newStore(65_536);
    const file = makeFile(store, 'file');
    const cache = new TestCache(store, 512);
    for (let count = 0; count < 20; count += 1) {
      cache.write(file.id, count * mebibyte, pattern(mebibyte));
    }
    cache.cache.flush();
    store.commit();
    // The worker was asked, and has not even been started.
    store.setAttributes(file.id, { mode: 0o600 });
    store.commit();
    store.durability.advanceLog();
    expect(store.durability.hasIntents).toBe(true);
    for (const end = performance.now() + 30_000; performance.now() < end; ) {
      store.durability.advanceLog();
      if (!store.durability.hasIntents) break;
      sleep(1);
    }
    expect(store.durability.hasIntents).toBe(false);
  });

  it('ends all changes when it cannot get into the database', { timeout: 120_000 }, () => {
    const program = new URL('./support/failing-checkpoint-main.ts', import.meta.url);
    const path = join(temporaryDirectory(), 'store.dafs');
    openStore(path, 65_536).close();
    const { stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(program), path], {
      encoding: 'utf8',
      timeout: 100_000,
    });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      error: 'EROFS',
      told: [expect.stringMatching(/the log could not be moved into the database/)],
      isIntact: true,
    });
  });
});
