import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fsck } from '../../../server/fsck/fsck.ts';
import { type FileId, FileType, rootId, type Store } from '../../../server/store/index.ts';
import { Model } from './support/model.ts';
import {
  bytes,
  codeOf,
  killedCopy,
  list,
  newStore,
  openStore,
  reclaimAll,
  reopen,
  text,
} from './support/stores.ts';

/** Numbers stand for one of the objects there are, names are few, so that operations meet. */
const which = fc.nat(1000);
const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('create' as const), which, name, fc.boolean()) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('link' as const), which, name, which) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('remove' as const), which, name) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('rename' as const), which, name, which, name) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('exchange' as const), which, name, which, name) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('unnamed' as const)) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('lookup' as const), which, name) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('resize' as const), which, fc.nat(20_000)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('chmod' as const), which, fc.nat(0o7777)) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constant('list' as const), which, fc.integer({ min: 1, max: 4 })),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant('reclaim' as const), which) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('commit' as const)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('rollback' as const)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('apply' as const)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('reopen' as const)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('kill' as const)) },
);
type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never;

/** A listing that goes on while the directory changes. */
interface Listing {
  readonly directory: FileId;
  cookie: number;
  readonly seen: string[];
  /** Names that have been there since the listing began. */
  readonly lasting: Set<string>;
}

class Comparison {
  store: Store;
  model = new Model();
  committed = this.model.clone();
  listing: Listing | undefined;

  constructor(store: Store) {
    this.store = store;
  }

  run(operation: Operation): void {
    switch (operation[0]) {
      case 'create':
        this.create(operation[1], operation[2], operation[3]);
        break;
      case 'link':
        this.link(operation[1], operation[2], operation[3]);
        break;
      case 'remove':
        this.remove(operation[1], operation[2]);
        break;
      case 'rename':
        this.rename(operation[1], operation[2], operation[3], operation[4]);
        break;
      case 'exchange':
        this.exchange(operation[1], operation[2], operation[3], operation[4]);
        break;
      case 'unnamed':
        this.createUnnamed();
        break;
      case 'lookup':
        this.lookup(operation[1], operation[2]);
        break;
      case 'resize':
        this.resize(operation[1], operation[2]);
        break;
      case 'chmod':
        this.chmod(operation[1], operation[2]);
        break;
      case 'list':
        this.list(operation[1], operation[2]);
        break;
      case 'reclaim':
        this.reclaim(operation[1]);
        break;
      default:
        this.end(operation[0]);
        break;
    }
  }

  create(directoryIndex: number, name: string, isDirectory: boolean): void {
    const directory = this.pick(this.model.directories, directoryIndex);
    const type = isDirectory ? FileType.DIRECTORY : FileType.REGULAR;
    const code = codeOf(() => {
      const object = { type, mode: 0o640, uid: 3, gid: 4 };
      const { id } = this.store.create(directory, bytes(name), object);
      expect(this.model.whyNotCreate(directory, name)).toBeUndefined();
      this.model.create(directory, name, id, type, 0o640);
    });
    expect(code).toBe(code && this.model.whyNotCreate(directory, name));
  }

  link(directoryIndex: number, name: string, objectIndex: number): void {
    const directory = this.pick(this.model.directories, directoryIndex);
    const id = this.pick([...this.model.objects.keys()], objectIndex);
    const expected = this.model.whyNotLink(id, directory, name);
    expect(codeOf(() => this.store.link(id, directory, bytes(name)))).toBe(expected);
    if (expected === undefined) {
      this.model.link(id, directory, name);
    }
  }

  remove(directoryIndex: number, name: string): void {
    const directory = this.pick(this.model.directories, directoryIndex);
    const expected = this.model.whyNotRemove(directory, name);
    expect(codeOf(() => this.store.remove(directory, bytes(name)))).toBe(expected);
    if (expected === undefined) {
      this.model.remove(directory, name);
      this.leaves(directory, name);
    }
  }

  rename(fromIndex: number, name: string, toIndex: number, newName: string): void {
    const from = this.pick(this.model.directories, fromIndex);
    const to = this.pick(this.model.directories, toIndex);
    const expected = this.model.whyNotRename(from, name, to, newName);
    const code = codeOf(() => this.store.rename(from, bytes(name), to, bytes(newName)));
    expect(code).toBe(expected);
    if (expected === undefined) {
      this.model.rename(from, name, to, newName);
      this.leaves(from, name);
    }
  }

  exchange(fromIndex: number, name: string, toIndex: number, newName: string): void {
    const from = this.pick(this.model.directories, fromIndex);
    const to = this.pick(this.model.directories, toIndex);
    const expected = this.model.whyNotExchange(from, name, to, newName);
    const code = codeOf(() => this.store.exchange(from, bytes(name), to, bytes(newName)));
    expect(code).toBe(expected);
    if (expected === undefined) {
      this.model.exchange(from, name, to, newName);
    }
  }

