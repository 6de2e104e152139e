import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AttributeKind,
  type AttributeOption,
  type FileId,
  rootId,
  type Store,
} from '../../../server/store/index.ts';
import { applicationId, migrate, migrations } from '../../../server/store/schema.ts';
import {
  bytes,
  codeOf,
  makeFile,
  names,
  newStore,
  openStore,
  reopen,
  temporaryDirectory,
  text,
} from './support/stores.ts';

const set = (store: Store, id: FileId, name: string, value: string, option?: AttributeOption) =>
  store.extendedAttributes.set(id, bytes(name), bytes(value), option ?? 'either');

const get = (store: Store, id: FileId, name: string): string | undefined => {
  const value = store.extendedAttributes.get(id, bytes(name));
  return value && text(value);
};

const remove = (store: Store, id: FileId, name: string): boolean =>
  store.extendedAttributes.remove(id, bytes(name));

const listed = (store: Store, id: FileId): string[] =>
  store.extendedAttributes.list(id).map(({ name }) => text(name));

const kinds = (store: Store, id: FileId): number | undefined => store.inode(id)?.attributeKinds;

describe('extended attributes', () => {
  it('are kept, replaced, listed in the order of their creation, and removed', () => {
    const store = newStore();
    const { id } = makeFile(store, 'file');
    set(store, id, 'user.b', 'one');
    set(store, id, 'user.a', '');
    set(store, id, 'user.b', 'three');
    const again = reopen(store);
    expect(get(again, id, 'user.b')).toBe('three');
    expect(get(again, id, 'user.a')).toBe('');
    expect(get(again, id, 'user.c')).toBeUndefined();
    expect(again.extendedAttributes.list(id)).toMatchObject([{ bytes: 5 }, { bytes: 0 }]);
    expect(listed(again, id)).toEqual(['user.b', 'user.a']);
    expect(remove(again, id, 'user.b')).toBe(true);
    expect(remove(again, id, 'user.b')).toBe(false);
    expect(listed(again, id)).toEqual(['user.a']);
  });

  it('are made or replaced only, where that is asked for', () => {
    const store = newStore();
    const { id } = makeFile(store, 'file');
    expect(codeOf(() => set(store, id, 'user.a', 'x', 'replace'))).toBe('ENOENT');
    set(store, id, 'user.a', 'x', 'create');
    expect(codeOf(() => set(store, id, 'user.a', 'y', 'create'))).toBe('EEXIST');
    set(store, id, 'user.a', 'z', 'replace');
    expect(get(store, id, 'user.a')).toBe('z');
  });

  it('have numbers that are never given twice, each good for its object alone', () => {
    const store = newStore();
    const [file, other] = [makeFile(store, 'file').id, makeFile(store, 'other').id];
    set(store, file, 'user.a', 'x');
    const first = store.extendedAttributes.find(file, bytes('user.a'));
    remove(store, file, 'user.a');
    set(store, file, 'user.a', 'y');
    const second = store.extendedAttributes.find(file, bytes('user.a'));
    expect(second).not.toBe(first);
    expect(store.extendedAttributes.byId(file, first as never)).toBeUndefined();
    expect(store.extendedAttributes.byId(other, second as never)).toBeUndefined();
    expect(store.extendedAttributes.byId(file, second as never)).toEqual({
      name: bytes('user.a'),
      value: bytes('y'),
    });
  });

  it('have names and values of limited length', () => {
    const store = newStore();
    const { id } = makeFile(store, 'file');
    const longest = 'n'.repeat(255);
    set(store, id, longest, 'v'.repeat(65_536));
    expect(get(store, id, longest)).toHaveLength(65_536);
    expect(codeOf(() => set(store, id, `${longest}n`, ''))).toBe('EINVAL');
    expect(codeOf(() => set(store, id, '', ''))).toBe('EINVAL');
    expect(codeOf(() => set(store, id, 'a\0b', ''))).toBe('EINVAL');
    expect(codeOf(() => set(store, id, 'user.a', 'v'.repeat(65_537)))).toBe('EFBIG');
    expect(codeOf(() => set(store, 999 as FileId, 'user.a', ''))).toBe('ESTALE');
  });

  it('are so many that Linux can list them', () => {
    const store = newStore();
    const { id } = makeFile(store, 'file');
    const name = (index: number) => `user.${String(index).padStart(250, '0')}`;
    for (let index = 0; index < 256; index += 1) {
      set(store, id, name(index), '');
    }
    expect(codeOf(() => set(store, id, 'user.a', ''))).toBe('ENOSPC');
    set(store, id, name(7), 'changed');
    remove(store, id, name(8));
    set(store, id, 'user.a', '');
    expect(listed(store, id)).toHaveLength(256);
  });

  it('change ctime and the change counter, and no other time', () => {
    const store = newStore();
    const { id } = makeFile(store, 'file');
    const steps = [
      () => set(store, id, 'user.a', 'x'),
      () => set(store, id, 'user.a', 'y'),
      () => remove(store, id, 'user.a'),
    ];
    for (const step of steps) {
      const { change, mtime, atime } = store.setAttributes(id, {
        ctime: { seconds: 1, nseconds: 0 },
      });
      const before = change;
      step();
      expect(store.inode(id)).toMatchObject({ mtime, atime });
      expect(store.inode(id)?.change).toBeGreaterThan(before);
      expect(store.inode(id)?.ctime.seconds).toBeGreaterThan(1);
    }
  });

  it('are known of by their inode', () => {
    const store = newStore();
    const { id } = makeFile(store, 'file');
    expect(kinds(store, id)).toBe(0);
    set(store, id, 'user.a', 'x');
    expect(kinds(store, id)).toBe(AttributeKind.ANY);
    set(store, id, 'security.capability', 'x');
    expect(kinds(reopen(store), id)).toBe(AttributeKind.ANY | AttributeKind.CAPABILITY);
  });

  it('leave nothing with the last of them', () => {
    const store = newStore();
    const { id } = makeFile(store, 'file');
    set(store, id, 'user.a', 'x');
    set(store, id, 'security.capability', 'x');
    remove(store, id, 'security.capability');
    expect(kinds(store, id)).toBe(AttributeKind.ANY);
    remove(store, id, 'user.a');
    expect(kinds(store, id)).toBe(0);
  });

  it('go with their object', () => {
    const store = newStore();
    const { id } = makeFile(store, 'file');
    set(store, id, 'user.a', 'x');
    const stays = makeFile(store, 'stays').id;
    set(store, stays, 'user.a', 'x');
    store.reclaim(store.remove(rootId, bytes('file')).id);
    const { path } = store;
    store.close();
    const database = new Database(path);
    expect(database.prepare('SELECT inode FROM attribute').pluck().all()).toEqual([stays]);
    database.close();
  });

  it('are undone with their transaction', () => {
    const store = newStore();
    const { id } = makeFile(store, 'file');
    set(store, id, 'user.a', 'x');
    store.commit();
    set(store, id, 'security.capability', 'x');
    set(store, id, 'user.a', 'y');
    store.rollback();
    expect(get(store, id, 'user.a')).toBe('x');
    expect(listed(store, id)).toEqual(['user.a']);
    expect(kinds(store, id)).toBe(AttributeKind.ANY);
  });

  it('are what a map would hold, whatever is done', () => {
    const names = ['user.a', 'user.b', 'security.capability', 'trusted.c'];
    const step = fc.record({
      name: fc.constantFrom(...names),
      value: fc.option(fc.string({ maxLength: 3 })),
      ending: fc.constantFrom('go on', 'go on', 'commit', 'rollback'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const store = newStore();
        const { id } = makeFile(store, 'file');
        store.commit();
        let expected = new Map<string, string>();
        let committed = new Map<string, string>();
        for (const { name, value, ending } of steps) {
          if (value === null) {
            expect(remove(store, id, name)).toBe(expected.delete(name));
          } else {
            set(store, id, name, value);
            expected.set(name, value);
          }
          if (ending === 'commit') {
            store.commit();
            committed = new Map(expected);
          } else if (ending === 'rollback') {
            store.rollback();
            expected = new Map(committed);
          }
          expect(new Map(names.map((key) => [key, get(store, id, key)]))).toEqual(
            new Map(names.map((key) => [key, expected.get(key)])),
          );
          expect(new Set(listed(store, id))).toEqual(new Set(expected.keys()));
          expect((kinds(store, id) ?? 0) !== 0).toBe(expected.size > 0);
        }
        store.close();
      }),
      { numRuns: 30 },
    );
  });
});

