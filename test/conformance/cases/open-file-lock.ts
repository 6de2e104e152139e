import assert from 'node:assert/strict';
import { defineCases, O } from '../case.ts';
import { fails, put, withOpen } from '../expect.ts';
import type { Target } from '../target.ts';
import type { RecordLock } from '../target-locks.ts';

const read = (start = 0, length = 0): RecordLock => ({ type: 'read', start, length });
const write = (start = 0, length = 0): RecordLock => ({ type: 'write', start, length });
const unlock = (start = 0, length = 0): RecordLock => ({ type: 'unlock', start, length });
const ofFile = (lock: RecordLock): RecordLock => ({ ...lock, ofOpenFile: true });

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

const openFileLocks = defineCases('lock of an open file', {
  'keeps out other opens of the same process, and shares with duplicates': (t) => {
    put(t, 'a', '0123456789');
    const first = openFile(t);
    const second = openFile(t);
    t.setLock(first, ofFile(write(0, 5)));
    fails('EAGAIN', () => t.setLock(second, ofFile(read(4, 1))));
    t.setLock(t.duplicate(first), ofFile(read(0, 5)));
    t.setLock(second, ofFile(read(4, 1)));
  },
  'and that of a process are in each other’s way': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, ofFile(write(0, 5)));
    fails('EAGAIN', () => t.setLock(mine, write(0, 1)));
    fails('EAGAIN', () => other.setLock(theirs, read(0, 1)));
    other.setLock(theirs, write(5, 5));
    fails('EAGAIN', () => t.setLock(mine, ofFile(write(5, 1))));
  },
  'stays when another descriptor of the file is closed': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, ofFile(write()));
    t.close(t.duplicate(mine));
    withOpen(t, 'a', O.RDWR, () => {});
    fails('EAGAIN', () => other.setLock(theirs, write()));
    t.setLock(mine, ofFile(unlock()));
    other.setLock(theirs, write());
  },
  'goes with the process that has it open': (t) => {
    const { mine, other, theirs } = shared(t);
    other.setLock(theirs, ofFile(write()));
    const wait = t.otherProcess();
    const pending = wait.begin('waitForLock', openFile(wait), ofFile(write()));
    other.signal('SIGKILL');
    pending.result();
    fails('EAGAIN', () => t.setLock(mine, ofFile(read())));
  },
  'is waited for, and granted when the file is closed': (t) => {
    const { mine, other, theirs } = shared(t);
    t.setLock(mine, ofFile(write()));
    const wait = other.begin('waitForLock', theirs, ofFile(read()));
    assert.equal(wait.isDone(), false);
    t.close(mine);
    wait.result();
  },
  'is asked for without a process': (t) => {
    const { mine } = shared(t);
    fails('EINVAL', () => t.setLock(mine, { ...ofFile(write()), pid: 1 }));
    fails('EINVAL', () => t.testLock(mine, { ...ofFile(write()), pid: 1 }));
    assert.equal(t.testLock(mine, ofFile(write())), undefined);
  },
  'wants a file that is open for it': (t) => {
    put(t, 'a', 'x');
    withOpen(t, 'a', O.RDONLY, (fd) => fails('EBADF', () => t.setLock(fd, ofFile(write()))));
    withOpen(t, 'a', O.WRONLY, (fd) => fails('EBADF', () => t.setLock(fd, ofFile(read()))));
  },
});

const wholeFiles = defineCases('flock', {
  'lets in many readers or one writer': (t) => {
    const { mine, other, theirs } = shared(t);
    t.flock(mine, 'shared');
    other.flock(theirs, 'shared');
    fails('EAGAIN', () => other.flock(theirs, 'exclusive'));
    other.flock(theirs, 'unlock');
    t.flock(mine, 'exclusive');
    fails('EAGAIN', () => other.flock(theirs, 'shared'));
    t.flock(mine, 'unlock');
    other.flock(theirs, 'exclusive');
  },
  'belongs to the open file': (t) => {
    put(t, 'a');
    const first = openFile(t);
    const second = openFile(t);
    t.flock(first, 'exclusive');
    fails('EAGAIN', () => t.flock(second, 'shared'));
    const copy = t.duplicate(first);
    t.flock(copy, 'exclusive');
    t.close(first);
    fails('EAGAIN', () => t.flock(second, 'shared'));
    t.flock(copy, 'unlock');
    t.flock(second, 'exclusive');
  },
  'and locks of records know nothing of each other': (t) => {
    const { mine, other, theirs } = shared(t);
    t.flock(mine, 'exclusive');
    other.setLock(theirs, write());
    other.setLock(theirs, unlock());
    other.setLock(theirs, ofFile(write()));
    t.flock(mine, 'unlock');
    other.flock(theirs, 'exclusive');
  },
  'needs no right to write': (t) => {
    put(t, 'a');
    withOpen(t, 'a', O.RDONLY, (fd) => t.flock(fd, 'exclusive'));
    withOpen(t, 'a', O.WRONLY, (fd) => t.flock(fd, 'shared'));
  },
  'is lost in a conversion that others forbid': (t) => {
    const { mine, other, theirs } = shared(t);
    t.flock(mine, 'shared');
    other.flock(theirs, 'shared');
    fails('EAGAIN', () => t.flock(mine, 'exclusive'));
    other.flock(theirs, 'exclusive');
  },
  'waits until it is given up': (t) => {
    const { mine, other, theirs } = shared(t);
    t.flock(mine, 'exclusive');
    const wait = other.begin('flock', theirs, 'shared', true);
    assert.equal(wait.isDone(), false);
    t.flock(mine, 'shared');
    wait.result();
    const conversion = other.begin('flock', theirs, 'exclusive', true);
    assert.equal(conversion.isDone(), false);
    t.flock(mine, 'unlock');
    conversion.result();
    fails('EAGAIN', () => t.flock(mine, 'shared'));
  },
  'goes with the process that has it open': (t) => {
    const { mine, other, theirs } = shared(t);
    other.flock(theirs, 'exclusive');
    const third = t.otherProcess();
    const wait = third.begin('flock', openFile(third), 'exclusive', true);
    other.signal('SIGKILL');
    wait.result();
    fails('EAGAIN', () => t.flock(mine, 'shared'));
  },
  'that waits is interrupted by a signal': (t) => {
    const { mine, other, theirs } = shared(t);
    other.catchSignal('interrupts');
    t.flock(mine, 'exclusive');
    const wait = other.begin('flock', theirs, 'exclusive', true);
    other.signal('SIGUSR1');
    fails('EINTR', () => wait.result());
    t.flock(mine, 'unlock');
    t.flock(mine, 'exclusive');
  },
  'of a directory works': (t) => {
    t.mkdir('d');
    const first = t.open('d', O.RDONLY | O.DIRECTORY);
    const second = t.open('d', O.RDONLY | O.DIRECTORY);
    t.flock(first, 'exclusive');
    fails('EAGAIN', () => t.flock(second, 'shared'));
    t.flock(first, 'unlock');
    t.flock(second, 'exclusive');
  },
});

export const openFileLockCases = [...openFileLocks, ...wholeFiles];
