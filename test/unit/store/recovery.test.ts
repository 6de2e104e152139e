import { copyFileSync, existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fsck } from '../../../server/fsck/fsck.ts';
import { type FileId, FileType, rootId, type Store } from '../../../server/store/index.ts';
import type { InodeRecord } from '../../../server/store/inode-record.ts';
import { pattern, TestCache } from '../block-cache/support/caches.ts';
import {
  bytes,
  codeOf,
  killedCopy,
  makeFile,
  newStore,
  openStore,
  reclaimAll,
} from './support/stores.ts';

const block = 4096;
const owner = { mode: 0o644, uid: 1, gid: 2 };

/** What writing data changes in an inode at once. */
const changedByData = [
  'change',
  ...['mtime', 'ctime'].flatMap((time) => [`${time}Seconds`, `${time}Nseconds`]),
];
/** What storing them changes in its row. */
const changedByStoring = ['size', 'storedBytes', 'reservedBytes'];

/**
 * All rows of a closed database; what opening does to it is done.
 * @param ahead files with data that the database has not got: nobody has been promised them nor their
 * times, which may get there earlier, with another change of the file, or with data that the log has
 */
function rowsOf(path: string, ahead: readonly InodeRecord[] = []) {
  const store = openStore(path);
  reclaimAll(store);
  store.close();
  const database = new Database(path, { readonly: true });
  const tables = database
    .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .pluck()
    .all();
  const rows = tables.map((table) => {
    const all = database.prepare<[], Record<string, unknown>>(`SELECT * FROM ${table}`).all();
    const known = all.filter((row) => table !== 'block' || !isOf(ahead, 'content', row.content));
    return [table, known.map((row) => promised(table, row, ahead))];
  });
  database.close();
  return Object.fromEntries(rows);
}

function isOf(records: readonly InodeRecord[], key: 'id' | 'content', value: unknown): boolean {
  return records.some((record) => record[key] === value);
}

function promised(table: string, row: Record<string, unknown>, ahead: readonly InodeRecord[]) {
  const isAhead = table === 'inode' && isOf(ahead, 'id', row.id);
  const unpromised = ['intentEpoch', ...(isAhead ? [...changedByData, ...changedByStoring] : [])];
  return Object.fromEntries(Object.entries(row).filter(([column]) => !unpromised.includes(column)));
}

/** Ids are given one after the other, from the root's on. */
const everyId = Array.from({ length: 80 }, (_, index) => (index + 1) as FileId);
const which = fc.nat(100);
const name = fc.constantFrom('a', 'b', 'c', 'd');
const types = Object.values(FileType);

