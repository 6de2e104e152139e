/**
 * dd in pieces of several sizes, compared with cmp.
 *
 *     npx vitest run test/applications/dd.test.ts
 *     DAFS_FULL=1 npx vitest run test/applications/dd.test.ts   (1 GiB)
 */
import { applicationTest, sized } from './support.ts';

const MIB = 1 << 20;
const fileMib = sized(8, 1024);

/** How the copies are made: dd's operands besides if= and of=. */
const manners: Readonly<Record<string, readonly string[]>> = {
  '1 MiB pieces': ['bs=1M'],
  '4 KiB pieces': ['bs=4k'],
  'odd pieces': ['bs=12345'],
  'direct 1 MiB pieces': ['bs=1M', 'oflag=direct'],
  'synchronous pieces': ['bs=1M', 'oflag=dsync'],
};

applicationTest(
  'dd writes and reads back what it was given',
  { programs: ['dd', 'cmp'] },
  async ({ workspace, driver, succeed }) => {
    const original = workspace.path('original');
    await succeed('dd', ['if=/dev/urandom', `of=${original}`, 'bs=1M', `count=${fileMib}`]);
    const mount = await workspace.startMount({
      source: workspace.path('files.sqlite'),
      driver: driver.name,
    });
    const file = `${mount.directory}/file`;
    for (const operands of Object.values(manners)) {
      await succeed('dd', [`if=${original}`, `of=${file}`, 'conv=fsync', ...operands]);
      await succeed('cmp', [original, file]);
      await succeed('dd', [`if=${file}`, `of=${workspace.path('back')}`, 'bs=256k']);
      await succeed('cmp', [original, workspace.path('back')]);
    }
    await overwriteMiddle(original, file, succeed);
    await succeed('cmp', [original, file]);
    await mount.unmount();
  },
);

type Succeed = (program: string, args: readonly string[]) => Promise<string>;

/** The same change in the middle of both files, and the same bytes appended. */
async function overwriteMiddle(original: string, file: string, succeed: Succeed): Promise<void> {
  const middle = [`skip=1`, `seek=${(fileMib * MIB) / 8192}`, 'bs=4096', 'count=300'];
  for (const target of [original, file]) {
    await succeed('dd', [`if=/bin/bash`, `of=${target}`, 'conv=notrunc', ...middle]);
    await succeed('dd', [
      `if=/bin/bash`,
      `of=${target}`,
      'oflag=append',
      'conv=notrunc',
      'bs=7777',
    ]);
  }
}
