/**
 * Two mounts of one server: what one closes, the other opens and sees.
 *
 *     npx vitest run test/applications/two-mounts.test.ts
 */
import { expect } from 'vitest';
import { until } from '../support/run.ts';
import { type ApplicationRun, applicationTest } from './support.ts';

/** How long the kernel of the second mount may show a name or attributes that it knows. */
const CACHED_LIMIT_MS = 3000;

async function startTwo({ workspace, driver }: ApplicationRun) {
  const server = await workspace.startServer();
  const request = { source: `dafs:${server.name}`, driver: driver.name };
  const first = await workspace.startMount(request);
  const second = await workspace.startMount(request);
  return { server, first, second };
}

applicationTest(
  'what one mount closes the other opens and sees',
  { programs: ['sh', 'cmp'] },
  async (application) => {
    const { workspace, succeed } = application;
    const { server, first, second } = await startTwo(application);
    const shell = (script: string) =>
      succeed('sh', ['-euc', script, 'sh', first.directory, second.directory]);

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
    await succeed('dd', ['if=/dev/urandom', `of=${data}`, 'bs=1M', 'count=8']);
    await succeed('cp', [data, `${first.directory}/data`]);
    await succeed('cmp', [data, `${second.directory}/data`]);

    await second.unmount();
    await first.unmount();
    await server.stop();
  },
);

applicationTest(
  'names and attributes that one mount changes show in the other',
  { programs: ['sh'] },
  async (application) => {
    const { workspace } = application;
    const { first, second } = await startTwo(application);
    const shell = (script: string) =>
      workspace.run('sh', ['-uc', script, 'sh', first.directory, second.directory]);
    /** Does something through the first mount; the second must come to show it. */
    const follows = async (change: string, shows: string) => {
      expect((await shell(change)).status, change).toBe(0);
      await until(`${change} shows as ${shows}`, CACHED_LIMIT_MS, async () => {
        return (await shell(shows)).status === 0;
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
    expect((await shell('rmdir "$2/e"')).status).not.toBe(0);
  },
);

applicationTest(
  'both mounts make files at once in one directory and lose none',
  { programs: ['sh'] },
  async (application) => {
    const { workspace, succeed } = application;
    const { first, second } = await startTwo(application);
    await succeed('mkdir', [`${first.directory}/d`]);
    await until('the directory shows', CACHED_LIMIT_MS, async () => {
      return (await workspace.run('test', ['-d', `${second.directory}/d`])).status === 0;
    });
    const make = (directory: string, mark: string) =>
      succeed('sh', [
        '-euc',
        'for i in $(seq 100); do echo "$2 $i" >"$1/d/$2-$i"; done',
        'sh',
        directory,
        mark,
      ]);
    await Promise.all([make(first.directory, 'one'), make(second.directory, 'two')]);
    await until('both show all', CACHED_LIMIT_MS, async () => {
      const counts = await Promise.all(
        [first, second].map(({ directory }) =>
          succeed('sh', ['-c', 'cat "$1"/d/* | wc -l', 'sh', directory]),
        ),
      );
      return counts.every((count) => count.trim() === '200');
    });
  },
);
