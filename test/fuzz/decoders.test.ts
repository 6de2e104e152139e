/**
 * Every decoder against bytes that chance has been at: it says precisely what is wrong, and does
 * nothing else. 0.25 s of work each, or `DAFS_FUZZ_SECONDS`; `DAFS_FUZZ_SEED` repeats a run. Inputs that
 * reach code for the first time are built upon.
 */
import { writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { succeed } from '../support/run.ts';
import { pattern } from '../unit/block-cache/support/caches.ts';
import { leftPath, Survivor } from '../unit/block-cache/support/survivor.ts';
import { Locker } from '../unit/server/support/locker.ts';
import { TestServer } from '../unit/server/support/test-server.ts';
import { makeFile } from '../unit/store/support/stores.ts';
import type { StoredSeeds } from './stored-targets.ts';
import { type FuzzReport, fuzzSeed } from './support/fuzz.ts';

const SECONDS = Number(process.env.DAFS_FUZZ_SECONDS ?? 0.25);
const SEED = fuzzSeed();
const LIMIT_MS = 240_000 + 60_000 * SECONDS;

let server: TestServer;
beforeAll(() => {
  server = new TestServer();
});
afterAll(() => server.close());

/** What a server leaves that is killed with a client that holds all there is to hold. */
function makeSeeds(): StoredSeeds {
  const client = new Locker(server, 'client', { isDurable: true });
  client.files.connection.call('REGISTER_CRED', {
    cred: { credType: 1, uid: 1, gid: 2, groups: [3] },
  });
  client.ownerLock('owner', { offset: 1n, length: 2n });
  client.lock(10n, 5n);
  server.store.durability.applyIntents();
  // From here on all is in the intent log and in memory.
  client.open('second');
  const survivor = new Survivor(server.store, 8);
  survivor.write(makeFile(server.store, 'third').id, 0, pattern(5000));
  server.store.commit();
  const database = survivor.killedCopy();
  const { identity, durability } = server.store;
  return {
    database,
    unstable: basename(leftPath(database, server.store)),
    identity: Buffer.from(identity).toString('hex'),
    epoch: durability.epoch,
  };
}

it(
  `decoders say what is wrong (seed ${SEED}, ${SECONDS} s each)`,
  async () => {
    const seeds = makeSeeds();
    const directory = dirname(seeds.database);
    writeFileSync(join(directory, 'seeds.json'), JSON.stringify(seeds));
    // A process of its own: a decoder that does not end can be ended.
    const program = fileURLToPath(new URL('./fuzz-main.ts', import.meta.url));
    const output = await succeed(
      process.execPath,
      [program, directory, String(SEED), String(1000 * SECONDS)],
      { limitMs: LIMIT_MS - 10_000 },
    );
    const reports = output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as FuzzReport & { target: string });
    expect(reports).toHaveLength(12);
    expect(reports.flatMap(({ findings }) => findings)).toEqual([]);
    for (const { target, inputs } of reports) {
      // Less means that it is not reached.
      expect(inputs, target).toBeGreaterThan(0);
    }
  },
  LIMIT_MS,
);
