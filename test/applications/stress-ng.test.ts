/**
 * stress-ng's file-system stressors, each checking what it does.
 *
 *     npx vitest run test/applications/stress-ng.test.ts
 *     DAFS_FULL=1 npx vitest run test/applications/stress-ng.test.ts   (60 s each, an hour in all)
 */
import { expect } from 'vitest';
import { isRoot } from '../support/machine.ts';
import { inMountNamespace } from '../support/mount-namespace.ts';
import type { Workspace } from '../support/workspace.ts';
import { applicationTest, sized } from './support.ts';

const seconds = sized(1, 60);
const END_LIMIT_MS = 60_000;
/** So many stressors run at a time, each in a process and a directory of its own. */
const atOnce = sized(3, 1);

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

/**
 * Runs a program where no other mounts of dafs are to be seen. One stressor opens whatever is mounted
 * anywhere, and the tests beside this one could not unmount meanwhile. Only root can have it so.
 */
const alone = (directory: string): string[] => (isRoot() ? inMountNamespace('', directory) : []);

/** Runs a stressor to its end, and gives what it had to complain about. */
async function complaintsOf(
  stressor: string,
  workspace: Workspace,
  directory: string,
): Promise<readonly string[]> {
  const [program = '', ...args] = [...alone(directory), 'stress-ng'];
  const { status, stdout, stderr, timedOut } = await workspace.run(
    program,
    [...args, '--temp-path', directory, `--${stressor}`, '1', '--verify', '-t', `${seconds}`],
    // Some make files where they stand, and do not remove all of them.
    { cwd: directory, limitMs: seconds * 1000 + END_LIMIT_MS },
  );
  const lines = `${stdout}${stderr}`.split('\n').filter((line) => complaint.test(line));
  if (status === 0 && lines.length === 0) return [];
  const ending = timedOut ? 'did not end' : `ended with ${status}`;
  return [`${stressor} ${ending}`, ...lines];
}

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
    const waiting = [...stressors];
    const work = async (): Promise<void> => {
      for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
        complaints.push(...(await complaintsOf(one, workspace, mount.directory)));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    expect(complaints).toEqual([]);
    await mount.unmount();
  },
);
