import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createParkedMemory,
  ParkedRequests,
} from '../../../mount/drivers/kernel/parked-requests.ts';
import { closeDescriptor } from '../../../nic/system-calls.ts';
import {
  addressOf,
  createSocketPair,
  readInto,
  setNonBlocking,
} from '../../../nic/system-calls-fuse.ts';

/** Beyond 32 bits, to see both halves. */
const UNIQUE = 5 * 2 ** 32 + 4_000_000_002;

let device: number;
let kernel: number;
/** The table as two threads see it. */
let parked: ParkedRequests;
let elsewhere: ParkedRequests;

beforeEach(() => {
  [device, kernel] = createSocketPair();
  setNonBlocking(kernel);
  const memory = createParkedMemory();
  parked = new ParkedRequests(memory);
  elsewhere = new ParkedRequests(memory);
});

afterEach(() => {
  closeDescriptor(device);
  closeDescriptor(kernel);
});

/** The replies that the kernel has got: id and error of each. */
function replies(): [unique: number, error: number][] {
  const memory = new Uint8Array(160);
  const bytes = Math.max(0, readInto(kernel, addressOf(memory), memory.byteLength));
  const view = new DataView(memory.buffer);
  return Array.from({ length: bytes / 16 }, (_, index) => [
    Number(view.getBigUint64(index * 16 + 8, true)),
    view.getInt32(index * 16 + 4, true),
  ]);
}

test('a wait is answered by whoever learns of the grant, once', () => {
  const wait = parked.enter(device, UNIQUE);
  expect(parked.park(wait)).toBe('parked');
  expect(replies()).toEqual([]);
  expect(elsewhere.answer(wait, 0)).toBe(true);
  expect(replies()).toEqual([[UNIQUE, 0]]);
  expect(elsewhere.answer(wait, 0)).toBe(false);
  expect(elsewhere.interrupt(UNIQUE)).toBeUndefined();
  expect(replies()).toEqual([]);
});

test('an interrupted wait is answered at once, and a grant that comes later is given back', () => {
  const wait = parked.enter(device, UNIQUE);
  parked.park(wait);
  expect(elsewhere.interrupt(UNIQUE)).toEqual(wait);
  expect(replies()).toEqual([[UNIQUE, -4]]);
  expect(parked.answer(wait, 0)).toBe(false);
  expect(replies()).toEqual([]);
});

test('a grant before the worker has let go is the worker’s to answer', () => {
  const wait = parked.enter(device, UNIQUE);
  expect(elsewhere.answer(wait, 0)).toBe(true);
  expect(parked.park(wait)).toBe('granted');
  expect(replies()).toEqual([]);
});

test('an interruption before the worker has let go is the worker’s to answer', () => {
  const wait = parked.enter(device, UNIQUE);
  expect(elsewhere.interrupt(UNIQUE)).toBeUndefined();
  expect(parked.park(wait)).toBe('interrupted');
  expect(replies()).toEqual([]);
});

test('an interruption that another worker reads first is not lost', () => {
  expect(elsewhere.interrupt(UNIQUE)).toBeUndefined();
  const wait = parked.enter(device, UNIQUE);
  expect(parked.park(wait)).toBe('interrupted');
});

test('what is interrupted and waits for nothing is left alone', () => {
  const wait = parked.enter(device, UNIQUE);
  parked.leave(wait);
  expect(elsewhere.interrupt(UNIQUE)).toBeUndefined();
  expect(elsewhere.interrupt(UNIQUE + 2)).toBeUndefined();
  expect(replies()).toEqual([]);
});

test('places are used again, and there is an end of them', () => {
  const waits = Array.from({ length: 1024 }, (_, index) => parked.enter(device, 1000 + 2 * index));
  expect(() => parked.enter(device, 2)).toThrow('too many');
  parked.leave(waits[7] as (typeof waits)[number]);
  expect(parked.enter(device, 4).place).toBe(7);
});
