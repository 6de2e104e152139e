/**
 * Two mounts of one server: what one closes, the other opens and sees.
 *
 *     npx vitest run test/applications/two-mounts.test.ts
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { driverTable } from '../support/drivers.ts';
import { firstObstacle, programObstacle } from '../support/machine.ts';
import { until } from '../support/run.ts';
import { type MountProcess, type ServerProcess, Workspace } from '../support/workspace.ts';

/** How long the kernel of the second mount may show a name or attributes that it knows. */
const CACHED_LIMIT_MS = 3000;
const LIMIT_MS = 120_000;

describe.each(driverTable)('two mounts through $name', { timeout: LIMIT_MS }, (driver) => {
  const obstacle = firstObstacle(driver.obstacle(), programObstacle(['sh', 'cmp', 'dd']));
  let workspace: Workspace;
  let server: ServerProcess;
  let first: MountProcess;
  let second: MountProcess;

  beforeAll(async () => {
    if (obstacle !== undefined) return;
    workspace = Workspace.create();
    server = await workspace.startServer();
    const request = { source: `dafs:${server.name}`, driver: driver.name };
    first = await workspace.startMount(request);
    second = await workspace.startMount(request);
  }, LIMIT_MS);

  afterAll(() => workspace?.dispose(), LIMIT_MS);

  /** Runs a script that finds the mounts as $1 and $2. */
  const run = (script: string) =>
    workspace.run('sh', ['-euc', script, 'sh', first.directory, second.directory]);
  const shell = (script: string) =>
    workspace.succeed('sh', ['-euc', script, 'sh', first.directory, second.directory]);

  it('what one closes the other opens and sees', async (context) => {
    context.skip(obstacle !== undefined, obstacle);
    // Each line is a process of its own: it opens, writes and closes; then another one reads.
    for (let round = 0; round < 20; round += 1) {
      expect(await shell(`echo "round ${round}" >"$1/file"; cat "$2/file"`)).toBe(
        `round ${round}\n`,
      );
      expect(await shell(`echo "back ${round}" >>"$2/file"; cat "$1/file"`)).toBe(
        `round ${round}\nback ${round}\n`,
      );
    }
    // Shorter and longer than before, so that no size is remembered.
    await shell('printf %5000s x >"$1/file"; test "$(wc -c <"$2/file")" = 5000');
    await shell('printf %3s x >"$1/file"; test "$(wc -c <"$2/file")" = 3');
    await shell('printf %300000s x >"$2/file"; test "$(wc -c <"$1/file")" = 300000');

    const data = workspace.path('data');
    await workspace.succeed('dd', ['if=/dev/urandom', `of=${data}`, 'bs=1M', 'count=8']);
    await workspace.succeed('cp', [data, `${first.directory}/data`]);
    await workspace.succeed('cmp', [data, `${second.directory}/data`]);
  });

  it('names and attributes that one changes show in the other', async (context) => {
    context.skip(obstacle !== undefined, obstacle);
    /** Does something through the first mount; the second must come to show it. */
    const follows = async (change: string, shows: string) => {
      expect((await run(change)).status, change).toBe(0);
      await until(`${change} shows as ${shows}`, CACHED_LIMIT_MS, async () => {
        return (await run(shows)).status === 0;
      });
    };
    await follows('mkdir "$1/d"; echo x >"$1/d/a"', 'test -f "$2/d/a"');
    await follows('mv "$1/d/a" "$1/d/b"', 'test "$(ls "$2/d")" = b');
    await follows('ln -s b "$1/d/link"', 'test "$(readlink "$2/d/link")" = b');
    await follows('chmod 600 "$1/d/b"', 'test "$(stat -c %a "$2/d/b")" = 600');
    await follows('ln "$1/d/b" "$1/d/c"', 'test "$(stat -c %h "$2/d/b")" = 2');
    await follows('truncate -s 12345 "$1/d/b"', 'test "$(stat -c %s "$2/d/c")" = 12345');
    await follows('mv "$1/d" "$1/e"', 'test -d "$2/e" && ! test -e "$2/d"');
    await follows('rm -r "$1/e"', '! test -e "$2/e"');
    expect((await run('rmdir "$2/e"')).status).not.toBe(0);
  });

  it('both make files at once in one directory and lose none', async (context) => {
    context.skip(obstacle !== undefined, obstacle);
    await shell('mkdir "$1/d"');
    await until('the directory shows', CACHED_LIMIT_MS, async () => {
      return (await run('test -d "$2/d"')).status === 0;
    });
    await Promise.all([
      shell('for i in $(seq 100); do echo "one $i" >"$1/d/one-$i"; done'),
      shell('for i in $(seq 100); do echo "two $i" >"$2/d/two-$i"; done'),
    ]);
    await until('both show all', CACHED_LIMIT_MS, async () => {
      return (await shell('cat "$1"/d/* | wc -l; cat "$2"/d/* | wc -l')) === '200\n200\n';
    });
  });

  it('both end, and then their server', async (context) => {
    context.skip(obstacle !== undefined, obstacle);
    await second.unmount();
    await first.unmount();
    await server.stop();
  });
});
