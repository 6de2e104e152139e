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

const SESSIONS = sized(2, 20);
const transactions = sized(6, 500);

const PATIENCE_MS = 1000;

/** The transactions are lines of their own, from the fourth on: none has been done. */
const FIRST_IS_LOCKED = 'near line 4: database is locked';

const modes = [
  { journal: 'delete', locking: 'normal' },
  { journal: 'truncate', locking: 'normal' },
  { journal: 'persist', locking: 'normal' },
  { journal: 'wal', locking: 'exclusive' },
] as const;

/**
 * Reads and then writes, so that a lock that does not hold, or a page that is old, loses a count. Two
 * that both read before either locks the other out would wait for one another: SQLite keeps shared
 * locks in exclusive mode. So they have unlike patience, and one that has changed nothing begins anew.
 */
const countUp = (locking: string, patienceMs: number): string => `
.timeout ${locking === 'normal' ? 60_000 : patienceMs}
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
      const count = async (database: string, patienceMs: number): Promise<void> => {
        const input = countUp(locking, patienceMs);
        for (;;) {
          const { status, stdout, stderr } = await workspace.run('sqlite3', ['-bail', database], {
            input,
          });
          if (status === 0) return;
          const isAnew = locking === 'exclusive' && stderr.includes(FIRST_IS_LOCKED);
          if (!isAnew) throw new Error(`sqlite3 on ${database}: ${stdout}${stderr}`);
        }
      };
      await sqlite(
        databases[0] as string,
        `PRAGMA journal_mode=${journal};
        CREATE TABLE counter(value INTEGER); INSERT INTO counter VALUES(0);
        CREATE TABLE log(id INTEGER PRIMARY KEY);`,
      );
      await Promise.all(
        databases.map(async (database, index) => {
          for (let session = 0; session < SESSIONS; session += 1) {
            await count(database, PATIENCE_MS * (1 + 2 * index));
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
