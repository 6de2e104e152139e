/**
 * A file that one mount removes while a process on another has it open lives until it is closed, or
 * until the process, its mount or the server dies.
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

/** Opens a file, says so, adds the line that it is told, prints the file's sum, and keeps it open. */
const HOLDER = `
exec 3>>"$1" 4<"$1"
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
  /** How many files the server has, those without a name as well. */
  fileCount(): Promise<number>;
  /** How many it had before. */
  readonly countBefore: number;
}

/** Begins a process with an open file in one mount. */
async function hold(path: string): Promise<Holder> {
  const child = spawn('sh', ['-uc', HOLDER, 'sh', path], { stdio: ['pipe', 'pipe', 'inherit'] });
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

/** Two mounts; a process has a file open in the first, and the second has removed it. */
async function removeWhileOpen({ workspace, driver, succeed }: ApplicationRun): Promise<Scene> {
  const server = await workspace.startServer();
  const request = { source: `dafs:${server.name}`, driver: driver.name };
  const first = await workspace.startMount(request);
  const second = await workspace.startMount(request);
  const fileCount = async () => (await askStatus(workspace, server.name)).store.files;
  const countBefore = await fileCount();
  const path = `${first.directory}/file`;
  await succeed('sh', ['-euc', `head -c ${BYTES} /dev/zero >"$1"`, 'sh', path]);
  const holder = await hold(path);
  await succeed('rm', [`${second.directory}/file`]);
  expect(await succeed('ls', [second.directory])).toBe('');
  expect(await fileCount()).toBe(countBefore + 1);
  return { server, first, second, holder, fileCount, countBefore };
}

/** Until the file is gone, which had no name. */
const gone = ({ fileCount, countBefore }: Scene) =>
  until('the file is gone', WAIT_LIMIT_MS, async () => (await fileCount()) === countBefore);

const options = {
  programs: ['sh', 'rm', 'ls', 'head', 'cksum'],
  lack: ({ name }: { name: string }) =>
    name === 'kernel'
      ? undefined
      : 'a file that another client has removed has no path any more (mount/drivers/README.md)',
};

applicationTest('a removed file lives until it is closed', options, async (application) => {
  const scene = await removeWhileOpen(application);
  const { holder } = scene;
  const sumOf = (lines: string) =>
    application.succeed('sh', [
      '-euc',
      `{ head -c ${BYTES} /dev/zero; printf "$1"; } | cksum`,
      'sh',
      lines,
    ]);
  expect(await holder.ask('one')).toBe(await sumOf('one\\n'));
  expect(await scene.fileCount()).toBe(scene.countBefore + 1);
  holder.child.stdin?.end();
  await until('the process ends', WAIT_LIMIT_MS, () => holder.child.exitCode !== null);
  await gone(scene);
});

applicationTest('a removed file ends with its process', options, async (application) => {
  const scene = await removeWhileOpen(application);
  scene.holder.child.kill('SIGKILL');
  await gone(scene);
});

applicationTest('a removed file ends with the mount of its process', options, async (run) => {
  const scene = await removeWhileOpen(run);
  await scene.first.kill();
  await gone(scene);
  scene.holder.child.kill('SIGKILL');
});

applicationTest('a removed file ends with the server', options, async (application) => {
  const { workspace } = application;
  const scene = await removeWhileOpen(application);
  await scene.server.kill();
  scene.holder.child.kill('SIGKILL');
  const next = await workspace.startServer({ database: scene.server.database, name: 'next' });
  await until('the file is gone', WAIT_LIMIT_MS, async () => {
    return (await askStatus(workspace, next.name)).store.files === scene.countBefore;
  });
});
