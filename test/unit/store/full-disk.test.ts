/** A store on a disk that is really full: a small file system in memory. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileId, FileType, rootId, type Store } from '../../../server/store/index.ts';
import { firstObstacle, isRoot } from '../../support/machine.ts';
import { TestCache } from '../block-cache/support/caches.ts';
import { bytes, codeOf, openStore, temporaryDirectory } from './support/stores.ts';

const MIB = 1 << 20;
const blockBytes = 65_536;
const obstacle = firstObstacle(isRoot() ? undefined : 'only root can mount a small file system');

let disk: string;
beforeEach((context) => {
  context.skip(obstacle !== undefined, obstacle);
  disk = temporaryDirectory();
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'none', disk]);
});
afterEach(() => {
  spawnSync('umount', ['-l', disk]);
});

class Filling {
  store: Store;
  cache: TestCache;
  #named = 0;
  readonly files: { readonly id: FileId; readonly name: string; length: number }[] = [];

  constructor() {
    this.store = openStore(join(disk, 'store.dafs'), blockBytes);
    this.cache = new TestCache(this.store, 128);
  }

  /** What the housekeeping does: it must never meet a full disk. */
  flush(): void {
    this.cache.cache.flush();
    this.store.commit();
  }

  add(name: string): void {
    const object = { type: FileType.REGULAR, mode: 0o644, uid: 1, gid: 1 };
    const { id } = this.store.create(rootId, bytes(name), object);
    this.files.push({ id, name, length: 0 });
  }

  /** Lets the last file grow. */
  append(length: number): void {
    const file = this.files.at(-1);
    if (file !== undefined) {
      this.cache.write(file.id, file.length, Buffer.alloc(length, file.id & 0xff));
      file.length += length;
    }
  }

  /** Writes files of a megabyte until no more is taken. */
  fill(): void {
    for (let count = 0; count < 64; count++) {
      const code = codeOf(() => {
        this.add(`file ${this.#named++}`);
        for (let piece = 0; piece < 8; piece++) {
          this.append(MIB / 8);
        }
      });
      if (code !== undefined) {
        expect(code).toBe('ENOSPC');
        return;
      }
      if (count % 3 === 0) {
        this.flush();
      }
    }
    expect.fail('the disk never was full');
  }

  remove(count: number): void {
    for (const { id, name } of this.files.splice(0, count)) {
      this.store.remove(rootId, bytes(name));
      this.cache.cache.forget(id);
      this.store.reclaim(id);
      this.store.commit();
    }
  }

  check(store = this.store, cache = this.cache): void {
    for (const { id, length } of this.files) {
      expect(store.inode(id)?.size).toBe(length);
      const data = cache.read(id, 0, length);
      expect(data.equals(Buffer.alloc(length, id & 0xff))).toBe(true);
    }
  }
}

it('a disk without room for the intent log is said to be full', () => {
  // Inodes for the root directory, the database and its two logs, and the claim of its owner.
  spawnSync('mount', ['-o', 'remount,nr_inodes=5', disk]);
  const open = () => openStore(join(disk, 'store.dafs'), blockBytes);
  expect(open).toThrow(/store\.dafs has no room left on its disk: make some/);
  expect(open).toThrow(expect.objectContaining({ code: 'NO_SPACE' }));
  spawnSync('mount', ['-o', 'remount,nr_inodes=100', disk]);
  open().close();
});

