/**
 * Runs simulated worlds, each drawn from its seed:
 *
 *     npm run simulation                              for a minute, from a new seed on
 *     npm run simulation -- --seconds 600 --first 1   for longer, from this seed on
 *     npm run simulation -- --seeds 1000 --first 1    so many
 *     npm run simulation -- --seed 17 --trace         one of them, with all that happens
 *     npm run simulation -- --bug NAME                with a planted bug, until it is found
 *
 * Ends with the first world that goes wrong: its seed is printed. The last line is the sum as JSON.
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { replaceModules } from './module-hooks.ts';
import { plantedBugs } from './planted-bugs.ts';
import { knownSeeds } from './seeds.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: 'Infinity' },
    first: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    known: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    bug: { type: 'string' },
  },
});

/** The seeds to run, in their order. */
function* chosenSeeds(): Generator<number> {
  if (values.seed !== undefined) {
    yield Number(values.seed);
    return;
  }
  if (values.known) yield* knownSeeds;
  const first = Number(values.first ?? randomInt(2 ** 31));
  for (let count = 0; count < Number(values.seeds); count += 1) yield first + count;
}

const bug =
  values.bug === undefined ? undefined : plantedBugs.find(({ name }) => name === values.bug);
if (values.bug !== undefined && bug === undefined) {
  throw new Error(
    `no planted bug has that name: ${plantedBugs.map(({ name }) => name).join(', ')}`,
  );
}
replaceModules(bug);
// What they import is replaced from here on.
const { Worlds } = await import('./worlds.ts');

const worlds = new Worlds();
const beganAt = process.hrtime.bigint();
const secondsPassed = (): number => Number(process.hrtime.bigint() - beganAt) / 1e9;
const trace = values.trace ? (event: string): void => console.log(event) : undefined;
const sum = { seeds: 0, answered: 0, kills: 0, powerCuts: 0, breaks: 0, diskErrors: 0, steps: 0 };
let fingerprint = 0;
for (const seed of chosenSeeds()) {
  const report = worlds.run(seed, trace);
  sum.seeds += 1;
  for (const key of ['answered', 'kills', 'powerCuts', 'breaks', 'diskErrors', 'steps'] as const) {
    sum[key] += report[key];
  }
  fingerprint = (fingerprint ^ report.fingerprint) >>> 0;
  if (report.problem !== undefined) {
    console.log(`seed ${seed}: ${report.problem}`);
    console.log(`again: npm run simulation -- --trace --seed ${seed}`);
    process.exitCode = 1;
    break;
  }
  if (secondsPassed() > Number(values.seconds)) break;
}
worlds.close();
const { user, system } = process.cpuUsage();
console.log(
  JSON.stringify({
    ...sum,
    fingerprint,
    seedsPerMinute: Math.round((sum.seeds / secondsPassed()) * 60),
    seedsPerProcessorMinute: Math.round((sum.seeds / (user + system)) * 60e6),
  }),
);
