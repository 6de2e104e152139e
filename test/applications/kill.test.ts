/**
 * kill -9 of a mount, and of a server: the other side goes on, and nothing is left behind.
 *
 *     npx vitest run test/applications/kill.test.ts
 */
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { askStatus } from '../support/control.ts';
import { until } from '../support/run.ts';
import { unstableFilesOf } from '../support/unstable-files.ts';
import type { Workspace } from '../support/workspace.ts';
import { applicationTest } from './support.ts';

/** "At once", on a machine that runs other tests as well. */
const AT_ONCE_MS = 3000;
const programs = ['sh', 'cat', 'head', 'cksum'];

/** The anonymous shared memory that a process has mapped, and the descriptors it holds. */
function sharedMemoryOf(pid: number): { segments: number; descriptors: number } {
  const maps = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n');
  return {
    segments: new Set(maps.filter((line) => line.includes('/memfd:')).map(inodeOf)).size,
    descriptors: readdirSync(`/proc/${pid}/fd`).filter((fd) => isOfConnection(pid, fd)).length,
  };
}

/** Of a line of /proc/PID/maps: the file that is mapped, which each thread may map for itself. */
function inodeOf(line: string): string | undefined {
  return line.split(/\s+/)[4];
}

/** Sockets and memory files; the files of the database come and go with its own work. */
function isOfConnection(pid: number, descriptor: string): boolean {
  try {
    return /^socket:|memfd:/.test(readlinkSync(`/proc/${pid}/fd/${descriptor}`));
  } catch {
    // Closed meanwhile.
    return false;
  }
}

function runtimeFiles(workspace: Workspace): string[] {
  return readdirSync(join(workspace.runtimeDirectory, 'dafs')).sort();
}

applicationTest(
  'a mount that is killed leaves its server nothing to hold',
  { programs },
  async ({ workspace, driver, succeed }) => {
    const server = await workspace.startServer();
    const pid = server.child.pid ?? 0;
    const request = { source: `dafs:${server.name}`, driver: driver.name };
    const survivor = await workspace.startMount(request);
    // What the server holds of the survivor is all there once data has gone both ways.
    const warm = `${survivor.directory}/warm`;
    await succeed('sh', ['-euc', 'head -c 1000000 /dev/zero >"$1"; sync "$1"', 'sh', warm]);
    await succeed('cksum', [warm]);
    const before = sharedMemoryOf(pid);
    const sessionsBefore = (await askStatus(workspace, server.name)).sessions.length;

    const victim = await workspace.startMount(request);
    const file = `${victim.directory}/file`;
    await succeed('sh', ['-euc', 'echo kept >"$1"; sync "$1"', 'sh', file]);
    expect(sharedMemoryOf(pid).segments).toBeGreaterThan(before.segments);
    await victim.kill();

    await until('the session is dropped', AT_ONCE_MS, async () => {
      return (await askStatus(workspace, server.name)).sessions.length === sessionsBefore;
    });
    await until('the segments are freed', AT_ONCE_MS, () => {
      const now = sharedMemoryOf(pid);
      return now.segments <= before.segments && now.descriptors <= before.descriptors;
    });
    expect(await succeed('cat', [`${survivor.directory}/file`])).toBe('kept\n');

    const { status, stderr } = await workspace.dafs(['umount', victim.directory]);
    expect(status, stderr).toBe(0);
    const again = await workspace.startMount({ ...request, directory: victim.directory });
    expect(await succeed('cat', [file])).toBe('kept\n');
    await again.unmount();
    await survivor.unmount();
    await server.stop();
    expect(runtimeFiles(workspace)).toEqual([]);
    expect(unstableFilesOf(server.database)).toEqual([]);
  },
);

applicationTest(
  'a mount that is killed takes along the server that was started for it',
  { programs },
  async ({ workspace, driver, succeed }) => {
    const request = {
      source: workspace.path('files.sqlite'),
      driver: driver.name,
      directory: workspace.makeDirectory('mount'),
    };
    const mount = await workspace.startMount(request);
    await succeed('sh', ['-euc', 'echo kept >"$1"; sync "$1"', 'sh', `${mount.directory}/file`]);
    await mount.kill();
    await until('every process ends', AT_ONCE_MS, () => workspace.processes().length === 0);
    const { status, stderr } = await workspace.dafs(['umount', mount.directory]);
    expect(status, stderr).toBe(0);

    const again = await workspace.startMount(request);
    expect(await succeed('cat', [`${mount.directory}/file`])).toBe('kept\n');
    await again.unmount();
    await until('every process ends', AT_ONCE_MS, () => workspace.processes().length === 0);
    expect(runtimeFiles(workspace)).toEqual([]);
  },
);

