import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ArgumentsOf } from '../../../client/protocol/operations.ts';
import { defaultLimits } from '../../../server/sessions/limits.ts';
import { Files, unchecked } from './support/files.ts';
import { bytes, SERVER_UID, type TestConnection, TestServer } from './support/test-server.ts';

const { leaseMs } = defaultLimits;
const PID = 4711;
const verifier = (value: bigint) => value as ArgumentsOf<'CLIENT_CONNECT'>['clientVerifier'];

let servers: TestServer[];
let server: TestServer;
beforeEach(() => {
  server = new TestServer();
  servers = [server];
});
afterEach(() => {
  for (const one of servers.reverse()) {
    expect(one.faults).toEqual([]);
    one.close();
  }
});

/** A session of a client that is kept when its connections are lost. */
function durable(connect: Partial<ArgumentsOf<'CLIENT_CONNECT_AUTH'>> = {}, pid = PID) {
  const connection = server.connection({ pid, uid: 0, gid: 0 });
  const results = connection.connect({ connect: { useResponseCache: true, ...connect } });
  return { connection, results };
}

/** The server is killed, and a new one serves what is left. */
function restart(ended: readonly number[] = []): void {
  server = server.successor({ endedProcesses: ended });
  server.engine.finish();
  servers.push(server);
}

const clients = () => server.service.sessions.clientCount;

/** The second is over in which nothing happened. */
function pass(milliseconds: number): void {
  server.monotonicMs += milliseconds;
  server.engine.closeOverdue();
  server.engine.finish();
}

const opens = () => server.service.opens.size;

function open(connection: TestConnection) {
  const { status, results } = new Files(connection).open('file', { open: unchecked() });
  expect(status).toBe('OK');
  return results.stateId;
}

describe('a client that asked for a response cache', () => {
  it('gets it, and its sessions with it', () => {
    expect(durable().results.useResponseCache).toBe(true);
    expect(durable().results.useResponseCache).toBe(true);
    expect(durable({ useResponseCache: false }).results.useResponseCache).toBe(false);
  });

  it('does not get it when its first session did not ask for it', () => {
    durable({ useResponseCache: false });
    expect(durable().results.useResponseCache).toBe(false);
  });

  it('is kept for the lease when its connection is lost, with opens and credentials', () => {
    const { connection, results } = durable();
    const credHandle = connection.registerCredential({ uid: 7, gid: 8, groups: [9] });
    const stateId = open(connection);
    connection.die();
    expect(opens()).toBe(1);
    pass(leaseMs - 1);
    const again = durable();
    expect(again.results.clientId).toBe(results.clientId);
    expect(again.results.sessionId).not.toBe(results.sessionId);
    expect(again.connection.call('NULL', {}, { credHandle }).status).toBe('OK');
    const { filehandle } = new Files(again.connection).lookup('file').results;
    expect(again.connection.call('CLOSE', { filehandle, stateId }).status).toBe('OK');
    pass(leaseMs);
    expect(clients()).toBe(1);
  });

  it('is given up after the lease', () => {
    const { connection, results } = durable();
    open(connection);
    connection.die();
    pass(leaseMs);
    expect([clients(), opens()]).toEqual([0, 0]);
    expect(durable().results.clientId).not.toBe(results.clientId);
  });

  it('is given up at once when its process has ended', () => {
    const { connection } = durable();
    open(connection);
    server.endedProcesses.add(PID);
    connection.die();
    expect([clients(), opens()]).toEqual([0, 0]);
  });

  it('is given up within a second when its process ends while it is kept', () => {
    durable().connection.die();
    pass(1000);
    expect(clients()).toBe(1);
    server.endedProcesses.add(PID);
    pass(1000);
    expect(clients()).toBe(0);
  });

  it('is given up at once when it disconnects its last session', () => {
    const one = durable().connection;
    const two = durable().connection;
    open(one);
    one.call('DISCONNECT', {});
    expect([clients(), opens()]).toEqual([1, 1]);
    two.call('DISCONNECT', {});
    expect([clients(), opens()]).toEqual([0, 0]);
  });

  it('lives by the process of its latest session', () => {
    const { connection } = durable();
    const other = durable({}, PID + 1).connection;
    connection.die();
    server.endedProcesses.add(PID);
    other.die();
    expect(clients()).toBe(1);
  });

  it('is superseded by a new incarnation, kept or not', () => {
    const { connection, results } = durable();
    open(connection);
    connection.die();
    expect(durable({ clientVerifier: verifier(2n) }).results.clientId).not.toBe(results.clientId);
    expect(opens()).toBe(0);
  });

  it('gives way to others of the same user, when these are too many', () => {
    server = new TestServer({ limits: { maxLostClientsPerUser: 2 } });
    servers.push(server);
    const lose = (name: string, uid = 0) => {
      const connection = server.connection({ pid: PID, uid, gid: uid });
      const connect = { useResponseCache: true, clientIdString: bytes(name) };
      const { clientId } = connection.connect({ connect });
      server.monotonicMs += 1;
      connection.die();
      return clientId;
    };
    const other = lose('other', SERVER_UID);
    const [first, second, third] = ['first', 'second', 'third'].map((name) => lose(name));
    expect(clients()).toBe(3);
    expect(lose('other', SERVER_UID)).toBe(other);
    expect([lose('second'), lose('third')]).toEqual([second, third]);
    expect(lose('first')).not.toBe(first);
  });

  it('cannot be taken over by another user', () => {
    durable().connection.die();
    const stranger = server.connection({ uid: 1234, gid: 1234 });
    const connect = { useResponseCache: true, authReq: { authType: 3 } } as const;
    expect(() => stranger.connect({ connect })).toThrow('CLID_INUSE');
  });
});

