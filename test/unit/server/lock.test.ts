import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LockType } from '../../../client/protocol/constants.ts';
import { Extension, LockKind } from '../../../client/protocol/extensions.ts';
import type { ArgumentsOf, ResultsOf } from '../../../client/protocol/operations.ts';
import { Procedure } from '../../../client/protocol/procedure.ts';
import { DafsStatus } from '../../../client/protocol/status.ts';
import type { StateId } from '../../../client/protocol/types.ts';
import { type ReceivedDirective, TestBackControl } from './support/back-control.ts';
import { Files } from './support/files.ts';
import { ALL, Locker, ROOT, waitsIn } from './support/locker.ts';
import { bytes, TestServer, text } from './support/test-server.ts';

const { READ_LT, WRITE_LT, READW_LT, WRITEW_LT, ABORT_LT } = LockType;
const { RECORD, FLOCK } = LockKind;

let server: TestServer;
let one: Locker;
let other: Locker;
beforeEach(() => {
  server = new TestServer();
  one = new Locker(server, 'one');
  other = new Locker(server, 'other');
});
afterEach(() => {
  expect(server.faults).toEqual([]);
  server.close();
});

/** What a denied LOCK or LOCKT tells of the lock in its way. */
function conflictOf(results: ResultsOf<'LOCK'> | ResultsOf<'LOCKT'>) {
  const conflict = 'lockRes' in results ? results.lockRes : results.results;
  return 'owner' in conflict
    ? { offset: conflict.offset, length: conflict.length, lockType: conflict.lockType }
    : undefined;
}

describe('LOCK, LOCKT and LOCKU', () => {
  it('lock a range for an open and tell others of it', () => {
    expect(one.lock(10n, 5n).status).toBe('OK');
    const denied = other.lock(14n, 1n, READ_LT);
    expect(denied.status).toBe('DENIED');
    expect(conflictOf(denied.results)).toEqual({ offset: 10n, length: 5n, lockType: WRITE_LT });
    expect(other.lock(15n, 1n).status).toBe('OK');
    const tested = other.test(0n, ALL);
    expect(tested.status).toBe('DENIED');
    expect(conflictOf(tested.results)).toEqual({ offset: 10n, length: 5n, lockType: WRITE_LT });
    expect(one.unlock(0n, ALL).status).toBe('OK');
    expect(other.lock(14n, 1n).status).toBe('OK');
  });

  it('take a length of all ones for the rest of the file', () => {
    expect(one.lock(1n << 63n, ALL).status).toBe('OK');
    const denied = other.lock(ALL - 1n, 2n);
    expect(conflictOf(denied.results)).toEqual({
      offset: 1n << 63n,
      length: ALL,
      lockType: WRITE_LT,
    });
    expect(other.lock(0n, 1n << 63n).status).toBe('OK');
  });

  it('let readers in together', () => {
    expect(one.lock(0n, 10n, READ_LT).status).toBe('OK');
    expect(other.lock(5n, 10n, READW_LT).status).toBe('OK');
    expect(one.lock(0n, 6n, WRITE_LT).status).toBe('DENIED');
    expect(one.lock(0n, 5n, WRITE_LT).status).toBe('OK');
  });

  it('tell two opens of one client apart', () => {
    const second = one.open('file');
    expect(one.lock(0n, 1n).status).toBe('OK');
    expect(one.lock(0n, 1n, WRITE_LT, second).status).toBe('DENIED');
    one.close();
    expect(one.lock(0n, 1n, WRITE_LT, second).status).toBe('OK');
  });

  it('refuse what cannot be', () => {
    expect(one.lock(0n, 0n).status).toBe('INVAL');
    expect(one.lock(3n, ALL - 1n).status).toBe('INVAL');
    expect(one.lock(0n, 1n, ABORT_LT).status).toBe('NOTSUPP');
    const args = { ...one.file, lockType: WRITE_LT, offset: 0n, length: 1n };
    const call = (rest: Partial<ArgumentsOf<'LOCK'>>) =>
      one.files.connection.call('LOCK', { ...args, options: 0, ...rest }).status;
    for (const options of [1, 2, 4, 8]) {
      expect(call({ options })).toBe('NOTSUPP');
    }
    expect(call({ stateId: 0n as StateId })).toBe('BAD_STATEID');
    expect(call({ stateId: other.file.stateId })).toBe('BAD_STATEID');
    expect(call({ filehandle: one.files.root })).toBe('ISDIR');
  });

  it('want a file that is open for what it is locked for', () => {
    const reader = one.open('file', 1);
    const writer = one.open('file', 2);
    expect(one.lock(0n, 1n, WRITE_LT, reader).status).toBe('ACCES');
    expect(one.lock(0n, 1n, READ_LT, writer).status).toBe('ACCES');
    expect(one.lock(0n, 1n, READ_LT, reader).status).toBe('OK');
    expect(one.lock(1n, 1n, WRITE_LT, writer).status).toBe('OK');
  });
});

