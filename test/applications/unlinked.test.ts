/**
 * A file and a directory that one mount removes while a process on another has them open live until they
 * are closed, or until the process, its mount or the server dies: then all that they took is free again.
 *
 *     npx vitest run test/applications/unlinked.test.ts
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { expect } from 'vitest';
import { askStatus } from '../support/control.ts';
import { until } from '../support/run.ts';
import type { MountProcess, ServerProcess } from '../support/workspace.ts';
import { type ApplicationRun, applicationTest, sized } from './support.ts';

const WAIT_LIMIT_MS = 20_000;
const BYTES = sized(3_000_000, 300_000_000);

/** So the room that statfs(2) tells is that of our files, whatever else is on the disk. */
const LIMITS = ['--size', '2G', '--inodes', '1000'];

/**
 * Opens a file and a directory, says so, adds the line that it is told to the file, prints the file's
 * sum, and keeps both open.
 */
const HOLDER = `
exec 3>>"$1" 4<"$1" 5<"$2"
echo open
read -r line
echo "$line" >&3
cksum <&4
read -r line`;

interface Holder {
  readonly child: ChildProcess;
  /** Sends it a line, and gives what it answers. */
  ask(line: string): Promise<string>;
}

interface Scene {
  readonly server: ServerProcess;
  readonly first: MountProcess;
  readonly second: MountProcess;
  readonly holder: Holder;
  /** What the files took, with those that have no name, before there was anything to remove. */
  readonly before: Taken;
}

/** What files take of their server. */
interface Taken {
  /** By the server's own count. */
  readonly files: number;
  /** Inodes and blocks, all and free ones, as statfs(2) tells them through a mount. */
  readonly room: string;
}

async function takenOf(
  { workspace, succeed }: ApplicationRun,
  server: ServerProcess,
  mount: MountProcess,
): Promise<Taken> {
  const room = await succeed('stat', ['-f', '-c', '%c %d %b %f', mount.directory]);
  return { files: (await askStatus(workspace, server.name)).store.files, room };
}

/** Begins a process with an open file and an open directory in one mount. */
async function hold(file: string, directory: string): Promise<Holder> {
  const child = spawn('sh', ['-uc', HOLDER, 'sh', file, directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const answer = async (): Promise<string> => {
    await until('the process answers', WAIT_LIMIT_MS, () => output.endsWith('\n'));
    const text = output;
    output = '';
    return text;
  };
  expect(await answer()).toBe('open\n');
  return {
    child,
    ask: (line) => {
      child.stdin.write(`${line}\n`);
      return answer();
    },
  };
}

/** Two mounts; a process has a file and a directory open in the first, and the second has removed them. */
async function removeWhileOpen(run: ApplicationRun): Promise<Scene> {
  const { workspace, driver, succeed } = run;
  const server = await workspace.startServer({ options: LIMITS });
  const request = { source: `dafs:${server.name}`, driver: driver.name };
  const first = await workspace.startMount(request);
  const second = await workspace.startMount(request);
  const before = await takenOf(run, server, second);
  const [file, directory] = [`${first.directory}/file`, `${first.directory}/directory`];
  await succeed('sh', [
    '-euc',
    `head -c ${BYTES} /dev/zero >"$1"; mkdir "$2"`,
    'sh',
    file,
    directory,
  ]);
  const holder = await hold(file, directory);
  await succeed('rm', ['-d', `${second.directory}/file`, `${second.directory}/directory`]);
  expect(await succeed('ls', [second.directory])).toBe('');
  const scene = { server, first, second, holder, before };
  await expectAlive(run, scene);
  return scene;
}

/** Both are there, without a name. */
async function expectAlive(run: ApplicationRun, { server, second, before }: Scene): Promise<void> {
  const { files, room } = await takenOf(run, server, second);
  expect(files).toBe(before.files + 2);
  expect(room).not.toBe(before.room);
}

/** Waits until nothing is left of them, as `mount` and its server tell. */
async function gone(
  run: ApplicationRun,
  { before }: Scene,
  server: ServerProcess,
  mount: MountProcess,
): Promise<void> {
  await until('all that they took is free', WAIT_LIMIT_MS, async () => {
    const { files, room } = await takenOf(run, server, mount);
    return files === before.files && room === before.room;
  });
}

const options = {
  programs: ['sh', 'rm', 'mkdir', 'ls', 'stat', 'head', 'cksum'],
  lack: ({ name }: { name: string }) =>
    name === 'kernel'
      ? undefined
      : 'a file that another client has removed has no path any more (mount/drivers/README.md)',
};

applicationTest('what is removed lives until it is closed', options, async (run) => {
  const scene = await removeWhileOpen(run);
  const { holder } = scene;
  const sumOf = (lines: string) =>
    run.succeed('sh', [
      '-euc',
      `{ head -c ${BYTES} /dev/zero; printf "$1"; } | cksum`,
      'sh',
      lines,
    ]);
  expect(await holder.ask('one')).toBe(await sumOf('one\\n'));
  await expectAlive(run, scene);
  holder.child.stdin?.end();
  await until('the process ends', WAIT_LIMIT_MS, () => holder.child.exitCode !== null);
  await gone(run, scene, scene.server, scene.second);
});

applicationTest('what is removed ends with its process', options, async (run) => {
  const scene = await removeWhileOpen(run);
  scene.holder.child.kill('SIGKILL');
  await gone(run, scene, scene.server, scene.second);
});

applicationTest('what is removed ends with the mount of its process', options, async (run) => {
  const scene = await removeWhileOpen(run);
  await scene.first.kill();
  await gone(run, scene, scene.server, scene.second);
  scene.holder.child.kill('SIGKILL');
});

applicationTest('what is removed ends with server and mount', options, async (run) => {
  const { workspace, driver } = run;
  const scene = await removeWhileOpen(run);
  await scene.server.kill();
  await scene.first.kill();
  await scene.second.kill();
  scene.holder.child.kill('SIGKILL');
  const { database } = scene.server;
  const next = await workspace.startServer({ database, name: 'next', options: LIMITS });
  const mount = await workspace.startMount({ source: 'dafs:next', driver: driver.name });
  await gone(run, scene, next, mount);
});
