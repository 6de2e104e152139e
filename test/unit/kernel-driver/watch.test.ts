import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { createWatchMemory, freeWatch, Watch } from '../../../mount/drivers/kernel/watch.ts';
import { until } from '../../support/run.ts';

const watchModule = new URL('../../../mount/drivers/kernel/watch.ts', import.meta.url).href;

interface Taker {
  readonly started: Promise<unknown>;
  readonly ended: Promise<unknown>;
  hasIt(): boolean;
}

/** A thread that takes the watch, and then exits. */
function startTaker(memory: Int32Array): Taker {
  let hasIt = false;
  const script = `
    const { workerData, parentPort } = require('node:worker_threads');
    import(workerData.module).then(({ Watch }) => {
      parentPort.postMessage('started');
      new Watch(workerData.memory).take();
      parentPort.postMessage('taken');
    });`;
  const worker = new Worker(script, { eval: true, workerData: { module: watchModule, memory } });
  const started = new Promise((resolve) => worker.once('message', resolve));
  worker.on('message', (message) => {
    hasIt = message === 'taken';
  });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  return { started, ended, hasIt: () => hasIt };
}

test("the watch is one worker's until it hands it over", async () => {
  const memory = createWatchMemory();
  const watch = new Watch(memory);
  watch.take();
  watch.take();
  const taker = startTaker(memory);
  await taker.started;
  expect(taker.hasIt()).toBe(false);
  watch.handOver();
  expect(watch.isMine).toBe(false);
  await until('the other one has it', 20_000, taker.hasIt);
  watch.handOver();
  await taker.ended;
});

test('the watch of a worker that died is free', () => {
  const memory = createWatchMemory();
  new Watch(memory).take();
  freeWatch(memory);
  const watch = new Watch(memory);
  watch.take();
  expect(watch.isMine).toBe(true);
});

test('who does not have the watch cannot hand it over', () => {
  const memory = createWatchMemory();
  const watch = new Watch(memory);
  watch.take();
  const other = new Watch(memory);
  other.handOver();
  expect(watch.isMine).toBe(true);
  expect(memory[0]).not.toBe(0);
});

test('the watch is kept over a short sleep, and handed over for a long one', () => {
  const watch = new Watch(createWatchMemory());
  expect(watch.beforeSleep(0)).toBe(Number.POSITIVE_INFINITY);
  watch.take();
  const allowedMs = watch.beforeSleep(0);
  expect(allowedMs).toBeGreaterThan(0);
  expect(watch.isMine).toBe(true);
  expect(watch.beforeSleep(allowedMs)).toBe(Number.POSITIVE_INFINITY);
  expect(watch.isMine).toBe(false);
});

test('the watch is handed over before any sleep while requests wait', () => {
  const watch = new Watch(createWatchMemory());
  watch.take();
  watch.hasRequests = () => true;
  watch.beforeSleep(0);
  expect(watch.isMine).toBe(false);
});
