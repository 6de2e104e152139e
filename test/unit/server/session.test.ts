import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuthType, ChannelUse } from '../../../client/protocol/constants.ts';
import { Extension } from '../../../client/protocol/extensions.ts';
import type { ArgumentsOf } from '../../../client/protocol/operations.ts';
import type { SessionId } from '../../../client/protocol/types.ts';
import type { Credential } from '../../../server/access-control.ts';
import { statusOf } from '../../../server/data-plane/status.ts';
import { bytes, connectArguments, SERVER_UID, TestServer } from './support/test-server.ts';

const stranger = { uid: 1234, gid: 1234 };
const verifier = (value: bigint) => value as ArgumentsOf<'CLIENT_CONNECT'>['clientVerifier'];

let server: TestServer;
beforeEach(() => {
  server = new TestServer();
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

describe('CLIENT_CONNECT', () => {
  it('must be the first request on a connection, and the only one of its kind', () => {
    const connection = server.connection();
    expect(connection.call('NULL', {}).status).toBe('BAD_SESSION');
    connection.connect();
    expect(connection.call('CLIENT_CONNECT', connectArguments).status).toBe('ILLEGAL_STATE');
    expect(connection.call('CLIENT_CONNECT_AUTH', connectArguments).status).toBe('ILLEGAL_STATE');
    expect(connection.call('NULL', {}).status).toBe('OK');
  });

  it('gives each session an id of its own and one client the same client id', () => {
    const one = server.connection().connect();
    const two = server.connection().connect();
    expect(two.sessionId).not.toBe(one.sessionId);
    expect(two.clientId).toBe(one.clientId);
    const other = server.connection().connect({ connect: { clientIdString: bytes('other') } });
    expect(other.clientId).not.toBe(one.clientId);
  });

  it('grants what it is asked for within its limits', () => {
    const results = server.connection().connect({
      connect: {
        maxRequestSize: 10_001,
        maxResponseSize: 1,
        maxRequests: 10,
        inlineWriteHeaderSize: 512,
        maxCredentials: 7,
        useBackControlChannel: true,
        useRdmaReadChannel: true,
        useResponseCache: true,
      },
    });
    expect(results).toMatchObject({
      maxRequestSize: 10_008,
      maxResponseSize: 4096,
      maxRequests: 10,
      inlineWriteHeaderSize: 512,
      maxCredentials: 7,
      useBackControlChannel: true,
      useRdmaReadChannel: true,
      useResponseCache: true,
      useChecksums: false,
    });
  });

  it('has defaults for what the client leaves open', () => {
    const zeros = { maxRequestSize: 0, maxResponseSize: 0, maxRequests: 0, maxCredentials: 0 };
    expect(server.connection().connect({ connect: zeros })).toMatchObject({
      maxRequestSize: 8192,
      maxResponseSize: 8192,
      maxRequests: 16,
      inlineWriteHeaderSize: 136,
      maxCredentials: 256,
    });
  });

  it('grants fewer requests when their buffers would take too much memory', () => {
    const results = server.connection().connect({
      connect: { maxRequests: 1000, maxRequestSize: 1 << 30, maxResponseSize: 1 << 30 },
    });
    expect(results).toMatchObject({
      maxRequests: 32,
      maxRequestSize: 65_536,
      maxResponseSize: 65_536,
    });
  });

  it('posts a receive for every request that it grants', () => {
    const connection = server.client({ connect: { maxRequests: 9 } });
    expect(connection.posted).toBe(9);
    const { header } = connection.call('NULL', {}, { desiredNreq: 3 });
    expect(header.targetNreq).toBe(3);
    expect(connection.posted).toBe(8);
  });

  it('refuses a client without an id, and ids without end', () => {
    const connection = server.connection();
    const call = (clientIdString: Uint8Array) =>
      connection.call('CLIENT_CONNECT', { ...connectArguments, clientIdString }).status;
    expect(call(new Uint8Array(0))).toBe('INVAL');
    expect(call(new Uint8Array(1025))).toBe('INVAL');
    expect(call(new Uint8Array(1024))).toBe('OK');
  });
});

describe('authentication', () => {
  const connectWith = (authReq: ArgumentsOf<'CLIENT_AUTH'>['authReq'], uid: number) =>
    server
      .connection({ uid, gid: uid })
      .call('CLIENT_CONNECT_AUTH', { ...connectArguments, authReq });

  it('trusts the own user and root without proof, and nobody else', () => {
    expect(connectWith({ authType: AuthType.DAFS_AUTH_NONE }, SERVER_UID).results.trusted).toBe(
      true,
    );
    expect(
      server.connection({ uid: 0 }).connect({ connect: { clientIdString: bytes('root') } }).trusted,
    ).toBe(true);
    expect(connectWith({ authType: AuthType.DAFS_AUTH_NONE }, 1234).status).toBe(
      'NOT_AUTHENTICATED',
    );
  });

  it('gives an untrusted client its own credentials and no others', () => {
    const connection = server.connection(stranger);
    const { trusted } = connection.connect({
      connect: { authReq: { authType: AuthType.DAFS_AUTH_DEFAULT } },
    });
    expect(trusted).toBe(false);
    const cred = { credType: 1, uid: 0, gid: 0, groups: [] } as const;
    expect(connection.call('REGISTER_CRED', { cred }).status).toBe('NOT_AUTHORIZED');
    const { CAPABILITIES } = Extension;
    expect(connection.call('EXTENSIONS', { wanted: [CAPABILITIES] }).results.granted).toEqual([]);
    expect(connection.call('RELEASE_CRED', { credHandle: 1 as never }).status).toBe(
      'NOT_AUTHORIZED',
    );
    expect(connection.call('GET_ROOT_HANDLE', {}, { credHandle: 1 }).status).toBe('NOT_AUTHORIZED');
    expect(connection.call('GET_ROOT_HANDLE', {}).status).toBe('OK');
  });

  it('allows nothing but SECINFO, CLIENT_AUTH and DISCONNECT before', () => {
    const connection = server.connection();
    connection.call('CLIENT_CONNECT', connectArguments);
    expect(connection.call('NULL', {}).status).toBe('NOT_AUTHENTICATED');
    expect(connection.call('GET_ROOT_HANDLE', {}).status).toBe('NOT_AUTHENTICATED');
    const { secinfo } = connection.call('SECINFO', {}).results;
    expect(secinfo).toEqual([
      { info: { authType: AuthType.DAFS_AUTH_NONE } },
      { info: { authType: AuthType.DAFS_AUTH_DEFAULT } },
    ]);
    const auth = connection.call('CLIENT_AUTH', { authReq: { authType: AuthType.DAFS_AUTH_NONE } });
    expect(auth.status).toBe('OK');
    expect(auth.results.trusted).toBe(true);
    expect(connection.call('NULL', {}).status).toBe('OK');
  });

  it('does not support GSS, nor passwords without a password file', () => {
    const gss = {
      authType: AuthType.DAFS_AUTH_GSS,
      procedure: 1,
      service: 1,
      token: bytes('token'),
    } as const;
    expect(connectWith(gss, SERVER_UID).status).toBe('NOTSUPP');
    const password = { authType: AuthType.DAFS_AUTH_TEXT, authId: 'a', authPassword: 'b' } as const;
    expect(connectWith(password, SERVER_UID).status).toBe('NOTSUPP');
  });

  it('shows itself to a client without a proof of its own', () => {
    const connection = server.client();
    const { status, results } = connection.call('SERVER_AUTH', {
      authType: AuthType.DAFS_AUTH_DEFAULT,
    });
    expect(status).toBe('OK');
    expect(results.authData).toEqual({ authType: AuthType.DAFS_AUTH_DEFAULT });
    expect(connection.call('SERVER_AUTH', { authType: AuthType.DAFS_AUTH_TEXT }).status).toBe(
      'NOTSUPP',
    );
  });
});

describe('passwords', () => {
  const alice: Credential = { uid: 1001, gid: 100, groups: [27] };
  const authReq = {
    authType: AuthType.DAFS_AUTH_TEXT,
    authId: 'alice',
    authPassword: 'x',
  } as const;
  let pending: ((credential: Credential | undefined) => void)[];

  beforeEach(() => {
    server.close();
    pending = [];
    server = new TestServer({ verifyPassword: (_name, _password, done) => pending.push(done) });
  });

  it('parks the request while the password is checked', () => {
    const connection = server.connection(stranger);
    connection.submit('CLIENT_CONNECT_AUTH', { ...connectArguments, authReq });
    server.engine.finish();
    expect(connection.sent).toHaveLength(0);
    pending[0]?.(alice);
    server.engine.finish();
    const [answer] = connection.sent;
    expect(answer && connection.decode('CLIENT_CONNECT_AUTH', answer)).toMatchObject({
      status: 'OK',
      results: { trusted: false },
    });
    expect([...server.service.sessions.sessions()][0]?.principal?.credential).toEqual(alice);
  });

  it('does not let in whoever has the wrong one', () => {
    const connection = server.connection(stranger);
    connection.submit('CLIENT_CONNECT_AUTH', { ...connectArguments, authReq });
    pending[0]?.(undefined);
    server.engine.finish();
    const [answer] = connection.sent;
    expect(answer && connection.decode('CLIENT_CONNECT_AUTH', answer).status).toBe(
      'NOT_AUTHENTICATED',
    );
    expect(server.service.sessions.sessionCount).toBe(0);
  });

  it('forgets about a client that leaves in the meantime', () => {
    const connection = server.connection(stranger);
    connection.submit('CLIENT_CONNECT_AUTH', { ...connectArguments, authReq });
    connection.die();
    pending[0]?.(alice);
    server.engine.finish();
    expect(connection.sent).toHaveLength(0);
    expect(server.service.sessions.sessionCount).toBe(0);
  });
});

describe('client incarnations (section 3.1.1.3)', () => {
  it('B: another session of the same incarnation shares credentials', () => {
    const one = server.client();
    const handle = one.registerCredential({ uid: 7, gid: 7, groups: [] });
    const two = server.client();
    expect(two.call('GET_ROOT_HANDLE', {}, { credHandle: handle }).status).toBe('OK');
  });

  it('B: nobody else can pose as the client', () => {
    server.client();
    const other = server.connection(stranger).call('CLIENT_CONNECT_AUTH', {
      ...connectArguments,
      authReq: { authType: AuthType.DAFS_AUTH_DEFAULT },
    });
    expect(other.status).toBe('CLID_INUSE');
  });

  it('C: a new verifier ends the sessions of the old incarnation', () => {
    const old = server.client();
    const fresh = server.connection();
    const results = fresh.connect({ connect: { clientVerifier: verifier(2n) } });
    expect(old.closeReason).toBeDefined();
    expect(results.clientId).not.toBe(0n);
    expect(server.service.sessions.sessionCount).toBe(1);
  });

  it('C: not before the new incarnation has authenticated', () => {
    const old = server.client();
    const fresh = server.connection();
    fresh.call('CLIENT_CONNECT', { ...connectArguments, clientVerifier: verifier(2n) });
    expect(old.call('NULL', {}).status).toBe('OK');
    fresh.call('CLIENT_AUTH', { authReq: { authType: AuthType.DAFS_AUTH_NONE } });
    expect(old.closeReason).toBeDefined();
  });

  it('A: a client that was forgotten gets a new client id', () => {
    const first = server.connection();
    const { clientId } = first.connect();
    first.die();
    expect(server.connection().connect().clientId).not.toBe(clientId);
  });
});

describe('CONNECT_BIND', () => {
  const bindArguments = (sessionId: SessionId, channelUse: number) => ({
    sessionId,
    channelUse,
    maxRequestSize: 4096,
    maxResponseSize: 4096,
    maxRequests: 2,
    authReq: { authType: AuthType.DAFS_AUTH_NONE },
  });
  const { DAFS_BACK_CONTROL_CHANNEL, DAFS_RDMA_READ_CHANNEL } = ChannelUse;

  it('binds each channel that was negotiated, once', () => {
    const { sessionId } = server
      .connection()
      .connect({ connect: { useBackControlChannel: true, useRdmaReadChannel: true } });
    for (const use of [DAFS_BACK_CONTROL_CHANNEL, DAFS_RDMA_READ_CHANNEL]) {
      const connection = server.connection();
      const bound = connection.call('CONNECT_BIND', bindArguments(sessionId, use));
      expect(bound.status).toBe('OK');
      expect(bound.results).toMatchObject({ maxRequests: 2, trusted: true });
      // What the server receives on a back-control channel are answers to its own requests.
      expect(connection.posted).toBe(use === DAFS_BACK_CONTROL_CHANNEL ? 2 : 0);
      const again = server.connection().call('CONNECT_BIND', bindArguments(sessionId, use));
      expect(again.status).toBe('ILLEGAL_STATE');
    }
  });

  it('refuses what was not negotiated, what does not exist and who is somebody else', () => {
    const { sessionId } = server.connection().connect({ connect: { useRdmaReadChannel: true } });
    const bind = (id: SessionId, use: number, uid = SERVER_UID) =>
      server.connection({ uid }).call('CONNECT_BIND', bindArguments(id, use)).status;
    expect(bind(sessionId, DAFS_BACK_CONTROL_CHANNEL)).toBe('ILLEGAL_STATE');
    expect(bind(sessionId, 3)).toBe('INVAL');
    expect(bind(1n as SessionId, DAFS_RDMA_READ_CHANNEL)).toBe('UNKNOWN_SESSION');
    expect(bind(sessionId, DAFS_RDMA_READ_CHANNEL, 0)).toBe('NOT_AUTHORIZED');
  });

  it('takes no requests on a bound channel', () => {
    const { sessionId } = server.connection().connect({ connect: { useRdmaReadChannel: true } });
    const connection = server.connection();
    connection.call('CONNECT_BIND', bindArguments(sessionId, DAFS_RDMA_READ_CHANNEL));
    expect(connection.call('NULL', {}).status).toBe('ILLEGAL_STATE');
  });

  it('closes the bound channels with the session', () => {
    const operationsChannel = server.connection();
    const { sessionId } = operationsChannel.connect({ connect: { useRdmaReadChannel: true } });
    const bound = server.connection();
    bound.call('CONNECT_BIND', bindArguments(sessionId, DAFS_RDMA_READ_CHANNEL));
    operationsChannel.die();
    expect(bound.closeReason).toBeDefined();
    expect(server.engine.channelCount).toBe(0);
  });
});

describe('the end of a session', () => {
  it('DISCONNECT is answered, ends the session and closes the connection soon', () => {
    const connection = server.client();
    expect(connection.call('DISCONNECT', {}).status).toBe('OK');
    expect(server.service.sessions.sessionCount).toBe(0);
    expect(connection.call('NULL', {}).status).toBe('BAD_SESSION');
    expect(connection.call('CLIENT_CONNECT_AUTH', connectArguments).status).toBe('ILLEGAL_STATE');
    server.monotonicMs += 1001;
    server.engine.closeOverdue();
    expect(connection.closeReason).toBeDefined();
  });

  it('closes connections on which no session is established in time', () => {
    const silent = server.connection();
    const unauthenticated = server.connection();
    unauthenticated.call('CLIENT_CONNECT', connectArguments);
    const busy = server.client();
    server.monotonicMs += 10_001;
    server.engine.closeOverdue();
    expect(silent.closeReason).toBeDefined();
    expect(unauthenticated.closeReason).toBeDefined();
    expect(busy.closeReason).toBeUndefined();
  });
});

describe('credentials', () => {
  it('are released, not reused, and limited to what was negotiated', () => {
    const connection = server.client({ connect: { maxCredentials: 2 } });
    const credential = { uid: 7, gid: 7, groups: [] };
    const first = connection.registerCredential(credential);
    const second = connection.registerCredential(credential);
    const cred = { credType: 1, uid: 7, gid: 7, groups: [] } as const;
    expect(connection.call('REGISTER_CRED', { cred }).status).toBe('RESOURCE');
    expect(connection.call('RELEASE_CRED', { credHandle: first as never }).status).toBe('OK');
    expect(connection.call('RELEASE_CRED', { credHandle: first as never }).status).toBe('NO_CREDS');
    expect(connection.registerCredential(credential)).not.toBe(first);
    expect(connection.call('NULL', {}, { credHandle: first }).status).toBe('NO_CREDS');
    expect(connection.call('NULL', {}, { credHandle: second }).status).toBe('OK');
  });

  it('come with a limited number of groups', () => {
    const connection = server.client();
    const cred = { credType: 1, uid: 7, gid: 7, groups: Array(257).fill(1) } as const;
    expect(connection.call('REGISTER_CRED', { cred }).status).toBe('INVAL');
    expect(connection.call('REGISTER_CRED', { cred: { credType: 3 } }).status).toBe('OK');
    const name = { credType: 0, name: 'alice' } as const;
    expect(connection.call('REGISTER_CRED', { cred: name }).status).toBe('NOTSUPP');
  });
});

describe('what a status shows', () => {
  it('tells of sessions what clients cannot do mischief with', () => {
    const connection = server.client({ connect: { clientIdString: bytes('evil\x1b[2J') } });
    connection.call('NULL', {});
    const status = statusOf(server.engine, server.service, 1);
    expect(status.counters).toMatchObject({ connections: 1, clients: 1, requests: 2, opens: 0 });
    expect(status.sessions).toEqual([
      expect.objectContaining({ client: 'evil\\x1b[2J', uid: SERVER_UID, requests: 2 }),
    ]);
  });
});

describe('EXTENSIONS', () => {
  it('grants none of those that the server does not know', () => {
    const connection = server.connection();
    connection.connect();
    const answer = connection.call('EXTENSIONS', { wanted: [0, 999_999, 0xffff_ffff] });
    expect(answer.status).toBe('OK');
    expect(answer.results.granted).toEqual([]);
  });
});
