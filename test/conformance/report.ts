/**
 * `npm run conformance [-- TARGET...]`: runs the suite over every target, or over those named, and
 * prints the cases, the passes per target and each skip with its reason. Ends with status 1 when a
 * case fails.
 */
import { conformanceCases } from './cases.ts';
import { SuiteRun, type Verdict } from './suite.ts';
import { type TargetDefinition, targetTable } from './target-table.ts';

type Verdicts = ReadonlyMap<string, Verdict>;

const kinds = ['passed', 'failed', 'skipped', 'not run'] as const;

async function runOver(definition: TargetDefinition): Promise<Verdicts | string> {
  const obstacle = definition.obstacle();
  if (obstacle !== undefined) {
    return obstacle;
  }
  const suite = await SuiteRun.start(definition);
  const verdicts = new Map<string, Verdict>();
  try {
    for (const one of conformanceCases) {
      verdicts.set(one.name, await suite.judge(one));
    }
  } finally {
    await suite.end();
  }
  return verdicts;
}

function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

function printSummary(results: ReadonlyMap<string, Verdicts | string>): void {
  print(['target'.padEnd(16), ...kinds.map((kind) => kind.padStart(9))].join(''));
  for (const [target, verdicts] of results) {
    const counts =
      typeof verdicts === 'string'
        ? `  ${verdicts}`
        : kinds
            .map((kind) => [...verdicts.values()].filter((one) => one.kind === kind).length)
            .map((count) => String(count).padStart(9))
            .join('');
    print(target.padEnd(16) + counts);
  }
}

/** The cases of one kind of verdict, gathered under their reasons. */
function printReasons(target: string, verdicts: Verdicts, kind: 'skipped' | 'not run'): void {
  const byReason = new Map<string, string[]>();
  for (const [name, verdict] of verdicts) {
    if (verdict.kind === kind) {
      const { reason } = verdict as { reason: string };
      byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
    }
  }
  for (const [reason, names] of byReason) {
    print(`\n${target}, ${kind}: ${reason}`);
    for (const name of names) {
      print(`  ${name}`);
    }
  }
}

function printFailures(target: string, verdicts: Verdicts): void {
  for (const [name, verdict] of verdicts) {
    if (verdict.kind === 'failed') {
      print(
        `\n${target}, FAILED: ${name}\n  ${verdict.message.split('\n').slice(0, 4).join('\n  ')}`,
      );
    }
  }
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !targetTable.some((one) => one.name === name));
if (unknown.length > 0) {
  print(
    `no such target: ${unknown.join(', ')}; there are ${targetTable.map((one) => one.name).join(', ')}`,
  );
  process.exit(2);
}

const results = new Map<string, Verdicts | string>();
for (const definition of targetTable) {
  if (wanted.length === 0 || wanted.includes(definition.name)) {
    results.set(definition.name, await runOver(definition));
  }
}

print(`${conformanceCases.length} cases\n`);
printSummary(results);
for (const [target, verdicts] of results) {
  if (typeof verdicts !== 'string') {
    printReasons(target, verdicts, 'skipped');
    printReasons(target, verdicts, 'not run');
    printFailures(target, verdicts);
    if ([...verdicts.values()].some((one) => one.kind === 'failed')) {
      process.exitCode = 1;
    }
  }
}