  createUnnamed(): void {
    const object = { type: FileType.REGULAR, mode: 0o640, uid: 3, gid: 4 };
    this.model.createUnnamed(this.store.createUnnamed(rootId, object).id);
  }

  lookup(directoryIndex: number, name: string): void {
    const directory = this.pick(this.model.directories, directoryIndex);
    const expected = this.model.get(directory).entries.get(name);
    expect(this.store.lookup(directory, bytes(name))).toBe(expected);
  }

  resize(index: number, size: number): void {
    const id = this.pick([...this.model.objects.keys()], index);
    const isFile = this.model.get(id).type === FileType.REGULAR;
    const code = codeOf(() => this.store.setAttributes(id, { size }));
    expect(code).toBe(isFile ? undefined : 'EISDIR');
    this.model.get(id).size = isFile ? size : this.model.get(id).size;
  }

  chmod(index: number, mode: number): void {
    const id = this.pick([...this.model.objects.keys()], index);
    this.store.setAttributes(id, { mode });
    this.model.get(id).mode = mode;
  }

  list(index: number, steps: number): void {
    this.listing ??= this.startListing(this.pick(this.model.directories, index));
    const { listing } = this;
    let left = steps;
    const isEnd = this.store.readDirectory(
      listing.directory,
      listing.cookie,
      (name, id, cookie) => {
        expect(this.model.get(listing.directory).entries.get(text(name))).toBe(id);
        listing.seen.push(text(name));
        listing.cookie = cookie;
        return --left > 0;
      },
    );
    if (isEnd) {
      this.listing = undefined;
      for (const name of listing.lasting) {
        expect(listing.seen.filter((seen) => seen === name)).toEqual([name]);
      }
    }
  }

  startListing(directory: FileId): Listing {
    const lasting = new Set(this.model.get(directory).entries.keys());
    return { directory, cookie: 0, seen: [], lasting };
  }

  leaves(directory: FileId, name: string): void {
    if (this.listing?.directory === directory) {
      this.listing.lasting.delete(name);
    }
  }

  reclaim(index: number): void {
    const { orphans } = this.model;
    if (orphans.length > 0) {
      this.forgetOrphan(this.pick(orphans, index));
    }
  }

  forgetOrphan(id: FileId): void {
    this.store.reclaim(id);
    this.model.objects.delete(id);
    this.listing = this.listing?.directory === id ? undefined : this.listing;
  }

  end(kind: 'commit' | 'apply' | 'rollback' | 'reopen' | 'kill'): void {
    if (kind === 'rollback' || kind === 'kill') {
      this.model = this.committed.clone();
      this.listing = undefined;
    }
    if (kind === 'rollback') {
      this.store.rollback();
    } else if (kind === 'kill') {
      const killed = killedCopy(this.store);
      this.store.close();
      this.goOnWith(openStore(killed));
    } else if (kind === 'reopen') {
      this.goOnWith(reopen(this.store));
    } else if (kind === 'apply') {
      this.store.durability.applyIntents();
    }
    this.store.commit();
    this.committed = this.model.clone();
  }

  goOnWith(opened: Store): void {
    this.store = opened;
    // Nobody has an orphan open any more, and opening frees them for some time only.
    reclaimAll(opened);
    for (const id of this.model.orphans) {
      this.model.objects.delete(id);
    }
    this.listing = undefined;
  }

  pick(ids: readonly FileId[], index: number): FileId {
    return ids[index % ids.length] as FileId;
  }

  check(): void {
    for (const [id, { type, nlink, mode, size, entries }] of this.model.objects) {
      expect(this.store.inode(id)).toMatchObject({ id, type, nlink, mode, size });
      if (type === FileType.DIRECTORY) {
        expect(list(this.store, id)).toEqual([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
      }
    }
    expect(this.store.statistics().files).toBe(this.model.objects.size);
    expect(this.store.inode(rootId)?.nlink).toBe(this.model.get(rootId).nlink);
  }
}

describe('Store', () => {
  it('is what the model is, through commits, undone transactions and new openings', () => {
    const operations = fc.array(operation, { minLength: 1, maxLength: 120, size: 'max' });
    const property = fc.property(operations, (steps) => {
      const comparison = new Comparison(newStore());
      for (const step of steps) {
        comparison.run(step);
      }
      comparison.check();
      comparison.end('reopen');
      comparison.check();
      comparison.store.close();
      expect(fsck(comparison.store.path, { isRepair: false }).findings).toEqual([]);
    });
    fc.assert(property, { numRuns: 40 });
  }, 120_000);
});
