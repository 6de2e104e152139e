import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { type Inode, rootId } from '../../../server/store/index.ts';
import { IntentLog } from '../../../server/store/intent-log.ts';
import { Statements } from '../../../server/store/statements.ts';
import { Transaction } from '../../../server/store/transaction.ts';
import {
  bytes,
  codeOf,
  list,
  makeFile,
  names,
  newStore,
  openStore,
  reopen,
  temporaryDirectory,
} from './support/stores.ts';

const failingDiskNamesProgram = fileURLToPath(
  new URL('./support/failing-disk-names-main.ts', import.meta.url),
);
const failingDiskProgram = fileURLToPath(
  new URL('./support/failing-disk-main.ts', import.meta.url),
);

/** A copy of what an inode says. */
function stateOf(inode: Inode | undefined) {
  expect(inode).toBeDefined();
  const { type, mode, uid, gid, nlink, size, usedBytes, change, parent } = inode as Inode;
  const { atime, mtime, ctime, btime } = inode as Inode;
  return {
    type,
    mode,
    uid,
    gid,
    nlink,
    size,
    usedBytes,
    change,
    parent,
    atime,
    mtime,
    ctime,
    btime,
  };
}

describe('transactions', () => {
  it('begin with the first modification and end with commit', () => {
    const store = newStore();
    expect(store.inTransaction).toBe(false);
    makeFile(store, 'file');
    expect(store.inTransaction).toBe(true);
    store.commit();
    expect(store.inTransaction).toBe(false);
    store.commit();
    expect(store.inTransaction).toBe(false);
  });

  it('are undone whole: names, attributes, counts, and inodes made and reclaimed', () => {
    const store = newStore();
    const kept = makeFile(store, 'kept');
    const gone = makeFile(store, 'gone');
    store.commit();
    const before = [kept, gone].map(stateOf);
    const made = makeFile(store, 'made');
    store.setAttributes(kept.id, { mode: 0, size: 100 });
    store.rename(rootId, bytes('kept'), rootId, bytes('renamed'));
    store.remove(rootId, bytes('gone'));
    store.reclaim(gone.id);
    store.rollback();
    expect(store.inode(made.id)).toBeUndefined();
    expect([kept, gone].map(({ id }) => stateOf(store.inode(id)))).toEqual(before);
    expect(list(store)).toEqual([
      ['gone', gone.id],
      ['kept', kept.id],
    ]);
    expect(names(reopen(store))).toEqual(['gone', 'kept']);
  });

  it('leave nothing of a refused modification', () => {
    const store = newStore();
    makeFile(store, 'file');
    const { change, size } = { ...store.inode(rootId) };
    expect(codeOf(() => makeFile(store, 'file'))).toBe('EEXIST');
    expect(store.inode(rootId)).toMatchObject({ change, size });
    expect(store.statistics().files).toBe(2);
  });

  it('that are not committed are not there after the process', () => {
    const store = newStore();
    makeFile(store, 'committed');
    store.sync();
    makeFile(store, 'undone');
    store.rollback();
    expect(names(reopen(store))).toEqual(['committed']);
  });
});

