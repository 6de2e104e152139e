/**
 * Every case that some target cannot carry, with the reason. A listed case still runs: when it
 * passes, the suite fails, so that the list never outlives its reasons.
 */
import { conformanceCases } from './cases.ts';

export interface Skip {
  /** Names of targets, as in target-table.ts. */
  readonly targets: readonly string[];
  /** Names of cases, or their beginnings followed by `*`. */
  readonly cases: readonly string[];
  readonly reason: string;
}

export const skipList: readonly Skip[] = [];

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

/** The skip of this case over this target, if it is listed. */
export function findSkip(target: string, name: string): Skip | undefined {
  return skipList.find(
    ({ targets, cases }) =>
      targets.includes(target) && cases.some((pattern) => matches(pattern, name)),
  );
}

/** Patterns that match no case: mistakes of the list. */
export function unusedPatterns(): string[] {
  return skipList
    .flatMap(({ cases }) => cases)
    .filter((pattern) => !conformanceCases.some(({ name }) => matches(pattern, name)));
}
