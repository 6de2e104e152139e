/**
 * A whole tree in, out of the mount's memory, and out again.
 *
 *     npx vitest run test/applications/copy.test.ts
 *     DAFS_FULL=1 npx vitest run test/applications/copy.test.ts   (20,000 files, 500 MB)
 */
import { fileURLToPath } from 'node:url';
import { makeTree } from './make-tree.ts';
import { applicationTest, sized } from './support.ts';

const MIB = 1 << 20;
const compareTrees = fileURLToPath(new URL('../support/tree-main.ts', import.meta.url));

applicationTest(
  'cp -a of a tree is the same tree after unmount and mount',
  { programs: ['cp', 'diff'] },
  async ({ workspace, driver, succeed }) => {
    const tree = workspace.path('tree');
    makeTree(tree, sized({ files: 250, bytes: 10 * MIB }, { files: 20_000, bytes: 500 * MIB }));

    const source = workspace.path('files.sqlite');
    const request = { source, driver: driver.name, directory: workspace.makeDirectory('mount') };
    const first = await workspace.startMount(request);
    const copy = `${request.directory}/copy`;
    await succeed('cp', ['-a', tree, copy]);
    await succeed('sync', ['-f', copy]);
    await first.unmount();

    const second = await workspace.startMount(request);
    await succeed('diff', ['-r', '--no-dereference', tree, copy]);
    await succeed(process.execPath, [compareTrees, tree, copy, String(driver.timeUnitNs)]);
    await succeed('rm', ['-rf', copy]);
    await second.unmount();
  },
);
