import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Heap } from '../../../nic/index.ts';
import { BlockCache } from '../../../server/block-cache.ts';
import { Housekeeping } from '../../../server/data-plane/housekeeping.ts';
import {
  type FileId,
  FileType,
  rootId,
  StateKind,
  Store,
  StoreError,
} from '../../../server/store/index.ts';

const block = 65_536;
const slots = 64;
const second = 1000;

let directory: string;
let store: Store;
let cache: BlockCache;
let housekeeping: Housekeeping;
let file: FileId;
let faults: unknown[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  directory = mkdtempSync(join(tmpdir(), 'dafs-housekeeping-'));
  store = Store.open(join(directory, 'test.db'), { create: true });
  cache = new BlockCache(store, new Uint8Array(slots * block));
  faults = [];
  housekeeping = new Housekeeping(store, cache, (error) => faults.push(error));
  const owner = { mode: 0o644, uid: 0, gid: 0 };
  file = store.create(rootId, Buffer.from('file'), { type: FileType.REGULAR, ...owner }).id;
  store.durability.applyIntents();
});

afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true });
  vi.useRealTimers();
});

function write(...numbers: number[]): void {
  for (const number of numbers) {
    cache.write(file, number * block, block, () => undefined);
  }
}

/** A turn with a request, one without, and the time between two requests. */
function request(gapMs: number): void {
  housekeeping.work(true);
  housekeeping.work(false);
  vi.advanceTimersByTime(gapMs);
}

