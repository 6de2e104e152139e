/**
 * A file system with a size and a number of files, filled by programs.
 *
 *     npx vitest run test/applications/full.test.ts
 */
import { expect } from 'vitest';
import { run } from '../support/run.ts';
import { applicationTest } from './support.ts';

const MIB = 1 << 20;

/** What `script` says, on either channel. */
async function shell(directory: string, script: string): Promise<string> {
  const { stdout, stderr } = await run('/bin/sh', ['-c', script], { cwd: directory });
  return stdout + stderr;
}

applicationTest(
  'a mount with a size and a number of files is full when it is, and no sooner',
  { programs: ['dd', 'cmp', 'stat'] },
  async ({ workspace, driver }) => {
    const { directory, unmount } = await workspace.startMount({
      source: workspace.path('files.sqlite'),
      driver: driver.name,
      options: ['size=8M', 'inodes=20'],
    });
    expect(await shell(directory, `stat -f -c '%b*%S %c' .`)).toBe(`${8 * 256}*4096 20\n`);

    const filled = await shell(directory, 'dd if=/dev/zero of=data bs=64k; stat -c %s data; sync');
    expect(filled).toContain('No space left on device');
    const size = Number(/^(\d+)$/m.exec(filled)?.[1]);
    expect(size).toBeGreaterThan(7.5 * MIB);
    expect(size).toBeLessThanOrEqual(8 * MIB);
    expect(await shell(directory, `cmp -n ${size} data /dev/zero && echo same`)).toBe('same\n');
    expect(await shell(directory, 'head -c 1M /dev/urandom > more')).toContain(
      'No space left on device',
    );
    // What is there can be written over, read, cut and removed.
    const over = 'dd if=/dev/urandom of=data bs=64k count=64 conv=notrunc,fsync status=none';
    expect(await shell(directory, `${over} && truncate -s 6M data && echo done`)).toBe('done\n');
    expect(await shell(directory, 'head -c 1M /dev/urandom > more && echo done')).toBe('done\n');
    expect(await shell(directory, 'rm data && head -c 6500K /dev/zero > data && echo done')).toBe(
      'done\n',
    );

    const made = await shell(
      directory,
      'for n in $(seq 30); do touch $n || break; done; ls | wc -l',
    );
    expect(made).toContain('No space left on device');
    expect(made).toMatch(/^19$/m);
    expect(await shell(directory, 'rm 1 && mkdir d && echo done')).toBe('done\n');
    await unmount();
  },
);

applicationTest(
  'a mount with a share for each user keeps each to it, and root to none',
  {
    programs: ['setpriv', 'dd'],
    needsRoot: true,
    lack: ({ name }) =>
      name === 'fuse-native' ? 'files belong to who mounted, whoever makes them' : undefined,
  },
  async ({ workspace, driver }) => {
    const { directory, unmount } = await workspace.startMount({
      source: workspace.path('files.sqlite'),
      driver: driver.name,
      options: ['user_size=1M', 'user_inodes=3', 'allow_other'],
    });
    await shell(directory, 'mkdir d && chmod 777 d');
    const as = (uid: number, script: string) =>
      shell(directory, `setpriv --reuid ${uid} --regid ${uid} --clear-groups sh -c '${script}'`);
    expect(await as(4001, 'head -c 2M /dev/zero > d/mine; stat -c %U:%s d/mine')).toContain(
      'Disk quota exceeded',
    );
    expect(await as(4002, 'head -c 900K /dev/zero > d/yours && echo done')).toBe('done\n');
    expect(await as(4001, 'touch d/1 && touch d/2 && touch d/3')).toContain('Disk quota exceeded');
    expect(await shell(directory, 'head -c 5M /dev/zero > d/roots && echo done')).toBe('done\n');
    expect(await as(4001, 'rm d/mine && head -c 500K /dev/zero > d/mine && echo done')).toBe(
      'done\n',
    );
    await unmount();
  },
);
