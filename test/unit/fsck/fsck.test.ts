/** What fsck takes for the file system, what it leaves alone, and when it refuses. */
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fsck } from '../../../server/fsck/fsck.ts';
import { rootId } from '../../../server/store/index.ts';
import { migrations, pageBytes } from '../../../server/store/schema.ts';
import {
  bytes,
  killedCopy,
  makeFile,
  newStore,
  openStore,
  temporaryDirectory,
} from '../store/support/stores.ts';
import { ask, damage, makeSample } from './support.ts';

/** Overwrites the end of an index's first page, where its first key lies. */
function damageIndex(path: string, index: string): void {
  const page = ask(path, `SELECT rootpage FROM sqlite_schema WHERE name = '${index}'`) as number;
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.from([0x7f]), 0, 1, page * pageBytes - 1);
  closeSync(file);
}

const withoutRepair = { isRepair: false };

describe('fsck', () => {
  it('sees what a killed server had acknowledged, and leaves it to the next one', () => {
    const store = newStore();
    makeFile(store, 'acknowledged');
    store.commit();
    const killed = killedCopy(store);
    const before = readFileSync(killed);
    for (let round = 0; round < 2; round += 1) {
      const { findings, objects } = fsck(killed, withoutRepair);
      expect(findings).toEqual([]);
      expect(objects.files).toBe(1);
    }
    expect(readFileSync(killed).equals(before)).toBe(true);
    expect(openStore(killed).lookup(rootId, bytes('acknowledged'))).toBeDefined();
  });

  it('keeps it when it repairs', () => {
    const store = newStore();
    const { id } = makeFile(store, 'stored');
    store.durability.applyIntents();
    makeFile(store, 'acknowledged');
    store.commit();
    const killed = killedCopy(store);
    damage(killed, `UPDATE inode SET nlink = 9 WHERE id = ${id}`);
    expect(fsck(killed, { isRepair: true }).findings.map(({ kind }) => kind)).toEqual([
      'link-count',
    ]);
    const again = openStore(killed);
    expect(again.lookup(rootId, bytes('acknowledged'))).toBeDefined();
    expect(again.inode(id)?.nlink).toBe(1);
  });

  it('changes nothing without being asked to', () => {
    const { path, ids } = makeSample();
    damage(path, `DELETE FROM inode WHERE id = ${ids.inner}`);
    const before = readFileSync(path);
    expect(fsck(path, withoutRepair).findings.every(({ repair }) => repair === undefined)).toBe(
      true,
    );
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it('counts orphans, and leaves them to who serves the file system', () => {
    const store = newStore();
    makeFile(store, 'file');
    store.remove(rootId, bytes('file'));
    store.commit();
    const killed = killedCopy(store);
    expect(fsck(killed, { isRepair: true })).toMatchObject({
      findings: [],
      objects: { orphans: 1 },
    });
    expect(fsck(killed, withoutRepair).objects.orphans).toBe(1);
  });

  it('builds damaged indexes anew, and says when there is more to it', () => {
    const { path } = makeSample();
    damageIndex(path, 'blockByNumber');
    expect(fsck(path, withoutRepair).findings).toMatchObject([{ kind: 'structure' }]);
    const [finding] = fsck(path, { isRepair: true }).findings;
    expect(finding?.repair).toMatch(/indexes/);
    expect(fsck(path, withoutRepair).findings).toEqual([]);

    damage(path, 'DROP TABLE symlink');
    const report = fsck(path, { isRepair: true });
    expect(report.findings).toEqual([{ kind: 'structure', message: 'table symlink is missing' }]);
  });

  it('tells how far it is', () => {
    const parts: number[] = [];
    fsck(makeSample().path, { ...withoutRepair, onProgress: (part) => parts.push(part) });
    expect(parts.length).toBeGreaterThan(10);
    expect(parts).toEqual(parts.toSorted((one, other) => one - other));
    expect(parts.every((part) => part >= 0 && part < 1)).toBe(true);
  });

  it('refuses tables that are not ours, and so does who opens them', () => {
    const { path } = makeSample();
    damage(path, 'ALTER TABLE inode RENAME COLUMN attributeKinds TO others');
    expect(() => fsck(path, withoutRepair)).toThrow(/is damaged \(no such column/);
    expect(() => openStore(path)).toThrow(/is damaged \(/);
  });

  it('refuses a database that is served, one that is newer, and what is none', () => {
    const store = newStore();
    expect(() => fsck(store.path, withoutRepair)).toThrow(/already served/);
    store.close();
    damage(store.path, `PRAGMA user_version = ${migrations.length + 1}`);
    expect(() => fsck(store.path, withoutRepair)).toThrow(/update dafs/);
    const letter = join(temporaryDirectory(), 'letter');
    writeFileSync(letter, 'Dear Sir or Madam');
    expect(() => fsck(letter, withoutRepair)).toThrow(/not a file system of dafs/);
    expect(() => fsck(`${letter}s`, withoutRepair)).toThrow(/does not exist/);
  });
});
