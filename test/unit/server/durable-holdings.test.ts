/** What clients hold, opens and locks, when their server is killed and another one takes its place. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LockType } from '../../../client/protocol/constants.ts';
import { CLAIM_FH, LockKind } from '../../../client/protocol/extensions.ts';
import type { MessageBuffer } from '../../../client/protocol/message-buffer.ts';
import type { ArgumentsOf } from '../../../client/protocol/operations.ts';
import type { Filehandle, StateId } from '../../../client/protocol/types.ts';
import { defaultLimits } from '../../../server/sessions/limits.ts';
import { StateKind, StoreError } from '../../../server/store/index.ts';
import { firstObstacle, isRoot } from '../../support/machine.ts';
import { reclaimAll, temporaryDirectory } from '../store/support/stores.ts';
import { Files, openArguments, unchecked } from './support/files.ts';
import { ALL, Locker, type OpenedFile, ROOT } from './support/locker.ts';
import { bytes, TestServer, type TestServerOptions, text } from './support/test-server.ts';

const { READ_LT, WRITE_LT } = LockType;
const { RECORD, FLOCK } = LockKind;
const READ = 1;
const WRITE = 2;

let server: TestServer;
let servers: TestServer[];
beforeEach(() => {
  servers = [];
  serve();
});
afterEach(() => {
  for (const one of servers) {
    one.close();
  }
});

function serve(options: TestServerOptions = {}): void {
  server = new TestServer(options);
  servers.push(server);
}

/** The server is killed, and a new one serves what is left. */
function restart(): void {
  expect(server.faults).toEqual([]);
  server = server.successor();
  server.engine.finish();
  servers.push(server);
}

/** A client that comes back under its name. */
function client(name = 'client', useResponseCache = true): Files {
  const connect = { clientIdString: bytes(name), useResponseCache };
  return new Files(server.client({ peer: ROOT, connect }));
}

function open(files: Files, name: string, rest: Partial<ArgumentsOf<'OPEN'>> = {}): OpenedFile {
  const { status, results } = files.open(name, { open: unchecked(), ...rest });
  expect(status).toBe('OK');
  return { filehandle: results.filehandle.slice() as Filehandle, stateId: results.stateId };
}

const close = (files: Files, file: OpenedFile): string =>
  files.connection.call('CLOSE', file).status;

const dataOf = (files: Files, file: OpenedFile): string =>
  text(files.read(file, 0, 100).results.readData);

const entries = (kind: StateKind): number =>
  server.store.state.read(kind, (key, value) => [key, value] as const).length;

/** Objects there are, the root included, when all that is free has been freed. */
function objects(): number {
  reclaimAll(server.store);
  return server.store.statistics().files;
}

/** Nobody comes back in time. */
function passLease(): void {
  server.monotonicMs += defaultLimits.leaseMs;
  server.engine.closeOverdue();
  server.engine.finish();
}