describe('after the server was killed', () => {
  it('a client is the same, with the same credentials under the same handles', () => {
    const { connection, results } = durable({
      clientIdString: bytes('\xff\0 who'),
      maxCredentials: 3,
    });
    const first = connection.registerCredential({ uid: 7, gid: 8, groups: [9] });
    const second = connection.registerCredential({ uid: 17, gid: 18, groups: [] });
    const third = connection.registerCredential({ uid: 27, gid: 28, groups: [] });
    connection.call('RELEASE_CRED', { credHandle: second as never });
    connection.call('RELEASE_CRED', { credHandle: third as never });
    restart();
    const again = durable({ clientIdString: bytes('\xff\0 who') });
    expect(again.results.clientId).toBe(results.clientId);
    expect(again.results.maxCredentials).toBe(3);
    const status = (credHandle: number) => again.connection.call('NULL', {}, { credHandle }).status;
    expect([first, second, third].map(status)).toEqual(['OK', 'NO_CREDS', 'NO_CREDS']);
    const [client] = [...server.service.sessions.sessions()].map((session) => session.client);
    expect(client?.credentials.find(first)).toEqual({ uid: 7, gid: 8, groups: [9] });
    // A handle is never given twice.
    expect(again.connection.registerCredential({ uid: 7, gid: 8, groups: [] })).toBe(third + 1);
  });

  it('a client has the lease to come back', () => {
    const { results } = durable();
    restart();
    expect(clients()).toBe(1);
    pass(leaseMs - 1);
    expect(durable().results.clientId).toBe(results.clientId);
    restart();
    pass(leaseMs);
    expect(clients()).toBe(0);
    restart();
    expect(clients()).toBe(0);
  });

  it('a client whose process has ended is given up at once', () => {
    durable();
    restart([PID]);
    expect(clients()).toBe(0);
  });

  it('nothing is left of clients that have ended, or did not ask to be kept', () => {
    durable().connection.call('DISCONNECT', {});
    durable({ clientIdString: bytes('superseded') });
    durable({ clientIdString: bytes('superseded'), clientVerifier: verifier(2n) });
    durable({ clientIdString: bytes('other'), useResponseCache: false });
    restart();
    expect(clients()).toBe(1);
  });

  it('the principal is still the only one that may be the client', () => {
    durable();
    restart();
    const connect = { useResponseCache: true, authReq: { authType: 3 } } as const;
    const stranger = server.connection({ uid: 1234, gid: 1234 });
    expect(() => stranger.connect({ connect })).toThrow('CLID_INUSE');
  });
});
