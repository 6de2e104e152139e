import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { firstObstacle, isRoot, mountObstacle, programObstacle } from '../../support/machine.ts';
import { inMountNamespace } from '../../support/mount-namespace.ts';
import { type RunResult, run, succeed } from '../../support/run.ts';
import { makeMountPoint, removeAll, Served } from './support/served.ts';

const obstacle = firstObstacle(
  mountObstacle(),
  isRoot() ? undefined : 'only root becomes another user',
  programObstacle(['fusermount3', 'setpriv', 'unshare', 'nsenter']),
);

const NOBODY = '65534';
const asNobody = ['setpriv', '--reuid', NOBODY, '--regid', NOBODY, '--clear-groups'];

/**
 * A user's mount, in a mount namespace of its own: there /dev/fuse is open to all, as udev makes it
 * elsewhere, without changing it for this machine.
 */
describe.skipIf(obstacle)(`an ordinary user's mount${obstacle ? `: ${obstacle}` : ''}`, () => {
  let scratch: string;
  let device: string;

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'dafs-device-'));
    device = join(scratch, 'fuse');
    const { rdev } = statSync('/dev/fuse');
    await succeed('mknod', ['-m', '666', device, 'c', String(rdev >> 8), String(rdev & 0xff)]);
  });

  afterEach(removeAll);
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  async function start(options: string, openDevice = true): Promise<Served> {
    const directory = makeMountPoint();
    await succeed('chown', [NOBODY, directory]);
    const through = inMountNamespace(openDevice ? `mount --bind ${device} /dev/fuse &&` : '');
    return Served.start({ kind: 'memory', options, directory, through: [...through, ...asNobody] });
  }

  /** Runs a script as the user, where the mount can be seen. */
  function shell(served: Served, script: string): Promise<RunResult> {
    const words = ['-t', String(served.child.pid), '-m', ...asNobody, 'sh', '-c', script];
    return run('nsenter', [...words, served.directory], { limitMs: 10_000 });
  }

  test('mounts, writes, reads and unmounts', async () => {
    const served = await start('workers=1,noexec');
    const mounted = await shell(served, 'grep " $0 " /proc/self/mounts');
    expect(mounted.stdout).toMatch(
      /^a\\040test .* fuse\.dafs rw,nosuid,nodev,noexec,relatime,user_id=65534,group_id=65534,default_permissions /,
    );
    const used = await shell(
      served,
      'cd "$0" && mkdir d && echo text > d/f && cat d/f && stat -c %u d/f',
    );
    expect(used.stdout).toBe('text\n65534\n');
    const unmounted = await shell(served, 'fusermount3 -u "$0"');
    expect(unmounted).toMatchObject({ status: 0, stderr: '' });
    expect(await served.exited()).toBe(0);
  });

  test('is hidden from other users, root included', async () => {
    const served = await start('workers=1');
    const words = ['-t', String(served.child.pid), '-m', 'ls', served.directory];
    expect((await run('nsenter', words)).stderr).toContain('Permission denied');
    served.child.kill('SIGTERM');
    expect(await served.exited()).toBe(0);
  });

  test('a process that is told to end unmounts through fusermount3', async () => {
    const served = await start('workers=2');
    served.child.kill('SIGTERM');
    expect(await served.exited()).toBe(0);
    expect(served.errors).toBe('');
  });

  test('says what fusermount3 says when it may not', async () => {
    const served = await start('workers=1,allow_other');
    expect(await served.exited()).toBe(1);
    expect(served.errors).toMatch(/^MOUNT_FAILED: .*allow_other only allowed/);
  });
});
