/** `fuzz-main.ts DIRECTORY SEED MILLISECONDS`: fuzzes every decoder for so long, and prints a report each. */
import { exportedCacheTarget } from './exported-cache-target.ts';
import { findings } from './findings.ts';
import { fuseTarget } from './fuse-target.ts';
import { messageTargets } from './message-targets.ts';
import { storedTargets } from './stored-targets.ts';
import { Coverage } from './support/coverage.ts';
import { findingOf, fuzz } from './support/fuzz.ts';

const [directory = '', seed = '1', durationMs = '1000'] = process.argv.slice(2);
const coverage = new Coverage();
const targets = [
  ...messageTargets,
  exportedCacheTarget(),
  fuseTarget(),
  ...storedTargets(directory),
];
for (const target of targets) {
  const cases = findings.filter(({ target: name }) => name === target.name);
  const again = cases.flatMap(({ input }) => findingOf(target, Buffer.from(input, 'hex')) ?? []);
  process.stdout.write(`${target.name}, seed ${seed}\n`);
  const report = fuzz(target, Number(seed), Number(durationMs), coverage);
  const all = [...again, ...report.findings];
  process.stdout.write(`${JSON.stringify({ target: target.name, ...report, findings: all })}\n`);
}
coverage.close();
