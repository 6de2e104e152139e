import assert from 'node:assert/strict';
import { defineCases, O } from '../case.ts';
import { fails, pauseUntil, put, withOpen } from '../expect.ts';
import type { Target } from '../target.ts';
import type { RecordLock, RemoteTarget } from '../target-locks.ts';

const read = (start = 0, length = 0): RecordLock => ({ type: 'read', start, length });
const write = (start = 0, length = 0): RecordLock => ({ type: 'write', start, length });
const unlock = (start = 0, length = 0): RecordLock => ({ type: 'unlock', start, length });

const LAST_BYTE = 0x7fff_ffff_ffff_ffffn;

/** A file of ten bytes, open for both. */
function openFile(t: Target, name = 'a', flags: number = O.RDWR): number {
  return t.open(name, flags);
}

/** The file, open here and in another process. */
function shared(t: Target) {
  put(t, 'a', '0123456789');
  const other = t.otherProcess();
  return { mine: openFile(t), other, theirs: openFile(other) };
}

/** What somebody else finds in the way of locking everything, from `start` on. */
function found(other: Target, fd: number, start = 0): [string, number, number] | undefined {
  const lock = other.testLock(fd, write(start));
  return lock && [lock.type, lock.start, lock.length];
}

const records = defineCases('lock', {
  'for writing keeps others out of its range, and of no other': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, write(2, 3));
    for (const lock of [write(2, 1), write(4, 1), read(0, 3), write(), read(4)]) {
      fails('EAGAIN', () => other.setLock(theirs, lock));
    }
    other.setLock(theirs, write(0, 2));
    other.setLock(theirs, write(5));
    fails('EAGAIN', () => t.setLock(mine, write(5, 1)));
  },
  'for reading is shared, and keeps writers out': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, read());
    other.setLock(theirs, read(3, 3));
    fails('EAGAIN', () => other.setLock(theirs, write(0, 1)));
    fails('EAGAIN', () => t.setLock(mine, write(3, 1)));
    t.setLock(mine, write(6));
  },
  'is told to those who ask, with its process': (t) => {
    const { mine, other, theirs } = shared(t);
    assert.equal(other.testLock(theirs, write()), undefined);
    t.setLock(mine, write(3, 4));
    t.setLock(mine, read(20));
    const pid = t.processId();
    const first = other.testLock(theirs, read());
    assert.deepEqual(first, { type: 'write', start: 3, length: 4, pid });
    assert.equal(other.testLock(theirs, read(7)), undefined);
    const last = other.testLock(theirs, write(7));
    assert.deepEqual(last, { type: 'read', start: 20, length: 0, pid });
  },
  'of one’s own is in nobody’s way but others’': (t) => {
    const { mine } = shared(t);
    t.setLock(mine, write());
    assert.equal(t.testLock(mine, write()), undefined);
    withOpen(t, 'a', O.RDWR, (fd) => t.setLock(fd, write(2, 2)));
  },
  'becomes weaker and stronger in place': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, write(0, 10));
    t.setLock(mine, read(3, 4));
    assert.deepEqual(found(other, theirs), ['write', 0, 3]);
    assert.deepEqual(found(other, theirs, 3), ['read', 3, 4]);
    assert.deepEqual(found(other, theirs, 7), ['write', 7, 3]);
    t.setLock(mine, write(3, 4));
    assert.deepEqual(found(other, theirs), ['write', 0, 10]);
  },
  'falls in two when its middle is unlocked': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, write(0, 10));
    t.setLock(mine, unlock(4, 2));
    assert.deepEqual(found(other, theirs), ['write', 0, 4]);
    assert.deepEqual(found(other, theirs, 4), ['write', 6, 4]);
    other.setLock(theirs, write(4, 2));
  },
  'grows together with its neighbours of the same type': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, write(0, 2));
    t.setLock(mine, write(4, 2));
    t.setLock(mine, read(6, 2));
    assert.deepEqual(found(other, theirs), ['write', 0, 2]);
    t.setLock(mine, write(2, 2));
    assert.deepEqual(found(other, theirs), ['write', 0, 6]);
    t.setLock(mine, write(6, 2));
    assert.deepEqual(found(other, theirs), ['write', 0, 8]);
  },
  'reaches to the end, wherever that will be': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, write(5));
    t.truncate('a', 100_000);
    fails('EAGAIN', () => other.setLock(theirs, write(99_999, 1)));
    t.setLock(mine, unlock(1000));
    other.setLock(theirs, write(99_999, 1));
    fails('EAGAIN', () => other.setLock(theirs, write(999, 1)));
  },
  'is possible up to the last byte that a file can have': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, { type: 'write', start: LAST_BYTE, length: 1 });
    fails('EAGAIN', () => other.setLock(theirs, write(1 << 30)));
    fails('EOVERFLOW', () => t.setLock(mine, { type: 'write', start: LAST_BYTE, length: 2 }));
    t.setLock(mine, { type: 'unlock', start: LAST_BYTE - 5n, length: 5 });
    assert.ok(other.testLock(theirs, write()));
    t.setLock(mine, { type: 'unlock', start: LAST_BYTE, length: 0 });
    assert.equal(other.testLock(theirs, write()), undefined);
  },
  'counts from the offset, from the end, and backwards': (t) => {
    const { mine, other, theirs } = shared(t);
    t.seek(mine, 6, 0);
    t.setLock(mine, { type: 'write', whence: 1, start: -2, length: 1 });
    t.setLock(mine, { type: 'write', whence: 2, start: -1, length: 1 });
    t.setLock(mine, { type: 'write', start: 3, length: -2 });
    assert.deepEqual(found(other, theirs), ['write', 1, 2]);
    assert.deepEqual(found(other, theirs, 3), ['write', 4, 1]);
    assert.deepEqual(found(other, theirs, 5), ['write', 9, 1]);
    fails('EINVAL', () => t.setLock(mine, { type: 'write', start: -1 }));
  },
  'wants a file that is open for it': (t) => {
    put(t, 'a', 'x');
    withOpen(t, 'a', O.RDONLY, (fd) => {
      fails('EBADF', () => t.setLock(fd, write()));
      t.setLock(fd, read());
      assert.equal(t.testLock(fd, write()), undefined);
    });
    withOpen(t, 'a', O.WRONLY, (fd) => {
      fails('EBADF', () => t.setLock(fd, read()));
      t.setLock(fd, write());
    });
  },
  'does not hinder who reads and writes without asking': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, write());
    assert.equal(other.write(theirs, Buffer.from('xyz')), 3);
    assert.equal(Buffer.from(other.readAt(theirs, 3, 0)).toString(), 'xyz');
  },
  'goes when its process closes any descriptor of the file': (t) => {
    const { mine, other, theirs } = shared(t);
    const second = openFile(t, 'a', O.RDONLY);
    t.setLock(mine, write());
    t.close(second);
    other.setLock(theirs, write());
  },
  'goes when its process closes a duplicate of its descriptor': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, write());
    t.close(t.duplicate(mine));
    other.setLock(theirs, write());
  },
  'stays when its process closes another file, and others close this one': (t) => {
    const { mine, other, theirs } = shared(t);
    put(t, 'b', 'x');
    t.setLock(mine, write(0, 1));
    withOpen(t, 'b', O.RDONLY, () => {});
    other.setLock(theirs, write(5, 1));
    other.close(theirs);
    const again = openFile(other);
    fails('EAGAIN', () => other.setLock(again, write(0, 1)));
    other.setLock(again, write(5, 1));
  },
  'goes with its process': (t) => {
    const { mine, other, theirs } = shared(t);
    other.setLock(theirs, write());
    fails('EAGAIN', () => t.setLock(mine, read()));
    other.signal('SIGKILL');
    t.setLock(mine, write());
  },
  'holds by whichever name of the file': (t) => {
    const { mine, other } = shared(t);
    t.link('a', 'b');
    t.setLock(mine, write());
    fails('EAGAIN', () => other.setLock(openFile(other, 'b'), write()));
    t.unlink('a');
    fails('EAGAIN', () => other.setLock(openFile(other, 'b'), write()));
  },
});

