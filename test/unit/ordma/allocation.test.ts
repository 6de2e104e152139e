import { afterEach, expect, test } from 'vitest';
import { filehandleOf, type StateId } from '../../../client/protocol/index.ts';
import { type FileId, FileType } from '../../../server/store/index.ts';
import { allocationsOf } from '../../support/allocations.ts';
import { cleanUp } from '../nic/support.ts';
import { makeFile, newStore } from '../store/support/stores.ts';
import { ExportedStore } from './support/exported-store.ts';
import { stateIdOf } from './support/state-ids.ts';

afterEach(cleanUp);

const BLOCK_BYTES = 4096;
const BLOCKS = 16;

/** Enough for everything to be compiled. */
const WARM_UP = 100_000;
const READS = 100_000;

/** Less than the smallest object has. */
const NOISE_BYTES = 8;

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
  const { bytes, largest } = await allocationsOf(['client', 'nic'], () => read(READS));
  expect(bytes / READS, largest.join('\n')).toBeLessThan(NOISE_BYTES);
  expect(served).toBe(WARM_UP + READS);
}, 120_000);
