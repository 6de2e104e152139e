/**
 * `npm run bench [-- SECTION... OPTION...]`: measures, and prints each figure with its ratio to its
 * reference. Figures are comparable within one run only: that is why the references are measured in
 * the same run. README.md tells of the sections and the options.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { formatRows } from './support/format.ts';
import { formatMarkdown } from './support/markdown.ts';
import { withRatios } from './support/ratio.ts';
import type { BenchmarkRow, BenchmarkSection } from './support/row.ts';

/** Every section of a run without names; its file is loaded when it is asked for. */
const defaultSections: Readonly<Record<string, () => Promise<BenchmarkSection>>> = {
  memory: async () => (await import('./memory.ts')).memoryBenchmark,
  nic: async () => (await import('./nic.ts')).nicBenchmark,
  ceiling: async () => (await import('./ceiling.ts')).ceilingBenchmark,
  client: async () => (await import('./client.ts')).clientBenchmark,
  store: async () => (await import('./store.ts')).storeBenchmark,
  mount: async () => (await import('./mount.ts')).mountBenchmark,
  sync: async () => (await import('./sync.ts')).syncBenchmark,
  coherence: async () => (await import('./coherence.ts')).coherenceBenchmark,
};

/** Those, and what takes longer. */
const sections: typeof defaultSections = {
  ...defaultSections,
  soak: async () => (await import('./soak.ts')).soakBenchmark,
  guest: async () => (await import('./guest.ts')).guestBenchmark,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    save: { type: 'string' },
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    rows: { type: 'string', default: '' },
    minutes: { type: 'string', default: '60' },
  },
});

const asJson = (rows: readonly BenchmarkRow[]): string => `${JSON.stringify(rows, undefined, 2)}\n`;

/** Tables in files too, for who waited long for them. */
function save(stem: string, rows: readonly BenchmarkRow[]): void {
  writeFileSync(`${stem}.json`, asJson(rows));
  writeFileSync(`${stem}.txt`, formatRows(rows));
  writeFileSync(`${stem}.md`, formatMarkdown(rows));
}

async function main(): Promise<void> {
  const names = positionals.length > 0 ? positionals : Object.keys(defaultSections);
  const unknown = names.filter((name) => !(name in sections));
  if (unknown.length > 0) {
    throw new Error(
      `no such section: ${unknown.join(', ')}; there are ${Object.keys(sections).join(', ')}`,
    );
  }
  const options = {
    secondsPerMeasurement: Number(values.seconds),
    rounds: Number(values.rounds),
    rowPattern: new RegExp(values.rows),
    soakMinutes: Number(values.minutes),
  };
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
  if (values.save !== undefined) save(values.save, complete);
  process.stdout.write(values.json ? asJson(complete) : formatRows(complete));
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
