/**
 * `npm run bench [-- SECTION... OPTION...]`: measures, and prints each figure with its ratio to its
 * reference. Figures are comparable within one run only: that is why the references are measured in
 * the same run. README.md tells of the sections and the options.
 */
import { writeFileSync } from 'node:fs';
import { Argument, Command, InvalidArgumentError } from 'commander';
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

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It is a number above 0.');
  return value;
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

const command = new Command('npm run bench --')
  .description('Measures, and prints each figure with its ratio to its reference.')
  .addArgument(
    new Argument('[section...]', 'left out: all but soak and guest').choices(Object.keys(sections)),
  )
  .option('--json', 'rows as JSON, each with the samples of which it is the median', false)
  .option('--save <stem>', 'also into files: STEM.txt, STEM.md and STEM.json')
  .option('--seconds <number>', 'how long one measurement lasts', positive, 2)
  .option('--rounds <number>', 'how often each is made (mount, sync, guest)', positive, 3)
  .option('--rows <pattern>', 'rows whose names match (mount, sync, guest)', pattern)
  .option('--minutes <number>', 'how long soak lasts', positive, 60)
  .parse();

/** What is asked for. */
interface Values {
  readonly json: boolean;
  readonly save?: string;
  readonly seconds: number;
  readonly rounds: number;
  readonly rows?: RegExp;
  readonly minutes: number;
}

const values = command.opts<Values>();

const asJson = (rows: readonly BenchmarkRow[]): string => `${JSON.stringify(rows, undefined, 2)}\n`;

/** Tables in files too, for who waited long for them. */
function save(stem: string, rows: readonly BenchmarkRow[]): void {
  writeFileSync(`${stem}.json`, asJson(rows));
  writeFileSync(`${stem}.txt`, formatRows(rows));
  writeFileSync(`${stem}.md`, formatMarkdown(rows));
}

async function main(): Promise<void> {
  const names = command.args.length > 0 ? command.args : Object.keys(defaultSections);
  const options = {
    secondsPerMeasurement: values.seconds,
    rounds: values.rounds,
    rowPattern: values.rows ?? /(?:)/,
    soakMinutes: values.minutes,
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
