/** Answers that promise stable storage, over a disk that is as slow as the test wants. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ChainFlag } from '../../../client/protocol/constants.ts';
import type { OperationName } from '../../../client/protocol/operations.ts';
import { statusOf } from '../../../server/data-plane/status.ts';
import { StoreError } from '../../../server/store/index.ts';
import { Files, unchecked } from './support/files.ts';
import { loggedContent } from './support/logged-content.ts';
import { ManualLogSync } from './support/manual-log-sync.ts';
import { bytes, type TestConnection, TestServer, text } from './support/test-server.ts';

const { DAFS_CHF_FORW: FORW, DAFS_CHF_BACK: BACK } = ChainFlag;
const ROOT = { uid: 0, gid: 0 };
const OTHER = { peer: ROOT, connect: { clientIdString: bytes('other') } };

let disk: ManualLogSync;
let server: TestServer;
let files: Files;
let file: ReturnType<Files['create']>;
let connection: TestConnection;
beforeEach(() => {
  disk = new ManualLogSync();
  server = new TestServer({ openLogSync: () => disk, limits: { maxRequests: 64 } });
  files = new Files(
    server.client({ peer: ROOT, connect: { maxRequests: 64, useResponseCache: true } }),
  );
  connection = files.connection;
  file = files.create('file');
  connection.sent.length = 0;
});
afterEach(() => {
  if (!disk.isClosed) {
    server.close();
  }
});

/** Submits a write of one byte; by default one that is stable when it is answered. */
function write(offset: number, stableHow: 0 | 1 | 2 = 2, chainFlags = 0): void {
  const data = bytes(String.fromCharCode(65 + offset));
  const place = { ...file, offset, stableHow, writePadded: false, cacheHint: 0 };
  connection.submit('WRITE_INLINE', { ...place, data }, { chainFlags });
}

/** Ends a sync, and gives the server its turn. */
function endSync(error?: Error): void {
  disk.end(error);
  server.engine.finish();
}

const answers = (name: OperationName, from = connection): string[] =>
  from.sent.splice(0).map((message) => from.decode(name, message).status);

const logged = () => loggedContent(server.store, 'file');

