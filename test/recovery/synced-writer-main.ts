/**
 * Writes blocks into a file, nearly each with an fsync, and says how many have been synced: those must be
 * there whatever happens.
 *
 *     node synced-writer-main.ts FILE
 */
import { fsyncSync, openSync, writeSync } from 'node:fs';
import { BLOCK_BYTES, blockOf } from './synced-blocks.ts';

const file = openSync(process.argv[2] as string, 'w');
for (let blocks = 0; ; ) {
  for (let more = blocks % 40 === 39 ? 2 : 1; more > 0; more--, blocks++) {
    writeSync(file, blockOf(blocks), 0, BLOCK_BYTES, blocks * BLOCK_BYTES);
  }
  fsyncSync(file);
  console.log(blocks);
}
