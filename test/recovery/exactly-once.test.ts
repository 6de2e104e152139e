/**
 * Connections that break at any message, and servers that are killed at any moment: each change is
 * done once.
 *
 *     npx vitest run test/recovery
 *     DAFS_SEED=1 npx vitest run test/recovery   (as a failing run prints)
 */
import { randomInt } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { Random } from '../support/random.ts';
import { until } from '../support/run.ts';
import { Workspace } from '../support/workspace.ts';
import type { ExactlyOnceRequest } from './exactly-once-main.ts';

const program = fileURLToPath(new URL('./exactly-once-main.ts', import.meta.url));
const seed = Number(process.env.DAFS_SEED ?? randomInt(2 ** 31 - 1));

/** Of the server, in one run. */
const MOST_KILLS = 25;

let workspace: Workspace | undefined;
afterEach(() => workspace?.dispose());

/** Runs the program to its end. @returns how often the session has found its way back */
async function runToEnd(request: ExactlyOnceRequest): Promise<number> {
  const result = await (workspace as Workspace).run(
    process.execPath,
    [program, JSON.stringify(request)],
    { limitMs: 90_000 },
  );
  const { status, stdout, stderr } = result;
  expect(status, `${stdout}${stderr}`).toBe(0);
  return JSON.parse(stdout.trim().split('\n').at(-1) as string).recoveries as number;
}

/** With this one the first connection breaks while the session is agreed upon. */
const BREAKS_AT_FIRST = 783216400;

it.each([seed, BREAKS_AT_FIRST])(
  'a connection that breaks at any message, seed %i',
  async (seed) => {
    workspace = Workspace.create();
    const { fabricSocket } = await workspace.startServer();
    const progressFile = workspace.path('progress');
    const request = { fabricSocket, seed, operations: 500, breaksOneIn: 30, progressFile };
    expect(await runToEnd(request)).toBeGreaterThan(0);
  },
  120_000,
);

it('a server that is killed at any moment', async () => {
  workspace = Workspace.create();
  const random = new Random(seed);
  let server = await workspace.startServer();
  const { fabricSocket, database, name } = server;
  const progressFile = workspace.path('progress');
  const request = { fabricSocket, seed, operations: 500, breaksOneIn: 0, progressFile };
  let isDone = false;
  const ended = runToEnd(request).finally(() => {
    isDone = true;
  });
  const progress = () => (existsSync(progressFile) ? Number(readFileSync(progressFile)) : 0);
  let kills = 0;
  for (let before = 0; !isDone; before = progress()) {
    // Each server does its share: else a slow machine would do nothing but start servers.
    const enough = before + request.operations / MOST_KILLS;
    await until('something is done', 30_000, () => isDone || progress() >= enough);
    await setTimeout(random.below(200));
    await server.kill();
    server = await workspace.startServer({ database, name });
    kills += 1;
  }
  expect(await ended).toBeGreaterThan(0);
  expect(kills).toBeGreaterThan(1);
}, 120_000);