/** A process, and the byte that it has locked. */
interface Holder {
  readonly process: RemoteTarget;
  readonly name: string;
  readonly start: number;
}

/**
 * Each waits for what the next one has, in a circle. Whoever closes it is refused, which is not the
 * same one each time; when he gives up what he has, the others get what they wait for.
 */
function expectOneRefusal(holders: readonly Holder[]): void {
  const at = (index: number): Holder =>
    holders[(index + holders.length) % holders.length] as Holder;
  const own = holders.map(({ process, name, start }) => {
    const fd = openFile(process, name);
    process.setLock(fd, write(start, 1));
    return fd;
  });
  const waits = holders.map(({ process }, index) => {
    const { name, start } = at(index + 1);
    return process.begin('waitForLock', openFile(process, name), write(start, 1));
  });
  pauseUntil(() => waits.some((wait) => wait.isDone()));
  const refused = waits.findIndex((wait) => wait.isDone());
  fails('EDEADLK', () => waits[refused]?.result());
  for (let index = refused; index > refused - holders.length; index -= 1) {
    const place = (index + holders.length) % holders.length;
    if (index !== refused) {
      waits[place]?.result();
    }
    const { process, start } = at(place);
    process.setLock(own[place] as number, unlock(start, 1));
  }
}

const waiting = defineCases('lock wait', {
  'ends when the lock is given up': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, write());
    const wait = other.begin('waitForLock', theirs, write(3, 1));
    assert.equal(wait.isDone(), false);
    t.setLock(mine, unlock(0, 3));
    assert.equal(wait.isDone(), false);
    t.setLock(mine, unlock(3, 1));
    wait.result();
    assert.deepEqual(found(t, mine), ['write', 3, 1]);
  },
  'ends when the file is closed': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, write());
    const wait = other.begin('waitForLock', theirs, read());
    t.close(mine);
    wait.result();
  },
  'ends when the lock becomes weaker': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, write());
    const wait = other.begin('waitForLock', theirs, read());
    t.setLock(mine, read());
    wait.result();
  },
  'ends when who holds the lock is killed': (t) => {
    const { mine, other, theirs } = shared(t);
    const third = t.otherProcess();
    other.setLock(theirs, write());
    const wait = third.begin('waitForLock', openFile(third), write());
    assert.equal(wait.isDone(), false);
    other.signal('SIGKILL');
    wait.result();
    assert.deepEqual(found(t, mine), ['write', 0, 0]);
  },
  'is not needed when nothing is in the way': (t) => {
    const { mine, other, theirs } = shared(t);
    t.waitForLock(mine, write(0, 1));
    other.waitForLock(theirs, write(1, 1));
    other.waitForLock(theirs, unlock());
    assert.equal(t.testLock(mine, write()), undefined);
  },
  'holds up nobody else': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, write());
    const waits = [other, t.otherProcess(), t.otherProcess(), t.otherProcess()].map((one) =>
      one.begin('waitForLock', one === other ? theirs : openFile(one), read()),
    );
    const busy = t.otherProcess();
    for (let round = 0; round < 20; round += 1) {
      put(busy, `b${round}`, 'x');
      assert.equal(t.stat(`b${round}`).size, 1);
      assert.equal(Buffer.from(t.readAt(mine, 1, 0)).toString(), '0');
    }
    assert.ok(waits.every((wait) => !wait.isDone()));
    t.setLock(mine, unlock());
    for (const wait of waits) {
      wait.result();
    }
  },
  'is interrupted by a signal': (t) => {
    const { mine, other, theirs } = shared(t);
    other.catchSignal('interrupts');
    t.setLock(mine, write());
    const wait = other.begin('waitForLock', theirs, write());
    other.signal('SIGUSR1');
    fails('EINTR', () => wait.result());
    t.setLock(mine, unlock());
    t.setLock(mine, write());
    t.setLock(mine, unlock());
    other.setLock(theirs, write());
  },
  'goes on after a signal whose handler restarts calls': (t) => {
    const { mine, other, theirs } = shared(t);
    other.catchSignal('restarts');
    t.setLock(mine, write());
    const wait = other.begin('waitForLock', theirs, write());
    other.signal('SIGUSR1');
    t.setLock(mine, read());
    assert.equal(wait.isDone(), false);
    t.setLock(mine, unlock());
    wait.result();
    fails('EAGAIN', () => t.setLock(mine, read()));
  },
  'of a process that is killed leaves no lock behind': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, write());
    other.begin('waitForLock', theirs, write());
    other.signal('SIGKILL');
    t.setLock(mine, unlock());
    const third = t.otherProcess();
    third.setLock(openFile(third), write());
  },
  'keeps what its owner has meanwhile': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, read(0, 5));
    other.setLock(theirs, read(0, 5));
    const wait = other.begin('waitForLock', theirs, write(0, 5));
    fails('EAGAIN', () => t.setLock(mine, write(0, 1)));
    t.setLock(mine, unlock());
    wait.result();
    assert.deepEqual(found(t, mine), ['write', 0, 5]);
  },
  'that would never end is refused': (t) => {
    put(t, 'a', '0123456789');
    expectOneRefusal([
      { process: t.otherProcess(), name: 'a', start: 0 },
      { process: t.otherProcess(), name: 'a', start: 1 },
    ]);
  },
  'that would never end is refused, across files and three processes': (t) => {
    put(t, 'a', '0123456789');
    put(t, 'b', '0123456789');
    expectOneRefusal([
      { process: t.otherProcess(), name: 'a', start: 0 },
      { process: t.otherProcess(), name: 'b', start: 0 },
      { process: t.otherProcess(), name: 'a', start: 5 },
    ]);
  },
});

export const recordLockCases = [...records, ...waiting];
