import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { firstObstacle, isRoot, mountObstacle } from '../../support/machine.ts';
import { run, until } from '../../support/run.ts';
import { makeMountPoint, removeAll, Served } from './support/served.ts';

const obstacle = firstObstacle(
  mountObstacle(),
  isRoot() ? undefined : 'only root mounts by mount(2)',
);

const CONNECTIONS = '/sys/fs/fuse/connections';

/** The minor number of the mount's device, which is the name of its connection. */
function connectionOf(directory: string): string {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((candidate) => candidate.includes(` ${directory} `));
  return line?.split(' ')[2]?.split(':')[1] ?? '';
}

function mountLine(directory: string): string {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return mounts.find((line) => line.includes(` ${directory} `)) ?? '';
}

describe.skipIf(obstacle)(`a mount's life${obstacle ? `: ${obstacle}` : ''}`, () => {
  afterEach(removeAll);

  test('umount ends the process in good order', async () => {
    const served = await Served.start({ kind: 'ceiling', options: 'workers=2' });
    expect(mountLine(served.directory)).toContain('fuse.dafs rw,nosuid,nodev');
    expect((await served.shell('head -c 3 file')).stdout).toBe('aaa');
    expect((await run('umount', [served.directory])).status).toBe(0);
    expect(await served.line()).toMatch(/^ended after [1-9]\d* requests$/);
    expect(await served.exited()).toBe(0);
  });

  test('a mount in use is busy; unmounted lazily it goes on until it is closed', async () => {
    const served = await Served.start({ kind: 'ceiling' });
    const holder = served.shell('exec 3<file; echo open; sleep 1.5; head -c 3 <&3');
    await until('the file is open', 5000, async () => {
      return (await run('umount', [served.directory])).status !== 0 && served.isMounted();
    });
    expect((await run('umount', ['-l', served.directory])).status).toBe(0);
    expect(served.isMounted()).toBe(false);
    expect((await holder).stdout).toBe('open\naaa');
    expect(await served.exited()).toBe(0);
  });

  test('a forced end through /sys ends the process and takes the dead mount away', async () => {
    const served = await Served.start({ kind: 'ceiling', options: 'workers=2' });
    const mountedHere = readdirSync(CONNECTIONS).length === 0;
    if (mountedHere) await run('mount', ['-t', 'fusectl', 'none', CONNECTIONS]);
    try {
      writeFileSync(join(CONNECTIONS, connectionOf(served.directory), 'abort'), '1');
      expect(await served.exited()).toBe(0);
      expect(served.isMounted()).toBe(false);
    } finally {
      if (mountedHere) await run('umount', [CONNECTIONS]);
    }
  });

  test('kill -9 leaves an error behind and nothing that hangs', async () => {
    const served = await Served.start({ kind: 'ceiling', options: 'workers=2' });
    const reader = served.shell(
      'exec 3<file; while cat <&3 >/dev/null && ls; do :; done; echo end',
    );
    await until('it reads', 5000, async () => (await served.shell('ls')).status === 0);
    served.child.kill('SIGKILL');
    expect((await reader).timedOut).toBe(false);
    const after = await run('ls', [served.directory], { limitMs: 5000 });
    expect(after.stderr).toContain('Transport endpoint is not connected');
    expect((await run('umount', [served.directory])).status).toBe(0);
  });

  test('the end of one worker is the end of the mount, and nobody waits for it', async () => {
    const served = await Served.start({ kind: 'dying', options: 'workers=2' });
    const asked = await served.shell('stat -f .', 5000);
    expect(asked.timedOut).toBe(false);
    expect(asked.status).not.toBe(0);
    expect(await served.exited()).toBe(1);
    expect(served.errors).toContain('a worker exited with 3');
    expect(served.isMounted()).toBe(false);
  });

  test('while one worker sleeps for an answer another one serves', async () => {
    const served = await Served.start({ kind: 'meeting', options: 'workers=2' });
    const both = await served.shell('stat -f . & stat -f . && wait $!', 30_000);
    expect(both.stderr).toBe('');
    expect(both.status).toBe(0);
  });

  test('a directory can be mounted on twice, the upper one first to go', async () => {
    const lower = await Served.start({ kind: 'memory', options: 'workers=1' });
    await lower.shell('touch below');
    const { directory } = lower;
    const upper = await Served.start({ kind: 'ceiling', directory });
    expect(readdirSync(directory)).toEqual(['file']);
    expect((await run('umount', [directory])).status).toBe(0);
    expect(await upper.exited()).toBe(0);
    expect(readdirSync(directory)).toEqual(['below']);
  });

  test('a mount point with blanks and a comma in its name', async () => {
    const parent = dirname(makeMountPoint());
    const directory = join(parent, 'a b,c');
    await run('mkdir', [directory]);
    const served = await Served.start({ kind: 'ceiling', directory });
    expect(readdirSync(directory)).toEqual(['file']);
    served.child.kill('SIGTERM');
    expect(await served.exited()).toBe(0);
  });

  test('what cannot be mounted on is said in one line', async () => {
    const served = await Served.start({ kind: 'ceiling', directory: '/nonexistent' });
    expect(await served.exited()).toBe(1);
    expect(served.errors.trim()).toMatch(/^MOUNT_FAILED: cannot mount on .nonexistent: .*ENOENT$/);
    const file = await Served.start({ kind: 'ceiling', directory: '/etc/passwd' });
    expect(await file.exited()).toBe(1);
    expect(file.errors.trim()).toMatch(/^MOUNT_FAILED: cannot mount on .etc.passwd: .*ENOTDIR$/);
  });

  test('SIGTERM unmounts', async () => {
    const served = await Served.start({ kind: 'ceiling', options: 'workers=2' });
    served.child.kill('SIGTERM');
    expect(await served.exited()).toBe(0);
    expect(served.isMounted()).toBe(false);
  });

  test('options reach the kernel', async () => {
    const served = await Served.start({
      kind: 'ceiling',
      options: 'ro,noexec,suid,dev,allow_other,max_read=65536',
    });
    const line = mountLine(served.directory);
    expect(line.split(' ')[3]?.split(',')).toEqual(
      expect.arrayContaining(['ro', 'noexec', 'allow_other', 'max_read=65536']),
    );
    expect(line).not.toContain('nosuid');
    expect(line).not.toContain('nodev');
    expect((await served.shell('echo x > file')).stderr).toContain('Read-only file system');
  });

  test('the kernel reads ahead as much as one request carries', async () => {
    const served = await Served.start({ kind: 'ceiling', options: 'workers=1' });
    const bdi = `/sys/class/bdi/0:${connectionOf(served.directory)}/read_ahead_kb`;
    expect(readFileSync(bdi, 'utf8').trim()).toBe('1024');
    expect(statSync(served.directory).ino).toBe(1);
  });
});
