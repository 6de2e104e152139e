/** What programs wrote through a mount when the server was killed: all of it is there afterwards. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { driverTable } from '../../support/drivers.ts';
import { until } from '../../support/run.ts';
import { unstableFilesOf } from '../../support/unstable-files.ts';
import { type MountProcess, type ServerProcess, Workspace } from '../../support/workspace.ts';

const lineBytes = 16;
/** Lines that a writer has written when the server is killed: it does not stop for that. */
const enoughLines = 400;

/**
 * Appends lines as fast as it can, and says of each that it is written: with one write(2) a line, and
 * nothing synced.
 */
const appendScript = `i=100000
exec 3>>appended
while printf 'line %011d' $i >&3; do echo $i; i=$((i+1)); done`;

describe.each(driverTable)('a mount through $name of a killed server', ({ name: driver }) => {
  let workspace: Workspace;
  let server: ServerProcess;
  let mount: MountProcess;

  const start = async (): Promise<void> => {
    server = await workspace.startServer({ name: 'killed' });
    mount = await workspace.startMount({ source: 'dafs:killed', driver });
  };

  const shell = (script: string): Promise<string> =>
    workspace.succeed('sh', ['-c', script], { cwd: mount.directory });

  beforeEach(async () => {
    workspace = Workspace.create();
    await start();
  });

  afterEach(async () => {
    for (const path of unstableFilesOf(server.database)) {
      await workspace.succeed('rm', [path]);
    }
    await workspace.dispose();
  });

  const kill = async (): Promise<void> => {
    await server.kill();
    await mount.kill();
  };

  it('has every line that was written', { timeout: 90_000 }, async () => {
    const writer = spawn('sh', ['-c', appendScript], {
      cwd: mount.directory,
      env: workspace.environment,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let last = 0;
    let lines = 0;
    createInterface({ input: writer.stdout }).on('line', (line) => {
      last = Number(line);
      lines += 1;
    });
    const ended = once(writer, 'exit');
    await until('lines are written', 30_000, () => lines >= enoughLines);
    await kill();
    writer.kill('SIGKILL');
    await ended;

    await start();
    const text = await shell('cat appended');
    // A line that was begun may be there in part.
    expect(text.length).toBeGreaterThanOrEqual(lines * lineBytes);
    for (let index = 0; index <= last - 100_000; index += 1) {
      const line = text.slice(index * lineBytes, index * lineBytes + lineBytes);
      expect(line).toBe(`line ${String(100_000 + index).padStart(11, '0')}`);
    }
    await mount.unmount();
    await server.stop();
    expect(unstableFilesOf(server.database)).toEqual([]);
  });

  it('has what files were cut and changed to', { timeout: 90_000 }, async () => {
    const local = workspace.makeDirectory('local');
    const both = async (script: string): Promise<string> => {
      await workspace.succeed('sh', ['-c', script], { cwd: local });
      return shell(script);
    };
    // The data are in the database; what follows is not.
    await both('seq 200000 > whole; cp whole cut; cp whole patched; cp whole again; sync');
    await both(`truncate -s 300001 cut
      printf patch | dd of=patched bs=1 seek=70000 conv=notrunc status=none
      seq 5 > again; seq 70000 >> again; rm whole`);
    const times = await shell('stat -c "%n %s %y" cut patched again');
    await kill();

    await start();
    expect(await shell('stat -c "%n %s %y" cut patched again')).toBe(times);
    const sums = await workspace.succeed('sh', ['-c', 'md5sum *'], { cwd: local });
    expect(await shell('md5sum *')).toBe(sums);
    expect(await shell('ls')).toBe('again\ncut\npatched\n');
    await mount.unmount();
    await server.stop();
  });
});