describe('locks of owners', () => {
  it('are the owner’s, by whichever open they were set', () => {
    const second = one.open('file');
    expect(one.ownerLock('a', { offset: 0n, length: 10n }).results.isGranted).toBe(true);
    expect(one.ownerLock('a', { ...second, offset: 10n, length: 10n }).status).toBe('OK');
    expect(one.ownerLock('b', { offset: 5n, length: 1n }).status).toBe('DENIED');
    const found = one.ownerTest('b').results.results;
    expect(found).toMatchObject({ offset: 0n, length: 20n, lockType: WRITE_LT, pid: 1 });
    expect('owner' in found ? text(found.owner) : '').toBe('a');
    one.close(second);
    expect(one.ownerTest('b').status).toBe('DENIED');
    expect(one.ownerUnlock('a')).toBe('OK');
    expect(one.ownerTest('b').status).toBe('OK');
  });

  it('go with the last open by which their owner has locked the file', () => {
    const second = one.open('file');
    one.ownerLock('a', { offset: 0n, length: 1n });
    one.ownerLock('a', { ...second, offset: 5n, length: 1n });
    one.close();
    expect(other.ownerTest('x').status).toBe('DENIED');
    one.close(second);
    expect(other.ownerTest('x').status).toBe('OK');
  });

  it('of flock(2) know nothing of those of fcntl(2)', () => {
    expect(one.ownerLock('a', { kind: FLOCK }).status).toBe('OK');
    expect(other.ownerLock('b', { kind: RECORD }).status).toBe('OK');
    expect(other.ownerLock('b', { kind: FLOCK }).status).toBe('DENIED');
    expect(other.ownerTest('b', { kind: FLOCK }).status).toBe('DENIED');
  });

  it('of flock(2) need no right to write, and are lost in a conversion that fails', () => {
    const reader = one.open('file', 1);
    const shared = { kind: FLOCK, lockType: READ_LT };
    expect(one.ownerLock('a', { ...shared, ...reader }).status).toBe('OK');
    expect(other.ownerLock('b', shared).status).toBe('OK');
    expect(one.ownerLock('a', { kind: FLOCK, ...reader }).status).toBe('DENIED');
    expect(other.ownerLock('b', { kind: FLOCK }).status).toBe('OK');
  });

  it('are limited in number, and so are waits', () => {
    const { maxLocksPerClient } = server.service.limits;
    server.close();
    server = new TestServer({ limits: { maxLocksPerClient: 3 } });
    one = new Locker(server, 'one');
    other = new Locker(server, 'other');
    expect(maxLocksPerClient).toBeGreaterThan(3);
    expect(one.ownerLock('a', { length: 100n }).status).toBe('OK');
    expect(one.ownerUnlock('a', { offset: 10n, length: 1n })).toBe('OK');
    expect(one.ownerUnlock('a', { offset: 20n, length: 1n })).toBe('OK');
    expect(one.ownerUnlock('a', { offset: 30n, length: 1n })).toBe('RESOURCE');
    expect(one.ownerLock('a', { offset: 200n, length: 1n }).status).toBe('RESOURCE');
    expect(other.wait('b', 1n).results.isGranted).toBe(false);
    expect(other.wait('b', 2n).results.isGranted).toBe(false);
    expect(other.wait('b', 3n).results.isGranted).toBe(false);
    expect(other.wait('b', 4n).status).toBe('RESOURCE');
    expect(one.ownerUnlock('a', { offset: 5n, length: 50n })).toBe('OK');
  });

  it('are not granted to sessions that did not ask for the extension', () => {
    const files = new Files(
      server.client({ peer: ROOT, connect: { clientIdString: bytes('draft') } }),
    );
    expect(files.connection.call('CANCEL_LOCK', { waitId: 1n }).status).toBe('NOTSUPP');
  });

  it('have names of bounded length', () => {
    expect(one.ownerLock('x'.repeat(1025)).status).toBe('INVAL');
  });
});

