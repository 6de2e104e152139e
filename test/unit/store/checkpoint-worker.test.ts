/** The thread that checkpoints, asked by hand. */
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { startThread } from '../../../nic/index.ts';
import { Shared, State } from '../../../server/store/checkpointer.ts';
import { newStore } from './support/stores.ts';

const WAIT_MS = 10_000;

it('needs no more memory after thousands of checkpoints', { timeout: 60_000 }, async () => {
  const { path } = newStore();
  const shared = new Int32Array(new SharedArrayBuffer(Shared.LENGTH * 4));
  const source = new URL('../../../server/store/checkpoint-worker.ts', import.meta.url);
  const worker = startThread(source, { path, shared });
  const ask = (state: number) => {
    Atomics.store(shared, Shared.STATE, state);
    Atomics.notify(shared, Shared.STATE);
    expect(Atomics.wait(shared, Shared.STATE, state, WAIT_MS)).not.toBe('timed-out');
  };
  const checkpoints = (count: number) => {
    for (let done = 0; done < count; done++) ask(State.REQUESTED);
    return process.memoryUsage.rss();
  };
  await once(worker, 'online');
  const before = checkpoints(500);
  // A statement left behind by each would be 30 MB.
  expect(checkpoints(10_000) - before).toBeLessThan(12e6);
  ask(State.CLOSING);
  await once(worker, 'exit');
});
