import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Credits } from '../../../client/credits.ts';

test('as many requests as granted, on streams from the lowest', () => {
  const credits = new Credits(8, 3);
  expect([credits.acquire(), credits.acquire(), credits.acquire()]).toEqual([0, 1, 2]);
  expect(credits.acquire()).toBe(-1);
  credits.release(1, 3);
  expect(credits.acquire()).toBe(1);
});

test('an increase counts at once, but never beyond the own buffers', () => {
  const credits = new Credits(4, 1);
  credits.release(credits.acquire(), 100);
  expect(credits.limit).toBe(4);
});

test('a decrease takes one response for each', () => {
  const credits = new Credits(8, 8);
  const limits = [1, 2, 3].map(() => {
    credits.release(credits.acquire(), 6);
    return credits.limit;
  });
  expect(limits).toEqual([7, 6, 6]);
});

test('the responder learns how many NULLs it is owed', () => {
  const credits = new Credits(8, 8);
  credits.release(credits.acquire(), 5);
  expect(credits.excess).toBe(2);
  credits.release(credits.acquire(), 5);
  credits.release(credits.acquire(), 5);
  expect(credits.excess).toBe(0);
});

test('a target of zero leaves one request', () => {
  const credits = new Credits(2, 2);
  credits.release(credits.acquire(), 0);
  credits.release(credits.acquire(), 0);
  credits.release(credits.acquire(), 0);
  expect(credits.limit).toBe(1);
  expect(credits.acquire()).toBe(0);
});

test('an expired stream that is still busy keeps its place among the outstanding', () => {
  const credits = new Credits(4, 3);
  const streams = [credits.acquire(), credits.acquire(), credits.acquire()];
  expect(streams).toEqual([0, 1, 2]);
  credits.release(0, 1);
  expect(credits.limit).toBe(2);
  expect(credits.acquire()).toBe(-1);
  credits.release(1, 1);
  expect(credits.limit).toBe(1);
  expect(credits.acquire()).toBe(-1);
  credits.release(2, 1);
  expect(credits.acquire()).toBe(0);
});

test('sequence numbers count each stream by itself and wrap at 16 bits', () => {
  const credits = new Credits(2, 2);
  expect([0, 0, 1].map((stream) => credits.nextSequenceNumber(stream))).toEqual([0, 1, 0]);
  for (let i = 2; i < 65_536; i += 1) {
    credits.nextSequenceNumber(0);
  }
  expect(credits.nextSequenceNumber(0)).toBe(0);
});

test('never more outstanding than granted, never a stream twice, whatever the responder says', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.record({ send: fc.boolean(), target: fc.integer({ min: 0, max: 9 }) })),
      (granted, steps) => {
        const credits = new Credits(6, granted);
        const busy = new Set<number>();
        for (const { send, target } of steps) {
          const oldest = busy.values().next().value;
          if (send || oldest === undefined) {
            const stream = credits.acquire();
            expect(busy.has(stream)).toBe(false);
            expect(stream).toBeLessThan(credits.limit);
            if (stream >= 0) busy.add(stream);
          } else {
            busy.delete(oldest);
            credits.release(oldest, target);
          }
          expect(credits.outstanding).toBe(busy.size);
        }
      },
    ),
  );
});
