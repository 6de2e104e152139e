import { constants } from 'node:os';
import { beforeEach, expect, test } from 'vitest';
import { PendingRequests } from '../../../mount/drivers/kernel/pending-requests.ts';
import { ErrnoError } from '../../../mount/errno.ts';
import { PollBudget } from '../../../nic/poll-budget.ts';

const { EIO, ENOSPC, EROFS } = constants.errno;

let answers: [unique: number, errno: number, written?: number][];
let syncs: PendingRequests;
/** What the clock of polling says; it goes on at each look at it. */
let nowMs: number;

const pendingRequests = (pollMicroseconds: number) =>
  new PendingRequests(
    {
      answerEarlier: (unique, errno) => answers.push([unique, errno]),
      answerWritten: (unique, bytes) => answers.push([unique, 0, bytes]),
    },
    new PollBudget(pollMicroseconds, () => ++nowMs / 1000),
  );

beforeEach(() => {
  answers = [];
  nowMs = 0;
  syncs = pendingRequests(0);
});

const asked = (unique: number, pid = 4711) => ({ unique, caller: { pid } });

/** All that were begun: whoever looks after one sees what has become of each. */
const all: { value: boolean; isKnown: boolean }[] = [];

/** A sync that ends when it is told to, or waited for. */
function sync(failure?: Error) {
  const ended = { value: false, isKnown: false };
  all.push(ended);
  return {
    ended,
    get hasEnded() {
      return ended.isKnown;
    },
    look() {
      for (const one of all) one.isKnown = one.value;
    },
    settle() {
      ended.value = true;
      for (const one of all) one.isKnown = one.value;
      if (failure !== undefined) throw failure;
      return undefined;
    },
  };
}

test('those that have ended are answered, whatever their order', () => {
  const [first, second] = [sync(), sync()];
  syncs.add(asked(1), first);
  syncs.add(asked(2), second);
  syncs.answerEnded();
  expect(answers).toEqual([]);
  second.ended.value = true;
  syncs.answerEnded();
  syncs.answerEnded();
  expect(answers).toEqual([[2, 0]]);
  expect(first.ended.value).toBe(false);
});

test('a wait is for the oldest, and answers all that ended with it', () => {
  const [first, second, third] = [sync(), sync(), sync()];
  syncs.add(asked(1), first);
  syncs.add(asked(2), second);
  syncs.add(asked(3), third);
  third.ended.value = true;
  expect(syncs.awaitOne()).toBe(true);
  expect(answers).toEqual([
    [1, 0],
    [3, 0],
  ]);
  expect(syncs.awaitOne()).toBe(true);
  expect(syncs.awaitOne()).toBe(false);
  expect(answers).toHaveLength(3);
});

test('a failure is the answer to the fsync that failed alone', () => {
  syncs.add(asked(1), sync(new ErrnoError('EROFS', 'the disk is broken')));
  syncs.add(asked(2), sync(new Error('of a kind that nobody foresaw')));
  syncs.add(asked(3), sync());
  while (syncs.awaitOne());
  expect(answers).toEqual([
    [1, EROFS],
    [2, EIO],
    [3, 0],
  ]);
});

test('who waits for one alone polls, and looks for other requests in between', () => {
  syncs = pendingRequests(100);
  const one = sync();
  syncs.add(asked(1), one);
  expect([syncs.awaitOne(), syncs.awaitOne()]).toEqual([true, true]);
  expect(one.ended.value).toBe(false);
  one.ended.value = true;
  expect(syncs.awaitOne()).toBe(true);
  expect(answers).toEqual([[1, 0]]);
  expect(syncs.awaitOne()).toBe(false);
});

test('polling ends when it lasts, and when there are several', () => {
  syncs = pendingRequests(100);
  const slow = sync();
  syncs.add(asked(1), slow);
  let pieces = 0;
  while (answers.length === 0) {
    syncs.awaitOne();
    pieces++;
  }
  expect(pieces).toBeGreaterThan(50);
  expect(pieces).toBeLessThan(150);
  syncs.add(asked(2), sync());
  syncs.add(asked(3), sync());
  syncs.awaitOne();
  expect(answers).toEqual([
    [1, 0],
    [2, 0],
  ]);
});

test('a write is answered with its length, after who is to know of it', () => {
  const known: number[] = [];
  syncs.add(asked(1), { ...sync(), settle: () => 4096 }, () => known.push(answers.length));
  const failed = sync(new ErrnoError('ENOSPC', 'the disk is full'));
  syncs.add(asked(2), failed, () => known.push(2));
  while (syncs.awaitOne());
  expect(answers).toEqual([
    [1, 0, 4096],
    [2, ENOSPC],
  ]);
  expect(known).toEqual([0]);
});

test('who waits alone is known, and nobody where several wait', () => {
  expect(syncs.loneWaiter).toBe(0);
  syncs.add(asked(1, 7), sync());
  expect(syncs.loneWaiter).toBe(7);
  syncs.add(asked(2, 8), sync());
  expect(syncs.loneWaiter).toBe(0);
  syncs.awaitOne();
  expect(syncs.loneWaiter).toBe(8);
});