describe('a database of schema 1', () => {
  it('gets the table and keeps its files', () => {
    const path = join(temporaryDirectory(), 'old.dafs');
    const database = new Database(path);
    database.pragma(`application_id = ${applicationId}`);
    migrate(database, migrations.slice(0, 1));
    const inode = database.prepare(`INSERT INTO inode VALUES (${Array(21).fill('?').join()})`);
    const times = Array(8).fill(1);
    inode.run(1, 2, 0o755, 0, 0, 2, 20, 0, 1, 1, 0, 0, ...times, 1);
    inode.run(2, 1, 0o640, 7, 8, 1, 0, 0, 2, 0, 0, 0, ...times, 1);
    database.prepare('INSERT INTO entry VALUES (1, 256, ?, 2)').run(Buffer.from('file'));
    database.prepare('INSERT INTO filesystem VALUES (1, ?, 5, 4096, 3)').run(Buffer.alloc(16));
    database.close();
    const store = openStore(path);
    expect(names(store)).toEqual(['file']);
    const id = 2 as FileId;
    expect(store.inode(id)).toMatchObject({ mode: 0o640, uid: 7, gid: 8, attributeKinds: 0 });
    set(store, id, 'user.a', 'x');
    expect(get(reopen(store), id, 'user.a')).toBe('x');
  });
});