applicationTest(
  'a mount whose server is killed goes on with the next one, and programs notice nothing',
  { programs },
  async ({ workspace, driver, succeed }) => {
    const server = await workspace.startServer();
    const source = `dafs:${server.name}`;
    const mount = await workspace.startMount({ source, driver: driver.name });
    const { directory } = mount;
    await succeed('sh', ['-euc', 'echo kept >"$1/a"; mkdir "$1/d"; sync "$1/a"', 'sh', directory]);
    // One has a file open and goes on with it, the others begin while there is no server.
    const [isOpen, mayGoOn] = [workspace.path('open'), workspace.path('go')];
    const script =
      'exec 3>>"$1/a"; : >"$2"; until [ -e "$3" ]; do sleep 0.05; done; echo more >&3; cat "$1/a"';
    const writer = succeed('sh', ['-euc', script, 'sh', directory, isOpen, mayGoOn]);
    await until('the file is open', AT_ONCE_MS, () => existsSync(isOpen));
    await server.kill();
    writeFileSync(mayGoOn, '');
    const others = ['mkdir "$1/e"', 'mv "$1/d" "$1/f"', 'echo new >"$1/b"'].map((command) =>
      succeed('sh', ['-euc', command, 'sh', directory]),
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    const next = await workspace.startServer({ database: server.database, name: server.name });
    await Promise.all(others);
    expect(await writer).toBe('kept\nmore\n');
    expect(await succeed('ls', [directory])).toBe('a\nb\ne\nf\n');
    expect(await succeed('cat', [`${directory}/b`])).toBe('new\n');
    await mount.unmount();
    await next.stop();
    expect(runtimeFiles(workspace)).toEqual([]);
    expect(unstableFilesOf(server.database)).toEqual([]);
  },
);

applicationTest(
  'a soft mount whose server is killed answers EIO after a while, and can be unmounted',
  { programs },
  async ({ workspace, driver, succeed }) => {
    const server = await workspace.startServer();
    const options = ['soft', 'timeo=2'];
    const request = { source: `dafs:${server.name}`, driver: driver.name, options };
    const mount = await workspace.startMount(request);
    await succeed('sh', ['-euc', 'echo kept >"$1/a"; sync "$1/a"', 'sh', mount.directory]);
    // A reader that has the file open when the server goes: its next read must fail, not hang.
    const reader = workspace.run(
      'sh',
      ['-uc', 'exec 3<"$1/a"; sleep 2; cat <&3 >/dev/null; stat "$1/a"', 'sh', mount.directory],
      { limitMs: 2000 + AT_ONCE_MS },
    );
    await new Promise((resolve) => setTimeout(resolve, 500));
    await server.kill();

    for (const command of [
      'cat "$1/a"',
      'ls "$1"',
      'echo x >"$1/b"',
      'mkdir "$1/d"',
      'rm "$1/a"',
    ]) {
      const result = await workspace.run('sh', ['-uc', command, 'sh', mount.directory], {
        limitMs: AT_ONCE_MS,
      });
      expect(result.timedOut, `${command} hangs`).toBe(false);
      expect(result.status, command).not.toBe(0);
      expect(result.stderr, command).toMatch(/Input\/output error/);
    }
    expect((await reader).timedOut, 'a reader hangs').toBe(false);

    const { status, stderr } = await workspace.dafs(['umount', mount.directory]);
    expect(status, stderr).toBe(0);
    await until('the mount process ends', AT_ONCE_MS, () => workspace.processes().length === 0);

    const next = await workspace.startServer({ database: server.database, name: server.name });
    const again = await workspace.startMount({ ...request, directory: mount.directory });
    expect(await succeed('cat', [`${mount.directory}/a`])).toBe('kept\n');
    await again.unmount();
    await next.stop();
    expect(runtimeFiles(workspace)).toEqual([]);
    expect(unstableFilesOf(server.database)).toEqual([]);
  },
);

applicationTest(
  'a server that is told to end flushes what mounts wrote',
  { programs },
  async ({ workspace, driver, succeed }) => {
    const server = await workspace.startServer();
    const request = { source: `dafs:${server.name}`, driver: driver.name };
    const mount = await workspace.startMount(request);
    await succeed('dd', ['if=/dev/urandom', `of=${mount.directory}/a`, 'bs=64k', 'count=50']);
    const sum = await succeed('sh', ['-c', 'sha256sum <"$1/a"', 'sh', mount.directory]);
    await mount.unmount();
    await server.stop();

    const next = await workspace.startServer({ database: server.database, name: server.name });
    const again = await workspace.startMount(request);
    expect(await succeed('sh', ['-c', 'sha256sum <"$1/a"', 'sh', again.directory])).toBe(sum);
    await again.unmount();
    await next.stop();
  },
);