describe('waiting', () => {
  it('ends with a notice when the lock is there', () => {
    one.ownerLock('a');
    expect(other.wait('b', 77n).results.isGranted).toBe(false);
    expect(other.granted()).toEqual([]);
    one.ownerUnlock('a');
    expect(other.granted()).toEqual([77n]);
    expect(one.ownerLock('a').status).toBe('DENIED');
  });

  it('is not needed when nothing is in the way', () => {
    expect(other.wait('b', 77n).results.isGranted).toBe(true);
    expect(other.cancel(77n)).toBe(false);
  });

  it('is fair: who came first is served first, readers together', () => {
    one.ownerLock('a');
    other.wait('r1', 1n, { lockType: READW_LT });
    other.wait('r2', 2n, { lockType: READW_LT });
    other.wait('w', 3n);
    other.wait('r3', 4n, { lockType: READW_LT });
    one.ownerUnlock('a');
    expect(other.granted()).toEqual([1n, 2n, 4n]);
    for (const reader of ['r1', 'r2', 'r3']) {
      other.ownerUnlock(reader);
    }
    expect(other.granted()).toEqual([3n]);
  });

  it('sends one notice at a time, with all that was granted meanwhile', () => {
    one.ownerLock('a');
    for (let id = 1n; id <= 600n; id += 1n) {
      other.wait(`b${id}`, id, { offset: id, length: 1n });
    }
    one.ownerUnlock('a', { length: 2n });
    one.ownerUnlock('a');
    expect(other.granted()).toEqual([1n]);
    expect(other.granted()).toHaveLength(256);
    expect(other.granted()).toHaveLength(256);
    expect(other.granted().at(-1)).toBe(600n);
    expect(other.granted()).toEqual([]);
  });

  it('can be called off until it is granted', () => {
    one.ownerLock('a');
    other.wait('b', 5n);
    expect(other.cancel(5n)).toBe(true);
    expect(other.cancel(5n)).toBe(false);
    one.ownerUnlock('a');
    expect(other.granted()).toEqual([]);
    expect(one.ownerLock('a').status).toBe('OK');
    expect(one.cancel(5n)).toBe(false);
  });

  it('ends with the open that waits, and with its client', () => {
    one.ownerLock('a');
    const second = other.open('file');
    other.wait('b', 1n, second);
    other.wait('c', 2n);
    other.close(second);
    other.files.connection.die();
    expect(server.service.locks.size).toBe(1);
    one.ownerUnlock('a');
    expect(server.service.locks.size).toBe(0);
  });

  it('ends when who holds the lock dies', () => {
    one.ownerLock('a');
    other.wait('b', 9n);
    one.files.connection.die();
    expect(other.granted()).toEqual([9n]);
  });

  it('ends when a write lock becomes a read lock', () => {
    one.ownerLock('a');
    other.wait('b', 9n, { lockType: READW_LT });
    one.ownerLock('a', { lockType: READ_LT });
    expect(other.granted()).toEqual([9n]);
  });

  it('is impossible without a channel for the notice', () => {
    const connection = server.client({ peer: ROOT, connect: { clientIdString: bytes('mute') } });
    connection.call('EXTENSIONS', { wanted: [Extension.LOCKS] });
    const mute = new Files(connection);
    const { results } = mute.open('file');
    const status = mute.connection.call('OWNER_LOCK', {
      filehandle: results.filehandle,
      stateId: results.stateId,
      kind: RECORD,
      lockType: WRITEW_LT,
      offset: 0n,
      length: 1n,
      owner: bytes('m'),
      pid: 1,
      waitId: 1n,
    }).status;
    expect(status).toBe('BACK_CHANNEL_UNUSABLE');
  });

  it('tells by another session of the client when a channel is lost', () => {
    const connection = server.connection(ROOT);
    const connect = { clientIdString: bytes('other'), useBackControlChannel: true };
    const { sessionId } = connection.connect({ connect });
    const spare = new TestBackControl(server, sessionId, { peer: ROOT });
    one.ownerLock('a');
    other.wait('b', 4n, { offset: 0n, length: 1n });
    other.wait('c', 5n, { offset: 1n, length: 1n });
    one.ownerUnlock('a');
    other.backControl.connection.die();
    expect(spare.take().map(waitsIn)).toEqual([[4n, 5n]]);
  });
});

