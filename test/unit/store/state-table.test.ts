import Database from 'better-sqlite3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StateKind, type Store } from '../../../server/store/index.ts';
import { bytes, killedCopy, makeFile, newStore, openStore, reopen } from './support/stores.ts';

const { CLIENT, OPEN } = StateKind;

const textOf = (store: Store, kind: StateKind = OPEN) =>
  store.state
    .read(kind, (key, value) => [key, value] as const)
    .map(([key, value]) => [Buffer.from(key).toString(), Buffer.from(value).toString()]);

/** Rows that the database has, whatever the intent log has. */
function rowsOf(store: Store): number {
  const database = new Database(store.path, { readonly: true });
  const rows = database.prepare<[], number>('SELECT count(*) FROM state').pluck().get();
  database.close();
  return rows as number;
}

describe('the state of a server', () => {
  it('is kept by kind and key, through a kill and a clean end', () => {
    const store = newStore();
    store.state.put(OPEN, bytes('b'), bytes('1'));
    store.state.put(OPEN, bytes('a'), bytes('2'));
    store.state.put(CLIENT, bytes('a'), bytes('3'));
    store.commit();
    const killed = openStore(killedCopy(store));
    for (const open of [() => store, () => killed, () => reopen(store), () => reopen(killed)]) {
      const opened = open();
      expect(textOf(opened)).toEqual([
        ['a', '2'],
        ['b', '1'],
      ]);
      expect(textOf(opened, CLIENT)).toEqual([['a', '3']]);
    }
  });

  it('goes with the transaction that it was changed in', () => {
    const store = newStore();
    store.state.put(OPEN, bytes('kept'), bytes('1'));
    store.commit();
    store.state.put(OPEN, bytes('undone'), bytes('2'));
    store.state.delete(OPEN, bytes('kept'));
    makeFile(store, 'undone');
    store.rollback();
    store.commit();
    expect(textOf(store)).toEqual([['kept', '1']]);
    expect(textOf(openStore(killedCopy(store)))).toEqual([['kept', '1']]);
  });

  it('costs no row when it is gone before the database commits', () => {
    const store = newStore();
    store.state.put(OPEN, bytes('short'), bytes('1'));
    store.commit();
    store.state.delete(OPEN, bytes('short'));
    store.state.delete(OPEN, bytes('never there'));
    store.commit();
    expect(store.durability.hasIntents).toBe(true);
    store.durability.applyIntents();
    expect(rowsOf(store)).toBe(0);
  });

  it("is nothing that SQLite has to commit, and in nobody's way who reads", () => {
    const store = newStore();
    const { id } = makeFile(store, 'file');
    store.commit();
    store.durability.applyIntents();
    store.state.put(OPEN, bytes('open'), bytes('1'));
    store.commit();
    expect(store.durability.hasChangedRows).toBe(false);
    store.contents.read(store.contents.file(id), 0, 0);
    expect([rowsOf(store), store.durability.hasIntents]).toEqual([0, true]);
    expect(textOf(openStore(killedCopy(store)))).toEqual([['open', '1']]);
    store.setAttributes(id, { mode: 0o600 });
    store.commit();
    expect(store.durability.hasChangedRows).toBe(true);
    store.contents.read(store.contents.file(id), 0, 0);
    expect(rowsOf(store)).toBe(1);
  });

  it('is known before it is committed', () => {
    const store = newStore();
    store.state.put(OPEN, bytes('a'), bytes('1'));
    store.state.put(OPEN, bytes('b'), bytes('2'));
    store.durability.applyIntents();
    store.state.delete(OPEN, bytes('a'));
    store.state.put(OPEN, bytes('c'), bytes('3'));
    const known = ['a', 'b', 'c', 'd'].filter((key) => store.state.has(OPEN, bytes(key)));
    expect(known).toEqual(['b', 'c']);
    expect(store.state.has(CLIENT, bytes('b'))).toBe(false);
    expect(textOf(store)).toEqual([
      ['b', '2'],
      ['c', '3'],
    ]);
    expect(rowsOf(store)).toBe(2);
  });

  it('is what a map is, through commits, undone transactions, kills and new openings', () => {
    const key = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.tuple(fc.constant('put' as const), key, fc.string()) },
      { weight: 3, arbitrary: fc.tuple(fc.constant('delete' as const), key) },
      fc.tuple(fc.constantFrom('commit', 'apply', 'rollback', 'reopen', 'kill')),
    );
    const property = fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
      let store = newStore();
      let model = new Map<string, string>();
      let committed = new Map(model);
      for (const [kind, key = '', value = ''] of steps) {
        if (kind === 'put') {
          store.state.put(OPEN, bytes(key), bytes(value));
          model.set(key, value);
        } else if (kind === 'delete') {
          store.state.delete(OPEN, bytes(key));
          model.delete(key);
        } else if (kind === 'rollback' || kind === 'kill') {
          model = new Map(committed);
          if (kind === 'rollback') store.rollback();
          else store = openStore(killedCopy(store));
        } else {
          if (kind === 'commit') store.commit();
          else if (kind === 'apply') store.durability.applyIntents();
          else store = reopen(store);
          committed = new Map(model);
        }
        expect(new Map(textOf(store) as [string, string][])).toEqual(model);
      }
    });
    fc.assert(property, { numRuns: 30 });
  }, 120_000);
});