/** One arbitrary of values for every kind of modification, and how it is made. */
const modifications = [
  step(fc.tuple(which, name, which), ({ store, pick }, [directory, name, type]) =>
    store.create(pick(directory), bytes(name), newObject(types[type % types.length] as FileType)),
  ),
  step(fc.tuple(which), ({ store }) => store.createUnnamed(rootId, newObject(FileType.REGULAR))),
  step(fc.tuple(which, which, name), ({ store, pick }, [id, directory, name]) =>
    store.link(pick(id), pick(directory), bytes(name)),
  ),
  step(
    fc.tuple(which, name, fc.boolean()),
    ({ store, cache, pick }, [directory, name, isReclaimed]) => {
      const { id, nlink } = store.remove(pick(directory), bytes(name));
      if (nlink === 0 && isReclaimed) {
        cache.cache.forget(id);
        store.reclaim(id);
      }
    },
  ),
  step(fc.tuple(which, name, which, name), ({ store, pick }, [from, name, to, newName]) =>
    store.rename(pick(from), bytes(name), pick(to), bytes(newName)),
  ),
  step(fc.tuple(which, name, which, name), ({ store, pick }, [from, name, to, newName]) =>
    store.exchange(pick(from), bytes(name), pick(to), bytes(newName)),
  ),
  step(fc.tuple(which, fc.nat(0o7777)), ({ store, pick }, [id, mode]) =>
    store.setAttributes(pick(id), { mode, uid: mode, atime: { seconds: -mode, nseconds: mode } }),
  ),
  step(fc.tuple(which), ({ store, pick }, [id]) => store.recordAccess(pick(id))),
  step(fc.tuple(which, fc.nat(20 * block)), ({ cache, pick }, [id, size]) =>
    cache.cache.truncate(pick(id), size),
  ),
  step(
    fc.tuple(which, fc.nat(10 * block), fc.nat(4 * block)),
    ({ cache, pick }, [id, offset, length]) => cache.write(pick(id), offset, pattern(length)),
  ),
  step(fc.tuple(which), ({ cache, pick }, [id]) => cache.cache.flush(pick(id))),
  step(fc.tuple(which), ({ store, cache, pick }, [id]) => {
    cache.cache.secure(pick(id));
    store.sync();
  }),
  step(fc.tuple(which, name, fc.nat(3000)), ({ store, pick }, [id, name, length]) =>
    store.extendedAttributes.set(pick(id), bytes(name), pattern(length), 'either'),
  ),
  step(fc.tuple(which, name), ({ store, pick }, [id, name]) =>
    store.extendedAttributes.remove(pick(id), bytes(name)),
  ),
  step(fc.tuple(which), ({ store }) => store.reclaimSome()),
  step(fc.tuple(fc.boolean()), ({ store }, [isUndone]) =>
    isUndone ? store.rollback() : store.commit(),
  ),
  step(fc.tuple(fc.constant(0)), ({ store }) => store.durability.applyIntents()),
];

interface Subject {
  readonly store: Store;
  readonly cache: TestCache;
  /** One of the ids there may be. */
  pick(index: number): FileId;
}

function step<Values>(
  values: fc.Arbitrary<Values>,
  make: (subject: Subject, values: Values) => unknown,
): fc.Arbitrary<(subject: Subject) => unknown> {
  return values.map((chosen) => (subject: Subject) => make(subject, chosen));
}

function newObject(type: FileType) {
  const isDevice = type === FileType.BLOCK_DEVICE || type === FileType.CHARACTER_DEVICE;
  return {
    type,
    ...owner,
    ...(type === FileType.SYMBOLIC_LINK && { target: bytes('target') }),
    ...(isDevice && { rdev: { major: 7, minor: 1 } }),
  };
}

/** Single changes of a file with five blocks, a link and an attribute, all of them in the database. */
const changes: Readonly<Record<string, (subject: Prepared) => void>> = {
  'a file cut within a block': ({ cache, file }) => cache.cache.truncate(file, 2 * block + 7),
  'a file cut to nothing': ({ cache, file }) => cache.cache.truncate(file, 0),
  'a file removed and reclaimed': ({ store, cache, file }) => {
    store.remove(rootId, bytes('file'));
    cache.cache.forget(file);
    store.reclaim(file);
  },
  'a link removed and reclaimed': ({ store }) =>
    store.reclaim(store.remove(rootId, bytes('link')).id),
  'a link made': ({ store }) =>
    store.create(rootId, bytes('new'), newObject(FileType.SYMBOLIC_LINK)),
  'an attribute changed': ({ store, file }) =>
    store.extendedAttributes.set(file, bytes('attribute'), bytes('other'), 'replace'),
  'an attribute removed': ({ store, file }) =>
    store.extendedAttributes.remove(file, bytes('attribute')),
  'a mode changed': ({ store, file }) => store.setAttributes(file, { mode: 0o600 }),
  'a file made and removed': ({ store }) => {
    makeFile(store, 'short-lived');
    store.reclaim(store.remove(rootId, bytes('short-lived')).id);
  },
  'a file renamed over another': ({ store }) => {
    makeFile(store, 'replaced');
    store.commit();
    store.rename(rootId, bytes('file'), rootId, bytes('replaced'));
  },
};

interface Prepared {
  readonly store: Store;
  readonly cache: TestCache;
  readonly file: FileId;
}