describe('Housekeeping', () => {
  it('leaves young data alone as long as requests follow each other', () => {
    write(0, 1);
    for (let count = 0; count < 9; count += 1) {
      request(100);
      expect(cache.dirtyBytes).toBe(2 * block);
    }
  });

  it('writes everything back when nobody has asked for anything for a while', () => {
    write(0, 1, 2);
    housekeeping.work(true);
    expect(housekeeping.idleMs(second)).toBe(100);
    vi.advanceTimersByTime(99);
    housekeeping.work(false);
    expect(cache.dirtyBytes).toBe(3 * block);
    vi.advanceTimersByTime(1);
    expect(housekeeping.idleMs(second)).toBe(0);
    housekeeping.work(false);
    expect(cache.dirtyBytes).toBe(0);
    expect(store.inTransaction).toBe(false);
    expect(housekeeping.idleMs(second)).toBe(200);
  });

  it('gives memory back once when nobody has asked for anything for longer', () => {
    const giveBack = vi.spyOn(Heap.prototype, 'giveBack').mockReturnValue(true);
    housekeeping.work(false);
    expect(housekeeping.idleMs(second)).toBe(second);
    for (const _ of [1, 2]) {
      giveBack.mockClear();
      write(0);
      request(299);
      housekeeping.work(false);
      housekeeping.work(false);
      expect([giveBack.mock.calls.length, housekeeping.idleMs(second)]).toEqual([0, 1]);
      vi.advanceTimersByTime(1);
      expect(housekeeping.idleMs(second)).toBe(0);
      housekeeping.work(false);
      expect([giveBack.mock.calls.length, housekeeping.idleMs(second)]).toEqual([1, second]);
      vi.advanceTimersByTime(second);
      housekeeping.work(false);
      expect(giveBack).toHaveBeenCalledTimes(1);
    }
  });

  it('writes aged data back in the gaps between requests, a piece at a time', () => {
    write(...Array(32).keys());
    for (let count = 0; count < 50; count += 1) {
      expect(cache.dirtyBytes).toBe(32 * block);
      request(100);
    }
    expect(cache.dirtyBytes).toBe(32 * block);
    housekeeping.work(true);
    expect(cache.dirtyBytes).toBe(32 * block);
    expect(housekeeping.idleMs(second)).toBe(0);
    housekeeping.work(false);
    const left = cache.dirtyBytes;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(32 * block);
    housekeeping.work(false);
    expect(cache.dirtyBytes).toBeLessThan(left);
  });

  it('writes overdue data back though there is no gap', () => {
    write(0, 1);
    for (let count = 0; count < 69; count += 1) {
      housekeeping.work(true);
      vi.advanceTimersByTime(100);
    }
    expect(cache.dirtyBytes).toBe(2 * block);
    vi.advanceTimersByTime(100);
    housekeeping.work(true);
    expect(cache.dirtyBytes).toBe(0);
  });

  it('makes room in the gaps before writes have to wait for it', () => {
    write(...Array(48).keys());
    expect(cache.isCrowded).toBe(true);
    housekeeping.work(true);
    expect(cache.dirtyBytes).toBe(48 * block);
    expect(housekeeping.idleMs(second)).toBe(0);
    housekeeping.work(false);
    expect(cache.isCrowded).toBe(false);
    expect(cache.dirtyBytes).toBe(40 * block);
  });

  it('takes intents over when nobody has asked for anything for a while, or when they are old', () => {
    const touch = (): void => {
      store.setAttributes(file, { mode: 0o600 });
      store.commit();
    };
    touch();
    request(50);
    expect(store.durability.hasIntents).toBe(true);
    expect(housekeeping.idleMs(second)).toBe(50);
    vi.advanceTimersByTime(50);
    expect(housekeeping.idleMs(second)).toBe(0);
    housekeeping.work(false);
    expect(store.durability.hasIntents).toBe(false);
    expect(housekeeping.idleMs(second)).toBe(200);
    touch();
    for (let count = 0; count < 10; count += 1) {
      expect(store.durability.hasIntents).toBe(true);
      request(100);
    }
    housekeeping.work(true);
    expect(store.durability.hasIntents).toBe(true);
    housekeeping.work(false);
    expect(store.durability.hasIntents).toBe(false);
  });

  it('takes logged data over when they have been in the log for a second', () => {
    write(0);
    cache.flush();
    store.durability.applyIntents();
    cache.write(file, 0, 100, () => undefined);
    vi.advanceTimersByTime(900);
    expect(cache.unloggedAgeMs).toBe(900);
    cache.secure(file);
    store.commit();
    expect([cache.unloggedAgeMs, cache.dirtyBytes]).toEqual([0, block]);
    for (let count = 0; count < 10; count += 1) {
      expect(store.durability.hasLoggedData).toBe(true);
      request(100);
    }
    expect(housekeeping.idleMs(second)).toBe(0);
    housekeeping.work(false);
    expect(cache.dirtyBytes).toBe(0);
    expect(store.durability.hasLoggedData).toBe(false);
    expect(faults).toEqual([]);
  });

  it('takes logged data over in time though there is no gap', () => {
    write(0);
    cache.flush();
    store.durability.applyIntents();
    cache.write(file, 0, 100, () => undefined);
    cache.secure(file);
    store.commit();
    for (let count = 0; count < 20; count += 1) {
      expect(store.durability.hasLoggedData).toBe(true);
      housekeeping.work(true);
      vi.advanceTimersByTime(100);
    }
    housekeeping.work(true);
    expect(store.durability.hasLoggedData).toBe(false);
  });

  it('knows how old the oldest data are, though their block is written anew', () => {
    write(0);
    vi.advanceTimersByTime(300);
    write(1);
    vi.advanceTimersByTime(300);
    write(0);
    expect(cache.unloggedAgeMs).toBe(600);
    cache.truncate(file, block);
    cache.flush();
    store.commit();
    expect(cache.unloggedAgeMs).toBe(0);
    write(1);
    vi.advanceTimersByTime(50);
    expect(cache.unloggedAgeMs).toBe(50);
  });

  it('sleeps while the log has only what no row waits for', () => {
    store.state.put(StateKind.OPEN, Buffer.from('one'), Buffer.from('known'));
    store.commit();
    vi.advanceTimersByTime(2 * second);
    write(0);
    housekeeping.work(true);
    expect(store.durability.hasIntents).toBe(true);
    expect(housekeeping.idleMs(second)).toBe(100);
  });

  it('leaves the store alone for a while when it has failed', () => {
    write(0);
    housekeeping.work(true);
    vi.advanceTimersByTime(100);
    const failure = new StoreError('ENOSPC', 'the disk is full');
    const commit = vi.spyOn(store, 'commit').mockImplementationOnce(() => {
      store.rollback();
      throw failure;
    });
    housekeeping.work(false);
    expect(faults).toEqual([failure]);
    expect(cache.dirtyBytes).toBe(block);
    expect(housekeeping.idleMs(10 * second)).toBe(second);
    housekeeping.work(false);
    expect(commit).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(second);
    housekeeping.work(false);
    expect(cache.dirtyBytes).toBe(0);
  });
});