describe('a full disk', () => {
  it('refuses writes when they are made, keeps all it took, and has room after removals', () => {
    const filling = new Filling();
    filling.fill();
    const full = filling.files.length;
    expect(full).toBeGreaterThan(12);
    filling.flush();
    filling.check();
    for (let round = 0; round < 3; round++) {
      filling.remove(8);
      filling.fill();
      filling.flush();
      expect(filling.files.length).toBeGreaterThan(full - 4);
    }
    filling.check();
    filling.store.close();
    const again = openStore(join(disk, 'store.dafs'), blockBytes);
    filling.check(again, new TestCache(again, 128));
  }, 60_000);

  it('takes names until it is full, and gives them up one by one', () => {
    const filling = new Filling();
    filling.fill();
    filling.flush();
    filling.files.length -= 1;
    let made = 0;
    const make = () => {
      filling.add('n'.repeat(200) + made);
      filling.store.commit();
    };
    for (; made < 100_000 && codeOf(make) === undefined; made++);
    expect(made).toBeLessThan(100_000);
    const { length } = filling.files;
    filling.remove(length);
    expect(codeOf(make)).toBeUndefined();
  }, 60_000);

  it('commits nothing of what belongs together by itself, while room is made on it', () => {
    const filling = new Filling();
    filling.add('leaves pages that can be used again');
    filling.append(4 * MIB);
    filling.flush();
    filling.remove(1);
    filling.store.close();
    const { store } = new Filling();
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(bavail * bsize - 3 * MIB));
    // Asks the disk anew.
    store.statistics();
    expect(store.room.isScarce()).toBe(true);

    const object = { type: FileType.REGULAR, mode: 0o644, uid: 1, gid: 1 };
    const other = new Database(join(disk, 'store.dafs'), { readonly: true });
    const committed = other.prepare<[], number>('SELECT count(*) FROM attribute').pluck();
    for (let made = 0; made < 4; made += 1) {
      store.room.together(() => {
        const { id } = store.create(rootId, bytes(`made ${made}`), object);
        store.extendedAttributes.set(id, bytes('user.goes with it'), bytes('value'), 'create');
        expect(committed.get()).toBe(made);
      });
      store.commit();
      store.durability.applyIntents();
      expect(committed.get()).toBe(made + 1);
    }
    other.close();
  }, 60_000);

  it('can be overwritten, and leaves what a crash finds as it was committed', () => {
    const filling = new Filling();
    filling.fill();
    filling.flush();
    for (const { id } of filling.files) {
      filling.cache.write(id, 1000, Buffer.alloc(300_000, id & 0xff));
    }
    filling.flush();
    const copy = join(temporaryDirectory(), 'store.dafs');
    for (const suffix of ['', '-wal']) {
      copyFileSync(join(disk, `store.dafs${suffix}`), copy + suffix);
    }
    const crashed = openStore(copy, blockBytes);
    filling.check(crashed, new TestCache(crashed, 128));
    crashed.close();
    const database = new Database(copy, { readonly: true });
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    database.close();
  }, 60_000);

  it('that others have filled loses nothing of what waits, and takes it when there is room', () => {
    const filling = new Filling();
    filling.add('file');
    filling.store.commit();
    filling.append(4 * MIB);
    const ballast = join(disk, 'ballast');
    const fill = spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=64k']);
    expect(fill.status).not.toBe(0);
    expect(codeOf(() => filling.flush())).toBe('ENOSPC');
    filling.check();
    expect(codeOf(() => filling.append(MIB))).toBe('ENOSPC');
    expect(codeOf(() => filling.store.commit())).toBe('ENOSPC');
    rmSync(ballast);
    filling.flush();
    filling.append(MIB);
    filling.check();
  }, 60_000);

  it('promises only what it has, and keeps the promise', () => {
    const filling = new Filling();
    filling.add('promised');
    const id = filling.files[0]?.id as FileId;
    const { ranges } = filling.cache.cache;
    expect(codeOf(() => ranges.allocate(id, 0, 64 * MIB))).toBe('ENOSPC');
    ranges.allocate(id, 0, 10 * MIB);
    filling.flush();
    const promised = filling.files.splice(0, 1);
    filling.fill();
    filling.flush();
    for (let offset = 0; offset < 10 * MIB; offset += MIB) {
      filling.cache.write(id, offset, Buffer.alloc(MIB, id & 0xff));
    }
    filling.flush();
    filling.files.push(...promised.map((file) => ({ ...file, length: 10 * MIB })));
    filling.check();
  }, 60_000);

  it('of a file system with other files in it still closes and opens', () => {
    const filling = new Filling();
    filling.fill();
    writeFileSync(join(disk, 'ballast'), '');
    spawnSync('dd', ['if=/dev/zero', `of=${join(disk, 'ballast')}`, 'bs=64k']);
    filling.files.length -= 1;
    filling.store.rollback();
    rmSync(join(disk, 'ballast'));
    filling.flush();
    filling.check();
  }, 60_000);
});
