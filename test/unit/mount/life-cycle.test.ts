/** A mount from its beginning to its end, whichever end that is. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { driverTable } from '../../support/drivers.ts';
import { isRoot } from '../../support/machine.ts';
import { until } from '../../support/run.ts';
import { unstableFilesOf } from '../../support/unstable-files.ts';
import { command, isMountPoint, Workspace } from '../../support/workspace.ts';

interface Record {
  directory: string;
  serverName: string;
  process: { pid: number };
  server: { pid: number } | undefined;
}

/** Says how many rounds it has made. A request that was done twice, or not, or failed, ends it. */
const writerScript = `exec 3>>"$1/lines"; i=0
until [ -e "$2" ]; do
  i=$((i + 1)); echo $i >&3; mkdir "$1/d"; mv "$1/d" "$1/e"; rmdir "$1/e"; echo $i
done`;

describe.each(driverTable)('a mount through $name', { timeout: 90_000 }, ({ name: driver }) => {
  /** What is the same for each of several, the other driver need not show for every one. */
  const someOf = <One>(all: readonly One[]) => (driver === 'kernel' ? all : all.slice(0, 1));
  let workspace: Workspace;
  let directory: string;
  let database: string;
  const children: ChildProcess[] = [];

  beforeEach(() => {
    workspace = Workspace.create();
    directory = workspace.makeDirectory('mount');
    database = workspace.path('files.sqlite');
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await workspace.dispose();
  });

  /** What the shell prints: in another process, as everything that touches a mount. */
  const shell = (script: string) => workspace.succeed('sh', ['-c', script], { cwd: '/' });

  const mount = async (...args: string[]) => {
    const { status, stdout, stderr } = await workspace.dafs([
      'mount',
      database,
      directory,
      '--driver',
      driver,
      ...args,
    ]);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
  };

  const umount = async () => {
    const { status, stderr } = await workspace.dafs(['umount', directory]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  };

  const records = (): Record[] => {
    const folder = join(workspace.runtimeDirectory, 'dafs');
    return readdirSync(folder)
      .filter((name) => /^mount-.*\.json$/.test(name))
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
  };

  const onlyRecord = () => {
    const [record, ...others] = records();
    expect(others).toEqual([]);
    return record as Record;
  };

  /** The runtime directory when nothing runs. */
  const leftovers = () => readdirSync(join(workspace.runtimeDirectory, 'dafs'));

  /** Runs a program with the mount as its working directory until the test ends. */
  const holdOpen = async () => {
    const child = spawn('sleep', ['60'], { cwd: directory });
    children.push(child);
    await once(child, 'spawn');
    return child;
  };

  const untilNothingRuns = () =>
    until('all processes have ended', 10_000, () => workspace.processes().length === 0);

  it('in the background is usable when the command returns, and leaves nothing when it ends', async () => {
    await mount();
    expect(await isMountPoint(directory)).toBe(true);
    await shell(`echo hello > ${directory}/greeting`);
    expect(workspace.processes()).toHaveLength(2);
    await umount();
    expect(await isMountPoint(directory)).toBe(false);
    expect(workspace.processes()).toEqual([]);
    expect(leftovers()).toEqual([]);

    await mount();
    expect(await shell(`cat ${directory}/greeting`)).toBe('hello\n');
    await umount();
  });

  it('in the foreground ends by a signal with everything flushed', async () => {
    const written: string[] = [];
    const signals = someOf(['SIGTERM', 'SIGINT', 'SIGHUP'] as const);
    for (const signal of signals) {
      const { child } = await workspace.startMount({ source: database, driver, directory });
      expect((await shell(`ls ${directory}`)).split('\n').filter(Boolean)).toEqual(written);
      for (const name of written) {
        expect(await shell(`cksum < ${directory}/${name}`)).toBe(await shell('seq 50000 | cksum'));
      }
      await shell(`seq 50000 > ${directory}/${signal}`);
      written.push(signal);
      written.sort();
      child.kill(signal);
      await once(child, 'exit');
      expect(child.exitCode).toBe(0);
      expect(workspace.processes()).toEqual([]);
      expect(leftovers()).toEqual([]);
    }
    await mount();
    const sum = await shell(`cat ${directory}/* | cksum`);
    expect(sum).toBe(await shell(`for i in ${signals.join(' ')}; do seq 50000; done | cksum`));
    await umount();
  });

  it('in use is not unmounted, and the command says who uses it', async () => {
    await mount();
    const child = await holdOpen();
    const { status, stderr } = await workspace.dafs(['umount', directory]);
    expect(status).toBe(1);
    expect(stderr).toBe(`dafs: ${directory} is in use: sleep (${child.pid})\n`);
    expect(await isMountPoint(directory)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await umount();
  });

  it('in use that is told to end disappears at once and ends with the last user', async () => {
    const running = await workspace.startMount({
      source: database,
      driver,
      directory,
    });
    const user = await holdOpen();
    running.child.kill('SIGINT');
    await until('it is detached', 10_000, async () => !(await isMountPoint(directory)));
    expect(running.child.exitCode).toBe(null);
    const { stdout } = await workspace.dafs(['status']);
    expect(stdout).toMatch(new RegExp(`${directory} .* detached\n`));
    user.kill('SIGKILL');
    await once(running.child, 'exit');
    expect(running.child.exitCode).toBe(0);
    await untilNothingRuns();
  });

  it('ends cleanly when it is unmounted from outside', async () => {
    const commands = someOf([
      ['umount', directory],
      ['umount', '-l', directory],
      ['fusermount3', '-u', directory],
    ]);
    for (const [round, [program = '', ...args]] of commands.entries()) {
      await mount();
      expect(await shell(`cat ${directory}/file || true`)).toBe('kept\n'.repeat(round));
      await shell(`echo kept >> ${directory}/file`);
      await workspace.succeed(program, args);
      await untilNothingRuns();
      expect(leftovers()).toEqual([]);
    }
    await mount();
    expect(await shell(`cat ${directory}/file`)).toBe('kept\n'.repeat(commands.length));
    await umount();
  });

  it('whose process is killed takes its server along, and can be unmounted', async () => {
    await mount();
    await shell(`echo kept > ${directory}/file; sync ${directory}/file`);
    const record = onlyRecord();
    process.kill(record.process.pid, 'SIGKILL');
    await untilNothingRuns();
    const { stdout } = await workspace.dafs(['status']);
    expect(stdout).toMatch(new RegExp(`${directory} .* dead\n`));
    await umount();
    expect(leftovers()).toEqual([]);
  });

  it('takes the place of one whose process was killed, also while that is in use', async () => {
    await mount();
    await shell(`echo kept > ${directory}/file; sync ${directory}/file`);
    await holdOpen();
    process.kill(onlyRecord().process.pid, 'SIGKILL');
    await mount();
    expect(await shell(`cat ${directory}/file`)).toBe('kept\n');
    await umount();
  });

  it('whose server is ended again and again starts another one, and programs only wait', async () => {
    await mount();
    const stop = workspace.path('stop');
    const writer = spawn('sh', ['-euc', writerScript, 'sh', directory, stop]);
    children.push(writer);
    let rounds = 0;
    let complaints = '';
    createInterface({ input: writer.stdout }).on('line', (line) => {
      rounds = Number(line);
    });
    writer.stderr.on('data', (text) => {
      complaints += text;
    });
    const ended = once(writer, 'exit');
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const before = rounds;
      await until('the writer is at work', 30_000, () => rounds > before || complaints !== '');
      const { server } = onlyRecord();
      process.kill(server?.pid as number, signal);
      await until('the record names the new server', 30_000, () => {
        return onlyRecord().server?.pid !== server?.pid;
      });
    }
    const before = rounds;
    await until('the writer goes on', 30_000, () => rounds > before || complaints !== '');
    writeFileSync(stop, '');
    expect([await ended, complaints]).toEqual([[0, null], '']);
    expect(await shell(`ls ${directory}`)).toBe('lines\n');
    expect(await shell(`cat ${directory}/lines`)).toBe(await shell(`seq ${rounds}`));

    // Unmounted while there is none: what is acknowledged is stored when the command returns.
    process.kill(onlyRecord().server?.pid as number, 'SIGKILL');
    await umount();
    expect(workspace.processes()).toEqual([]);
    expect(unstableFilesOf(database)).toEqual([]);
    expect(leftovers()).toEqual([]);
  });

  it.skipIf(!isRoot())('is made read-only and writable again while it is used', async () => {
    await mount('-o', 'noexec');
    await shell(`echo kept > ${directory}/file`);
    const reader = await holdOpen();
    const remount = (list: string) =>
      workspace.dafs(['mount', '-o', `remount,${list}`, database, directory]);
    expect((await remount('ro')).status).toBe(0);
    const { stderr } = await workspace.run('touch', [join(directory, 'file')]);
    expect(stderr).toContain('Read-only file system');
    expect((await workspace.dafs(['status'])).stdout).toMatch(/ ro +serving/);
    expect((await remount('workers=3')).stderr).toContain('cannot be changed by a remount');
    expect((await remount('rw')).status).toBe(0);
    const line = await shell(`grep ${directory} /proc/self/mounts`);
    expect(line).toMatch(/ rw,nosuid,nodev,noexec,/);
    expect(await shell(`echo more >> ${directory}/file; cat ${directory}/file`)).toBe(
      'kept\nmore\n',
    );
    reader.kill('SIGKILL');
    await once(reader, 'exit');
    await umount();
  });

  it('that is read-only takes no changes, and the mount table shows its options', async () => {
    await mount('-o', 'noexec,ro,fsname=a\\,b c', '-o', 'max_read=65536');
    const line = await shell(`grep fuse.dafs /proc/self/mounts | grep ${directory}`);
    expect(line).toContain('a,b\\040c');
    expect(line).toMatch(/ ro,.*noexec.*max_read=65536/);
    const { stderr } = await workspace.run('touch', [join(directory, 'file')]);
    expect(stderr).toContain('Read-only file system');
    await umount();
  });

  it('of a running server leaves the server running', async () => {
    const server = await workspace.startServer({ name: 'shared' });
    const one = await workspace.startMount({ source: 'dafs:shared', driver });
    const two = await workspace.startMount({ source: 'dafs:shared', driver });
    await shell(`echo written by one > ${one.directory}/file`);
    expect(await shell(`cat ${two.directory}/file`)).toBe('written by one\n');
    await shell(
      `echo and by two, and longer >> ${two.directory}/file; rm -f ${two.directory}/none`,
    );
    expect(await shell(`cat ${one.directory}/file`)).toBe(
      'written by one\nand by two, and longer\n',
    );
    await one.unmount();
    expect(await shell(`wc -l < ${two.directory}/file`)).toBe('2\n');
    await two.unmount();
    expect(server.child.exitCode).toBe(null);
    await server.stop();
  });

  // The rest is the command's, whichever driver it starts.
  if (driver !== 'kernel') return;

  it('is made by the command line that mount(8) makes of a line of fstab(5)', async () => {
    const words = [database, directory, '-o', `rw,nosuid,nodev,dirsync`];
    expect((await workspace.dafs(words)).stderr).toBe('');
    expect(await shell(`grep ${directory} /proc/self/mounts`)).toContain('dirsync');
    await shell(`mkdir ${directory}/made && touch ${directory}/made/file`);
    await umount();
  });

  it('and its server and session are shown by status', async () => {
    await mount();
    const record = onlyRecord();
    const { stdout: table } = await workspace.dafs(['status']);
    expect(table).toMatch(
      new RegExp(`^${record.serverName} +${database} +${record.server?.pid} `, 'm'),
    );
    expect(table).toMatch(new RegExp(`^${directory} .* ${record.process.pid} +rw +serving$`, 'm'));
    const { stdout: json } = await workspace.dafs(['status', '--json']);
    const status = JSON.parse(json);
    expect(status.servers).toHaveLength(1);
    const { pid } = record.process;
    expect(status.servers[0].status.counters.clients).toBe(1);
    expect(status.servers[0].status.sessions[0]).toMatchObject({ pid, isTrusted: true });
    expect(status.mounts[0]).toMatchObject({
      directory,
      source: database,
      driver,
      state: 'serving',
      readOnly: false,
    });
    await umount();
  });

  it.skipIf(!isRoot())('that another mount namespace has a copy of is not waited for', async () => {
    await mount();
    const holder = spawn('unshare', ['--mount', '--propagation', 'private', 'sleep', '600']);
    children.push(holder);
    // Its namespace is its own before it becomes sleep.
    const program = () => readFileSync(`/proc/${holder.pid}/comm`, 'utf8').trim();
    await until('it has a copy', 30_000, () => program() === 'sleep');
    const { status, stderr } = await workspace.dafs(['umount', directory]);
    expect([status, stderr]).toEqual([
      1,
      `dafs: ${directory} is unmounted here, but remains mounted in the mount namespace of sleep (${holder.pid}), and ends with it\n`,
    ]);
    expect(await isMountPoint(directory)).toBe(false);
    holder.kill('SIGKILL');
    await untilNothingRuns();
    expect(leftovers()).toEqual([]);
  });

  it('that dies while its server is being started leaves no server behind', async () => {
    const server = spawn(process.execPath, [command, 'serve', database], {
      env: workspace.environment,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    children.push(server);
    let complaints = '';
    server.stderr?.on('data', (text) => {
      complaints += text;
    });
    server.disconnect();
    expect([await once(server, 'exit'), complaints]).toEqual([[0, null], '']);
    expect(existsSync(database)).toBe(true);
    expect(leftovers()).toEqual([]);
  });

  it('by dafs start makes the default database and one line of text', async () => {
    const data = workspace.path('data');
    const child = spawn(process.execPath, [command, 'start', directory], {
      env: { ...workspace.environment, XDG_DATA_HOME: data },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let output = '';
    child.stdout.on('data', (text) => {
      output += text;
    });
    await until('it says that it is usable', 30_000, () => output.endsWith('\n'));
    const defaultDatabase = join(data, 'dafs', 'default.sqlite');
    expect(output).toBe(`${defaultDatabase} is mounted on ${directory}; Ctrl-C unmounts it\n`);
    expect(existsSync(defaultDatabase)).toBe(true);
    child.kill('SIGINT');
    await once(child, 'exit');
    expect(child.exitCode).toBe(0);
  });

  it('by dafs start makes nothing when there is no such directory', async () => {
    const data = workspace.path('data');
    const missing = workspace.path('missing');
    const { status, stderr } = await workspace.dafs(['start', missing], {
      environment: { ...workspace.environment, XDG_DATA_HOME: data },
    });
    expect(status).toBe(1);
    expect(stderr).toBe(
      `dafs: no such directory: ${missing} (it must exist: mkdir -p ${missing})\n`,
    );
    expect(existsSync(data)).toBe(false);
  });
});
