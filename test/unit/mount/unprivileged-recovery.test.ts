/**
 * An ordinary user's mount whose process is killed: the next `dafs mount` takes its place. Two mounts by a
 * user who may not keep what Node compiles take their time:
 *
 *     DAFS_FULL=1 npx vitest run test/unit/mount/unprivileged-recovery.test.ts
 */
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { firstObstacle, isRoot, mountObstacle, programObstacle } from '../../support/machine.ts';
import { inMountNamespace } from '../../support/mount-namespace.ts';
import { run, succeed } from '../../support/run.ts';
import { command } from '../../support/workspace.ts';

const LIMIT_MS = 300_000;
const NOBODY = '65534';
const obstacle =
  process.env.DAFS_FULL === '1'
    ? firstObstacle(
        mountObstacle(),
        isRoot() ? undefined : 'only root becomes another user',
        programObstacle(['fusermount3', 'setpriv', 'unshare']),
      )
    : 'long: DAFS_FULL=1';

/** Kills the mount's process, and removes what it had published of itself; a process is in the mount. */
const script = `
  cd "$1"; export XDG_RUNTIME_DIR="$1/run"; dafs() { "$NODE" "$DAFS" "$@"; }
  dafs mount files.sqlite mount
  echo kept >mount/file; sync mount/file
  (cd mount && exec sleep 600) & user=$!
  kill -9 "$(sed -n 's/.*"process":{"pid":\\([0-9]*\\).*/\\1/p' run/dafs/mount-*.json)"
  rm run/dafs/mount-*.json
  dafs mount files.sqlite mount
  kill $user
  cat mount/file
  dafs umount mount`;

describe.skipIf(obstacle)(`an ordinary user's mount${obstacle ? `: ${obstacle}` : ''}`, () => {
  let scratch: string;

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'dafs-nobody-'));
    chmodSync(scratch, 0o711);
    const { rdev } = statSync('/dev/fuse');
    const device = [String(rdev >> 8), String(rdev & 0xff)];
    await succeed('mknod', ['-m', '666', join(scratch, 'fuse'), 'c', ...device]);
    await succeed('mkdir', ['-p', join(scratch, 'home/run'), join(scratch, 'home/mount')]);
    await succeed('chmod', ['700', join(scratch, 'home/run')]);
    await succeed('chown', ['-R', `${NOBODY}:${NOBODY}`, join(scratch, 'home')]);
  });

  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it(
    'is replaced when its process was killed, also while it is in use',
    async () => {
      // A mount namespace of its own, where /dev/fuse is open to all, as udev makes it elsewhere: what is
      // left in it goes with its last process.
      const [program = '', ...through] = inMountNamespace(
        `mount --bind ${scratch}/fuse /dev/fuse &&`,
      );
      const asNobody = ['setpriv', '--reuid', NOBODY, '--regid', NOBODY, '--clear-groups'];
      const { status, stdout, stderr } = await run(
        program,
        [...[...through, ...asNobody, 'sh', '-euc', script, 'sh', join(scratch, 'home')]],
        {
          limitMs: LIMIT_MS,
          environment: { ...process.env, NODE: process.execPath, DAFS: command },
        },
      );
      expect([status, stdout], stderr).toEqual([0, 'kept\n']);
    },
    LIMIT_MS,
  );
});
