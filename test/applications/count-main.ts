/**
 * Counts in files that others count in too, under locks that keep them apart. Each counter is read,
 * and written one higher, in two steps: without the lock, counts would be lost.
 *
 * Arguments: DIRECTORY SEED ROUNDS. Prints how often it has counted each counter, as JSON.
 */
import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { join } from 'node:path';
import { flock, setLock, waitForLock } from '../conformance/posix-locks.ts';
import type { RecordLock } from '../conformance/target-locks.ts';
import { call, PosixError, pathBytes } from '../support/libc.ts';
import { Random } from '../support/random.ts';

const COUNTERS = 4;
const COUNTER_BYTES = 64;

const [directory = '.', seed = '1', rounds = '100'] = process.argv.slice(2);
const random = new Random(Number(seed));
const counted: Readonly<Record<string, number[]>> = {
  records: new Array(COUNTERS).fill(0),
  whole: new Array(COUNTERS).fill(0),
};

function open(name: string): number {
  return call(
    'open',
    pathBytes(join(directory, name)),
    constants.O_RDWR | constants.O_CREAT,
    0o644,
  );
}

function readCounter(fd: number, index: number): number {
  const buffer = new Uint8Array(COUNTER_BYTES);
  const bytes = call('pread', fd, buffer, COUNTER_BYTES, index * COUNTER_BYTES);
  return Number(Buffer.from(buffer.subarray(0, bytes)).toString('latin1').replaceAll('\0', ''));
}

function writeCounter(fd: number, index: number, value: number): void {
  const text = Buffer.from(String(value).padEnd(COUNTER_BYTES));
  assert.equal(call('pwrite', fd, text, COUNTER_BYTES, index * COUNTER_BYTES), COUNTER_BYTES);
}

function countOn(fd: number, name: string, first: number, last: number): void {
  const counts = counted[name] as number[];
  for (let index = first; index <= last; index += 1) {
    const value = readCounter(fd, index);
    writeCounter(fd, index, value + 1);
    counts[index] = (counts[index] as number) + 1;
  }
}

/** What nobody may change meanwhile stays the same. */
function look(fd: number, first: number, last: number): void {
  for (let index = first; index <= last; index += 1) {
    const before = readCounter(fd, index);
    assert.equal(readCounter(fd, index), before, `counter ${index} moved under a read lock`);
  }
}

/** Asks again and again instead of waiting. */
function insist(action: () => void): void {
  for (;;) {
    try {
      action();
      return;
    } catch (error) {
      if (!(error instanceof PosixError) || error.code !== 'EAGAIN') {
        throw error;
      }
    }
  }
}

function countUnderRecordLock(fd: number): void {
  const first = random.below(COUNTERS);
  const last = first + random.below(COUNTERS - first);
  const ofOpenFile = random.oneIn(2);
  const range = {
    start: first * COUNTER_BYTES,
    length: (last - first + 1) * COUNTER_BYTES,
    ofOpenFile,
  };
  const looks = random.oneIn(4);
  const lock: RecordLock = { type: looks ? 'read' : 'write', ...range };
  if (random.oneIn(4)) {
    insist(() => setLock(fd, lock));
  } else {
    waitForLock(fd, lock);
  }
  if (looks) {
    look(fd, first, last);
  } else {
    countOn(fd, 'records', first, last);
  }
  // The rest is kept until the file is closed, or for the next round to replace.
  setLock(fd, { type: 'unlock', ...range });
}

function countUnderWholeLock(fd: number): void {
  const looks = random.oneIn(4);
  const operation = looks ? 'shared' : 'exclusive';
  if (random.oneIn(4)) {
    insist(() => flock(fd, operation, false));
  } else {
    flock(fd, operation, true);
  }
  if (looks) {
    look(fd, 0, COUNTERS - 1);
  } else {
    countOn(fd, 'whole', 0, COUNTERS - 1);
  }
  if (random.oneIn(2)) {
    flock(fd, 'unlock', true);
  }
}

for (let round = 0; round < Number(rounds); round += 1) {
  const name = random.pick(['records', 'whole']);
  const fd = open(name);
  const times = 1 + random.below(4);
  for (let time = 0; time < times; time += 1) {
    if (name === 'records') {
      countUnderRecordLock(fd);
    } else {
      countUnderWholeLock(fd);
    }
  }
  call('close', fd);
}

process.stdout.write(JSON.stringify(counted));
