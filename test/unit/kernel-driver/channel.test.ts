import { afterEach, expect, test } from 'vitest';
import { Channel } from '../../../mount/drivers/kernel/channel.ts';
import { createWatchMemory, Watch } from '../../../mount/drivers/kernel/watch.ts';
import { WriteOrder } from '../../../mount/drivers/kernel/write-order.ts';
import { PollBudget } from '../../../nic/poll-budget.ts';
import { closeDescriptor } from '../../../nic/system-calls.ts';
import {
  createEventDescriptor,
  createSocketPair,
  raiseEvent,
  readInto,
  setNonBlocking,
  writeFrom,
} from '../../../nic/system-calls-fuse.ts';
import { addressOf } from '../../../nic/system-calls-memory.ts';

/** A socket in the place of /dev/fuse, with the test at its other end. */
function bench(pollMicroseconds = 50) {
  const [device, kernel] = createSocketPair();
  setNonBlocking(device);
  const wakeFd = createEventDescriptor();
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const watch = new Watch(createWatchMemory());
  const idleWork: (() => boolean)[] = [];
  const channel = new Channel({
    fd: device,
    wakeFd,
    stop,
    watch,
    budget: new PollBudget(pollMicroseconds),
    order: new WriteOrder(WriteOrder.createMemory(1), 0),
    whileIdle: () => idleWork.shift()?.() ?? false,
  });
  const memory = new Uint8Array(256);
  const open = new Set([device, kernel, wakeFd]);
  const close = (fd: number) => {
    if (open.delete(fd)) closeDescriptor(fd);
  };
  cleanUps.push(() => {
    channel.close();
    for (const fd of [...open]) close(fd);
  });
  return {
    channel,
    idleWork,
    watch,
    device,
    kernel,
    wakeFd,
    stop,
    memory,
    address: addressOf(memory),
    close,
  };
}

const cleanUps: (() => void)[] = [];

afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

test.each([0, 50])('a request that is there is read (polling up to %i us)', (microseconds) => {
  const { channel, kernel, memory, address } = bench(microseconds);
  memory.set(Buffer.from('request'));
  writeFrom(kernel, address, 7);
  memory.fill(0);
  expect(channel.receive(address, 100)).toBe(7);
  expect(Buffer.from(memory.subarray(0, 7)).toString()).toBe('request');
});

test('a reply goes out by the same channel', () => {
  const { channel, kernel, memory, address } = bench();
  memory.set(Buffer.from('reply'));
  channel.reply(address, 5);
  expect(readInto(kernel, address + 100, 100)).toBe(5);
});

test('what is left to do is done when no request is there, and only then', () => {
  const { channel, kernel, memory, address, idleWork } = bench();
  const done: string[] = [];
  const arrive = (text: string) => {
    memory.set(Buffer.from(text));
    writeFrom(kernel, address, text.length);
  };
  idleWork.push(
    () => done.push('first') > 0,
    () => {
      arrive('second');
      return done.push('second') > 0;
    },
  );
  arrive('first');
  expect(channel.receive(address, 100)).toBe(5);
  expect(done).toEqual([]);
  expect(channel.receive(address, 100)).toBe(6);
  expect(done).toEqual(['first', 'second']);
});

test('the end of the device is the end of requests', () => {
  const { channel, kernel, address, close } = bench();
  close(kernel);
  expect(channel.receive(address, 100)).toBe(0);
  expect(channel.receive(address, 100)).toBe(0);
  expect(channel.aborted).toBe(false);
});

test('a worker that is told to stop stops, asleep or not', () => {
  const { channel, kernel, wakeFd, stop, address } = bench(0);
  writeFrom(kernel, address, 10);
  Atomics.store(stop, 0, 1);
  raiseEvent(wakeFd);
  expect(channel.receive(address, 100)).toBe(0);
});

test('a device that cannot be read is an error and not an end', () => {
  const { channel, device, address, close } = bench();
  close(device);
  expect(() => channel.receive(address, 100)).toThrow('cannot be read');
});

test('a reply that the device does not take is an error', () => {
  const { channel, device, address, close } = bench();
  close(device);
  expect(() => channel.reply(address, 5)).toThrow('refuses');
});

test('a worker lets another one help when requests pile up', () => {
  const { channel, watch, kernel, address } = bench();
  watch.take();
  for (let index = 0; index < 20; index++) writeFrom(kernel, address, 7);
  for (let index = 0; index < 10; index++) channel.receive(address, 7);
  expect(watch.isMine).toBe(false);
});

test('a worker keeps the watch while each request is the only one, however many lie ready', () => {
  const { channel, watch, kernel, address } = bench();
  watch.take();
  for (let index = 0; index < 100; index++) {
    writeFrom(kernel, address, 7);
    channel.receive(address, 7);
  }
  expect(watch.isMine).toBe(true);
});
