/**
 * sqlite3 keeps a database on the mount, in rollback and in WAL mode, also with two writers at once.
 *
 *     npx vitest run test/applications/sqlite.test.ts
 *     DAFS_FULL=1 npx vitest run test/applications/sqlite.test.ts   (a million rows, 5,000 transactions)
 */
import { expect } from 'vitest';
import { applicationTest, sized } from './support.ts';

const rows = sized(2500, 1_000_000);
const journalModes = ['delete', 'truncate', 'persist', 'wal'] as const;

function fillScript(journalMode: string): string {
  return `
PRAGMA journal_mode=${journalMode};
CREATE TABLE thing(id INTEGER PRIMARY KEY, name TEXT, data BLOB);
CREATE INDEX byName ON thing(name);
BEGIN;
WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < ${rows})
INSERT INTO thing SELECT n, 'name ' || (n * 7919 % ${rows}), zeroblob(n % 300) FROM count;
COMMIT;
UPDATE thing SET name = name || ' changed' WHERE id % 3 = 0;
DELETE FROM thing WHERE id % 7 = 0;
BEGIN;
DELETE FROM thing;
ROLLBACK;
VACUUM;
`;
}

const checkScript = `
PRAGMA integrity_check;
SELECT count(*), sum(length(data)), count(DISTINCT name) FROM thing;
`;

applicationTest(
  `sqlite3 keeps its data with journal_mode=${journalModes.join(', ')}`,
  { programs: ['sqlite3'] },
  async ({ workspace, driver, succeed }) => {
    const request = {
      source: workspace.path('files.sqlite'),
      driver: driver.name,
      directory: workspace.makeDirectory('mount'),
    };
    const reference = workspace.path('reference.db');
    const sqlite = (path: string, input: string) => succeed('sqlite3', ['-bail', path], { input });
    await sqlite(reference, fillScript('delete'));
    const expected = await sqlite(reference, checkScript);
    expect(expected.startsWith('ok\n')).toBe(true);
    const databases = journalModes.map((mode) => ({
      mode,
      path: `${request.directory}/${mode}.db`,
    }));

    const first = await workspace.startMount(request);
    for (const { mode, path } of databases) {
      expect(await sqlite(path, fillScript(mode))).toBe(`${mode}\n`);
      expect(await sqlite(path, checkScript)).toBe(expected);
    }
    await first.unmount();

    const second = await workspace.startMount(request);
    for (const { path } of databases) expect(await sqlite(path, checkScript)).toBe(expected);
    await second.unmount();
  },
);

const transactions = sized(30, 5000);

/** Reads and then writes, so that a lock that does not hold loses a count. */
const countUp = `
.timeout 60000
${'BEGIN IMMEDIATE; UPDATE counter SET value = value + 1; INSERT INTO log DEFAULT VALUES; COMMIT;\n'.repeat(transactions)}`;

applicationTest(
  'two sqlite3 at once with journal_mode=delete, wal lose no transaction',
  { programs: ['sqlite3'] },
  async ({ workspace, driver, succeed }) => {
    const mount = await workspace.startMount({
      source: workspace.path('files.sqlite'),
      driver: driver.name,
    });
    for (const journalMode of ['delete', 'wal']) {
      const database = `${mount.directory}/${journalMode}.db`;
      const sqlite = (input: string) => succeed('sqlite3', ['-bail', database], { input });
      await sqlite(`PRAGMA journal_mode=${journalMode};
        CREATE TABLE counter(value INTEGER); INSERT INTO counter VALUES(0);
        CREATE TABLE log(id INTEGER PRIMARY KEY);`);
      await Promise.all([sqlite(countUp), sqlite(countUp)]);
      const check = 'PRAGMA integrity_check; SELECT value FROM counter; SELECT count(*) FROM log;';
      expect(await sqlite(check)).toBe(`ok\n${2 * transactions}\n${2 * transactions}\n`);
    }
    await mount.unmount();
  },
);
