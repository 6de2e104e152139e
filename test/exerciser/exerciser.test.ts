/**
 * One file, exercised at random with full verification.
 *
 *     npx vitest run test/exerciser
 *     DAFS_EXERCISER_OPERATIONS=1000000 npx vitest run test/exerciser
 *     DAFS_EXERCISER_SEED=1 npx vitest run test/exerciser   (as a failing run prints)
 */
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { driverTable } from '../support/drivers.ts';
import { firstObstacle } from '../support/machine.ts';
import { Workspace } from '../support/workspace.ts';
import type { ExerciseRequest } from './exercise-main.ts';
import type { ExerciseName } from './exercises.ts';

const program = fileURLToPath(new URL('./exercise-main.ts', import.meta.url));

const operations = Number(process.env.DAFS_EXERCISER_OPERATIONS ?? 5000);
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

interface Place {
  readonly name: string;
  readonly without: readonly ExerciseName[];
}

async function exercise(workspace: Workspace, directory: string, place: Place): Promise<void> {
  const request: ExerciseRequest = {
    path: `${directory}/exercised`,
    operations,
    seed,
    limitBytes: LIMIT_BYTES,
    without: place.without,
  };
  const { status, stdout, stderr, timedOut } = await workspace.run(
    process.execPath,
    [program, JSON.stringify(request)],
    { limitMs },
  );
  process.stdout.write(stdout.split('\n')[0] ?? '');
  expect(timedOut, `it hangs\n${stdout}${stderr}`).toBe(false);
  expect(status, `${stdout}${stderr}`).toBe(0);
}

let workspace: Workspace | undefined;
afterEach(() => workspace?.dispose());

describe('one file, exercised at random', () => {
  it('is what it must be on a local directory', { timeout: limitMs + 30_000 }, async () => {
    workspace = Workspace.create();
    const directory = workspace.makeDirectory('local');
    await exercise(workspace, directory, { name: 'local', without: [] });
  });

  it.each(driverTable)(
    'is what it must be through $name',
    { timeout: limitMs + 60_000 },
    async (driver) => {
      firstObstacle(driver.obstacle());
      workspace = Workspace.create();
      const source = workspace.path('files.sqlite');
      const mount = await workspace.startMount({ source, driver: driver.name });
      await exercise(workspace, mount.directory, {
        name: driver.name,
        without: driver.carriesExtensions ? beyondFuse : beyondLibfuse2,
      });
      await mount.unmount();
    },
  );
});