describe('an open of a client that comes back', () => {
  it('has its stateid, and reads, writes and closes by it', () => {
    const file = open(client(), 'file');
    restart();
    const files = client();
    expect(files.write(file, 0, 'written').status).toBe('OK');
    expect(dataOf(files, file)).toBe('written');
    expect(client('other').read(file, 0, 1).status).toBe('BAD_STATEID');
    restart();
    expect(close(client(), file)).toBe('OK');
    expect(close(client(), file)).toBe('STALE_STATEID');
    restart();
    expect(entries(StateKind.OPEN)).toBe(0);
    expect(close(client(), file)).toBe('STALE_STATEID');
  });

  it('has the rights that it had last', () => {
    const files = client();
    const reader = open(files, 'file', { shareAccess: READ, owner: bytes('reader') });
    const both = open(files, 'file', { shareAccess: READ | WRITE, owner: bytes('both') });
    const again = open(files, 'file', { shareAccess: WRITE, owner: bytes('reader') });
    expect(again.stateId).toBe(reader.stateId);
    const less = { shareAccess: READ, shareDeny: 0, shareKeyType: 0, shareKey: 0n } as const;
    expect(files.connection.call('OPEN_DOWNGRADE', { ...both, ...less }).status).toBe('OK');
    restart();
    expect(client().write(reader, 0, 'x').status).toBe('OK');
    expect(client().write(both, 0, 'x').status).toBe('ACCES');
    expect(client().read(both, 0, 1).status).toBe('OK');
  });

  it('denies others what it denied them, and takes the same key', () => {
    const share = { shareDeny: WRITE, shareKeyType: 3, shareKey: 77n, deleteDisp: 1 } as const;
    const file = open(client(), 'file', { shareAccess: READ, ...share });
    restart();
    const other = client('other');
    const wanted = (shareAccess: number, shareKey: bigint) =>
      other.open('file', { shareAccess, shareKeyType: 3, shareKey }).status;
    expect(wanted(WRITE, 77n)).toBe('DENIED');
    expect(wanted(READ, 78n)).toBe('KEY_MISMATCH');
    expect(other.remove('file')).toBe('DENYDISP_CONFLICT');
    expect(wanted(READ, 77n)).toBe('OK');
    expect(close(client(), file)).toBe('OK');
    expect(wanted(WRITE, 77n)).toBe('OK');
  });

  it('is the same open to its lock owner', () => {
    const rest = { owner: bytes('owner') };
    const file = open(client(), 'file', rest);
    restart();
    expect(open(client(), 'file', rest).stateId).toBe(file.stateId);
    expect(open(client('other'), 'file', rest).stateId).not.toBe(file.stateId);
  });

  it('never has the stateid of another one, be that closed or not', () => {
    const stateIds: StateId[] = [];
    for (let generation = 0; generation < 4; generation += 1) {
      const files = client();
      const opened = ['one', 'two'].map((name) => open(files, name));
      stateIds.push(...opened.map(({ stateId }) => stateId));
      close(files, opened[0] as OpenedFile);
      restart();
    }
    expect(new Set(stateIds).size).toBe(stateIds.length);
    expect(server.service.opens.size).toBe(4);
  });

  it('can be one of a directory', () => {
    const files = client();
    const claim = { claimType: CLAIM_FH, filehandle: files.mkdir('directory') } as const;
    const { results } = files.connection.call('OPEN', {
      ...openArguments(files.root, ''),
      claim,
      shareAccess: READ,
    });
    const { filehandle, stateId } = results;
    expect(files.remove('directory')).toBe('OK');
    restart();
    expect(objects()).toBe(2);
    expect(close(client(), { filehandle, stateId })).toBe('OK');
    expect(objects()).toBe(1);
  });
});

describe('a file without a name', () => {
  it('is kept for who has it open, and goes with the last close', () => {
    const files = client();
    const file = open(files, 'file');
    files.write(file, 0, 'kept', 2);
    expect(files.remove('file')).toBe('OK');
    restart();
    expect(objects()).toBe(2);
    expect(dataOf(client(), file)).toBe('kept');
    restart();
    expect(client().write(file, 4, ' on', 2).status).toBe('OK');
    expect(dataOf(client(), file)).toBe('kept on');
    expect(close(client(), file)).toBe('OK');
    expect(objects()).toBe(1);
    restart();
    expect(objects()).toBe(1);
  });

  it('goes when the client does not come back', () => {
    const files = client();
    open(files, 'file');
    files.remove('file');
    restart();
    passLease();
    expect(objects()).toBe(1);
  });

  it('goes at once when its client is not one that comes back', () => {
    const files = client('fleeting', false);
    open(files, 'file');
    files.remove('file');
    restart();
    expect(objects()).toBe(1);
  });

  it('that never had one can still get it', () => {
    const files = client();
    const claim = { claimType: 4, dirHandle: files.root } as const;
    const rest = { claim, open: unchecked({ mode: 0o600 }) };
    const { filehandle } = open(files, '', rest);
    open(files, '', rest);
    restart();
    const again = client();
    const link = { sourceObject: filehandle, destinationObject: again.root };
    expect(again.connection.call('LINK', { ...link, newname: bytes('named') }).status).toBe('OK');
    expect(again.remove('named')).toBe('OK');
    restart();
    const last = { sourceObject: filehandle, destinationObject: client().root };
    expect(client().connection.call('LINK', { ...last, newname: bytes('late') }).status).toBe(
      'NOENT',
    );
    restart();
    passLease();
    expect(objects()).toBe(1);
  });
});