describe('a sync', () => {
  it('is what the answer waits for, and nobody else', () => {
    const other = new Files(server.client(OTHER));
    write(0);
    server.engine.finish();
    expect(connection.sent).toHaveLength(0);
    expect(logged()).toBe('A');
    // The same client and others are answered meanwhile, with what is not stable yet, too.
    expect(connection.call('NULL', {}).status).toBe('OK');
    const opened = other.open('file').results;
    expect(text(other.read(opened, 0, 9).results.readData)).toBe('A');
    expect(files.create('new')).toBeDefined();
    expect(files.write(file, 1, 'unstable').status).toBe('OK');
    connection.sent.length = 0;
    endSync();
    expect(answers('WRITE_INLINE')).toEqual(['OK']);
    expect(disk.begun).toBe(1);
  });

  it('is shared by all who came while the one before was under way', () => {
    const commit = { filehandle: file.filehandle, offset: 0, count: 0 };
    write(0);
    server.engine.finish();
    for (let count = 1; count <= 16; count += 1) {
      write(count);
      server.engine.finish();
    }
    connection.submit('COMMIT', commit);
    server.engine.finish();
    // What came later is no part of the sync under way, and so of no use to it.
    expect(logged()).toBe('A');
    expect([disk.begun, connection.sent.length]).toEqual([1, 0]);
    endSync();
    expect([disk.begun, connection.sent.length]).toEqual([2, 1]);
    expect(logged()).toBe('ABCDEFGHIJKLMNOPQ');
    endSync();
    expect([disk.begun, connection.sent.length]).toEqual([2, 18]);
  });

  it('is not needed for what is stable', () => {
    const commit = { filehandle: file.filehandle, offset: 0, count: 0 };
    write(0);
    server.engine.finish();
    endSync();
    connection.sent.length = 0;
    expect(connection.call('COMMIT', commit).status).toBe('OK');
    expect(disk.begun).toBe(1);
  });

  it('may be waited for while one client alone asks, one request at a time', () => {
    const other = new Files(server.client(OTHER));
    const askOften = (from: Files) => {
      for (let count = 0; count < 100; count += 1) {
        from.connection.call('NULL', {});
      }
    };
    const isAlone = () => {
      write(0);
      server.engine.finish();
      endSync();
      return disk.wasAlone;
    };
    expect(isAlone()).toBe(false);
    askOften(files);
    expect([isAlone(), isAlone()]).toEqual([true, true]);
    connection.submit('NULL', {});
    expect(isAlone()).toBe(false);
    askOften(files);
    expect(isAlone()).toBe(true);
    askOften(other);
    expect(isAlone()).toBe(false);
  });

  it('may be waited for while all who ask wait for the disk', () => {
    const other = new Files(server.client(OTHER));
    const otherFile = other.open('file').results;
    const round = () => {
      write(0);
      write(1);
      other.connection.submit('COMMIT', { filehandle: otherFile.filehandle, offset: 0, count: 0 });
      server.engine.finish();
      if (disk.isUnderWay) endSync();
      return disk.wasAlone;
    };
    const rounds = (count: number) => Array.from({ length: count }, round);
    expect(rounds(30).at(0)).toBe(false);
    expect(round()).toBe(true);
    other.connection.call('NULL', {});
    expect(rounds(30)).toContain(false);
    expect(round()).toBe(true);
  });

  it('that cannot begin is an error to who asks, and what comes next goes on', () => {
    connection.sent.length = 0;
    vi.spyOn(server.store.durability, 'beginSync').mockImplementationOnce(() => {
      throw new StoreError('ENOSPC', 'the disk is full');
    });
    write(0);
    server.engine.finish();
    expect(answers('WRITE_INLINE')).toEqual(['NOSPC']);
    write(1);
    server.engine.finish();
    endSync();
    expect(answers('WRITE_INLINE')).toEqual(['OK']);
    expect(files.attributes(file.filehandle).objectSize).toBe(2);
    expect(logged()).toBe('AB');
  });

  it('begins before it is asked for, where who writes alone has always asked for it', () => {
    const commit = { filehandle: file.filehandle, offset: 0, count: 0 };
    /** @returns whether the sync has begun without the COMMIT */
    const round = (writes: number) => {
      for (let count = 0; count < writes; count += 1) {
        write(count, 0);
        server.engine.finish();
      }
      const begunBefore = disk.isUnderWay;
      if (disk.isUnderWay) endSync();
      connection.submit('COMMIT', commit);
      server.engine.finish();
      if (disk.isUnderWay) endSync();
      return begunBefore;
    };
    const learn = () => Array.from({ length: 100 }, () => round(1));
    expect(learn().at(0)).toBe(false);
    expect(round(1)).toBe(true);
    // What was written is in the log, and its COMMIT syncs nothing.
    const { begun } = disk;
    expect([round(1), disk.begun]).toEqual([true, begun + 1]);
    // Who looks at files meanwhile, or opens them, changes nothing, and needs no sync.
    write(0, 0);
    server.engine.finish();
    endSync();
    for (let count = 0; count < 20; count += 1) {
      connection.call('NULL', {});
      files.open('file');
    }
    expect(disk.begun).toBe(begun + 2);
    connection.submit('COMMIT', commit);
    server.engine.finish();
    if (disk.isUnderWay) endSync();
    // Two writes are one more than what was expected.
    expect(round(2)).toBe(true);
    expect(round(1)).toBe(false);
    expect(learn().at(-1)).toBe(true);
    const other = new Files(server.client(OTHER));
    other.connection.call('NULL', {});
    expect(round(1)).toBe(false);
  });

  it('that nobody has asked for yet and fails makes what comes next fail', () => {
    const commit = { filehandle: file.filehandle, offset: 0, count: 0 };
    for (let count = 0; count < 100; count += 1) {
      write(0, 0);
      server.engine.finish();
      if (disk.isUnderWay) endSync();
      connection.submit('COMMIT', commit);
      server.engine.finish();
      if (disk.isUnderWay) endSync();
    }
    write(0, 0);
    server.engine.finish();
    endSync(new Error('EIO: the disk is broken'));
    connection.sent.length = 0;
    connection.submit('COMMIT', commit);
    server.engine.finish();
    expect(answers('COMMIT')).toEqual(['IO']);
    expect(files.write(file, 1, 'later').status).toBe('ROFS');
  });

  it('covers names and attributes as well', () => {
    connection.submit('COMMIT', { filehandle: files.root, offset: 0, count: 0 });
    server.engine.finish();
    expect([disk.begun, connection.sent.length]).toEqual([1, 0]);
    endSync();
    expect(answers('COMMIT')).toEqual(['OK']);
  });
});

