import { afterEach, expect, test } from 'vitest';
import type { Directive } from '../../../client/back-control.ts';
import { DafsStatus, type Filehandle, operations } from '../../../client/protocol/index.ts';
import { Request } from '../../../client/request.ts';
import { Session } from '../../../client/session.ts';
import type { SessionOptions } from '../../../client/session-options.ts';
import { ServerProcess } from './support/server-process.ts';

const HANDLE = new Uint8Array(64) as Filehandle;
const sessions: Session[] = [];
const servers: ServerProcess[] = [];

afterEach(async () => {
  for (const session of sessions.splice(0)) session.close();
  for (const server of servers.splice(0)) await server.stop();
});

async function connect(script: string, options: SessionOptions = {}) {
  const server = await ServerProcess.start(script);
  servers.push(server);
  const session = Session.connect(server.path, options);
  sessions.push(session);
  return { server, session };
}

function nullRequest(session: Session) {
  return session.submit(operations.NULL, {});
}

test('connects, calls, and takes leave', async () => {
  const { session, server } = await connect('plain');
  expect(session.terms).toMatchObject({
    sessionId: 11n,
    clientId: 12n,
    isTrusted: true,
    maximumRequests: 16,
  });
  expect(session.server?.pid).toBe(server.process.pid);
  expect(session.call(operations.NULL, {})).toEqual({});
  expect(session.registerCredential(7, 8, [9])).toBe(107);
  session.close();
  expect(session.isAlive).toBe(false);
  expect(() => session.call(operations.NULL, {})).toThrow(
    expect.objectContaining({ code: 'SESSION_CLOSED', errno: 'EIO' }),
  );
}, 60_000);

test('a socket that is not there, or dead, is named in the error', async () => {
  expect(() => Session.connect('/nonexistent/fabric')).toThrow(
    expect.objectContaining({ code: 'CONNECT_FAILED', errno: 'ENOENT' }),
  );
  const { server } = await connect('plain');
  server.kill();
  await new Promise((resolve) => server.process.once('exit', resolve));
  expect(() => Session.connect(server.path)).toThrow(
    expect.objectContaining({ code: 'CONNECT_FAILED', errno: 'ECONNREFUSED' }),
  );
}, 60_000);

test.each(['little', 'big'] as const)(
  '%s-endian sessions work',
  async (endianness) => {
    const { session } = await connect('plain', { endianness, checksums: true });
    const { link } = session.call(operations.READLINK_INLINE, { filehandle: HANDLE });
    expect(new TextDecoder().decode(link)).toBe('somewhere');
  },
  60_000,
);

test('the status of the server becomes an error with its POSIX name', async () => {
  const { session } = await connect('plain');
  const request = { filehandle: HANDLE, attrRequestBitmap: 0 };
  expect(() => session.call(operations.GETATTR_INLINE, request)).toThrow(
    expect.objectContaining({
      status: DafsStatus.DAFSERR_NOENT,
      code: 'DAFSERR_NOENT',
      errno: 'ENOENT',
      operation: 'GETATTR_INLINE',
      message: 'GETATTR_INLINE: the server answered DAFSERR_NOENT (2)',
    }),
  );
  expect(() => session.call(operations.GETATTR_INLINE, request, 5)).toThrow(
    expect.objectContaining({ errno: 'EACCES' }),
  );
}, 60_000);

test('results are the caller’s own after the next call', async () => {
  const { session } = await connect('plain');
  const { link } = session.call(operations.READLINK_INLINE, { filehandle: HANDLE });
  for (let index = 0; index < 40; index += 1) session.call(operations.NULL, {});
  expect(new TextDecoder().decode(link)).toBe('somewhere');
}, 60_000);

test('responses in another order than the requests find theirs', async () => {
  const { session } = await connect('answers late and backwards');
  const links = [1, 2].map(() =>
    session.submit(operations.READLINK_INLINE, { filehandle: HANDLE }),
  );
  const roots = [1, 2].map(() => session.submit(operations.GET_ROOT_HANDLE, {}));
  expect(session.outstanding).toBe(4);
  for (const request of links) expect(session.wait(request).link).toHaveLength(9);
  for (const request of roots) expect(session.wait(request).rootHandle).toHaveLength(64);
}, 60_000);

test('more requests than credits wait for their turn', async () => {
  const { session } = await connect('has fewer resources', { maximumRequests: 8 });
  expect(session.terms.maximumRequests).toBe(2);
  const requests = Array.from({ length: 100 }, () => nullRequest(session));
  expect(session.outstanding).toBeLessThanOrEqual(2);
  for (const request of requests) expect(session.wait(request)).toEqual({});
}, 60_000);

test('credits that the server wants back go back by NULLs', async () => {
  const { session } = await connect('shrinks credits to one');
  const requests = Array.from({ length: 16 }, () => nullRequest(session));
  for (const request of requests) session.wait(request);
  session.call(operations.NULL, {});
  for (let turn = 0; turn < 20; turn += 1) session.poll(2);
  const two = [nullRequest(session), nullRequest(session)];
  expect(session.outstanding).toBe(1);
  for (const request of two) session.wait(request);
}, 60_000);

test('sequence numbers wrap and nothing leaks over many calls', async () => {
  const { session } = await connect('plain');
  for (let index = 0; index < 70_000; index += 1) session.call(operations.NULL, {});
  expect(session.outstanding).toBe(0);
}, 90_000);

