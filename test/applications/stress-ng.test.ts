/**
 * stress-ng's file-system stressors, each checking what it does.
 *
 *     npx vitest run test/applications/stress-ng.test.ts
 *     DAFS_FULL=1 npx vitest run test/applications/stress-ng.test.ts   (60 s each, an hour in all)
 */
import { expect } from 'vitest';
import { applicationTest, sized } from './support.ts';

const seconds = sized(1, 60);
const END_LIMIT_MS = 60_000;

/**
 * Those of its class `filesystem` that are about files of the directory they are given. Not among
 * them is `fiemap`: no FUSE file system can tell on which blocks of which device its files lie.
 */
const stressors = `
  access chattr chdir chmod chown copy-file dentry dir dirdeep dirmany dnotify dup fallocate
  fanotify fcntl file-ioctl filename flock fpunch fsize fstat getdent handle hdd inode-flags
  inotify io iomix lease link locka lockf lockofd mknod open rename symlink sync-file touch utime
  xattr`
  .trim()
  .split(/\s+/);

/**
 * What a stressor says when it does not do its work, a part of it, or when it met something wrong.
 * Its exit status alone does not tell the first.
 */
const complaint = /fail|skip|not supported|unsupported|error/i;

applicationTest(
  'stress-ng finds nothing to complain about',
  {
    programs: ['stress-ng'],
    lack: ({ name }) =>
      name === 'kernel' ? undefined : 'libfuse 2 passes on the half of what they call',
    limitMs: stressors.length * (seconds * 1000 + END_LIMIT_MS),
  },
  async ({ workspace, driver }) => {
    const mount = await workspace.startMount({
      source: workspace.path('files.sqlite'),
      driver: driver.name,
    });
    const complaints: string[] = [];
    for (const stressor of stressors) {
      const { status, stdout, stderr, timedOut } = await workspace.run(
        'stress-ng',
        ['--temp-path', mount.directory, `--${stressor}`, '1', '--verify', '-t', `${seconds}`],
        { limitMs: seconds * 1000 + END_LIMIT_MS },
      );
      const lines = `${stdout}${stderr}`.split('\n').filter((line) => complaint.test(line));
      if (status !== 0 || lines.length > 0) {
        const ending = timedOut ? 'did not end' : `ended with ${status}`;
        complaints.push(`${stressor} ${ending}`, ...lines);
      }
    }
    expect(complaints).toEqual([]);
    await mount.unmount();
  },
);