describe('a chain', () => {
  it('keeps its order, whatever its answers wait for', () => {
    write(0, 2, FORW);
    write(1, 0, FORW | BACK);
    server.engine.finish();
    write(2, 2, FORW | BACK);
    write(3, 0, BACK);
    server.engine.finish();
    expect(connection.sent).toHaveLength(0);
    endSync();
    expect(connection.sent).toHaveLength(2);
    // Behind the chain nothing waits for it.
    write(4, 0);
    server.engine.finish();
    expect(connection.sent).toHaveLength(3);
    endSync();
    const offsets = connection.sent.map(
      (message) => connection.decode('WRITE_INLINE', message).header.analyzerLow,
    );
    const first = offsets[0] as number;
    expect(offsets.map((serial) => serial - first)).toEqual([0, 1, 4, 2, 3]);
  });

  it('goes on at once when what it waited for is stable', () => {
    write(0, 2, FORW);
    server.engine.finish();
    endSync();
    write(1, 0, BACK);
    server.engine.finish();
    expect(answers('WRITE_INLINE')).toEqual(['OK', 'OK']);
  });
});

describe('a sync that fails', () => {
  const failure = new Error('EIO: the disk is broken');

  it('is an error to everybody whose data it should have covered, then and later', () => {
    write(0);
    write(1, 0, 0);
    server.engine.finish();
    expect(answers('WRITE_INLINE')).toEqual(['OK']);
    write(2);
    server.engine.finish();
    endSync(failure);
    expect(answers('WRITE_INLINE')).toEqual(['IO', 'ROFS']);
    // The kernel takes the data for written now: another sync would succeed, and prove nothing.
    connection.submit('COMMIT', { filehandle: files.root, offset: 0, count: 0 });
    server.engine.finish();
    expect(answers('COMMIT')).toEqual(['ROFS']);
    expect(disk.begun).toBe(1);
    expect(server.faults.length).toBeGreaterThan(0);
  });

  it('ends all changes, and reads go on', () => {
    write(0);
    server.engine.finish();
    endSync(failure);
    expect(statusOf(server.engine, server.service, 0).store.readOnlyReason).toMatch(/broken/);
    expect(files.write(file, 0, 'x').status).toBe('ROFS');
    expect(files.open('new', { open: unchecked() }).status).toBe('ROFS');
    expect(files.setAttributes(file.filehandle, { mode: 0o600 }).status).toBe('ROFS');
    expect(files.remove('file')).toBe('ROFS');
    const opened = files.open('file');
    expect(text(files.read(opened.results, 0, 9).results.readData)).toBe('A');
    expect(files.attributes(file.filehandle).objectSize).toBe(1);
    expect(files.connection.call('CLOSE', opened.results).status).toBe('OK');
  });

  it('leaves what its chain did besides as it is', () => {
    write(0, 2, FORW);
    write(1, 0, BACK);
    server.engine.finish();
    endSync(failure);
    expect(answers('WRITE_INLINE')).toEqual(['IO', 'OK']);
  });
});

describe('an end meanwhile', () => {
  it('of the client: nothing is sent to it, and the others are answered', () => {
    const other = server.client(OTHER);
    const root = { filehandle: files.root, offset: 0, count: 0 };
    other.sent.length = 0;
    write(0);
    other.submit('COMMIT', root);
    server.engine.finish();
    connection.die();
    endSync();
    expect(connection.sent).toHaveLength(0);
    expect(answers('COMMIT', other)).toEqual(['OK']);
  });

  it('of the server: closing waits for the sync, and for all that came after', () => {
    write(0);
    server.engine.finish();
    write(1);
    server.engine.finish();
    server.store.sync();
    expect(disk.begun).toBe(1);
    server.service.cache.flush();
    server.store.sync();
    expect(disk.begun).toBe(2);
    server.engine.finish();
    expect(answers('WRITE_INLINE')).toEqual(['OK', 'OK']);
    expect(disk.isClosed).toBe(false);
    expect(logged()).toBe('AB');
    server.close();
    expect(disk.isClosed).toBe(true);
  });
});
