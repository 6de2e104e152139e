/** A running server whose disk has changed a block by itself. */
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FileClient, Session } from '../../../client/index.ts';
import { until } from '../../support/run.ts';
import { Workspace } from '../../support/workspace.ts';

const block = 65_536;
const name = Buffer.from('file');

let workspace: Workspace;

beforeAll(() => {
  workspace = Workspace.create();
});

afterAll(() => workspace.dispose());

it('fails who reads the block, says which it is, and goes on with all else', async () => {
  let server = await workspace.startServer({ name: 'files' });
  let session = Session.connect(server.fabricSocket);
  let files = new FileClient(session);
  let file = files.open(files.root, name, 'both', {
    mode: 'unchecked',
    attributes: { mode: 0o600 },
  });
  files.write(file, 0, Buffer.alloc(3 * block, 'data'));
  session.close();
  await server.stop();
  const database = new Database(server.database);
  database.exec('UPDATE block SET data = randomblob(length(data)) WHERE number = 1');
  database.close();

  server = await workspace.startServer({ name: 'files', database: server.database });
  let errors = '';
  server.child.stderr?.on('data', (text: string) => {
    errors += text;
  });
  session = Session.connect(server.fabricSocket);
  files = new FileClient(session);
  file = files.open(files.root, name, 'both');
  const read = Buffer.alloc(block);
  expect(files.read(file, 0, read)).toBe(block);
  expect(() => files.read(file, block, read)).toThrow(/IO/);
  expect(() => files.read(file, block + 5, read)).toThrow(/IO/);
  expect(files.read(file, 2 * block, read)).toBe(block);
  files.write(file, block, Buffer.alloc(block, 'new'));
  expect(files.read(file, block, read)).toBe(block);
  expect(read.equals(Buffer.alloc(block, 'new'))).toBe(true);
  await until('the server says so', 10_000, () => errors.includes('\n'));
  expect(errors).toMatch(/^dafs: EIO: block 1 of inode \d+ is damaged: [^\n]+\n$/);
  session.close();
  await server.stop();
}, 60_000);
