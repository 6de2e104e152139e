/**
 * A reader beside the thread that changes the cache, both without a pause and without a message
 * between them: as often as can be, one is in the middle of what the other does.
 */
import { expect, test } from 'vitest';
import { Processes } from './support/processes.ts';
import { Count } from './support/versions.ts';

const ENOUGH = { WRITES: 3000, READS_BY_ITSELF: 20_000, SCANS: 5000 };

test('a record that was read without a message is whole and not older than it may be', async () => {
  const processes = new Processes();
  try {
    const { versions, seed, directory } = processes;
    const socket = `${directory}/fabric`;
    await processes.start('cache-owner', socket, String(seed), directory);
    void processes.start('cache-reader', socket, String(seed + 1));
    await processes.runUntil(ENOUGH);
    expect(versions.counted(Count.READS_BY_ITSELF)).toBeGreaterThan(0);
  } finally {
    await processes.dispose();
  }
}, 150_000);
