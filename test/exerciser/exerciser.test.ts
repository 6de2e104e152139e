/**
 * One file, exercised at random with full verification.
 *
 *     npx vitest run test/exerciser
 *     DAFS_EXERCISER_OPERATIONS=1000000 npx vitest run test/exerciser
 *     DAFS_EXERCISER_SEED=1 npx vitest run test/exerciser   (as a failing run prints)
 */
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, it } from 'vitest';
import { driverTable } from '../support/drivers.ts';
import { firstObstacle } from '../support/machine.ts';
import { expectSeededRun } from '../support/seeded-run.ts';
import { Workspace } from '../support/workspace.ts';
import type { ExerciseRequest } from './exercise-main.ts';
import type { ExerciseName } from './exercises.ts';

const program = fileURLToPath(new URL('./exercise-main.ts', import.meta.url));

const operations = Number(process.env.DAFS_EXERCISER_OPERATIONS ?? 3000);
const seed = Number(process.env.DAFS_EXERCISER_SEED ?? randomInt(2 ** 31 - 1));

/** A dozen blocks of the server, so that every kind of boundary is met often. */
const LIMIT_BYTES = 768 * 1024;

/** On a busy machine an operation takes some milliseconds. */
const limitMs = 120_000 + operations * 10;

/** The kernel's FUSE refuses them itself, whoever serves it: fuse_file_fallocate() in fs/fuse/file.c. */
const beyondFuse: readonly ExerciseName[] = ['collapseRange', 'insertRange'];

const beyondLibfuse2: readonly ExerciseName[] = [
  ...beyondFuse,
  'allocate',
  'allocateKeepingSize',
  'punchHole',
  'zeroRange',
];

async function exercise(
  workspace: Workspace,
  directory: string,
  without: readonly ExerciseName[],
): Promise<void> {
  const request: ExerciseRequest = {
    path: `${directory}/exercised`,
    operations,
    seed,
    limitBytes: LIMIT_BYTES,
    without,
  };
  await expectSeededRun(workspace, program, request, limitMs);
}

let workspace: Workspace | undefined;
afterEach(() => workspace?.dispose());

describe('one file, exercised at random', () => {
  it('is what it must be on a local directory', { timeout: limitMs + 30_000 }, async () => {
    workspace = Workspace.create();
    const directory = workspace.makeDirectory('local');
    await exercise(workspace, directory, []);
  });

  it.for(driverTable)(
    'is what it must be through $name',
    { timeout: limitMs + 60_000 },
    async (driver, context) => {
      const obstacle = firstObstacle(driver.obstacle());
      context.skip(obstacle !== undefined, obstacle);
      workspace = Workspace.create();
      const source = workspace.path('files.sqlite');
      const mount = await workspace.startMount({ source, driver: driver.name });
      const without = driver.carriesExtensions ? beyondFuse : beyondLibfuse2;
      await exercise(workspace, mount.directory, without);
      await mount.unmount();
    },
  );
});
