import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WriteOrder } from '../../../mount/drivers/kernel/write-order.ts';
import type { Nodeid } from '../../../mount/file-system.ts';

const FILE = 70_000 as Nodeid;
const OTHER = 70_001 as Nodeid;
const READ = 15;
const WRITE = 16;

let memory: SharedArrayBuffer;
/** One worker, and another that reads in a thread of its own; what it says is 'reads' and 'read'. */
let writer: WriteOrder;
let reader: Worker;
let said: string[];

beforeEach(() => {
  memory = WriteOrder.createMemory(2);
  writer = new WriteOrder(memory, 0);
  said = [];
});

afterEach(() => reader?.terminate());

/** Lets the other worker take a READ of the file; fulfilled when it is about to wait, if it does. */
async function read(nodeid: Nodeid): Promise<void> {
  const module = new URL('../../../mount/drivers/kernel/write-order.ts', import.meta.url).href;
  const program = `
    import { parentPort, workerData } from 'node:worker_threads';
    import { WriteOrder } from ${JSON.stringify(module)};
    const order = new WriteOrder(workerData.memory, 1);
    order.asks();
    order.took(${READ}, workerData.nodeid);
    parentPort.postMessage('reads');
    setImmediate(() => {
      order.awaitWrites(workerData.nodeid);
      parentPort.postMessage('read');
    });`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(program)}`);
  reader = new Worker(url, { workerData: { memory, nodeid } });
  reader.on('message', (word: string) => said.push(word));
  await expect.poll(() => said, { timeout: 20_000 }).toContain('reads');
}

const isRead = () => expect.poll(() => said, { timeout: 20_000 }).toEqual(['reads', 'read']);

/** Long enough for a reader that does not wait to say so; one that does says nothing, ever. */
async function waits(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(said).toEqual(['reads']);
}

test('a READ waits for an earlier WRITE of a file that others have changed', async () => {
  writer.changed(FILE);
  writer.took(WRITE, FILE);
  await read(FILE);
  await waits();
  writer.asks();
  await isRead();
});

test('a READ waits for a worker that may have taken a WRITE and has not said so', async () => {
  writer.changed(FILE);
  writer.asks();
  await read(FILE);
  await waits();
  writer.took(WRITE, FILE);
  await waits();
  writer.asks();
  await isRead();
});

test('a READ waits for no WRITE of another file, for no READ, and for nobody who is idle', async () => {
  writer.changed(FILE);
  writer.took(WRITE, OTHER);
  await read(FILE);
  await isRead();
  writer.took(READ, FILE);
  writer.awaitWrites(FILE);
  writer.gotNothing();
});

test('a READ of a file that nobody else has changed waits for nothing', async () => {
  writer.took(WRITE, FILE);
  await read(FILE);
  await isRead();
});
