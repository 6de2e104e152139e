/** `dafs backup` of a running server whose clients go on writing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FileClient, Session } from '../../../client/index.ts';
import { until } from '../../support/run.ts';
import { command, Workspace } from '../../support/workspace.ts';

const fileBytes = 50_000;
const attributes = { mode: 0o600 };

let workspace: Workspace;

beforeAll(() => {
  workspace = Workspace.create();
});

afterAll(() => workspace.dispose());

const nameOf = (index: number): Buffer => Buffer.from(String(index));
const dataOf = (index: number): Buffer => Buffer.alloc(fileBytes, (index % 255) + 1);

/** Makes files one after the other; whoever sees one of them sees all that came before, whole. */
class Writer {
  readonly #session: Session;
  readonly #files: FileClient;
  /** So many are made and written. */
  written = 0;

  constructor(fabricSocket: string) {
    this.#session = Session.connect(fabricSocket);
    this.#files = new FileClient(this.#session);
  }

  writeNext(): void {
    const files = this.#files;
    const file = files.open(files.root, nameOf(this.written), 'both', {
      mode: 'unchecked',
      attributes,
    });
    files.write(file, 0, dataOf(this.written));
    files.close(file);
    this.written += 1;
  }

  /** Looks for files until one is missing. @returns how many are there, and how many of them whole */
  count(): { there: number; whole: number } {
    const files = this.#files;
    for (let there = 0, whole = 0; ; there += 1) {
      try {
        const file = files.open(files.root, nameOf(there), 'read');
        const read = Buffer.alloc(fileBytes);
        const bytes = files.read(file, 0, read);
        whole += bytes === fileBytes && read.equals(dataOf(there)) ? 1 : 0;
        files.close(file);
      } catch {
        return { there, whole };
      }
    }
  }

  close(): void {
    this.#session.close();
  }
}

it('is a state that existed, that can be served, and that fsck finds whole', async () => {
  const server = await workspace.startServer({ name: 'files' });
  const writer = new Writer(server.fabricSocket);
  while (writer.written < 100) writer.writeNext();

  const copy = workspace.path('copy.sqlite');
  const before = writer.written;
  const backup = workspace.dafs(['backup', 'dafs:files', copy]);
  let isRunning = true;
  void backup.finally(() => {
    isRunning = false;
  });
  while (isRunning) {
    writer.writeNext();
    // The machine is not for the writer alone.
    await setTimeout(2);
  }
  const { status, stdout, stderr } = await backup;
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(new RegExp(`^${copy}: [0-9.]+ .?i?B of dafs:files\n$`));
  const after = writer.written;
  expect(after).toBeGreaterThan(before);
  writer.close();
  await server.stop();

  expect(await workspace.dafs(['fsck', copy])).toMatchObject({ status: 0 });
  const copied = await workspace.startServer({ name: 'copy', database: copy });
  const reader = new Writer(copied.fabricSocket);
  const { there, whole } = reader.count();
  // The last one may have been made and not yet written.
  expect(whole).toBeGreaterThanOrEqual(there - 1);
  expect(whole).toBeGreaterThanOrEqual(before);
  expect(there).toBeLessThanOrEqual(after);
  reader.writeNext();
  reader.close();
  await copied.stop();
}, 120_000);

it('takes a database that no server has open, and says in one line what cannot be', async () => {
  const server = await workspace.startServer({ name: 'other' });
  const copy = workspace.path('other-copy.sqlite');
  const refused = async (...args: string[]): Promise<string> => {
    const { status, stderr } = await workspace.dafs(['backup', ...args]);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^dafs: [^\n]+\n$/)]);
    return stderr;
  };
  expect(await refused(server.database, copy)).toContain('already served');
  expect(await refused('dafs:nobody', copy)).toContain('no server called nobody');
  expect(await refused('dafs:other', workspace.path('no/where'))).toContain('no');
  expect(existsSync(copy)).toBe(false);
  await server.stop();
  expect(await workspace.dafs(['backup', server.database, copy])).toMatchObject({ status: 0 });
  expect(await refused(server.database, copy)).toContain(`${copy} exists`);
  expect(await workspace.dafs(['fsck', copy])).toMatchObject({ status: 0 });
}, 120_000);

it('leaves nothing behind when it is cancelled', async () => {
  const server = await workspace.startServer({ name: 'large' });
  const session = Session.connect(server.fabricSocket);
  const files = new FileClient(session);
  const file = files.open(files.root, nameOf(0), 'both', { mode: 'unchecked', attributes });
  const data = Buffer.alloc(1 << 20, 'data');
  for (let mebibyte = 0; mebibyte < 64; mebibyte += 1) {
    files.write(file, mebibyte << 20, data);
  }
  const copy = workspace.path('cancelled.sqlite');
  const partial = `${copy}.partial`;
  const child = spawn(process.execPath, [command, 'backup', 'dafs:large', copy], {
    env: workspace.environment,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = once(child, 'close');
  await until('the copy is begun', 30_000, () => existsSync(partial) || existsSync(copy));
  child.kill('SIGINT');
  const [status] = await ended;
  await until('the server has given it up', 90_000, () => !existsSync(partial));
  // On a slow day the copy is complete before anybody hears of the cancellation.
  expect([status, errors]).toEqual(
    status === 0 ? [0, ''] : [1, 'dafs: the backup was cancelled\n'],
  );
  expect(status === 1 || existsSync(copy)).toBe(true);
  session.close();
  await server.stop();
}, 180_000);
