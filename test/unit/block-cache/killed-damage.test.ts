/** What a killed server left on tmpfs, and something has changed. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { HeaderFloat } from '../../../server/store/unstable-layout.ts';
import { makeFile, newStore } from '../store/support/stores.ts';
import { pattern } from './support/caches.ts';
import { leftPath, Survivor, successorAt } from './support/survivor.ts';

const { SLOTS, BLOCK_BYTES, BLOCKS_OFFSET } = HeaderFloat;

it.each([
  ['no number of slots', SLOTS, Number.NaN],
  ['slots without end', SLOTS, 2 ** 40],
  ['half a slot', SLOTS, 0.5],
  ['blocks before its beginning', BLOCKS_OFFSET, -4096],
  ['blocks in its description', BLOCKS_OFFSET, 8],
  ['blocks of any length', BLOCK_BYTES, Number.POSITIVE_INFINITY],
])('is refused and stays when it tells of %s', (_what, place, value) => {
  const store = newStore();
  const survivor = new Survivor(store, 8);
  survivor.write(makeFile(store, 'file').id, 0, pattern(5000));
  store.commit();
  const path = survivor.killedCopy();
  const left = leftPath(path, store);
  const file = readFileSync(left);
  file.writeDoubleLE(value, 8 * place);
  writeFileSync(left, file);
  expect(() => successorAt(path)).toThrow(/cannot be read: remove it/);
  expect(existsSync(left)).toBe(true);
});