describe('a lock of a client that comes back', () => {
  let one: Locker;
  let other: Locker;
  beforeEach(() => {
    one = new Locker(server, 'one', { isDurable: true });
    other = new Locker(server, 'other', { isDurable: true });
  });

  function restartAll(): void {
    restart();
    one = new Locker(server, 'one', { isDurable: true, file: one.file });
    other = new Locker(server, 'other', { isDurable: true, file: other.file });
  }

  it('of an open is in the way of others, until it is unlocked', () => {
    one.lock(10n, 5n);
    one.lock(20n, 5n, READ_LT);
    one.unlock(12n, 1n);
    restartAll();
    expect(other.lock(11n, 1n).results).toMatchObject({ lockRes: { offset: 10n, length: 2n } });
    expect(other.lock(12n, 1n).status).toBe('OK');
    expect(other.lock(14n, 1n, READ_LT).status).toBe('DENIED');
    expect(other.lock(20n, 5n, READ_LT).status).toBe('OK');
    expect(one.unlock(0n, ALL).status).toBe('OK');
    restartAll();
    expect(other.lock(10n, 10n).status).toBe('OK');
    expect(one.lock(12n, 1n).status).toBe('DENIED');
  });

  it('of an owner is still his, and names its process', () => {
    one.ownerLock('process', { offset: 7n, length: 3n, pid: 99 });
    restartAll();
    const denied = other.ownerTest('process');
    expect(denied.status).toBe('DENIED');
    expect(denied.results).toMatchObject({ results: { offset: 7n, length: 3n, pid: 99 } });
    expect(one.ownerTest('process').status).toBe('OK');
    expect(one.ownerTest('thread').status).toBe('DENIED');
    expect(one.ownerUnlock('process')).toBe('OK');
    expect(other.ownerLock('process').status).toBe('OK');
  });

  it('of flock(2) is apart from those of ranges', () => {
    expect(one.ownerLock('description', { kind: FLOCK, lockType: READ_LT }).status).toBe('OK');
    restartAll();
    expect(other.ownerLock('description', { kind: RECORD }).status).toBe('OK');
    expect(other.ownerLock('description', { kind: FLOCK, lockType: READ_LT }).status).toBe('OK');
    expect(other.ownerLock('description', { kind: FLOCK, lockType: WRITE_LT }).status).toBe(
      'DENIED',
    );
  });

  it('goes with the last open by which its owner has locked', () => {
    const second = one.open('file');
    one.ownerLock('process', { offset: 0n, length: 1n });
    one.ownerLock('process', { ...second, offset: 5n, length: 1n });
    restartAll();
    one.close();
    expect(other.ownerTest('process').status).toBe('DENIED');
    restart();
    one = new Locker(server, 'one', { isDurable: true, file: second });
    other = new Locker(server, 'other', { isDurable: true, file: other.file });
    expect(other.ownerTest('process').status).toBe('DENIED');
    one.close(second);
    expect(other.ownerTest('process').status).toBe('OK');
    expect(entries(StateKind.LOCK)).toBe(0);
  });

  it('goes with the client that does not come back in time, for good', () => {
    one.lock(0n, ALL);
    restart();
    other = new Locker(server, 'other', { isDurable: true, file: other.file });
    expect(other.test(0n, ALL).status).toBe('DENIED');
    passLease();
    expect(other.test(0n, ALL).status).toBe('OK');
    expect([entries(StateKind.OPEN), entries(StateKind.LOCK)]).toEqual([1, 0]);
    restart();
    expect(server.service.opens.size).toBe(1);
  });
});

describe('clients that do not come back', () => {
  it('leave nothing in the database', () => {
    const locker = new Locker(server, 'fleeting');
    locker.lock(0n, ALL);
    expect([entries(StateKind.OPEN), entries(StateKind.LOCK)]).toEqual([0, 0]);
  });
});

