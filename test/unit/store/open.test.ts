import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { rootId, Store, StoreOpenError } from '../../../server/store/index.ts';
import { type Migration, migrate } from '../../../server/store/schema.ts';
import {
  makeDirectory,
  makeFile,
  names,
  newStore,
  openStore,
  temporaryDirectory,
} from './support/stores.ts';

const ownerProgram = fileURLToPath(new URL('./support/owner-main.ts', import.meta.url));
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL');
  }
});

/** A process that serves the database until it is killed. */
async function startOwner(path: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [ownerProgram, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('exit', () => reject(new Error('the owner ended')));
  });
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

/** Every file of the directory with the checksum of its bytes. */
function fingerprint(directory: string): Record<string, string> {
  const sums = readdirSync(directory).map((name) => {
    const sum = createHash('sha256').update(readFileSync(join(directory, name)));
    return [name, sum.digest('hex')];
  });
  return Object.fromEntries(sums);
}

/** The refusal of a database, whose directory must be the same before and after. */
function refusal(path: string, create = true): StoreOpenError {
  const before = fingerprint(dirname(path));
  let refused: unknown;
  try {
    Store.open(path, { create }).close();
  } catch (error) {
    refused = error;
  }
  expect(fingerprint(dirname(path))).toEqual(before);
  expect(refused).toBeInstanceOf(StoreOpenError);
  expect((refused as StoreOpenError).message).toContain(basename(path));
  return refused as StoreOpenError;
}

/** The path of a store that was closed, with something in it. */
function closedStore(): string {
  const store = newStore();
  makeFile(store, 'file');
  makeDirectory(store, 'directory');
  store.close();
  return store.path;
}

describe('Store.open', () => {
  it('makes a database that only its owner may read, with a root directory', () => {
    const store = newStore();
    expect(store.inode(rootId)).toMatchObject({ type: 2, mode: 0o755, nlink: 2, parent: rootId });
    expect(store.identity).toHaveLength(16);
    expect(statSync(store.path).mode & 0o777).toBe(0o600);
  });

  it('finds everything again, and leaves one file when it is closed', () => {
    const path = closedStore();
    expect(readdirSync(dirname(path))).toEqual([basename(path)]);
    const store = openStore(path);
    expect(names(store)).toEqual(['directory', 'file']);
  });

  it('keeps identity and block size', () => {
    const store = newStore(8192);
    const { identity, path } = store;
    store.close();
    const again = openStore(path, 4096);
    expect(again.identity).toEqual(identity);
    expect(again.blockBytes).toBe(8192);
  });

  it('takes an empty file for a new database', () => {
    const path = join(temporaryDirectory(), 'empty');
    writeFileSync(path, '');
    expect(names(openStore(path))).toEqual([]);
  });

  it('opens through a symbolic link what the link names', () => {
    const path = closedStore();
    const link = join(dirname(path), 'link');
    symlinkSync(path, link);
    const store = openStore(link);
    expect(store.path).toBe(path);
    expect(() => Store.open(path, { create: false })).toThrow(StoreOpenError);
  });

  it('recovers what a killed process had committed', async () => {
    const path = join(temporaryDirectory(), 'store.dafs');
    await kill(await startOwner(path));
    expect(existsSync(`${path}-wal`)).toBe(true);
    expect(existsSync(`${path}-intents`)).toBe(true);
    expect(names(openStore(path))).toEqual(['committed']);
  });
});