describe('a client that is told of changes', () => {
  beforeEach(() => {
    other.files.connection.call('SUBSCRIBE', { wantsNames: false });
    acknowledge();
  });

  /** What the other client has been told, in order; answers none of it. */
  const heard = () => other.backControl.take();
  const procedures = (directives: ReceivedDirective[]) =>
    directives.map(({ procedure }) => procedure);
  const { BC_CHANGES, BC_LOCK_GRANTED } = Procedure;

  /** Answers all that has been told, while time goes on. */
  function acknowledge(): void {
    for (let told = heard(); told.length > 0; told = heard()) {
      for (const directive of told) {
        other.backControl.answer(directive);
      }
      server.monotonicMs += 1000;
      server.engine.finish();
    }
  }

  it('has acted upon them when it is told that its wait is over', () => {
    one.ownerLock('a');
    other.wait('b', 8n);
    one.files.write(one.file, 0, 'new');
    one.ownerUnlock('a');
    const [changes, ...rest] = heard() as [ReceivedDirective];
    expect(procedures([changes, ...rest])).toEqual([BC_CHANGES]);
    expect(one.ownerLock('a').status).toBe('DENIED');
    other.backControl.answer(changes);
    expect(heard().map(waitsIn)).toEqual([[8n]]);
  });

  it('has acted upon them when it is told of a lock that was free', () => {
    one.files.write(one.file, 0, 'new');
    const { status, results } = other.ownerLock('b', { waitId: 9n });
    expect([status, results.isGranted]).toEqual(['OK', false]);
    expect(one.ownerLock('a').status).toBe('DENIED');
    const told = heard();
    expect(procedures(told)).toEqual([BC_CHANGES]);
    other.backControl.answer(told[0] as ReceivedDirective);
    expect(procedures(heard())).toEqual([BC_LOCK_GRANTED]);
    expect(other.ownerLock('b', { offset: 5n, length: 1n }).results.isGranted).toBe(true);
  });

  it('is told anew what it could not act upon, before it has the lock', () => {
    one.files.write(one.file, 0, 'new');
    other.ownerLock('b', { waitId: 9n });
    const [refused] = heard() as [ReceivedDirective];
    other.backControl.answer(refused, DafsStatus.DAFSERR_IO);
    expect(heard()).toEqual([]);
    server.monotonicMs += 1000;
    server.engine.finish();
    const again = heard();
    expect(again.map(({ args }) => (args as ArgumentsOf<'BC_CHANGES'>).everything)).toEqual([true]);
    other.backControl.answer(again[0] as ReceivedDirective);
    // Everything is doubtful; what it has open is named afterwards, and counts too.
    const named = heard();
    expect(procedures(named)).toEqual([BC_CHANGES]);
    other.backControl.answer(named[0] as ReceivedDirective);
    expect(procedures(heard())).toEqual([BC_LOCK_GRANTED]);
  });

  it('waits for no changes of its own, of other files, or that come later', () => {
    const second = one.open('second');
    other.files.write(other.file, 0, 'own');
    one.files.write(second, 0, 'elsewhere');
    expect(other.ownerLock('b').results.isGranted).toBe(true);
    other.ownerUnlock('b');
    one.files.write(one.file, 0, 'before');
    other.ownerLock('b', { waitId: 3n });
    const before = heard();
    one.files.write(one.file, 0, 'after');
    for (const directive of before) {
      other.backControl.answer(directive);
    }
    expect(procedures(heard())).toContain(BC_LOCK_GRANTED);
  });

  it('has its lock when it is told of changes no more', () => {
    const connection = server.connection(ROOT);
    const connect = { clientIdString: bytes('other'), useBackControlChannel: true };
    const { sessionId } = connection.connect({ connect });
    const spare = new TestBackControl(server, sessionId, { peer: ROOT });
    one.files.write(one.file, 0, 'new');
    other.ownerLock('b', { waitId: 9n });
    other.backControl.connection.die();
    expect(spare.take().map(waitsIn)).toEqual([[9n]]);
  });
});

