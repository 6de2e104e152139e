/**
 * `npm run bench [-- SECTION...] [--json] [--seconds N]`: measures, and prints each figure with its
 * ratio to its reference. Figures are comparable within one run only: that is why the references are
 * measured in the same run.
 */
import { parseArgs } from 'node:util';
import { formatRows } from './support/format.ts';
import { withRatios } from './support/ratio.ts';
import type { BenchmarkRow, BenchmarkSection } from './support/row.ts';

/** Every section; its file is loaded when it is asked for. */
const sections: Readonly<Record<string, () => Promise<BenchmarkSection>>> = {
  memory: async () => (await import('./memory.ts')).memoryBenchmark,
  nic: async () => (await import('./nic.ts')).nicBenchmark,
  ceiling: async () => (await import('./ceiling.ts')).ceilingBenchmark,
  client: async () => (await import('./client.ts')).clientBenchmark,
  store: async () => (await import('./store.ts')).storeBenchmark,
  mount: async () => (await import('./mount.ts')).mountBenchmark,
  coherence: async () => (await import('./coherence.ts')).coherenceBenchmark,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '1' },
  },
});

async function main(): Promise<void> {
  const names = positionals.length > 0 ? positionals : Object.keys(sections);
  const unknown = names.filter((name) => !(name in sections));
  if (unknown.length > 0) {
    throw new Error(
      `no such section: ${unknown.join(', ')}; there are ${Object.keys(sections).join(', ')}`,
    );
  }
  const options = { secondsPerMeasurement: Number(values.seconds) };
  const rows: BenchmarkRow[] = [];
  for (const name of names) {
    const section = await sections[name]?.();
    if (section === undefined) {
      continue;
    }
    if (!values.json) {
      process.stderr.write(`measuring ${name} …\n`);
    }
    rows.push(...(await section(options)));
  }
  const complete = withRatios(rows);
  process.stdout.write(
    values.json ? `${JSON.stringify(complete, undefined, 2)}\n` : formatRows(complete),
  );
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
