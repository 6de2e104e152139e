import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';

const heapFile = new URL('../../../nic/heap.ts', import.meta.url).href;

/** What a thread with a heap of its own says to `body`, in which `Heap` is what is tested. */
function inThread<Answer>(body: string): Promise<Answer> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
    const { getHeapStatistics } = require('node:v8');
    import(${JSON.stringify(heapFile)}).then(({ Heap }) => {
      const sizeOf = () => getHeapStatistics().total_heap_size;
      const fill = () => Array.from({ length: 500_000 }, (_, index) => ({ index }));
      ${body}
    });`,
    { eval: true },
  );
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

it('gives back what the heap has grown by and nobody needs', async () => {
  const { before, grown, left, again } = await inThread<Record<string, number | boolean>>(`
      const heap = new Heap();
      heap.giveBack();
      const before = sizeOf();
      let objects = fill();
      const grown = sizeOf();
      objects = undefined;
      const again = [heap.giveBack(), heap.giveBack()].join();
      parentPort.postMessage({ before, grown, left: sizeOf(), again });`);
  expect(grown).toBeGreaterThan((before as number) + (8 << 20));
  expect(left).toBeLessThan((before as number) + (4 << 20));
  expect(again).toBe('true,false');
});

it('keeps what is needed, and leaves no gc behind for others', async () => {
  const answer = await inThread<{ last: number; type: string }>(`
      const objects = fill();
      new Heap().giveBack();
      parentPort.postMessage({
        last: objects.at(-1).index,
        type: require('node:vm').runInNewContext('typeof gc'),
      });`);
  expect(answer).toEqual({ last: 499_999, type: 'undefined' });
});
