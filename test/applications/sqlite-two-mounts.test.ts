/**
 * Two sqlite3 write one database at the same time, each on a mount of its own.
 *
 * WAL mode is for one machine's memory: its processes share the file `-shm` mapped into theirs, and
 * two mounts do not share pages, as two machines with NFS do not. So in WAL mode each has the
 * database to itself for a while (locking_mode=EXCLUSIVE), which needs no shared memory.
 *
 *     npx vitest run test/applications/sqlite-two-mounts.test.ts
 */
import { expect } from 'vitest';
import { applicationTest, sized } from './support.ts';

const SESSIONS = sized(3, 20);
const transactions = sized(8, 500);

const modes = [
  { journal: 'delete', locking: 'normal' },
  { journal: 'truncate', locking: 'normal' },
  { journal: 'persist', locking: 'normal' },
  { journal: 'wal', locking: 'exclusive' },
] as const;

/** Reads and then writes, so that a lock that does not hold, or a page that is old, loses a count. */
const countUp = (locking: string): string => `
.timeout 60000
PRAGMA locking_mode=${locking};
${'BEGIN IMMEDIATE; UPDATE counter SET value = value + 1; INSERT INTO log DEFAULT VALUES; COMMIT;\n'.repeat(transactions)}`;

for (const { journal, locking } of modes) {
  applicationTest(
    `sqlite3 on two mounts with journal_mode=${journal} lose no transaction`,
    {
      programs: ['sqlite3'],
      lack: ({ name }) =>
        name === 'kernel' ? undefined : 'it has no locks between mounts (mount/drivers/README.md)',
    },
    async ({ workspace, driver, succeed }) => {
      const server = await workspace.startServer();
      const request = { source: `dafs:${server.name}`, driver: driver.name };
      const mounts = [await workspace.startMount(request), await workspace.startMount(request)];
      const databases = mounts.map(({ directory }) => `${directory}/counter.db`);
      const sqlite = (database: string, input: string) =>
        succeed('sqlite3', ['-bail', database], { input });
      await sqlite(
        databases[0] as string,
        `PRAGMA journal_mode=${journal};
        CREATE TABLE counter(value INTEGER); INSERT INTO counter VALUES(0);
        CREATE TABLE log(id INTEGER PRIMARY KEY);`,
      );
      await Promise.all(
        databases.map(async (database) => {
          for (let session = 0; session < SESSIONS; session += 1) {
            await sqlite(database, countUp(locking));
          }
        }),
      );
      const all = databases.length * SESSIONS * transactions;
      const check = `PRAGMA locking_mode=${locking}; PRAGMA integrity_check;
        SELECT value FROM counter; SELECT count(*) FROM log;`;
      for (const database of databases) {
        expect(await sqlite(database, check)).toBe(`${locking}\nok\n${all}\n${all}\n`);
      }
    },
  );
}
