/**
 * Random operations on a mount, compared with a local directory after each.
 *
 *     npx vitest run test/model
 *     DAFS_MODEL_OPERATIONS=200000 npx vitest run test/model
 *     DAFS_MODEL_SEED=1 DAFS_MODEL_PATH=3:1 npx vitest run test/model   (as a failing run prints)
 */
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, it } from 'vitest';
import { driverTable } from '../support/drivers.ts';
import { firstObstacle, isRoot } from '../support/machine.ts';
import { expectSeededRun } from '../support/seeded-run.ts';
import { Workspace } from '../support/workspace.ts';
import type { ComparisonRequest } from './compare-main.ts';
import type { OperationName } from './operations.ts';

const program = fileURLToPath(new URL('./compare-main.ts', import.meta.url));

const beyondLibfuse2: readonly OperationName[] = [
  'allocate',
  'renameWith',
  'setXattr',
  'getXattr',
  'listXattr',
  'removeXattr',
];

const operations = Number(process.env.DAFS_MODEL_OPERATIONS ?? 5000);
const seed = Number(process.env.DAFS_MODEL_SEED ?? randomInt(2 ** 31 - 1));
const path = process.env.DAFS_MODEL_PATH;

/** A failing run shrinks for a minute; an operation with its comparison may take 50 ms. */
const limitMs = 90_000 + operations * 50;

let workspace: Workspace | undefined;
afterEach(() => workspace?.dispose());

describe.each(driverTable)('random operations through $name', (driver) => {
  it('end as on a local directory', { timeout: limitMs + 30_000 }, async (context) => {
    const obstacle = firstObstacle(driver.obstacle(), isRoot() ? undefined : 'needs root');
    context.skip(obstacle !== undefined, obstacle);
    workspace = Workspace.create();
    const source = workspace.path('files.sqlite');
    const mount = await workspace.startMount({ source, driver: driver.name });
    const request: ComparisonRequest = {
      local: workspace.makeDirectory('local'),
      mount: mount.directory,
      operations,
      seed,
      path,
      closesBeforeRemoving: !driver.carriesRemovedFiles,
      without: driver.carriesExtensions ? [] : beyondLibfuse2,
    };
    await expectSeededRun(workspace, program, request, limitMs);
    await mount.unmount();
  });
});
