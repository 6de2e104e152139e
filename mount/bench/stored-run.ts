/** Results in files: those that `--json` writes, and `--compare` reads. */
import { readFileSync, writeFileSync } from 'node:fs';
import { CommandError, describeError } from '../command-error.ts';
import { type BenchResult, RESULT_FORMAT } from './result.ts';
import { type Comparison, compare, figureAt } from './statistics.ts';

export function writeResult(path: string, result: BenchResult): void {
  writeFileSync(path, `${JSON.stringify(result, undefined, 2)}\n`);
}

/** @throws CommandError INVALID_OPTION when it is not the result of a run */
export function readResult(path: string): BenchResult {
  try {
    const result = JSON.parse(readFileSync(path, 'utf8')) as BenchResult;
    if (result.format === RESULT_FORMAT) return result;
  } catch (error) {
    const message = `cannot read the run ${path}: ${describeError(error)}`;
    throw new CommandError('INVALID_OPTION', message, { cause: error });
  }
  throw new CommandError('INVALID_OPTION', `${path} is no run that dafs bench --json has written`);
}

/** One job at one target, in a run and in a stored one. */
export interface Change {
  readonly job: string;
  readonly target: string;
  /** `own` is the run, `other` the stored one. */
  readonly comparison: Comparison;
}

/** What both runs have measured. Targets and jobs are the same when their names are. */
export function changesSince(result: BenchResult, stored: BenchResult): Change[] {
  return result.measurements.flatMap(({ job, target }) => {
    const [now, then] = [figureAt(result, job, target), figureAt(stored, job, target)];
    return now && then ? [{ job, target, comparison: compare(now, then) }] : [];
  });
}
