/** What a client may take: who wants more is refused it by a status, and named in the log. */
import { afterEach, expect, it } from 'vitest';
import { errnoOf } from '../../../client/protocol/errno.ts';
import { defaultLimits, type Limits } from '../../../server/sessions/limits.ts';
import { Files, unchecked } from './support/files.ts';
import { Locker } from './support/locker.ts';
import { bytes, type ClientOptions, connectArguments, TestServer } from './support/test-server.ts';

let server: TestServer;
afterEach(() => server.close());

const start = (limits: Partial<Limits>): void => {
  server = new TestServer({ limits });
};

/** The log names the limit, and the process, once for all the refusals. */
function expectNamed(limit: keyof Limits, goods: string): void {
  expect(server.refusals).toHaveLength(1);
  expect(server.refusals[0]).toMatch(/^process \d+ of user \d+ gets no more /);
  expect(server.refusals[0]).toContain(`${goods}: ${limit} is `);
  expect(Object.keys(server.service.rations.refusals)).toEqual([limit]);
}

const ROOT = { uid: 0, gid: 0 };
const other: ClientOptions = { peer: ROOT, connect: { clientIdString: bytes('other') } };

it.each(['maxOpens', 'maxOpensPerClient'] as const)('%s', (limit) => {
  start({ [limit]: 2 });
  const files = new Files(server.client({ peer: ROOT }));
  const open = (name: string) => files.open(name, { open: unchecked() }).status;
  expect(['a', 'b', 'c', 'd'].map(open)).toEqual(['OK', 'OK', 'RESOURCE', 'RESOURCE']);
  expectNamed(limit, 'opens');
  expect(errnoOf('OPEN', 'DAFSERR_RESOURCE')).toBe('ENFILE');
  // What was not opened has not been made either.
  expect(
    files.connection.call('LOOKUP', { directory: files.root, path: [bytes('c')] }).status,
  ).toBe('NOENT');
  const isOthersRefused = new Files(server.client(other)).open('e', { open: unchecked() }).status;
  expect(isOthersRefused).toBe(limit === 'maxOpens' ? 'RESOURCE' : 'OK');
});

it('maxLocksPerClient', () => {
  start({ maxLocksPerClient: 2 });
  const files = new Files(server.client({ peer: ROOT }));
  const file = files.create('file');
  const lock = (connection: Files, { filehandle, stateId }: typeof file, offset: bigint) =>
    connection.connection.call('LOCK', {
      filehandle,
      stateId,
      lockType: 1,
      options: 0,
      offset,
      length: 1n,
    }).status;
  const statuses = [0n, 2n, 4n, 6n].map((offset) => lock(files, file, offset));
  expect(statuses).toEqual(['OK', 'OK', 'RESOURCE', 'RESOURCE']);
  expectNamed('maxLocksPerClient', 'locks');
  expect(errnoOf('LOCK', 'DAFSERR_RESOURCE')).toBe('ENOLCK');
  const others = new Files(server.client(other));
  expect(lock(others, others.create('file'), 8n)).toBe('OK');
});

it('maxWaitsPerClient', () => {
  start({ maxWaitsPerClient: 2 });
  const one = new Locker(server, 'one');
  const two = new Locker(server, 'two');
  one.ownerLock('a');
  const statuses = [1n, 2n, 3n, 4n].map((waitId) => two.wait(`b ${waitId}`, waitId).status);
  expect(statuses).toEqual(['OK', 'OK', 'RESOURCE', 'RESOURCE']);
  expectNamed('maxWaitsPerClient', 'waits for locks');
  expect(two.cancel(1n)).toBe(true);
  expect(two.wait('b', 5n).status).toBe('OK');
});

it('maxCredentialsPerClient', () => {
  start({ maxCredentialsPerClient: 2 });
  const connection = server.client();
  const register = (uid: number) =>
    connection.call('REGISTER_CRED', { cred: { credType: 1, uid, gid: 1, groups: [] } }).status;
  expect([1, 2, 3, 4].map(register)).toEqual(['OK', 'OK', 'RESOURCE', 'RESOURCE']);
  expectNamed('maxCredentialsPerClient', 'credentials');
});

it('maxSessionsPerClient', () => {
  start({ maxSessionsPerClient: 2 });
  const connect = () => server.connection().call('CLIENT_CONNECT_AUTH', connectArguments).status;
  expect([1, 2, 3, 4].map(connect)).toEqual(['OK', 'OK', 'RESOURCE', 'RESOURCE']);
  expectNamed('maxSessionsPerClient', 'sessions');
});

it('maxMessageMemoryBytesPerProcess', () => {
  const ofOne = connectArguments.maxRequestSize + connectArguments.maxResponseSize;
  start({ maxMessageMemoryBytesPerProcess: 6 * ofOne });
  const connect = (pid: number) => {
    const { status, results } = server
      .connection({ pid })
      .call('CLIENT_CONNECT_AUTH', { ...connectArguments, clientIdString: bytes(`of ${pid}`) });
    return [status, results?.maxRequests];
  };
  // The second session gets what is left, the third nothing.
  expect([connect(1), connect(1)]).toEqual([
    ['OK', 4],
    ['OK', 2],
  ]);
  expect(connect(1)[0]).toBe('RESOURCE');
  expectNamed('maxMessageMemoryBytesPerProcess', 'memory for messages');
  expect(connect(2)).toEqual(['OK', 4]);
});

it('let a process that asks again and again be named once a minute', () => {
  start({ maxOpensPerClient: 1 });
  const files = new Files(server.client({ peer: ROOT }));
  for (let count = 0; count < 100; count += 1) {
    files.open(`file ${count}`, { open: unchecked() });
  }
  expect(server.refusals).toHaveLength(1);
  expect(server.service.rations.refusals).toEqual({ maxOpensPerClient: 99 });
  server.monotonicMs += 60_000;
  files.open('file', { open: unchecked() });
  expect(server.refusals).toHaveLength(2);
});

it('leave no session more memory than a process may have', () => {
  const { maxMessageMemoryBytes, maxMessageMemoryBytesPerProcess } = defaultLimits;
  start({});
  expect(maxMessageMemoryBytesPerProcess).toBeGreaterThan(maxMessageMemoryBytes);
});
