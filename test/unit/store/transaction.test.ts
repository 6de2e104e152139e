import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { rootId } from '../../../server/store/index.ts';
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

const fullDiskProgram = fileURLToPath(new URL('./support/full-disk-main.ts', import.meta.url));

describe('transactions', () => {
  it('begin with the first modification and end with commit', () => {
    const store = newStore();
    expect(store.inTransaction).toBe(false);
    makeFile(store, 'file');
    expect(store.inTransaction).toBe(true);
    store.commit();
    expect(store.inTransaction).toBe(false);
    store.begin();
    store.begin();
    expect(store.inTransaction).toBe(true);
    store.commit();
    store.commit();
  });

  it('are undone whole: names, attributes, counts, and inodes made and reclaimed', () => {
    const store = newStore();
    const kept = makeFile(store, 'kept');
    const gone = makeFile(store, 'gone');
    store.commit();
    const before = [kept, gone].map((inode) => ({ ...inode }));
    const made = makeFile(store, 'made');
    store.setAttributes(kept.id, { mode: 0, size: 100 });
    store.rename(rootId, bytes('kept'), rootId, bytes('renamed'));
    store.remove(rootId, bytes('gone'));
    store.reclaim(gone.id);
    store.rollback();
    expect(store.inode(made.id)).toBeUndefined();
    expect([kept, gone].map(({ id }) => ({ ...store.inode(id) }))).toEqual(before);
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

describe('a disk that is full', () => {
  it('fails the commit, keeps what was committed, and serves on', () => {
    const path = join(temporaryDirectory(), 'store.dafs');
    openStore(path, 65_536).close();
    // The shell limits the size of files, so that writing beyond it fails as on a full disk.
    const script = 'ulimit -f 4000; trap "" XFSZ; exec "$0" "$1" "$2"';
    const result = spawnSync('/bin/bash', ['-c', script, process.execPath, fullDiskProgram, path], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(result.stderr).toBe('');
    const report = JSON.parse(result.stdout);
    expect(report.commitError).toMatch(/^(ENOSPC|EIO)$/);
    expect(report.laterError).toBeNull();
    expect(report.files).toBe(report.committedFiles + 1);
    expect(report.sizesInMemory).toEqual(report.sizesStored);
    expect(report.dataIntact).toBe(true);
    const store = openStore(path);
    expect(names(store)).toHaveLength(report.committedFiles + 1);
  });
});
