import { PerformanceObserver } from 'node:perf_hooks';
import { afterEach, expect, test } from 'vitest';
import { filehandleOf, type StateId } from '../../../client/protocol/index.ts';
import { type FileId, FileType } from '../../../server/store/index.ts';
import { cleanUp } from '../nic/support.ts';
import { makeFile, newStore } from '../store/support/stores.ts';
import { ExportedStore } from './support/exported-store.ts';
import { stateIdOf } from './support/state-ids.ts';

afterEach(cleanUp);

const BLOCK_BYTES = 4096;
const BLOCKS = 16;
const WARM_UP = 100_000;

/** So many reads that leave 40 bytes each would fill the nursery (16 MB) twice. */
const READS = 800_000;

async function collectionsDuring(action: () => void): Promise<number> {
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  observer.observe({ entryTypes: ['gc'] });
  action();
  await new Promise((resolve) => setTimeout(resolve, 50));
  observer.disconnect();
  return collections;
}

test('reading the cache leaves no garbage', async () => {
  const store = newStore(BLOCK_BYTES);
  const exported = new ExportedStore(store, 32);
  const { id, type } = makeFile(store, 'file');
  expect(type).toBe(FileType.REGULAR);
  exported.cache.write(id, 0, Buffer.alloc(BLOCKS * BLOCK_BYTES, 1));
  exported.admit(id as FileId);
  const { reader, buffer } = exported.pair;
  const file = {
    handle: filehandleOf(store.identity, id),
    stateId: stateIdOf(id) as StateId,
  };
  let served = 0;
  const read = (reads: number) => {
    for (let count = 0; count < reads; count += 1) {
      const offset = (count % (BLOCKS - 2)) * BLOCK_BYTES + 512;
      if (reader.read(file, offset, buffer, 4096, BLOCK_BYTES) === BLOCK_BYTES) served += 1;
    }
  };
  read(WARM_UP);
  expect(await collectionsDuring(() => read(READS))).toBeLessThanOrEqual(1);
  expect(served).toBe(WARM_UP + READS);
}, 120_000);
