/** `dafs fsck`: its exit status and what it prints. */
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Workspace } from '../../support/workspace.ts';

let workspace: Workspace;
let database: string;

beforeAll(async () => {
  workspace = Workspace.create();
  const server = await workspace.startServer({ name: 'files' });
  database = server.database;
  const { status, stderr } = await workspace.dafs(['fsck', database]);
  expect([status, stderr]).toEqual([8, expect.stringMatching(/already served by process \d+/)]);
  await server.stop();
}, 60_000);

afterAll(() => workspace.dispose());

it('ends with 0 when there is nothing, 4 when damage is left, 1 when it is mended', async () => {
  const clean = await workspace.dafs(['fsck', database]);
  expect(clean).toMatchObject({ status: 0, stderr: '' });
  expect(clean.stdout).toBe(
    `${database}: clean; 0 files, 1 directories, 0 others, 0 orphans, 0 B\n`,
  );

  const connection = new Database(database);
  connection.exec('UPDATE inode SET nlink = 5, size = 7');
  connection.close();
  const damaged = await workspace.dafs(['fsck', database]);
  expect(damaged.status).toBe(4);
  expect(damaged.stdout.split('\n').slice(0, 2)).toEqual([
    'link-count  inode 1  it has 2 links and counts 5',
    'size        inode 1  its size is 0, and it says 7',
  ]);
  expect(damaged.stdout).toContain(`${database}: 0 mended, 2 left as found;`);

  const repaired = await workspace.dafs(['fsck', '--repair', '--json', database]);
  expect(repaired.status).toBe(1);
  expect(JSON.parse(repaired.stdout)).toMatchObject({
    database,
    findings: [{ kind: 'link-count', inode: 1 }, { kind: 'size' }],
    mended: 2,
    left: 0,
  });
  expect((await workspace.dafs(['fsck', database])).status).toBe(0);
});

it('ends with 8 when it cannot look', async () => {
  const { status, stdout, stderr } = await workspace.dafs(['fsck', workspace.path('missing')]);
  expect([status, stdout]).toEqual([8, '']);
  expect(stderr).toMatch(/^dafs: [^\n]+ does not exist[^\n]*\n$/);
});
