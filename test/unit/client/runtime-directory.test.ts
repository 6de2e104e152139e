import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  claimServerName,
  listServers,
  removeDeadServers,
  runtimeDirectory,
  serverSockets,
} from '../../../client/runtime-directory.ts';

let directory: string;
let previous: string | undefined;
const servers: Server[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dafs-runtime-'));
  previous = process.env.XDG_RUNTIME_DIR;
  process.env.XDG_RUNTIME_DIR = directory;
});

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
  }
  if (previous === undefined) {
    delete process.env.XDG_RUNTIME_DIR;
  } else {
    process.env.XDG_RUNTIME_DIR = previous;
  }
  rmSync(directory, { recursive: true, force: true });
});

/** Listens on `path` in another process and returns that process, ready. */
async function listenElsewhere(path: string) {
  const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

async function killAndWait(child: Awaited<ReturnType<typeof listenElsewhere>>) {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function listenHere(path: string) {
  const server = createServer();
  servers.push(server);
  server.listen(path);
  await once(server, 'listening');
}

test('the directory is created private below XDG_RUNTIME_DIR', () => {
  expect(runtimeDirectory()).toBe(join(directory, 'dafs'));
  expect(statSync(join(directory, 'dafs')).mode & 0o777).toBe(0o700);
});

test('a directory that others may enter is refused', () => {
  mkdirSync(join(directory, 'dafs'), { mode: 0o755 });
  expect(() => runtimeDirectory()).toThrow(expect.objectContaining({ code: 'NOT_PRIVATE' }));
});

test('a variable that names nothing falls back to /tmp', () => {
  process.env.XDG_RUNTIME_DIR = join(directory, 'absent');
  expect(runtimeDirectory()).toBe(`/tmp/dafs-${process.geteuid?.()}`);
});

test.each(['', '.hidden', 'a/b', '..', 'x'.repeat(65), 'a b'])('"%s" is no name', (name) => {
  expect(() => serverSockets(name)).toThrow(expect.objectContaining({ code: 'INVALID_NAME' }));
});

test('a path that the kernel cannot bind is refused with the reason', () => {
  const deep = join(directory, 'd'.repeat(60));
  mkdirSync(deep);
  process.env.XDG_RUNTIME_DIR = deep;
  expect(() => serverSockets('n'.repeat(40))).toThrow(
    expect.objectContaining({ code: 'PATH_TOO_LONG' }),
  );
});

test('living servers are listed, a name in use is not given away', async () => {
  const sockets = await claimServerName('alive');
  await listenHere(sockets.fabric);
  expect(await listServers()).toEqual([sockets]);
  await expect(claimServerName('alive')).rejects.toMatchObject({ code: 'NAME_IN_USE' });
});

test('the leftovers of a killed server go at the next start of that name', async () => {
  const sockets = serverSockets('killed');
  await killAndWait(await listenElsewhere(sockets.fabric));
  expect(existsSync(sockets.fabric)).toBe(true);
  expect(await listServers()).toEqual([]);
  await claimServerName('killed');
  expect(existsSync(sockets.fabric)).toBe(false);
}, 60_000);

test('leftovers of another name go when they are old enough to be no starting server', async () => {
  const sockets = serverSockets('old');
  await killAndWait(await listenElsewhere(sockets.fabric));
  expect(await removeDeadServers()).toEqual([]);
  const realNow = Date.now;
  Date.now = () => realNow() + 60_000;
  try {
    expect(await removeDeadServers()).toEqual(['old']);
  } finally {
    Date.now = realNow;
  }
  expect(existsSync(sockets.fabric)).toBe(false);
}, 60_000);