describe('a deadlock', () => {
  it('is refused to the owner who would close the circle, across clients', () => {
    one.ownerLock('a', { offset: 0n, length: 1n });
    other.ownerLock('b', { offset: 1n, length: 1n });
    one.ownerLock('c', { offset: 2n, length: 1n });
    expect(one.wait('a', 1n, { offset: 1n, length: 1n }).status).toBe('OK');
    expect(other.wait('b', 2n, { offset: 2n, length: 1n }).status).toBe('OK');
    expect(one.wait('c', 3n, { offset: 0n, length: 1n }).status).toBe('DEADLOCK');
    one.ownerUnlock('c');
    expect(other.granted()).toEqual([2n]);
  });

  it('is seen across files', () => {
    const mine = one.open('second');
    const theirs = other.open('second');
    one.ownerLock('a');
    other.ownerLock('b', theirs);
    expect(other.wait('b', 1n).status).toBe('OK');
    expect(one.wait('a', 2n, mine).status).toBe('DEADLOCK');
  });

  it.each([
    [200, 'OK'],
    [300, 'DEADLOCK'],
  ])('is assumed when it would take long to look for: %i who wait for as many', (count, status) => {
    const [near, far] = [
      { offset: 0n, length: 1n },
      { offset: 10n, length: 1n },
    ];
    for (let index = 0; index < count; index += 1) {
      one.ownerLock(`near ${index}`, { ...near, lockType: READ_LT });
      one.ownerLock(`far ${index}`, { ...far, lockType: READ_LT });
    }
    for (let index = 0; index < count; index += 1) {
      one.wait(`near ${index}`, BigInt(index), far);
    }
    expect(other.wait('b', 1n, near).status).toBe(status);
  });

  it('is not looked for among locks of flock(2)', () => {
    const mine = one.open('second');
    const theirs = other.open('second');
    one.ownerLock('a', { kind: FLOCK });
    other.ownerLock('b', { kind: FLOCK, ...theirs });
    expect(other.wait('b', 1n, { kind: FLOCK }).status).toBe('OK');
    expect(one.wait('a', 2n, { kind: FLOCK, ...mine }).status).toBe('OK');
    expect(one.cancel(2n)).toBe(true);
  });
});
