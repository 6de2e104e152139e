/**
 * Four processes on two mounts of one server append to one file at the same time.
 *
 *     npx vitest run test/applications/append.test.ts
 *     DAFS_SEED=1234 npx vitest run test/applications/append.test.ts
 */
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mountObstacle } from '../support/machine.ts';
import { type MountProcess, Workspace } from '../support/workspace.ts';
import { countRecords } from './append-records.ts';
import { sized } from './support.ts';

const LIMIT_MS = sized(120_000, 900_000);
const WRITERS = 4;
const RECORDS = sized(60, 2000);

const program = fileURLToPath(new URL('append-main.ts', import.meta.url));
const obstacle = mountObstacle();
const seed = Number(process.env.DAFS_SEED ?? randomInt(2 ** 32));

describe.skipIf(obstacle)(`two mounts of one server${obstacle ?? ''}`, () => {
  let workspace: Workspace;
  let mounts: readonly MountProcess[];

  beforeEach(async () => {
    workspace = Workspace.create();
    const server = await workspace.startServer();
    const request = { source: `dafs:${server.name}`, driver: 'kernel' };
    mounts = [await workspace.startMount(request), await workspace.startMount(request)];
  }, LIMIT_MS);

  afterEach(() => workspace.dispose(), LIMIT_MS);

  it(`append without losing or tearing a record (seed ${seed})`, {
    timeout: LIMIT_MS,
  }, async () => {
    const paths = mounts.map(({ directory }) => `${directory}/log`);
    await Promise.all(
      Array.from({ length: WRITERS }, (_, writer) => {
        const path = paths[writer % paths.length] as string;
        const args = [path, writer, seed + writer, RECORDS].map(String);
        return workspace.succeed(process.execPath, [program, ...args], { limitMs: LIMIT_MS });
      }),
    );
    for (const path of paths) {
      expect(countRecords(await readFile(path))).toEqual(new Array(WRITERS).fill(RECORDS));
    }
  });
});