function prepare(): Prepared {
  const store = newStore(block);
  const cache = new TestCache(store, 64);
  const file = makeFile(store, 'file').id;
  cache.write(file, 0, pattern(5 * block));
  store.create(rootId, bytes('link'), newObject(FileType.SYMBOLIC_LINK));
  store.extendedAttributes.set(file, bytes('attribute'), bytes('value'), 'create');
  cache.cache.flush();
  store.durability.applyIntents();
  return { store, cache, file };
}

describe('a killed process', () => {
  it.each(Object.keys(changes))('leaves %s', (what) => {
    const prepared = prepare();
    const { store } = prepared;
    const before = rowsOf(killedCopy(store));
    changes[what]?.(prepared);
    store.commit();
    expect(store.durability.hasIntents).toBe(true);
    const killed = rowsOf(killedCopy(store));
    expect(killed).not.toEqual(before);
    store.close();
    expect(killed).toEqual(rowsOf(store.path));
  });

  it('leaves exactly the rows of everything that it had committed', { timeout: 120_000 }, () => {
    const steps = fc.array(fc.oneof(...modifications), {
      minLength: 1,
      maxLength: 80,
      size: 'max',
    });
    const property = fc.property(steps, (chosen) => {
      const store = newStore(block);
      const subject: Subject = {
        store,
        cache: new TestCache(store, 64),
        pick: (index) => {
          const ids = everyId.filter((id) => store.inode(id) !== undefined);
          return ids[index % ids.length] as FileId;
        },
      };
      for (const make of chosen) {
        codeOf(() => make(subject));
      }
      store.commit();
      const killed = killedCopy(store);
      const ahead = everyId
        .map((id) => store.contents.peek(id))
        .filter((record) => record?.dataPending === true)
        .map((record) => record as InodeRecord);
      store.close();
      for (const path of [killed, store.path]) {
        expect(fsck(path, { isRepair: false }).findings).toEqual([]);
      }
      expect(rowsOf(killed, ahead)).toEqual(rowsOf(store.path, ahead));
    });
    fc.assert(property, { numRuns: 30 });
  });

  it('leaves nothing of what it had not committed', () => {
    const store = newStore();
    makeFile(store, 'committed');
    store.commit();
    makeFile(store, 'not committed');
    const again = openStore(killedCopy(store));
    expect(again.lookup(rootId, bytes('committed'))).toBeDefined();
    expect(again.lookup(rootId, bytes('not committed'))).toBeUndefined();
  });

  it('can be killed again while its successor works', () => {
    let store = newStore();
    for (let round = 0; round < 5; round += 1) {
      makeFile(store, `file ${round}`);
      store.commit();
      if (round % 2 === 0) {
        store.durability.applyIntents();
        makeFile(store, `later ${round}`);
        store.commit();
      }
      store = openStore(killedCopy(store));
    }
    for (const name of ['file 0', 'later 0', 'file 1', 'file 2', 'later 2', 'file 3', 'later 4']) {
      expect([name, store.lookup(rootId, bytes(name)) === undefined]).toEqual([name, false]);
    }
  });

  it('leaves its intents to nobody else: another database in its place has none', () => {
    const store = newStore();
    makeFile(store, 'file');
    store.commit();
    const other = newStore();
    other.close();
    copyFileSync(`${store.path}-intents`, `${other.path}-intents`);
    const again = openStore(other.path);
    expect(again.lookup(rootId, bytes('file'))).toBeUndefined();
  });
});

describe('closing', () => {
  it('leaves a database alone', () => {
    const store = newStore();
    makeFile(store, 'file');
    store.commit();
    expect(existsSync(`${store.path}-intents`)).toBe(true);
    store.close();
    expect(existsSync(`${store.path}-intents`)).toBe(false);
    const database = new Database(store.path, { readonly: true });
    expect(database.prepare('SELECT count(*) FROM entry').pluck().get()).toBe(1);
    database.close();
  });
});
