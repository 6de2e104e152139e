/** What the server lists of names and attributes, a mount looks at by itself. */
import { afterEach, expect, test } from 'vitest';
import { askRequests } from '../../support/control.ts';
import { mountObstacle } from '../../support/machine.ts';
import { Workspace } from '../../support/workspace.ts';

let workspace: Workspace | undefined;
afterEach(() => workspace?.dispose());

test('a mount finds files of another one, and what they are, without asking', {
  timeout: 60_000,
}, async (context) => {
  const obstacle = mountObstacle();
  context.skip(obstacle !== undefined, obstacle);
  workspace = Workspace.create();
  const space = workspace;
  const { name } = await space.startServer();
  const requests = () => askRequests(space, name);
  const files = Array.from({ length: 50 }, (_, index) => `file-${index}`);
  const first = await space.startMount({ source: `dafs:${name}`, driver: 'kernel' });
  await space.succeed('mkdir', ['directory'], { cwd: first.directory });
  await space.succeed('touch', files, { cwd: `${first.directory}/directory` });
  await first.unmount();

  const askedBy = async (...options: string[]): Promise<number> => {
    const request = { source: `dafs:${name}`, driver: 'kernel', options };
    const mount = await space.startMount(request);
    const before = await requests();
    await space.succeed('stat', files, { cwd: `${mount.directory}/directory` });
    const asked = (await requests()) - before;
    await mount.unmount();
    return asked;
  };
  expect(await askedBy()).toBeLessThan(10);
  expect(await askedBy('noordma')).toBeGreaterThanOrEqual(files.length);
});
