/**
 * A client whose server answers what chance makes of right answers: each call gives something sound, or
 * throws a DafsError; none hangs, and none writes or tells of more than was asked for.
 * `DAFS_FUZZ_SECONDS` and `DAFS_FUZZ_SEED` prolong and repeat it.
 */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { succeed } from '../support/run.ts';
import { ServerProcess } from '../unit/client/support/server-process.ts';
import { fuzzSeed } from './support/fuzz.ts';

const SECONDS = Number(process.env.DAFS_FUZZ_SECONDS ?? 1);
const SEED = fuzzSeed();
const LIMIT_MS = 120_000 + 10_000 * SECONDS;

it(
  `a client outlives its server's answers (seed ${SEED}, ${SECONDS} s)`,
  async () => {
    // The server that it starts reads it.
    process.env.DAFS_FUZZ_SEED = String(SEED);
    const server = await ServerProcess.start('mutants');
    try {
      const program = fileURLToPath(new URL('./hostile-server-main.ts', import.meta.url));
      const args = [program, server.path, String(SEED), String(1000 * SECONDS)];
      const output = await succeed(process.execPath, args, { limitMs: LIMIT_MS - 10_000 });
      const outcomes = JSON.parse(output) as Record<string, number>;
      for (const what of ['answered', 'refused', 'sessions']) {
        expect(outcomes[what], `${what}: ${output}`).toBeGreaterThan(0);
      }
    } finally {
      server.kill();
    }
  },
  LIMIT_MS,
);