describe('Store.open refuses', () => {
  it('a directory that is not there', () => {
    const path = join(temporaryDirectory(), 'missing', 'store.dafs');
    expect(() => Store.open(path, { create: true })).toThrow(
      expect.objectContaining({ code: 'NO_SUCH_DIRECTORY' }),
    );
  });

  it('a file that is not there and shall not be made', () => {
    expect(refusal(join(temporaryDirectory(), 'store.dafs'), false).code).toBe('NO_SUCH_FILE');
  });

  it('a directory, a text, another database, an empty file that shall not be filled', () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'parent', 'directory'), { recursive: true });
    expect(() => Store.open(join(directory, 'parent', 'directory'), { create: true })).toThrow(
      expect.objectContaining({ code: 'NOT_OURS' }),
    );
    const text = join(temporaryDirectory(), 'text');
    writeFileSync(text, 'Dear diary, '.repeat(100));
    expect(refusal(text).code).toBe('NOT_OURS');
    const short = join(temporaryDirectory(), 'short');
    writeFileSync(short, 'SQLite format 3\0');
    expect(refusal(short).code).toBe('NOT_OURS');
    const other = join(temporaryDirectory(), 'other.db');
    const database = new Database(other);
    database.pragma('journal_mode = WAL');
    database.exec('CREATE TABLE inode (id)');
    database.close();
    expect(refusal(other).code).toBe('NOT_OURS');
    const empty = join(temporaryDirectory(), 'empty');
    writeFileSync(empty, '');
    expect(refusal(empty, false).code).toBe('NOT_OURS');
  });

  it('a newer schema', () => {
    const path = closedStore();
    const database = new Database(path);
    database.pragma('user_version = 1000');
    database.close();
    const { code, message } = refusal(path);
    expect(code).toBe('NEWER_SCHEMA');
    expect(message).toMatch(/schema 1000.*update dafs/);
  });

  it('a file or a directory that nobody may write', () => {
    const path = closedStore();
    chmodSync(path, 0o400);
    expect(refusal(path).code).toBe('READ_ONLY');
  });

  it('a database that lost its end', () => {
    const path = closedStore();
    truncateSync(path, Math.floor(statSync(path).size / 2 / 4096) * 4096);
    expect(refusal(path).code).toBe('DAMAGED');
  });

  it.each([
    ['the schema', 100],
    ['a page of a table', 3 * 16384],
  ])('a database with %s overwritten', (_, offset) => {
    const path = closedStore();
    const content = readFileSync(path);
    content.fill(0xff, offset, offset + 4000);
    writeFileSync(path, content);
    const { code, message } = refusal(path);
    expect(code).toBe('DAMAGED');
    expect(message).toMatch(/restore it/);
  });

  it('a damaged database with the log of a crash, which stays too', async () => {
    const path = join(temporaryDirectory(), 'store.dafs');
    await kill(await startOwner(path));
    const database = readFileSync(path);
    database.fill(0xff, 200, 16384);
    writeFileSync(path, database);
    const log = readFileSync(`${path}-wal`);
    // The log holds newer copies of the pages: it must not be what makes them good again.
    log.fill(0xee, 32 + 24);
    writeFileSync(`${path}-wal`, log);
    const before = fingerprint(dirname(path));
    expect(() => Store.open(path, { create: false })).toThrow(
      expect.objectContaining({ code: 'DAMAGED' }),
    );
    const after = fingerprint(dirname(path));
    expect(after[basename(path)]).toBe(before[basename(path)]);
    expect(after[`${basename(path)}-wal`]).toBe(before[`${basename(path)}-wal`]);
  });

  it('a database without a table, or without its root', () => {
    for (const damage of ['DROP TABLE symlink', 'DELETE FROM inode', 'DELETE FROM filesystem']) {
      const path = closedStore();
      const database = new Database(path);
      database.exec(damage);
      database.close();
      expect(refusal(path).code).toBe('DAMAGED');
    }
  });
});

describe('ownership', () => {
  it('is one per database, within a process too', () => {
    const store = newStore();
    makeFile(store, 'file');
    expect(() => Store.open(store.path, { create: false })).toThrow(
      expect.objectContaining({ code: 'BUSY' }),
    );
    // The refused attempt has not taken the owner's lock away.
    expect(() => Store.open(store.path, { create: false })).toThrow(
      expect.objectContaining({ code: 'BUSY' }),
    );
    store.commit();
    store.close();
    expect(names(openStore(store.path))).toEqual(['file']);
  });

  it('is the process that lives, and ends when it is killed', async () => {
    const path = join(temporaryDirectory(), 'store.dafs');
    const owner = await startOwner(path);
    expect(() => Store.open(path, { create: true })).toThrow(
      expect.objectContaining({
        code: 'BUSY',
        message: expect.stringMatching(
          `${basename(path)} is already served by process ${owner.pid}`,
        ),
      }),
    );
    await kill(owner);
    expect(names(openStore(path))).toEqual(['committed']);
  });
});

describe('migrate', () => {
  const steps: readonly Migration[] = [
    { version: 1, statements: 'CREATE TABLE a (x)' },
    { version: 2, statements: 'CREATE TABLE b (y); INSERT INTO b SELECT x FROM a' },
    { version: 3, statements: 'DROP TABLE a' },
  ];

  it('does the steps that are missing, in order', () => {
    const database = new Database(':memory:');
    migrate(database, steps.slice(0, 1));
    database.exec('INSERT INTO a VALUES (7)');
    migrate(database, steps);
    expect(database.pragma('user_version', { simple: true })).toBe(3);
    expect(database.prepare('SELECT y FROM b').pluck().all()).toEqual([7]);
    migrate(database, steps);
    database.close();
  });

  it('does all of them or none', () => {
    const database = new Database(':memory:');
    migrate(database, steps.slice(0, 1));
    const broken = [...steps, { version: 4, statements: 'DROP TABLE c' }];
    expect(() => migrate(database, broken)).toThrow('no such table');
    expect(database.pragma('user_version', { simple: true })).toBe(1);
    database.close();
  });
});
