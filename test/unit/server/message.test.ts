import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytes, connectArguments, TestServer } from './support/test-server.ts';

let server: TestServer;
beforeEach(() => {
  server = new TestServer();
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

describe('byte order and protocol version', () => {
  it.each([true, false])(
    'answers in the order that the client chose (little-endian: %s)',
    (littleEndian) => {
      const connection = server.client({ littleEndian });
      const { header } = connection.call('NULL', {}, { analyzerLow: 0x01020304, seqNumber: 7 });
      expect(header).toMatchObject({ analyzerLow: 0x01020304, seqNumber: 7, protocolVersion: 1 });
      expect(connection.call('GET_ROOT_HANDLE', {}).results.rootHandle).toHaveLength(64);
    },
  );

  it('refuses a message of the other order once a session is there', () => {
    const connection = server.client({ littleEndian: false });
    connection.littleEndian = true;
    connection.submit('NULL', {});
    server.engine.finish();
    connection.littleEndian = false;
    const answer = connection.sent.at(-1);
    expect(answer && connection.decode('NULL', answer).status).toBe('INVAL');
    expect(connection.call('NULL', {}).status).toBe('OK');
  });

  it('tells the next lower version that it speaks', () => {
    const connection = server.connection();
    const newer = connection.call('CLIENT_CONNECT', connectArguments, { protocolVersion: 3 });
    expect(newer.status).toBe('ILLEGAL_PROT');
    expect(newer.header.protocolVersion).toBe(1);
    const older = connection.call('CLIENT_CONNECT', connectArguments, { protocolVersion: 0 });
    expect(older.status).toBe('ILLEGAL_PROT');
    expect(older.header.protocolVersion).toBe(0);
    expect(connection.call('CLIENT_CONNECT', connectArguments).status).toBe('OK');
  });
});

describe('messages out of order', () => {
  it('answers what it does not know or support', () => {
    const connection = server.client();
    for (const procedure of [0, 99, 107, 120, 154, 161, 1009, 0xffff_ffff]) {
      expect(connection.call('NULL', {}, { procedure }).status).toBe('NOTSUPP');
    }
    expect(connection.call('BC_NULL', {}).status).toBe('NOTSUPP');
  });

  it('holds streams to the number that was granted', () => {
    const connection = server.client({ connect: { maxRequests: 4 } });
    expect(connection.call('NULL', {}, { streamId: 3 }).status).toBe('OK');
    expect(connection.call('NULL', {}, { streamId: 4 }).status).toBe('INVAL');
  });

  it('answers broken headers, and goes on', () => {
    const connection = server.client();
    const status = (message: Uint8Array) =>
      connection.decode('NULL', connection.raw(message)).status;
    expect(status(new Uint8Array(0))).toBe('INVAL');
    expect(status(new Uint8Array(39))).toBe('INVAL');
    expect(status(new Uint8Array(4096).fill(0xff))).toBe('INVAL');
    expect(connection.call('NULL', {}).status).toBe('OK');
  });

  it('verifies checksums, and adds its own', () => {
    const connection = server.client({ connect: { useChecksums: true } });
    expect(connection.call('NULL', {}).status).toBe('OK');
    connection.checksums = false;
    expect(connection.call('NULL', {}, { messageChecksum: 0 }).status).toBe('CHKSUM');
    connection.checksums = true;
    expect(connection.call('NULL', {}).status).toBe('OK');
  });

  it('rejects more connections of a user than it may have', () => {
    server.close();
    server = new TestServer({ limits: { maxConnectionsPerUser: 2, maxConnections: 3 } });
    expect(server.engine.reasonToReject({ uid: 1, gid: 1, pid: 7 })).toBeUndefined();
    server.connection({ uid: 1 });
    server.connection({ uid: 1 });
    expect(server.engine.reasonToReject({ uid: 1, gid: 1, pid: 7 })).toMatch(/user 1/);
    server.connection({ uid: 2 });
    expect(server.engine.reasonToReject({ uid: 3, gid: 1, pid: 7 })).toMatch(
      /the server has 3 connections/,
    );
  });
});

it('rejects more connections of a process than it may have', () => {
  server.close();
  server = new TestServer({ limits: { maxConnectionsPerProcess: 2 } });
  const { peer } = server.connection();
  server.connection();
  expect(server.engine.reasonToReject(peer)).toMatch(`process ${peer.pid} has 2 connections`);
  expect(server.engine.reasonToReject({ ...peer, pid: peer.pid + 1 })).toBeUndefined();
});

describe('chains (section 4.3)', () => {
  const FORW = 1;
  const BACK = 2;
  const SAVE = 4;
  const FH = 8;
  const none = { filehandle: new Uint8Array(64) as never };

  it('pass the filehandle on', () => {
    const connection = server.client();
    expect(connection.call('GET_ROOT_HANDLE', {}, { chainFlags: FORW | SAVE }).status).toBe('OK');
    const args = { ...none, attrRequestBitmap: 2 ** 9 };
    const { status, results } = connection.call('GETATTR_INLINE', args, { chainFlags: BACK | FH });
    expect(status).toBe('OK');
    expect(results.objAttributes.fileId).toBe(1);
    expect(connection.call('GETATTR_INLINE', args).status).toBe('STALE');
  });

  it('break at the first failure', () => {
    const connection = server.client();
    const { rootHandle } = connection.call('GET_ROOT_HANDLE', {}).results;
    const lookup = { directory: rootHandle, path: [bytes('nothing')] };
    expect(connection.call('LOOKUP', lookup, { chainFlags: FORW }).status).toBe('NOENT');
    expect(connection.call('NULL', {}, { chainFlags: FORW | BACK }).status).toBe('CHAIN_BROKEN');
    expect(connection.call('NULL', {}, { chainFlags: BACK }).status).toBe('CHAIN_BROKEN');
    expect(connection.call('NULL', {}).status).toBe('OK');
  });

  it('must be well formed', () => {
    const connection = server.client();
    const status = (chainFlags: number) => connection.call('NULL', {}, { chainFlags }).status;
    expect(status(BACK)).toBe('CHAIN_FORM');
    expect(status(FH)).toBe('CHAIN_FORM');
    expect(status(SAVE)).toBe('CHAIN_FORM');
    expect(status(0x20)).toBe('CHAIN_FORM');
    expect(status(FORW)).toBe('OK');
    expect(status(0)).toBe('CHAIN_FORM');
    expect(connection.call('SECINFO', {}, { chainFlags: FORW }).status).toBe('CHAIN_FORM');
    expect(status(0)).toBe('CHAIN_FORM');
    expect(status(0)).toBe('OK');
  });

  it('modify nothing after a bulk fetch', () => {
    const connection = server.client();
    const { rootHandle } = connection.call('GET_ROOT_HANDLE', {}).results;
    const getattr = { filehandle: rootHandle, attrRequestBitmap: 0 };
    expect(connection.call('GETATTR_INLINE', getattr, { chainFlags: FORW }).status).toBe('OK');
    const commit = { filehandle: rootHandle, offset: 0, count: 0 };
    expect(connection.call('COMMIT', commit, { chainFlags: BACK }).status).toBe('CHAIN_FORM');
  });
});