describe('what is held', () => {
  it('counts for the limits of its client', () => {
    serve({ limits: { maxOpensPerClient: 2 } });
    const file = open(client(), 'file');
    open(client(), 'file');
    restart();
    expect(client().open('file').status).toBe('RESOURCE');
    expect(close(client(), file)).toBe('OK');
    expect(client().open('file').status).toBe('OK');
  });

  it('is held when the commit fails that it shares with changes of files, and recorded later', () => {
    const [files, maker] = [client(), client('maker')];
    const kept = open(files, 'file');
    const { store } = server;
    vi.spyOn(store, 'commit').mockImplementationOnce(() => {
      store.rollback();
      throw new StoreError('ENOSPC', 'the disk is full');
    });
    const reading = { shareAccess: READ, owner: bytes('reader') };
    const opening = openArguments(files.root, 'file', reading);
    const making = openArguments(maker.root, 'new', { open: unchecked() });
    const locking = { ...kept, lockType: WRITE_LT, options: 0, offset: 0n, length: 1n } as const;
    const sent = [files, maker].map(({ connection }) => connection.sent.length) as [number, number];
    maker.connection.submit('OPEN', making);
    files.connection.submit('OPEN', opening);
    files.connection.submit('LOCK', locking);
    server.engine.finish();
    const answer = ({ connection }: Files, index: number, name: 'OPEN' | 'LOCK') =>
      connection.decode(name, connection.sent[index] as MessageBuffer).status;
    expect(answer(maker, sent[1], 'OPEN')).toBe('NOSPC');
    expect(answer(files, sent[0], 'OPEN')).toBe('OK');
    expect(answer(files, sent[0] + 1, 'LOCK')).toBe('OK');
    expect(server.faults.splice(0)).toHaveLength(1);
    expect(server.service.opens.size).toBe(2);
    expect(entries(StateKind.LOCK)).toBe(0);
    server.monotonicMs += 1000;
    server.engine.finish();
    restart();
    expect([server.service.opens.size, server.service.locks.size]).toEqual([2, 1]);
    expect(client().open('new').status).toBe('NOENT');
  });

  it('makes nothing for SQLite to commit', () => {
    const files = client();
    close(files, open(files, 'file'));
    server.store.durability.applyIntents();
    const file = open(files, 'file', { shareAccess: READ, open: { openType: 0 } });
    expect(server.store.durability.hasIntents).toBe(true);
    expect(server.store.durability.hasChangedRows).toBe(false);
    close(files, file);
    expect(server.store.durability.hasChangedRows).toBe(false);
  });
});

const obstacle = firstObstacle(isRoot() ? undefined : 'only root can mount a small file system');

describe.skipIf(obstacle !== undefined)('on a full disk', () => {
  let disk: string;
  beforeEach(() => {
    disk = temporaryDirectory();
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'none', disk]);
    serve({ database: join(disk, 'store.dafs') });
  });
  afterEach(() => {
    spawnSync('umount', ['-l', disk]);
  });

  /** Another program takes all the room there is, to the last byte. */
  function fillDisk(): void {
    const file = openSync(join(disk, 'ballast'), 'w');
    for (let length = 1 << 20; length >= 1; ) {
      try {
        writeSync(file, new Uint8Array(length));
      } catch {
        length >>= 1;
      }
    }
    closeSync(file);
  }

  it('files are opened, read, locked and closed, and what is held is recorded when it can be', () => {
    const files = client();
    const early = open(files, 'file');
    files.write(early, 0, 'there', 2);
    const locker = new Locker(server, 'locker', { isDurable: true });
    server.store.sync();
    fillDisk();
    const late: OpenedFile[] = [];
    for (let count = 0; count < 100; count += 1) {
      const file = open(files, 'file', { shareAccess: READ, open: { openType: 0 } });
      expect(dataOf(files, file)).toBe('there');
      expect(locker.lock(BigInt(2 * count), 1n).status).toBe('OK');
      late.push(file);
    }
    expect(late.splice(1).map((file) => close(files, file))).not.toContain('NOSPC');
    expect(server.faults.length).toBeGreaterThan(0);
    expect(close(files, early)).toBe('OK');
    rmSync(join(disk, 'ballast'));
    server.faults.length = 0;
    server.monotonicMs += 1000;
    server.engine.finish();
    restart();
    expect(server.service.opens.size).toBe(2);
    expect(server.service.locks.size).toBe(100);
    expect(dataOf(client(), late[0] as OpenedFile)).toBe('there');
  });
});