test('a server that dies fails what is outstanding and what comes later, at once', async () => {
  const { session } = await connect('dies at the third request');
  session.call(operations.NULL, {});
  session.call(operations.NULL, {});
  const requests = Array.from({ length: 5 }, () => nullRequest(session));
  for (const request of requests) {
    expect(() => session.wait(request)).toThrow(
      expect.objectContaining({ code: 'CONNECTION_LOST', errno: 'EIO', operation: 'NULL' }),
    );
  }
  expect(() => session.call(operations.NULL, {})).toThrow(
    expect.objectContaining({ errno: 'EIO' }),
  );
  expect(session.isAlive).toBe(false);
}, 60_000);

test('a server that is killed while a call sleeps wakes it within 100 ms', async () => {
  const { session, server } = await connect('never answers');
  const request = nullRequest(session);
  session.poll(100);
  server.kill();
  expect(() => session.wait(request)).toThrow(expect.objectContaining({ errno: 'EIO' }));
}, 60_000);

test('an idle session notices the death at its next call', async () => {
  const { session, server } = await connect('plain');
  server.kill();
  await new Promise((resolve) => server.process.once('exit', resolve));
  expect(() => session.call(operations.NULL, {})).toThrow(
    expect.objectContaining({ code: 'CONNECTION_LOST', errno: 'EIO' }),
  );
}, 60_000);

test('closing a session whose server hangs takes a second at most', async () => {
  const { session, server } = await connect('plain');
  server.process.kill('SIGSTOP');
  const before = performance.now();
  session.close();
  expect(performance.now() - before).toBeLessThan(1500);
}, 60_000);

test('connecting to a server that hangs ends in time', async () => {
  const { server } = await connect('plain');
  server.process.kill('SIGSTOP');
  expect(() => Session.connect(server.path, { timeoutMs: 300 })).toThrow(
    expect.objectContaining({ code: 'CONNECT_FAILED', errno: 'ETIMEDOUT' }),
  );
}, 60_000);

test.each(['answers nobody', 'says another length'])(
  'a response that cannot be right ends the session: the server %s',
  async (script) => {
    const { session } = await connect(script);
    expect(() => session.call(operations.NULL, {})).toThrow(
      expect.objectContaining({ errno: 'EIO' }),
    );
    expect(session.isAlive).toBe(false);
  },
  10_000,
);

test('a message that arrives damaged ends the session when there are checksums', async () => {
  const { session } = await connect('breaks checksums', { checksums: true });
  expect(() => session.call(operations.NULL, {})).toThrow(
    expect.objectContaining({ errno: 'EIO' }),
  );
  expect(session.isAlive).toBe(false);
}, 60_000);

test('malformed results fail their request and no other', async () => {
  const { session } = await connect('sends malformed results');
  expect(() => session.call(operations.READLINK_INLINE, { filehandle: HANDLE })).toThrow(
    expect.objectContaining({ code: 'BAD_RESPONSE', errno: 'EIO' }),
  );
  expect(session.call(operations.NULL, {})).toEqual({});
}, 60_000);

test('arguments that fit into no request are refused and cost no credit', async () => {
  const { session } = await connect('plain');
  const path = [new Uint8Array(100_000)];
  for (let index = 0; index < 40; index += 1) {
    expect(() => session.call(operations.LOOKUP, { directory: HANDLE, path })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', errno: 'ENAMETOOLONG' }),
    );
  }
  expect(session.call(operations.NULL, {})).toEqual({});
}, 60_000);

test('a server that wants more than was asked for is refused', async () => {
  await expect(connect('wants bigger responses')).rejects.toMatchObject({
    code: 'NEGOTIATION_FAILED',
  });
}, 60_000);

test('promises settle from the event loop, in success and failure', async () => {
  const { session, server } = await connect('plain');
  const requests = Array.from({ length: 40 }, () => nullRequest(session));
  expect(await Promise.all(requests.map((request) => session.whenDone(request)))).toHaveLength(40);
  server.process.kill('SIGSTOP');
  const lost = session.whenDone(nullRequest(session));
  await new Promise((resolve) => setTimeout(resolve, 300));
  server.kill();
  await expect(lost).rejects.toMatchObject({ code: 'CONNECTION_LOST', errno: 'EIO' });
}, 60_000);

test.each([false, true])(
  'the back-control channel brings directives (checksums: %s)',
  async (checksums) => {
    const directives: Directive[] = [];
    const { session, server } = await connect('sends directives', {
      checksums,
      rdmaReadChannel: true,
      onDirective(directive) {
        directives.push(directive);
        directive.refuse(DafsStatus.DAFSERR_BADHANDLE);
      },
    });
    expect(session.terms).toMatchObject({
      usesBackControlChannel: true,
      usesRdmaReadChannel: true,
    });
    session.call(operations.NULL, {});
    for (let turn = 0; turn < 3000 && directives.length === 0; turn += 1) session.poll(10);
    expect(directives).toMatchObject([{ name: 'BC_RECALL', arguments: { stateId: 77n } }]);
    await expect
      .poll(() => server.lines, { timeout: 30_000 })
      .toContain(`directive answered ${DafsStatus.DAFSERR_BADHANDLE}`);
  },
  10_000,
);

test('a request goes out right behind the next one, or fails', async () => {
  const { session } = await connect('plain');
  const following = new Request(operations.NULL, {}, 0);
  session.sendBehindNext(following);
  expect(session.outstanding).toBe(0);
  const next = nullRequest(session);
  expect(session.outstanding).toBe(2);
  session.wait(next);
  expect(session.wait(following)).toEqual({});
  const alone = new Request(operations.NULL, {}, 0);
  session.sendBehindNext(alone);
  expect(() => session.wait(alone)).toThrow(expect.objectContaining({ code: 'NOT_SENT' }));
  expect(session.call(operations.NULL, {})).toEqual({});
}, 60_000);
