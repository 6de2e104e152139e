/** Who waits for a lock asks again for it: the next server, when one was killed. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LockType } from '../../../client/protocol/constants.ts';
import { Extension, LockKind } from '../../../client/protocol/extensions.ts';
import type { ArgumentsOf } from '../../../client/protocol/operations.ts';
import { ALL, Locker, ROOT } from './support/locker.ts';
import { ServerLine } from './support/server-line.ts';
import { bytes, type TestServer } from './support/test-server.ts';

let server: TestServer;
let line: ServerLine;
let one: Locker;
let other: Locker;

beforeEach(() => {
  line = new ServerLine();
  server = line.current;
  one = new Locker(server, 'one', { isDurable: true });
  other = new Locker(server, 'other', { isDurable: true });
  one.ownerLock('process');
});
afterEach(() => line.close());

const comeBack = (name: string, { file }: Locker): Locker =>
  new Locker(server, name, { isDurable: true, file });

function restart(): void {
  server = line.restart();
}

function restartAll(): void {
  restart();
  one = comeBack('one', one);
  other = comeBack('other', other);
}

it('is not known to the next server until he asks again', () => {
  expect(other.wait('process', 1n).results.isGranted).toBe(false);
  restartAll();
  expect(other.cancel(1n)).toBe(false);
  expect(other.wait('process', 1n).results.isGranted).toBe(false);
  one.ownerUnlock('process');
  expect(other.granted()).toEqual([1n]);
  restartAll();
  expect(one.ownerTest('process').status).toBe('DENIED');
});

it('may ask before there is a channel to tell him of the lock, and has it when he asks again', () => {
  restart();
  const connect = { clientIdString: bytes('other'), useResponseCache: true };
  const early = server.client({ peer: ROOT, connect });
  early.call('EXTENSIONS', { wanted: [Extension.LOCKS] });
  const whole = { kind: LockKind.RECORD, offset: 0n, length: ALL, owner: bytes('process') };
  const wanted = { ...other.file, ...whole, lockType: LockType.WRITEW_LT, pid: 1, waitId: 1n };
  expect(early.call('OWNER_LOCK', wanted).results.isGranted).toBe(false);
  one = comeBack('one', one);
  one.ownerUnlock('process');
  other = comeBack('other', other);
  expect(other.granted()).toEqual([]);
  expect(other.wait('process', 1n).results.isGranted).toBe(true);
  expect(one.ownerTest('process').status).toBe('DENIED');
});

it('is told of a lock only when the next server will know of it', () => {
  expect(other.wait('process', 1n).results.isGranted).toBe(false);
  // What goes out while a request is executed reaches its client even if the server is killed then.
  const range = {
    kind: LockKind.RECORD,
    offset: 0n,
    length: ALL,
    owner: bytes('process'),
  } as const;
  one.files.connection.submit('OWNER_LOCKU', { ...one.file, ...range });
  expect(other.backControl.take()).toEqual([]);
  server.engine.finish();
  expect(other.granted()).toEqual([1n]);
});

it('goes on waiting when he asks again, and has what was granted meanwhile', () => {
  const wait = (rest: Partial<ArgumentsOf<'OWNER_LOCK'>> = {}) => other.wait('process', 5n, rest);
  expect(wait().results.isGranted).toBe(false);
  expect(wait().results.isGranted).toBe(false);
  for (const rest of [
    { offset: 1n, length: 1n },
    { lockType: LockType.READW_LT },
    { kind: LockKind.FLOCK },
  ]) {
    expect(wait(rest).status).toBe('INVAL');
  }
  expect(other.wait('another', 5n).status).toBe('INVAL');
  one.ownerUnlock('process');
  expect(other.granted()).toEqual([5n]);
  expect(other.granted()).toEqual([]);
  expect(wait().results.isGranted).toBe(true);
  expect(server.service.locks.size).toBe(1);
});
