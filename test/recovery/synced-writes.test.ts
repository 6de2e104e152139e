/**
 * Programs that write through one mount and have each write synced, while the server is killed again and
 * again, and in the end the mount with it. What the server keeps of unsynced data beyond its life is taken
 * away then: what was synced must be there without it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { until } from '../support/run.ts';
import { unstableFilesOf } from '../support/unstable-files.ts';
import { type ServerProcess, Workspace } from '../support/workspace.ts';
import { BLOCK_BYTES, blockOf } from './synced-blocks.ts';

const program = fileURLToPath(new URL('./synced-writer-main.ts', import.meta.url));

/** Several: only then writes are sent to be stable at once. */
const names = ['a', 'b', 'c', 'd'];
const ROUNDS = 4;
const SYNCS_PER_ROUND = 150;

let workspace: Workspace | undefined;
afterEach(() => workspace?.dispose());

class Writer {
  readonly name: string;
  readonly child: ChildProcess;
  /** How many blocks it has said are synced. */
  synced = 0;

  constructor(directory: string, name: string, env: NodeJS.ProcessEnv) {
    this.name = name;
    const args = [program, join(directory, name)];
    this.child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
    createInterface({ input: this.child.stdout as NonNullable<ChildProcess['stdout']> }).on(
      'line',
      (line) => {
        this.synced = Number(line);
      },
    );
  }

  /** It may have ended by itself, when its mount did. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}

it('leaves what was synced, whenever the server is killed', { timeout: 120_000 }, async () => {
  workspace = Workspace.create();
  let server: ServerProcess = await workspace.startServer({ name: 'synced' });
  const { database } = server;
  const source = 'dafs:synced';
  const mount = await workspace.startMount({ source, driver: 'kernel' });
  const environment = workspace.environment;
  const writers = names.map((name) => new Writer(mount.directory, name, environment));
  for (let round = 1; round <= ROUNDS; round++) {
    const enough = writers.map(({ synced }) => synced + SYNCS_PER_ROUND);
    await until('all have synced often', 30_000, () =>
      writers.every(({ synced, child }, index) => {
        expect(child.exitCode).toBeNull();
        return synced >= (enough[index] as number);
      }),
    );
    await server.kill();
    if (round < ROUNDS) server = await workspace.startServer({ name: 'synced', database });
  }
  await mount.kill();
  for (const writer of writers) await writer.kill();
  for (const path of unstableFilesOf(database)) rmSync(path);

  await workspace.startServer({ name: 'synced', database });
  const again = await workspace.startMount({ source, driver: 'kernel' });
  for (const { name, synced } of writers) {
    const content = await workspace.succeed('cat', [join(again.directory, name)]);
    expect(content.length).toBeGreaterThanOrEqual(synced * BLOCK_BYTES);
    for (let index = 0; index < synced; index++) {
      const start = index * BLOCK_BYTES;
      expect(content.slice(start, start + BLOCK_BYTES)).toBe(String(blockOf(index)));
    }
  }
});
