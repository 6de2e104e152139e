/** What the application tests share: real programs, over each driver, small here and large on demand. */
import { describe, it } from 'vitest';
import { type DriverDefinition, driverTable } from '../support/drivers.ts';
import { firstObstacle, isRoot, programObstacle } from '../support/machine.ts';
import type { RunOptions } from '../support/run.ts';
import { Workspace } from '../support/workspace.ts';

/** DAFS_FULL=1 runs the applications at the sizes of a real machine; otherwise at a CI's. */
export const isFull = process.env.DAFS_FULL === '1';

/** One of two values, by the size of the run. */
export function sized<Value>(small: Value, full: Value): Value {
  return isFull ? full : small;
}

export interface ApplicationRun {
  readonly workspace: Workspace;
  readonly driver: DriverDefinition;
  /** Runs a program that must succeed, within the test's time limit, and gives what it printed. */
  succeed(program: string, args: readonly string[], options?: RunOptions): Promise<string>;
}

export interface ApplicationOptions {
  /** What must be installed. */
  readonly programs: readonly string[];
  readonly limitMs?: number;
  /** Why the test is not for a driver, which is no lack of the machine; undefined where it is. */
  readonly lack?: (driver: DriverDefinition) => string | undefined;
  /** Whether it takes root. */
  readonly needsRoot?: boolean;
}

const DISPOSE_LIMIT_MS = 20_000;

/** Defines a test per driver, each in a workspace of its own that is gone afterwards. */
export function applicationTest(
  title: string,
  { programs, limitMs = sized(120_000, 1_800_000), lack, needsRoot }: ApplicationOptions,
  body: (run: ApplicationRun) => Promise<void>,
): void {
  const rootObstacle = needsRoot && !isRoot() ? 'only root can do this' : undefined;
  describe.each(driverTable)('through $name', (driver) => {
    it(title, { timeout: limitMs + DISPOSE_LIMIT_MS }, async (context) => {
      const obstacle = firstObstacle(driver.obstacle(), programObstacle(programs), rootObstacle);
      context.skip(obstacle !== undefined, obstacle);
      const reason = lack?.(driver);
      context.skip(reason !== undefined, reason);
      const workspace = Workspace.create();
      try {
        await body({
          workspace,
          driver,
          succeed: (program, args, options = {}) =>
            workspace.succeed(program, args, { limitMs, ...options }),
        });
      } finally {
        await workspace.dispose();
      }
    });
  });
}

/** Why a driver is not for tests of extended attributes; undefined where it is. */
export function lackOfXattrs({ carriesXattrs }: DriverDefinition): string | undefined {
  return carriesXattrs ? undefined : 'it carries no extended attributes (mount/drivers/README.md)';
}
