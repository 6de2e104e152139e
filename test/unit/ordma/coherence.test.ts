/**
 * Readers of the exported cache while another client writes, cuts, extends, deletes and replaces the
 * files, and the cache is too small for all of them: the whole of it, messages included.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Workspace } from '../../support/workspace.ts';
import { Processes } from './support/processes.ts';
import { Count } from './support/versions.ts';

/** The least that a server takes; the large file fills it twice. */
const CACHE = '16M';
const LARGE_MEBIBYTES = 32;
const ENOUGH_STATUS = { WRITES: 500, READS_BY_ITSELF: 2000, READS_BY_MESSAGE: 100 };
const ENOUGH = { WRITES: 300, READS_BY_ITSELF: 500, READS_BY_MESSAGE: 300, SCANS: 64 };

let workspace: Workspace;
let processes: Processes;

beforeEach(() => {
  workspace = Workspace.create();
  processes = new Processes();
});

afterEach(async () => {
  await processes.dispose();
  await workspace.dispose();
});

test('readers see whole records, and none older than was acknowledged', async () => {
  const { seed, versions } = processes;
  const { fabricSocket } = await workspace.startServer({ options: ['--cache', CACHE] });
  void processes.start('writer', fabricSocket, String(seed));
  void processes.start('scanner', fabricSocket, String(LARGE_MEBIBYTES));
  void processes.start('reader', fabricSocket, String(seed + 1));
  void processes.start('reader', fabricSocket, String(seed + 2));
  await processes.runUntil(ENOUGH);
  expect(versions.counted(Count.READS_BY_ITSELF)).toBeGreaterThan(0);
}, 150_000);

test('readers see attributes of one state, and names where they lead', async () => {
  const { fabricSocket } = await workspace.startServer();
  void processes.start('status-writer', fabricSocket);
  void processes.start('status-reader', fabricSocket);
  void processes.start('status-reader', fabricSocket);
  await processes.runUntil(ENOUGH_STATUS);
}, 150_000);
