/** What becomes of clients that are connected and are not heard. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LockType } from '../../../client/protocol/constants.ts';
import { LockKind } from '../../../client/protocol/extensions.ts';
import { defaultLimits } from '../../../server/sessions/limits.ts';
import { unchecked } from './support/files.ts';
import { Locker, type OpenedFile } from './support/locker.ts';
import { ServerLine } from './support/server-line.ts';
import type { TestServer } from './support/test-server.ts';

const { leaseMs } = defaultLimits;
const TICK_MS = 1000;
/** Shares of OPEN. */
const [READ, WRITE] = [1, 2];

let server: TestServer;
let line: ServerLine;

beforeEach(() => {
  line = new ServerLine();
  server = line.current;
});
afterEach(() => line.close());

/** Lets time pass in which only these clients are heard, as the data plane looks at it. */
function pass(milliseconds: number, ...heard: readonly Locker[]): void {
  for (let left = milliseconds; left > 0; left -= TICK_MS) {
    for (const { files } of heard) {
      files.connection.call('NULL', {});
    }
    server.monotonicMs += Math.min(left, TICK_MS);
    server.engine.closeOverdue();
    server.engine.finish();
  }
}

const renew = ({ files }: Locker, known = 0) =>
  files.connection.call('RENEW_LEASE', { known }).results;

function write({ files }: Locker, file: OpenedFile): string {
  return files.write(file, 0, 'x').status;
}

