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
const KEEPER = 77;
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
  expect(parked.park(wait, KEEPER)).toBe('parked');
  expect(replies()).toEqual([]);
  elsewhere.grant(UNIQUE);
  expect(replies()).toEqual([[UNIQUE, 0]]);
  elsewhere.grant(UNIQUE);
  expect(elsewhere.waitToInterrupt(UNIQUE)).toBeUndefined();
  expect(replies()).toEqual([]);
});

test('an interrupted wait is answered when it has been called off', () => {
  const wait = parked.enter(device, UNIQUE);
  parked.park(wait, KEEPER);
  expect(elsewhere.waitToInterrupt(UNIQUE)).toEqual(wait);
  expect(replies()).toEqual([]);
  elsewhere.interrupt(wait);
  expect(replies()).toEqual([[UNIQUE, -4]]);
  parked.grant(UNIQUE);
  expect(replies()).toEqual([]);
});

test('a wait that cannot be called off any more is answered by its grant', () => {
  const wait = parked.enter(device, UNIQUE);
  parked.park(wait, KEEPER);
  expect(elsewhere.waitToInterrupt(UNIQUE)).toEqual(wait);
  parked.grant(UNIQUE);
  expect(replies()).toEqual([[UNIQUE, 0]]);
});

test('when another process keeps the locks, waits end of which it does not know', () => {
  parked.park(parked.enter(device, UNIQUE), KEEPER);
  parked.park(parked.enter(device, UNIQUE + 2), KEEPER + 1);
  elsewhere.keepOnly(KEEPER + 1);
  expect(replies()).toEqual([[UNIQUE, -5]]);
  elsewhere.grant(UNIQUE + 2);
  expect(replies()).toEqual([[UNIQUE + 2, 0]]);
});

test('when nothing will be granted any more, all waits are answered, and those to come', () => {
  const waits = [2, 4, 6].map((unique) => parked.enter(device, UNIQUE + unique));
  expect(waits.slice(0, 2).map((wait) => parked.park(wait, KEEPER))).toEqual(['parked', 'parked']);
  elsewhere.abandon();
  expect(replies()).toEqual([
    [UNIQUE + 2, -5],
    [UNIQUE + 4, -5],
  ]);
  expect(parked.park(waits[2] as (typeof waits)[number], KEEPER)).toBe('abandoned');
  expect(replies()).toEqual([]);
  expect(parked.enter(device, UNIQUE).place).toBe(0);
});

test('a grant before the worker has let go is the worker’s to answer', () => {
  const wait = parked.enter(device, UNIQUE);
  elsewhere.grant(UNIQUE);
  expect(parked.park(wait, KEEPER)).toBe('granted');
  expect(replies()).toEqual([]);
});

test('an interruption before the worker has let go is the worker’s to answer', () => {
  const wait = parked.enter(device, UNIQUE);
  expect(elsewhere.waitToInterrupt(UNIQUE)).toBeUndefined();
  expect(parked.park(wait, KEEPER)).toBe('interrupted');
  expect(replies()).toEqual([]);
});

test('an interruption that another worker reads first is not lost', () => {
  expect(elsewhere.waitToInterrupt(UNIQUE)).toBeUndefined();
  const wait = parked.enter(device, UNIQUE);
  expect(parked.park(wait, KEEPER)).toBe('interrupted');
});

test('what is interrupted and waits for nothing is left alone', () => {
  const wait = parked.enter(device, UNIQUE);
  parked.leave(wait);
  expect(elsewhere.waitToInterrupt(UNIQUE)).toBeUndefined();
  expect(elsewhere.waitToInterrupt(UNIQUE + 2)).toBeUndefined();
  expect(replies()).toEqual([]);
});

test('places are used again, and there is an end of them', () => {
  const waits = Array.from({ length: 1024 }, (_, index) => parked.enter(device, 1000 + 2 * index));
  expect(() => parked.enter(device, 2)).toThrow('too many');
  parked.leave(waits[7] as (typeof waits)[number]);
  expect(parked.enter(device, 4).place).toBe(7);
});

test('after the end nobody writes to the channels, whose numbers may be other files’', () => {
  parked.park(parked.enter(device, UNIQUE), KEEPER);
  parked.park(parked.enter(device, UNIQUE + 2), KEEPER);
  elsewhere.end();
  elsewhere.grant(UNIQUE);
  parked.abandon();
  expect(replies()).toEqual([]);
});
