/**
 * Clients that mean harm, against a server as it is started by `dafs serve`: whatever they do, a client
 * beside them goes on, the server is well afterwards, and nothing is left of them.
 */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/run.ts';
import { attacks } from './attacks.ts';
import { HostileWorld, hasEnded } from './world.ts';

const LIMIT_MS = 120_000;
/** So much the bystander has to get done while it is attacked. */
const ROUNDS = 30;
/** Descriptors that the server may have more or fewer, of files that it opens by itself. */
const SLACK = 8;

let world: HostileWorld;
beforeAll(async () => {
  world = await HostileWorld.create();
}, LIMIT_MS);
afterAll(() => world.dispose());

const descriptors = (): number => readdirSync(`/proc/${world.server.child.pid}/fd`).length;

describe('a client beside one that', { timeout: LIMIT_MS }, () => {
  it.each(Object.keys(attacks))('%s goes on', async (name) => {
    const before = descriptors();
    const attacker = await world.attack(name);
    await world.bystander.goesOn(ROUNDS);
    attacker.kill('SIGKILL');
    await world.isQuiet();
    expect(hasEnded(world.server.child)).toBe(false);
    await until('its descriptors are closed', 30_000, () => descriptors() <= before + SLACK);
    // A defect of the server's would have been reported with its stack.
    expect(world.log).not.toMatch(/^ +at /m);
    await world.bystander.goesOn(1);
  });

  it('was there has lost nothing, and the server stops as always', async () => {
    await world.bystander.end();
    await world.server.stop();
    expect(world.server.child.exitCode).toBe(0);
    const { status, stdout } = await world.workspace.dafs(['fsck', world.server.database]);
    expect([status, stdout]).toEqual([0, expect.anything()]);
  });
});
