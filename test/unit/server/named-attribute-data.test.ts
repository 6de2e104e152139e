import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fletcher32 } from '../../../client/protocol/checksum.ts';
import { CLAIM_FH } from '../../../client/protocol/extensions.ts';
import type { Filehandle, Verifier } from '../../../client/protocol/types.ts';
import { Files, guarded, unchecked } from './support/files.ts';
import { anonymously, NamedAttributes } from './support/named-attributes.ts';
import { bytes, TestServer } from './support/test-server.ts';

const ROOT = { uid: 0, gid: 0 };

let server: TestServer;
let files: Files;
let named: NamedAttributes;
let file: Filehandle;
let directory: Filehandle;
beforeEach(() => {
  server = new TestServer();
  files = new Files(server.client({ peer: ROOT, connect: { maxCredentials: 8 } }));
  named = new NamedAttributes(files);
  ({ file, directory } = named);
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

describe('named attributes', () => {
  it('are made, written and read as files, and are extended attributes', () => {
    const attribute = named.open('a');
    expect(named.xattr('user.a')).toBe('');
    expect(files.write(attribute, 0, 'hello').results.count).toBe(5);
    expect(files.write(attribute, 7, 'x').status).toBe('OK');
    expect(named.xattr('user.a')).toBe('hello\0\0x');
    expect(files.append(attribute, '!', 2).results).toMatchObject({ offset: 8, committed: 2 });
    expect(files.read(attribute, 1, 4).results).toMatchObject({
      eof: false,
      readData: bytes('ello'),
    });
    expect(files.read(attribute, 7, 10).results).toMatchObject({
      eof: true,
      readData: bytes('x!'),
    });
    expect(files.read(attribute, 9, 10).results).toMatchObject({ eof: true, readData: bytes('') });
    const { filehandle } = attribute;
    const commit = { filehandle, offset: 0, count: 0 };
    expect(files.connection.call('COMMIT', commit).status).toBe('OK');
    expect(files.setAttributes(filehandle, { objectSize: 3 }, attribute.stateId).status).toBe('OK');
    expect(named.xattr('user.a')).toBe('hel');
    expect(files.setAttributes(filehandle, { objectSize: 4 }).status).toBe('OK');
    expect(named.xattr('user.a')).toBe('hel\0');
    expect(files.connection.call('CLOSE', attribute).status).toBe('OK');
    expect(named.content(filehandle, attribute.stateId)).toBe('! BAD_STATEID');
  });

  it('are made as OPEN says', () => {
    expect(named.openStatus('a')).toBe('NOENT');
    const exclusive = { createMode: 2, createVerifier: 5n as Verifier } as const;
    expect(named.openStatus('a', { open: { openType: 1, how: exclusive } })).toBe('NOTSUPP');
    expect(named.openStatus('a', { open: guarded({ mode: 0o600 }) })).toBe('INVAL');
    expect(named.openStatus('a', { open: guarded({ objectSize: 65_537 }) })).toBe('FBIG');
    expect(named.xattr('user.a')).toBe('! NOXATTR');
    expect(named.openStatus('a', { open: guarded({ objectSize: 2 }) })).toBe('OK');
    expect(named.openStatus('a', { open: guarded({}) })).toBe('EXIST');
    expect(named.openStatus('a', { open: unchecked({}) })).toBe('OK');
    expect(named.xattr('user.a')).toBe('\0\0');
    expect(named.openStatus('a', { open: unchecked({ objectSize: 0 }) })).toBe('OK');
    expect(named.xattr('user.a')).toBe('');
    expect(named.openStatus('a/b')).toBe('NOTDIR');
    expect(named.openStatus('b/a')).toBe('NOENT');
    expect(named.openStatus('n'.repeat(250), { open: unchecked({}) })).toBe('OK');
    expect(named.openStatus('n'.repeat(251), { open: unchecked({}) })).toBe('NAMETOOLONG');
    const claim = { claimType: CLAIM_FH, filehandle: named.lookup('a') } as const;
    expect(named.openStatus('', { claim })).toBe('OK');
    expect(named.openStatus('', { claim: { ...claim, filehandle: directory } })).toBe('ISDIR');
    expect(named.openStatus('', { claim: { claimType: 4, dirHandle: directory } })).toBe('NOTSUPP');
  });

  it('tell how the file changed', () => {
    const before = named.attributes(file).change as bigint;
    const { results } = files.open('a', { open: guarded({}) }, directory);
    expect(results.changeInfo).toEqual({
      before,
      after: named.attributes(file).change,
      atomic: true,
    });
    expect(results.changeInfo.after).toBeGreaterThan(before);
  });

  it('have at most 64 KiB', () => {
    const attribute = named.open('a');
    expect(files.write(attribute, 65_535, 'x').status).toBe('OK');
    expect(named.attributes(attribute.filehandle).objectSize).toBe(65_536);
    expect(files.write(attribute, 65_536, 'x').status).toBe('FBIG');
    expect(files.write(attribute, Number.MAX_SAFE_INTEGER, 'x').status).toBe('FBIG');
    expect(files.append(attribute, 'x').status).toBe('FBIG');
    expect(files.setAttributes(attribute.filehandle, { objectSize: 65_537 }).status).toBe('FBIG');
    expect(named.attributes(attribute.filehandle).objectSize).toBe(65_536);
  });

  it('are moved by RDMA, with their checksums', () => {
    const peer = ROOT;
    const connect = { useChecksums: true, clientIdString: bytes('sealed') };
    files = new Files(server.client({ peer, connect }));
    const { connection } = files;
    const attribute = named.open('a', { open: unchecked({}) }, files);
    const data = Uint8Array.from({ length: 60_000 }, (_, index) => index % 251);
    const source = connection.remoteMemory.register(data.slice());
    const write = (directChecksum: number, offset = 0) =>
      connection.call('WRITE_DIRECT', {
        ...attribute,
        offset,
        byteCount: data.length,
        stableHow: 0,
        cacheHint: 0,
        directChecksum,
        writeDataBuffers: [source],
      }).status;
    const checksum = fletcher32(data, true);
    expect(write(checksum ^ 1)).toBe('CHKSUM');
    expect(named.attributes(attribute.filehandle).objectSize).toBe(0);
    expect(write(checksum)).toBe('OK');
    expect(write(checksum, 60_000)).toBe('FBIG');
    const memory = new Uint8Array(60_000);
    const target = connection.remoteMemory.register(memory);
    const read = (byteCount: number) =>
      connection.call('READ_DIRECT', {
        ...attribute,
        offset: 0,
        byteCount,
        cacheHint: 0,
        readDataBuffers: [target],
      });
    expect(read(60_001).status).toBe('INVAL');
    expect(read(59_999).results).toMatchObject({ eof: false, bytesRead: 59_999 });
    const { results } = read(60_000);
    expect(results).toEqual({ eof: true, bytesRead: 60_000, directChecksum: checksum });
    expect(memory).toEqual(data);
    expect(files.appendDirect(attribute, bytes('end'), { directChecksum: 1 }).status).toBe(
      'CHKSUM',
    );
    const end = { directChecksum: fletcher32(bytes('end'), true) };
    expect(files.appendDirect(attribute, bytes('end'), end).results.offset).toBe(60_000);
  });

  it('are removed', () => {
    named.open('a');
    const opened = named.open('b', { open: unchecked({}), deleteDisp: 1 });
    const remove = (name: string, mode = 0) => files.remove(name, mode, directory);
    expect(remove('c')).toBe('NOENT');
    expect(remove('b')).toBe('DENYDISP_CONFLICT');
    expect(remove('a', 1)).toBe('DENYDISP_CONFLICT');
    expect(remove('a', 77)).toBe('INVAL');
    const handle = named.lookup('a');
    expect(remove('a')).toBe('OK');
    expect([named.xattr('user.a'), named.content(handle)]).toEqual(['! NOXATTR', '! STALE']);
    // What takes its name is another attribute.
    named.open('a');
    expect(named.content(handle)).toBe('! STALE');
    files.connection.call('CLOSE', opened);
    expect(remove('b', 1)).toBe('OK');
  });

  it('that are gone can be closed', () => {
    const opens = server.service.opens.size;
    const attribute = named.open('a');
    files.remove('a', 0, directory);
    expect(named.content(attribute.filehandle, attribute.stateId)).toBe('! STALE');
    expect(files.connection.call('CLOSE', attribute).status).toBe('OK');
    const other = named.open('b');
    files.connection.call('REMOVEXATTR', { filehandle: file, name: bytes('user.b') });
    expect(files.connection.call('CLOSE', other).status).toBe('OK');
    expect(server.service.opens.size).toBe(opens);
  });

  it('go with their file', () => {
    named.open('a');
    const handle = named.lookup('a');
    server.service.opens.closeAllOf(files.connection.channel.session?.client as never);
    expect(files.remove('file')).toBe('OK');
    expect(named.content(handle)).toBe('! STALE');
    expect(named.openattr(file).status).toBe('STALE');
    expect(files.lookup('a', directory).status).toBe('STALE');
  });

  it('are shared as those who open them say', () => {
    const attribute = named.open('a', { open: unchecked({}), shareDeny: 2 });
    expect(named.openStatus('a', { shareAccess: 2 })).toBe('DENIED');
    expect(named.openStatus('b', { shareAccess: 2, open: unchecked({}) })).toBe('OK');
    expect(files.write(anonymously(attribute.filehandle), 0, 'x').status).toBe('LOCKED');
    expect(files.write(attribute, 0, 'x').status).toBe('OK');
    const { status } = files.connection.call('OPEN_DOWNGRADE', {
      ...attribute,
      shareAccess: 1,
      shareDeny: 0,
      shareKeyType: 0,
      shareKey: 0n,
    });
    expect(status).toBe('OK');
    expect(files.write(attribute, 0, 'x').status).toBe('ACCES');
    expect(named.openStatus('a', { shareAccess: 2 })).toBe('OK');
  });
});
