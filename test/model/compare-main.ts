/**
 * Does the same random operations in two directories and compares after each: `node compare-main.ts
 * REQUEST`, the request as JSON. Prints the seed, and the shortest failing run that it finds; status
 * 1 then. A process of its own, because a mount may hang it.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { anyOperationBut, apply, type Operation, type OperationName, World } from './operations.ts';
import { firstDifference, snapshot } from './snapshot.ts';

export interface ComparisonRequest {
  readonly local: string;
  readonly mount: string;
  readonly operations: number;
  readonly seed: number;
  /** Where fast-check's shrinking ended: replays that one run. */
  readonly path?: string | undefined;
  readonly closesBeforeRemoving: boolean;
  /** What the mount cannot carry. */
  readonly without: readonly OperationName[];
}

const request = JSON.parse(process.argv[2] ?? '') as ComparisonRequest;
const { local, mount, operations, seed, path, closesBeforeRemoving, without } = request;

const MAXIMUM_OPERATIONS_PER_RUN = 100;
/** How long the search for a shorter failing run may take. */
const SHRINK_LIMIT_MS = 60_000;

let done = 0;
let runs = 0;
let failedAt: number | undefined;

function makeWorld(parent: string, label: string): World {
  const root = join(parent, label);
  mkdirSync(root, { mode: 0o755 });
  return new World(root, closesBeforeRemoving);
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
  const expected = makeWorld(local, `run-${runs}`);
  const actual = makeWorld(mount, `run-${runs}`);
  try {
    steps.forEach((step, index) => {
      const outcomes = [apply(expected, step), apply(actual, step)] as const;
      done += 1;
      const difference =
        outcomes[0] === outcomes[1]
          ? firstDifference(snapshot(expected), snapshot(actual))
          : `local: ${outcomes[0]}\n  mount: ${outcomes[1]}`;
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

const result = fc.check(
  fc.property(
    fc.array(anyOperationBut(without), {
      minLength: 1,
      maxLength: MAXIMUM_OPERATIONS_PER_RUN,
      size: 'max',
    }),
    compare,
  ),
  {
    seed,
    // The limit of operations ends it, not this: most runs are shorter than they may be.
    numRuns: operations,
    ...(path === undefined ? {} : { path }),
  },
);

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
