/**
 * Random operations on a mount, or on two of one server, compared with a local directory after each.
 *
 *     npx vitest run test/model
 *     DAFS_MODEL_OPERATIONS=200000 npx vitest run test/model
 *     DAFS_MODEL_SEED=1 DAFS_MODEL_PATH=3:1 npx vitest run test/model   (as a failing run prints)
 */
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, it } from 'vitest';
import { type DriverDefinition, driverTable } from '../support/drivers.ts';
import { firstObstacle, isRoot } from '../support/machine.ts';
import { expectSeededRun } from '../support/seeded-run.ts';
import { type MountProcess, Workspace } from '../support/workspace.ts';
import type { ComparisonRequest } from './compare-main.ts';
import { lockOperations } from './lock-operations.ts';
import type { OperationName } from './operations.ts';

const program = fileURLToPath(new URL('./compare-main.ts', import.meta.url));

const beyondLibfuse2: readonly OperationName[] = [
  'allocate',
  'renameWith',
  'setXattr',
  'getXattr',
  'listXattr',
  'removeXattr',
  // The kernel has the locks, and there each name of a file is a file of its own.
  ...lockOperations,
];

interface Place {
  readonly label: string;
  readonly driver: DriverDefinition;
  /** Whether there are two mounts of one server, which then has the locks. */
  readonly isDivided: boolean;
}

const places = driverTable.flatMap((driver): Place[] => {
  const { name, keepsLocksAtServer } = driver;
  const one = { label: name, driver, isDivided: false };
  return keepsLocksAtServer
    ? [one, { ...one, label: `two mounts by ${name}`, isDivided: true }]
    : [one];
});

/** One mount by the kernel driver is compared at length, the others in the same ways and less. */
function operationsAt({ driver, isDivided }: Place): number {
  const usual = driver.name === 'kernel' && !isDivided ? 3500 : 1400;
  return Number(process.env.DAFS_MODEL_OPERATIONS ?? usual);
}

const seed = Number(process.env.DAFS_MODEL_SEED ?? randomInt(2 ** 31 - 1));
const path = process.env.DAFS_MODEL_PATH;

/** A failing run shrinks for a minute; an operation with its comparison may take 50 ms. */
const limitMsFor = (operations: number): number => 90_000 + operations * 50;

let workspace: Workspace | undefined;
afterEach(() => workspace?.dispose());

/** One mount with a server of its own, or two that share one. */
async function startMounts(
  space: Workspace,
  { driver, isDivided }: Place,
): Promise<readonly [first: MountProcess, second?: MountProcess]> {
  if (!isDivided) {
    return [await space.startMount({ source: space.path('files.sqlite'), driver: driver.name })];
  }
  const { name } = await space.startServer();
  const mount = () => space.startMount({ source: `dafs:${name}`, driver: driver.name });
  return [await mount(), await mount()];
}

describe.each(places)('random operations through $label', (place) => {
  const operations = operationsAt(place);
  const limitMs = limitMsFor(operations);

  it('end as on a local directory', { timeout: limitMs + 30_000 }, async (context) => {
    const { driver } = place;
    const obstacle = firstObstacle(driver.obstacle(), isRoot() ? undefined : 'needs root');
    context.skip(obstacle !== undefined, obstacle);
    workspace = Workspace.create();
    const [mount, otherMount] = await startMounts(workspace, place);
    const request: ComparisonRequest = {
      local: workspace.makeDirectory('local'),
      mount: mount.directory,
      otherMount: otherMount?.directory,
      operations,
      seed,
      path,
      closesBeforeRemoving: !driver.carriesRemovedFiles,
      without: driver.carriesExtensions ? [] : beyondLibfuse2,
    };
    await expectSeededRun(workspace, program, request, limitMs);
    await otherMount?.unmount();
    await mount.unmount();
  });
});
