/** What a client holds while its server is started anew and it has not come back: nobody else gets it. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LockType } from '../../../client/protocol/constants.ts';
import { defaultLimits } from '../../../server/sessions/limits.ts';
import { Files, openArguments, unchecked } from './support/files.ts';
import { ALL, Locker, ROOT } from './support/locker.ts';
import { ServerLine } from './support/server-line.ts';
import { bytes, type TestServer } from './support/test-server.ts';

/** What the tests' processes are, and one that holds something. */
const HOLDER = { ...ROOT, pid: 4321 };
const WRITE = 2;

let server: TestServer;
let line: ServerLine;

beforeEach(() => {
  line = new ServerLine();
  server = line.current;
});
afterEach(() => line.close());

function restart(): void {
  server = line.restart();
}

/** A client that has a file open which nobody else may write, and has locked it. */
function holder(): void {
  const connect = { clientIdString: bytes('holder'), useResponseCache: true };
  const files = new Files(server.client({ peer: HOLDER, connect }));
  const { status, results } = files.open('file', { open: unchecked(), shareDeny: WRITE });
  expect(status).toBe('OK');
  const { filehandle, stateId } = results;
  const lock = {
    filehandle: filehandle.slice() as typeof filehandle,
    stateId,
    lockType: LockType.WRITE_LT,
  } as const;
  expect(
    files.connection.call('LOCK', { ...lock, options: 0, offset: 0n, length: 9n }).status,
  ).toBe('OK');
}

/** Somebody else, who comes back first, or for the first time. */
function stranger() {
  const one = new Files(
    server.client({ peer: ROOT, connect: { clientIdString: bytes('stranger') } }),
  );
  const reader = new Locker(server, 'reader', { isDurable: true, file: openToRead(one) });
  return {
    opens: () =>
      one.connection.call('OPEN', openArguments(one.root, 'file', { shareAccess: WRITE })).status,
    locks: () => reader.test(0n, ALL).status,
  };
}

function openToRead(files: Files) {
  const { results } = files.open('file', { shareAccess: 1 });
  return {
    filehandle: results.filehandle.slice() as typeof results.filehandle,
    stateId: results.stateId,
  };
}

function pass(milliseconds: number): void {
  server.monotonicMs += milliseconds;
  server.engine.closeOverdue();
  server.engine.finish();
}

it('is refused to all others as long as its lease lasts, and free then', () => {
  holder();
  for (let time = 0; time < 2; time += 1) {
    restart();
    const other = stranger();
    expect([other.opens(), other.locks()]).toEqual(['DENIED', 'DENIED']);
    pass(defaultLimits.leaseMs - 1);
    expect([other.opens(), other.locks()]).toEqual(['DENIED', 'DENIED']);
  }
  const other = stranger();
  pass(1);
  expect([other.opens(), other.locks()]).toEqual(['OK', 'OK']);
});

it('is free as soon as its process has ended', () => {
  holder();
  restart();
  const other = stranger();
  server.endedProcesses.add(HOLDER.pid);
  pass(1000);
  expect([other.opens(), other.locks()]).toEqual(['OK', 'OK']);
});
