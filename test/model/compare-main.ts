/**
 * Does the same random operations in two directories and compares after each: `node compare-main.ts
 * REQUEST`, the request as JSON. Prints the seed, and the shortest failing run that it finds; status
 * 1 then. A process of its own, because a mount may hang it.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { pauseUntil } from '../conformance/expect.ts';
import { OtherProcess } from '../conformance/other-process.ts';
import { isMoreLocked, LOCKERS, lockOperations } from './lock-operations.ts';
import { anyRun, apply, type Operation, type OperationName } from './operations.ts';
import { firstDifference, snapshot } from './snapshot.ts';
import { Locker, World } from './world.ts';

export interface ComparisonRequest {
  readonly local: string;
  readonly mount: string;
  /** Another mount of the same files, by which every second of the processes that set locks goes. */
  readonly otherMount?: string | undefined;
  readonly operations: number;
  readonly seed: number;
  /** Where fast-check's shrinking ended: replays that one run. */
  readonly path?: string | undefined;
  readonly closesBeforeRemoving: boolean;
  /** What the mount cannot carry. */
  readonly without: readonly OperationName[];
}

const request = JSON.parse(process.argv[2] ?? '') as ComparisonRequest;
const { local, mount, otherMount, operations, seed, path, closesBeforeRemoving, without } = request;

const MAXIMUM_OPERATIONS_PER_RUN = 100;
/** How long the search for a shorter failing run may take. */
const SHRINK_LIMIT_MS = 60_000;
/** How long a lock may be in the way of others after its file was closed; less when many runs fail. */
const SETTLE_LIMIT_MS = 5000;
const SHRINKING_SETTLE_LIMIT_MS = 300;

let done = 0;
let runs = 0;
let failedAt: number | undefined;

const lockNames: ReadonlySet<OperationName> = new Set(lockOperations);
const processes = Array.from({ length: LOCKERS }, () => new OtherProcess());

function makeWorld(label: string, parent: string, otherParent = parent): World {
  const root = join(parent, label);
  mkdirSync(root, { mode: 0o755 });
  const lockers = processes.map(
    ({ target }, index) => new Locker(target, join(index % 2 === 0 ? parent : otherParent, label)),
  );
  return new World(root, closesBeforeRemoving, lockers);
}

/**
 * What an operation comes to in the mount. A mount learns a moment after close(2) that a file is closed,
 * and its server that it has no locks of it any more: who is refused by them asks again.
 */
function outcomeIn(actual: World, step: Operation, expected: string): string {
  let outcome = apply(actual, step);
  if (otherMount !== undefined && lockNames.has(step.name)) {
    const isShrinking = failedAt !== undefined;
    const giveUpAt = Date.now() + (isShrinking ? SHRINKING_SETTLE_LIMIT_MS : SETTLE_LIMIT_MS);
    pauseUntil(() => {
      const isLate = outcome !== expected && isMoreLocked(outcome, expected);
      if (isLate) outcome = apply(actual, step);
      return !isLate || Date.now() > giveUpAt;
    });
  }
  return outcome;
}

/** Runs both sides; throws at the first step in which they differ. */
function compare(steps: readonly Operation[]): void {
  // What is left passes unseen: once a run failed, that ends the search for a shorter one.
  const isOver =
    failedAt === undefined ? done >= operations : Date.now() - failedAt > SHRINK_LIMIT_MS;
  if (isOver) {
    return;
  }
  runs += 1;
  const expected = makeWorld(`run-${runs}`, local);
  const actual = makeWorld(`run-${runs}`, mount, otherMount);
  try {
    steps.forEach((step, index) => {
      const outcome = apply(expected, step);
      const found = outcomeIn(actual, step, outcome);
      done += 1;
      const difference =
        outcome === found
          ? firstDifference(snapshot(expected), snapshot(actual))
          : `local: ${outcome}\n  mount: ${found}`;
      if (difference !== undefined) {
        failedAt ??= Date.now();
        throw new Error(`step ${index + 1}, ${JSON.stringify(step)}\n  ${difference}`);
      }
    });
  } finally {
    for (const world of [expected, actual]) {
      world.end();
      rmSync(world.root, { recursive: true, force: true });
    }
  }
}

process.umask(0);
process.stdout.write(`DAFS_MODEL_SEED=${seed} DAFS_MODEL_OPERATIONS=${operations}\n`);

const result = fc.check(fc.property(anyRun(MAXIMUM_OPERATIONS_PER_RUN, without), compare), {
  seed,
  // The limit of operations ends it, not this: most runs are shorter than they may be.
  numRuns: operations,
  ...(path === undefined ? {} : { path }),
});

for (const process of processes) {
  process.end();
}
if (result.failed) {
  const [steps = []] = result.counterexample ?? [];
  process.stdout.write(
    `failed after ${done} operations; replay with DAFS_MODEL_SEED=${seed} DAFS_MODEL_PATH=${result.counterexamplePath}\n`,
  );
  for (const [index, step] of steps.entries()) {
    process.stdout.write(`  ${index + 1}. ${JSON.stringify(step)}\n`);
  }
  const cause = result.errorInstance;
  process.stdout.write(`${cause instanceof Error ? cause.message : String(cause)}\n`);
  process.exitCode = 1;
} else {
  process.stdout.write(`${done} operations in ${runs} runs, no difference\n`);
}