describe('a client that is not heard', () => {
  it('keeps its locks until its lease is over, and gives way then', () => {
    const [holder, other] = [new Locker(server, 'holder'), new Locker(server, 'other')];
    expect(holder.ownerLock('one').status).toBe('OK');
    // The first look finds that it has been heard.
    pass(TICK_MS, other);
    expect(other.wait('two', 7n).results.isGranted).toBe(false);
    pass(leaseMs - TICK_MS, other);
    expect(other.granted()).toEqual([]);
    expect(other.ownerLock('three').status).toBe('DENIED');
    pass(TICK_MS, other);
    expect(other.granted()).toEqual([7n]);
    expect(write(holder, holder.file)).toBe('BAD_STATEID');
  });

  it('gives way at once to who does not wait, once its lease is over', () => {
    const [holder, other] = [new Locker(server, 'holder'), new Locker(server, 'other')];
    expect(holder.lock(0n, 9n).status).toBe('OK');
    expect(holder.ownerLock('flocker', { kind: LockKind.FLOCK }).status).toBe('OK');
    pass(leaseMs + TICK_MS, other);
    expect(other.lock(100n, 1n).status).toBe('OK');
    expect(write(holder, holder.file)).toBe('OK');
    pass(leaseMs + TICK_MS, other);
    expect(other.lock(8n, 9n).status).toBe('OK');
    expect(write(holder, holder.file)).toBe('BAD_STATEID');
    expect(other.ownerLock('flocker', { kind: LockKind.FLOCK }).status).toBe('OK');
  });

  it('is not let in itself by what it loses', () => {
    const [holder, other] = [new Locker(server, 'holder'), new Locker(server, 'other')];
    const reader = holder.open('file', READ);
    expect(holder.ownerLock('one').status).toBe('OK');
    const shared = { ...reader, lockType: LockType.READW_LT };
    expect(holder.wait('two', 1n).results.isGranted).toBe(false);
    expect(holder.wait('three', 2n, shared).results.isGranted).toBe(false);
    expect(other.wait('four', 3n).results.isGranted).toBe(false);
    pass(leaseMs + TICK_MS, other);
    expect(other.granted()).toEqual([3n]);
    expect(holder.granted()).toEqual([]);
    expect(holder.wait('two', 1n).status).toBe('BAD_STATEID');
    expect(holder.wait('three', 2n, shared).results.isGranted).toBe(false);
  });

  it('keeps what nobody wants, however long', () => {
    const [holder, other] = [new Locker(server, 'holder'), new Locker(server, 'other')];
    expect(holder.ownerLock('one').status).toBe('OK');
    pass(3 * leaseMs, other);
    // It is heard again: from now on it is in the way of others as before.
    expect(renew(holder)).toMatchObject({ locks: [], opens: [], last: 0 });
    expect(other.ownerLock('two').status).toBe('DENIED');
    expect(write(holder, holder.file)).toBe('OK');
  });

  it('loses of a file what it could change it by, and no other open', () => {
    const [holder, other] = [new Locker(server, 'holder'), new Locker(server, 'other')];
    const writer = holder.open('file', WRITE);
    const reader = holder.open('file', READ);
    const lockedToRead = holder.open('file', READ);
    const elsewhere = holder.open('elsewhere');
    const shared = { ...lockedToRead, lockType: LockType.READ_LT };
    expect(holder.ownerLock('one', shared).status).toBe('OK');
    pass(leaseMs + TICK_MS, other);
    expect(other.ownerLock('two').status).toBe('OK');
    const statusOf = (file: OpenedFile) => holder.files.read(file, 0, 1).status;
    expect([reader, lockedToRead].map(statusOf)).toEqual(['OK', 'BAD_STATEID']);
    expect([writer, elsewhere].map((file) => write(holder, file))).toEqual(['BAD_STATEID', 'OK']);
  });

  it('does not keep others out by what it denies', () => {
    const [holder, other] = [new Locker(server, 'holder'), new Locker(server, 'other')];
    const denier = { open: unchecked(), shareDeny: WRITE };
    expect(holder.files.open('denied', denier).status).toBe('OK');
    const opens = () => other.files.open('denied', { shareAccess: WRITE }).status;
    pass(leaseMs, other);
    expect(opens()).toBe('DENIED');
    pass(TICK_MS, other);
    expect(opens()).toBe('OK');
    expect(renew(holder)).toMatchObject({ locks: [], opens: [expect.anything()] });
  });

  it('is told what it has lost until it says that it knows, also by the next server', () => {
    const options = { isDurable: true };
    const holder = new Locker(server, 'holder', options);
    const other = new Locker(server, 'other');
    expect(holder.ownerLock('one', { offset: 10n, length: 5n, pid: 77 }).status).toBe('OK');
    expect(holder.ownerLock('flocker', { kind: LockKind.FLOCK, pid: 78 }).status).toBe('OK');
    pass(leaseMs + TICK_MS, other);
    expect(other.ownerLock('two').status).toBe('OK');
    const { stateId } = holder.file;
    const lostRecord = { kind: LockKind.RECORD, offset: 10n, length: 5n, pid: 77 };
    const told = {
      leaseMs,
      last: 3,
      locks: [
        expect.objectContaining({ ...lostRecord, lockType: LockType.WRITE_LT }),
        expect.objectContaining({ kind: LockKind.FLOCK, pid: 78 }),
      ],
      opens: [expect.objectContaining({ stateId })],
    };
    expect(renew(holder)).toEqual(told);
    server.engine.finish();
    server = line.restart();
    const back = new Locker(server, 'holder', options);
    expect(renew(back)).toEqual(told);
    expect(renew(back, 2)).toMatchObject({ locks: [], last: 3, opens: told.opens });
    expect(renew(back, 3)).toMatchObject({ locks: [], opens: [], last: 3 });
    expect(renew(back)).toMatchObject({ locks: [], opens: [] });
  });

  it('learns of any number of losses', () => {
    const [holder, other] = [new Locker(server, 'holder'), new Locker(server, 'other')];
    for (let index = 0n; index < 200n; index += 1n) {
      expect(holder.ownerLock('one', { offset: 2n * index, length: 1n }).status).toBe('OK');
    }
    pass(leaseMs + TICK_MS, other);
    expect(other.ownerLock('two').status).toBe('OK');
    const offsets: bigint[] = [];
    let opens = 0;
    for (let known = 0; ; ) {
      const { last, ...lost } = renew(holder, known);
      if (last === known) break;
      known = last;
      offsets.push(...lost.locks.map(({ offset }) => offset));
      opens += lost.opens.length;
    }
    expect(offsets).toEqual(Array.from({ length: 200 }, (_, index) => 2n * BigInt(index)));
    expect(opens).toBe(1);
  });
});

it('a server that was stopped itself has heard nobody, and takes nothing', () => {
  const [holder, other] = [new Locker(server, 'holder'), new Locker(server, 'other')];
  expect(holder.ownerLock('one').status).toBe('OK');
  pass(TICK_MS, other);
  server.monotonicMs += 10 * leaseMs;
  server.engine.closeOverdue();
  expect(other.ownerLock('two').status).toBe('DENIED');
});