describe('a transaction whose database fails', () => {
  /** A transaction over a table that takes a few pages only, and what its observer was told. */
  function smallDatabase() {
    const database = new Database(':memory:');
    database.exec('CREATE TABLE item (data BLOB)');
    database.exec('CREATE TABLE filesystem AS SELECT 1 AS id, 0 AS intentEpoch');
    database.pragma('max_page_count = 20');
    const intents = new IntentLog(join(temporaryDirectory(), 'item.db'), new Uint8Array(16), 0);
    const transaction = new Transaction(database, intents);
    const told: string[] = [];
    transaction.observe({
      beforeCommit: () => told.push('beforeCommit'),
      committed: () => told.push('committed'),
      rolledBack: () => told.push('rolledBack'),
    });
    const insert = new Statements(database, intents).change<[number]>(
      'INSERT INTO item VALUES (zeroblob(?))',
    );
    const put = (bytes: number) => transaction.modify(() => insert.run(bytes));
    const count = () => database.prepare('SELECT count(*) FROM item').pluck().get();
    return { database, transaction, intents, told, put, count };
  }

  it('loses the one modification that failed, when it was alone', () => {
    const { transaction, told, put, count } = smallDatabase();
    expect(codeOf(() => put(1e6))).toBe('ENOSPC');
    expect(told).toEqual(['rolledBack']);
    expect(transaction.isOpen).toBe(false);
    put(10);
    transaction.commit();
    expect(count()).toBe(1);
    expect(told).toEqual(['rolledBack', 'beforeCommit', 'committed']);
  });

  it('tells it to everybody whose modifications went with it, once', () => {
    const { transaction, put, count } = smallDatabase();
    put(10);
    expect(codeOf(() => put(1e6))).toBe('ENOSPC');
    expect(codeOf(() => put(10))).toBe('ENOSPC');
    expect(transaction.isOpen).toBe(true);
    expect(codeOf(() => transaction.commit())).toBe('ENOSPC');
    put(10);
    transaction.commit();
    expect(count()).toBe(1);
  });

  it('takes a modification within another for a part of it', () => {
    const { transaction, put, count } = smallDatabase();
    const both = () =>
      transaction.modify(() => {
        put(10);
        put(1e6);
      });
    expect(codeOf(both)).toBe('ENOSPC');
    put(10);
    transaction.commit();
    expect(count()).toBe(1);
  });

  it('loses nothing of what was committed before, wherever that is', () => {
    const { transaction, intents, put, count } = smallDatabase();
    put(10);
    transaction.commit();
    transaction.apply();
    put(20);
    transaction.commit();
    put(30);
    transaction.commit();
    expect(intents.isEmpty).toBe(false);
    put(40);
    expect(codeOf(() => put(1e6))).toBe('ENOSPC');
    expect(count()).toBe(3);
    expect(codeOf(() => transaction.commit())).toBe('ENOSPC');
    expect(codeOf(() => put(1e6))).toBe('ENOSPC');
    expect(count()).toBe(3);
    put(50);
    transaction.commit();
    transaction.apply();
    expect(intents.isEmpty).toBe(true);
    expect(count()).toBe(4);
  });

  it('goes on when the database does not commit what the intent log holds', () => {
    const { transaction, told, put, count } = smallDatabase();
    let isFailing = true;
    transaction.observe({
      beforeStore: () => {
        if (isFailing) {
          throw new Error('no');
        }
      },
    });
    put(10);
    transaction.commit();
    expect(codeOf(() => transaction.apply())).toBe('EIO');
    transaction.tryToApply();
    expect(count()).toBe(1);
    // Nothing is acknowledged any more before the database has it.
    put(20);
    expect(codeOf(() => transaction.commit())).toBe('EIO');
    expect(count()).toBe(1);
    isFailing = false;
    put(30);
    transaction.commit();
    expect(told.at(-1)).toBe('committed');
    expect(transaction.stores).toBe(1);
    expect(count()).toBe(2);
  });

  it('serves nothing more when what was committed cannot be made again', () => {
    const { database, transaction, put } = smallDatabase();
    put(10);
    transaction.commit();
    database.exec('DROP TABLE item; CREATE TABLE other (data BLOB)');
    database.exec('COMMIT; BEGIN');
    expect(codeOf(() => transaction.modify(() => database.exec('no statement')))).toBe('EIO');
    expect(codeOf(() => transaction.requireWhole())).toBe('EIO');
    expect(codeOf(() => transaction.modify(() => undefined))).toBe('EIO');
    expect(codeOf(() => transaction.apply())).toBe('EIO');
  });

  it('is undone when an observer cannot do its part of the commit', () => {
    const { transaction, told, put, count } = smallDatabase();
    let isFailing = true;
    transaction.observe({
      beforeCommit: () => {
        if (isFailing) {
          throw new Error('no');
        }
      },
    });
    put(10);
    expect(codeOf(() => transaction.commitEarly())).toBe('EIO');
    expect(told.at(-1)).toBe('rolledBack');
    expect(codeOf(() => transaction.commit())).toBe('EIO');
    isFailing = false;
    transaction.commit();
    expect(count()).toBe(0);
  });
});

describe('a disk that fails', () => {
  /** The shell limits the size of files, so that writing beyond it is an I/O error. */
  function runOnFailingDisk(program: string, path: string) {
    const script = 'ulimit -f 4000; trap "" XFSZ; exec "$0" "$1" "$2"';
    const result = spawnSync('/bin/bash', ['-c', script, process.execPath, program, path], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(result.stderr).toBe('');
    return JSON.parse(result.stdout);
  }

  it('ends all changes, and what was committed stays and is read', () => {
    const path = join(temporaryDirectory(), 'store.dafs');
    openStore(path, 65_536).close();
    const report = runOnFailingDisk(failingDiskProgram, path);
    expect(report.commitError).toBe('EIO');
    expect(report.laterErrors).toEqual(['EROFS', 'EROFS', 'EROFS', 'EROFS']);
    expect(report.told).toEqual(['EIO']);
    expect(report.files).toBe(report.committedFiles + 1);
    expect(report.sizesInMemory).toEqual(report.sizesStored);
    expect(report.dataIntact).toBe(true);
    const store = openStore(path);
    expect(names(store)).toHaveLength(report.committedFiles + 1);
  });

  it('keeps every name that was acknowledged, also when the process is killed then', () => {
    const path = join(temporaryDirectory(), 'store.dafs');
    openStore(path).close();
    const { acknowledged, error, found } = runOnFailingDisk(failingDiskNamesProgram, path);
    expect(error).toMatch(/^(ENOSPC|EIO)$/);
    expect(acknowledged).toBeGreaterThan(100);
    expect(found).toBe(acknowledged);
    const store = openStore(path);
    expect(names(store)).toHaveLength(acknowledged);
    makeFile(store, 'later');
    store.sync();
  }, 60_000);
});
