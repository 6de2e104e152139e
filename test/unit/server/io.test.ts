import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fletcher32 } from '../../../client/protocol/checksum.ts';
import type { ArgumentsOf } from '../../../client/protocol/operations.ts';
import type { DirectOpBuffer, SessionId, StateId } from '../../../client/protocol/types.ts';
import { anonymous, Files } from './support/files.ts';
import { loggedContent } from './support/logged-content.ts';
import { bytes, TestServer, text } from './support/test-server.ts';

const ROOT = { uid: 0, gid: 0 };

let server: TestServer;
let files: Files;
beforeEach(() => {
  server = new TestServer();
  files = new Files(server.client({ peer: ROOT }));
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

type File = ReturnType<Files['create']>;

const pattern = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 0xff);

const register = (memory: Uint8Array, access?: 'rdma-write' | 'rdma-read'): DirectOpBuffer =>
  files.connection.remoteMemory.register(memory, access);

const readDirect = (file: File, offset: number, byteCount: number, buffers: DirectOpBuffer[]) =>
  files.connection.call('READ_DIRECT', {
    ...file,
    offset,
    byteCount,
    cacheHint: 0,
    readDataBuffers: buffers,
  });

const writeDirect = (
  file: File,
  offset: number,
  byteCount: number,
  buffers: DirectOpBuffer[],
  rest: Partial<ArgumentsOf<'WRITE_DIRECT'>> = {},
) =>
  files.connection.call('WRITE_DIRECT', {
    ...file,
    offset,
    byteCount,
    stableHow: 0,
    cacheHint: 0,
    directChecksum: 0,
    writeDataBuffers: buffers,
    ...rest,
  });

describe('inline', () => {
  it('writes and reads what was written', () => {
    const file = files.create('file');
    const written = files.write(file, 3, 'hello');
    expect(written.results).toMatchObject({ count: 5, committed: 0 });
    const { results } = files.read(file, 0, 100);
    expect(results.eof).toBe(true);
    expect(text(results.readData)).toBe('\0\0\0hello');
    const part = files.read(file, 4, 2).results;
    expect(part.eof).toBe(false);
    expect(text(part.readData)).toBe('el');
  });

  it('reads nothing behind the end, and says so', () => {
    const file = files.create('file', { objectSize: 10 });
    expect(files.read(file, 10, 5).results).toMatchObject({ eof: true });
    expect(files.read(file, 1 << 30, 5).results.readData).toHaveLength(0);
    expect(files.read(file, 5, 5).results).toMatchObject({ eof: true });
    expect(files.read(file, 0, 0).results).toMatchObject({ eof: false });
  });

  it('reads less than asked for when the response has no room', () => {
    const file = files.create('file', { objectSize: 100_000 });
    const { results } = files.read(file, 0, 100_000);
    expect(results.eof).toBe(false);
    expect(results.readData).toHaveLength(8192 - 48);
  });

  it('takes data that is padded to where both agreed', () => {
    const connection = server.client({ peer: ROOT, connect: { inlineWriteHeaderSize: 1024 } });
    const padded = new Files(connection);
    const file = padded.create('file');
    const args = { ...file, offset: 0, stableHow: 0, cacheHint: 0, data: bytes('padded') } as const;
    expect(connection.call('WRITE_INLINE', { ...args, writePadded: true }).status).toBe('OK');
    expect(text(padded.read(file, 0, 100).results.readData)).toBe('padded');
  });

  it('writes nothing when there is nothing, and leaves the times', () => {
    const file = files.create('file');
    const before = files.attributes(file.filehandle).change;
    expect(files.write(file, 100, '').results.count).toBe(0);
    expect(files.attributes(file.filehandle).change).toBe(before);
    expect(files.attributes(file.filehandle).objectSize).toBe(0);
  });

  it('refuses what no file can hold, and what is no regular file', () => {
    const file = files.create('file');
    expect(files.write(file, Number.MAX_SAFE_INTEGER, 'x').status).toBe('FBIG');
    expect(files.write({ filehandle: files.root, stateId: anonymous }, 0, 'x').status).toBe(
      'INVAL',
    );
    expect(files.read({ filehandle: files.root, stateId: anonymous }, 0, 1).status).toBe('INVAL');
  });

  it('asks the mode where there is no open', () => {
    const file = { ...files.create('file', { mode: 0o604 }), stateId: anonymous };
    files.actAs(7);
    expect(files.write(file, 0, 'x').status).toBe('ACCES');
    expect(files.read(file, 0, 1).status).toBe('OK');
  });

  it('takes setuid away when somebody but the superuser writes', () => {
    const file = files.create('file', { mode: 0o6777 });
    files.write(file, 0, 'x');
    expect(files.attributes(file.filehandle).mode).toBe(0o6777);
    files.actAs(7);
    files.write({ ...file, stateId: anonymous }, 0, 'x');
    expect(files.attributes(file.filehandle).mode).toBe(0o777);
  });

  it('keeps the time of the first read after a change', async () => {
    const file = files.create('file');
    files.write(file, 0, 'x');
    await new Promise((resolve) => setTimeout(resolve, 5));
    const before = files.attributes(file.filehandle);
    files.read(file, 0, 1);
    const first = files.attributes(file.filehandle);
    expect(first.timeAccess).not.toEqual(before.timeAccess);
    expect(first.timeMetadata).toEqual(before.timeMetadata);
    files.read(file, 0, 1);
    expect(files.attributes(file.filehandle).timeAccess).toEqual(first.timeAccess);
  });
});

describe('direct', () => {
  it('moves data between the file and several buffers', () => {
    const file = files.create('file');
    const data = pattern(300_000);
    const sources = [data.slice(0, 1), data.slice(1, 100_001), data.slice(100_001)];
    const written = writeDirect(
      file,
      12_345,
      data.length,
      sources.map((source) => register(source)),
    );
    expect(written.results).toMatchObject({ count: data.length, committed: 0 });
    const targets = [7, 200_000, 99_993].map((length) => new Uint8Array(length));
    const { results } = readDirect(
      file,
      12_345,
      data.length,
      targets.map((target) => register(target)),
    );
    expect(results).toMatchObject({ bytesRead: data.length, eof: true });
    expect(Buffer.concat(targets).equals(data)).toBe(true);
  });

  it('writes zeros for holes', () => {
    const file = files.create('file', { objectSize: 500_000 });
    files.write(file, 400_000, 'x');
    const target = new Uint8Array(500_000).fill(1);
    expect(readDirect(file, 0, 500_000, [register(target)]).results.bytesRead).toBe(500_000);
    expect(target[400_000]).toBe('x'.charCodeAt(0));
    target[400_000] = 0;
    expect(target.every((byte) => byte === 0)).toBe(true);
  });

  it('begins anywhere in a buffer and uses no more of it than it needs', () => {
    const file = files.create('file');
    files.write(file, 0, 'abcdef');
    const target = new Uint8Array(20);
    const buffer = { ...register(target), address: 10, byteCount: 10 };
    readDirect(file, 1, 3, [buffer]);
    expect(text(target.subarray(8, 15))).toBe('\0\0bcd\0\0');
  });

  it('changes nothing when any of the buffers is bad', () => {
    const file = files.create('file');
    files.write(file, 0, 'before');
    const good = register(bytes('AAA'));
    const readOnly = register(bytes('BBB'), 'rdma-write');
    const status = (buffers: DirectOpBuffer[], byteCount = 6) =>
      writeDirect(file, 0, byteCount, buffers).status;
    expect(status([good, readOnly])).toBe('INVAL');
    expect(status([good, { ...good, handle: 99 }])).toBe('INVAL');
    expect(status([good, { ...good, address: 1 }])).toBe('INVAL');
    expect(status([good])).toBe('INVAL');
    expect(status([])).toBe('INVAL');
    expect(status(Array(65).fill({ ...good, byteCount: 1 }))).toBe('INVAL');
    expect(files.connection.remoteMemory.transfers).toBe(0);
    expect(text(files.read(file, 0, 100).results.readData)).toBe('before');
    const target = register(new Uint8Array(3), 'rdma-read');
    expect(readDirect(file, 0, 3, [target]).status).toBe('INVAL');
  });

  it('reads at most so much at a time, and writes no more', () => {
    const file = files.create('file', { objectSize: 4 << 20 });
    const memory = new Uint8Array(2 << 20);
    const { results } = readDirect(file, 0, 2 << 20, [register(memory)]);
    expect(results).toMatchObject({ bytesRead: 1 << 20, eof: false });
    expect(writeDirect(file, 0, (1 << 20) + 1, [register(memory)]).status).toBe('WRITE_TOOBIG');
  });

  it('checks checksums both ways, and writes nothing whose checksum is wrong', () => {
    files = new Files(server.client({ peer: ROOT, connect: { useChecksums: true } }));
    const file = files.create('file');
    const data = pattern(100_001);
    const source = register(data);
    const directChecksum = fletcher32(data, true);
    expect(writeDirect(file, 0, data.length, [source], { directChecksum: 1 }).status).toBe(
      'CHKSUM',
    );
    expect(files.attributes(file.filehandle).objectSize).toBe(0);
    expect(writeDirect(file, 0, data.length, [source], { directChecksum }).status).toBe('OK');
    const { results } = readDirect(file, 0, data.length, [register(new Uint8Array(data.length))]);
    expect(results.directChecksum).toBe(directChecksum);
    files.setAttributes(file.filehandle, { objectSize: 200_000 }, file.stateId);
    const withHole = readDirect(file, 0, 200_000, [register(new Uint8Array(200_000))]);
    const expected = new Uint8Array(200_000);
    expected.set(data);
    expect(withHole.results.directChecksum).toBe(fletcher32(expected, true));
  });

  it('reads the client’s memory over the channel that both agreed on', () => {
    const connection = server.connection(ROOT);
    const { sessionId } = connection.connect({ connect: { useRdmaReadChannel: true } });
    files = new Files(connection);
    const file = files.create('file');
    const write = (buffer: DirectOpBuffer) => writeDirect(file, 0, 3, [buffer]).status;
    expect(write(register(bytes('abc')))).toBe('RDMA_READ_CHANNEL_UNUSABLE');
    const channel = server.connection(ROOT);
    channel.call('CONNECT_BIND', {
      sessionId: sessionId as SessionId,
      channelUse: 2,
      maxRequestSize: 0,
      maxResponseSize: 0,
      maxRequests: 0,
      authReq: { authType: 0 },
    });
    expect(write(channel.remoteMemory.register(bytes('xyz')))).toBe('OK');
    expect(channel.remoteMemory.transfers).toBe(1);
    expect(text(files.read(file, 0, 3).results.readData)).toBe('xyz');
    channel.die();
    expect(write(register(bytes('abc')))).toBe('RDMA_READ_CHANNEL_UNUSABLE');
  });
});

describe('stability', () => {
  const commit = (filehandle = files.root) =>
    files.connection.call('COMMIT', { filehandle, offset: 0, count: 0 });

  it('DATA_SYNC and FILE_SYNC writes are stable when they are answered', () => {
    const file = files.create('file');
    files.write(file, 0, 'unstable');
    expect(server.service.cache.dirtyBytes).toBeGreaterThan(0);
    expect(loggedContent(server.store, 'file')).toBe('');
    expect(files.write(file, 8, 'stable', 1).results.committed).toBe(2);
    expect(loggedContent(server.store, 'file')).toBe('unstablestable');
    expect(files.write(file, 14, '!', 2).results.committed).toBe(2);
    expect(loggedContent(server.store, 'file')).toBe('unstablestable!');
  });

  it('COMMIT makes stable what was written before, with the verifier of the writes', () => {
    const file = files.create('file');
    const other = files.create('other');
    files.write(other, 0, 'other');
    const { verifier } = files.write(file, 0, 'data').results;
    const committed = commit(file.filehandle);
    expect(committed.results.writeverf).toBe(verifier);
    expect(server.service.cache.dirtyBytes).toBeGreaterThan(0);
    expect(commit(files.root).status).toBe('OK');
    expect(server.service.cache.dirtyBytes).toBe(0);
  });

  it('COMMIT of something else is invalid', () => {
    files.connection.call('CREATE', {
      filehandle: files.root,
      component: bytes('pipe'),
      create: { objType: 7 },
      attr: {},
    });
    expect(commit(files.lookup('pipe').results.filehandle).status).toBe('INVAL');
  });

  it('answers with the error of the commit whatever it was to make durable', () => {
    const file = files.create('file');
    const { store } = server;
    const commit = store.commit.bind(store);
    const { durability } = store;
    const beginSync = durability.beginSync.bind(durability);
    const fail = () => {
      store.rollback();
      throw Object.assign(new Error('disk'), { name: 'Error' });
    };
    Object.assign(store, { commit: fail });
    Object.assign(durability, { beginSync: fail });
    const connection = files.connection;
    const created = files.open('new', {
      open: { openType: 1, how: { createMode: 0, createAttrs: {} } },
    });
    expect(created.status).toBe('IO');
    expect(server.service.opens.size).toBe(1);
    expect(files.write(file, 0, 'x', 2).status).toBe('IO');
    expect(connection.call('NULL', {}).status).toBe('OK');
    Object.assign(store, { commit });
    Object.assign(durability, { beginSync });
    expect(files.lookup('new').status).toBe('NOENT');
    expect(files.write(file, 0, 'x', 2).status).toBe('OK');
    expect(server.faults.splice(0).length).toBeGreaterThan(0);
  });
});

describe('a batch', () => {
  it('is committed once and answered in order', () => {
    const { connection } = files;
    let commits = 0;
    const { store } = server;
    const original = store.commit.bind(store);
    store.commit = () => {
      commits += 1;
      original();
    };
    connection.sent.length = 0;
    for (const name of ['one', 'two', 'one']) {
      connection.submit('CREATE', {
        filehandle: files.root,
        component: bytes(name),
        create: { objType: 2 },
        attr: {},
      });
    }
    expect(connection.sent).toHaveLength(0);
    server.engine.finish();
    expect(commits).toBe(1);
    const statuses = connection.sent.map((sent) => connection.decode('CREATE', sent).status);
    expect(statuses).toEqual(['OK', 'OK', 'EXIST']);
  });
});

describe('an anonymous stateid', () => {
  it('of all ones passes by denials when reading (RFC 3010, 8.1.4)', () => {
    const file = files.create('file');
    files.connection.call('CLOSE', file);
    files.open('file', { shareDeny: 3 });
    const other = new Files(
      server.client({ peer: ROOT, connect: { clientIdString: bytes('other') } }),
    );
    const { filehandle } = file;
    const bypass = { filehandle, stateId: 0xffff_ffff_ffff_ffffn as StateId };
    expect(other.read({ filehandle, stateId: anonymous }, 0, 1).status).toBe('LOCKED');
    expect(other.read(bypass, 0, 1).status).toBe('OK');
    expect(other.write(bypass, 0, 'x').status).toBe('LOCKED');
  });
});
