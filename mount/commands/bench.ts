import { accessSync, constants, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { runBench } from '../bench/bench.ts';
import { parseGroups } from '../bench/jobs.ts';
import type { BenchResult } from '../bench/result.ts';
import { readResult, writeResult } from '../bench/stored-run.ts';
import { formatChanges, formatResult } from '../bench/text-report.ts';
import { parseCount } from '../byte-sizes.ts';
import { CommandError } from '../command-error.ts';
import { startProgress } from '../progress.ts';

export interface BenchCommandOptions {
  jobs?: string;
  seconds: string;
  rounds: string;
  html?: string;
  json?: string;
  compare?: string;
}

/**
 * `dafs bench`: the same jobs over a mount, over other directories and by the library, as tables, as a
 * page and as data.
 *
 * @throws CommandError
 */
export async function benchCommand(
  directories: readonly string[],
  options: BenchCommandOptions,
): Promise<void> {
  const groups = parseGroups(options.jobs);
  const seconds = parseSeconds(options.seconds);
  const rounds = Math.max(1, parseCount('--rounds', options.rounds));
  // Whatever a run of minutes would fail of at its end.
  const stored = options.compare === undefined ? undefined : readResult(options.compare);
  for (const path of [options.html, options.json]) assertWritable(path);
  const progress = await startProgress();
  let result: BenchResult;
  try {
    result = await runBench({
      ...{ directories, groups, seconds, rounds },
      signal: abortedBySignals(),
      onProgress: progress.update,
    });
  } finally {
    progress.end();
  }
  if (options.json !== undefined) writeResult(options.json, result);
  if (options.html !== undefined) {
    // The library that draws is loaded for this alone.
    const { renderPage } = await import('../bench/report/page.ts');
    writeFileSync(options.html, renderPage(result, stored));
  }
  process.stdout.write(formatResult(result));
  if (stored) process.stdout.write(formatChanges(result, stored));
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && seconds <= 3600) return seconds;
  throw new CommandError('INVALID_OPTION', `--seconds needs a number above 0, not "${text}"`);
}

function assertWritable(path: string | undefined): void {
  if (path === undefined) return;
  try {
    accessSync(dirname(resolve(path)), constants.W_OK);
  } catch (error) {
    throw new CommandError('NO_PERMISSION', `${path} cannot be written`, { cause: error });
  }
}

function abortedBySignals(): AbortSignal {
  const controller = new AbortController();
  // With a terminal that was closed go the words, not the cleaning up.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => controller.abort());
  }
  return controller.signal;
}
