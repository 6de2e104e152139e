import { describe, expect, test } from 'vitest';
import { PollBudget } from '../../../nic/poll-budget.ts';
import { succeed } from '../../support/run.ts';
import { Mailbox, type Program, SimulatedMachine, work } from './simulated-machine.ts';

/** How long a wait polls in these machines: not at all, within its budget, or for ever. */
const BLOCKING = 0;
const BUDGETED = 100;
const SPINNING = 1e9;

const WORK_US = 5;
const DURATION_MS = 300;

interface Pair {
  requests: number;
}

/** A client and a server that answer one another. */
function startPair(machine: SimulatedMachine, microseconds: number, pinnedTo?: number): Pair {
  const pair = { requests: 0 };
  const toServer = new Mailbox(machine, microseconds);
  const toClient = new Mailbox(machine, microseconds);
  function* client(): Program {
    for (;;) {
      yield* work(WORK_US);
      yield* toServer.send();
      yield* toClient.receive();
      pair.requests++;
    }
  }
  function* server(): Program {
    for (;;) {
      yield* toServer.receive();
      yield* work(WORK_US);
      yield* toClient.send();
    }
  }
  toClient.belongsTo(machine.start(client(), pinnedTo));
  toServer.belongsTo(machine.start(server(), pinnedTo));
  return pair;
}

interface Scene {
  readonly pairs: number;
  /** A core that all of them must share. */
  readonly pinnedTo?: number;
  /** Threads that never wait. */
  readonly busy?: number;
}

/** How many requests are made on two cores. */
function requestsOf({ pairs, pinnedTo, busy = 0 }: Scene, microseconds: number): number {
  const machine = new SimulatedMachine(2);
  for (let count = 0; count < busy; count++) machine.start(work(Number.POSITIVE_INFINITY));
  const started = Array.from({ length: pairs }, () => startPair(machine, microseconds, pinnedTo));
  machine.run(DURATION_MS);
  return started.reduce((sum, { requests }) => sum + requests, 0);
}

describe('two threads that wait for one another', () => {
  test('poll and never sleep where each has a core', () => {
    const machine = new SimulatedMachine(2);
    startPair(machine, BUDGETED);
    machine.run(DURATION_MS);
    expect(machine.sleeps).toBe(0);
    expect(requestsOf({ pairs: 1 }, BLOCKING)).toBeLessThan(requestsOf({ pairs: 1 }, BUDGETED) / 5);
  });

  test('poll again when what disturbed them is over', () => {
    const machine = new SimulatedMachine(2);
    for (let count = 0; count < 8; count++) machine.start(work(DURATION_MS * 1000));
    const pair = startPair(machine, BUDGETED);
    // The bars that the bad time left behind last for a second at most.
    machine.run(8 * DURATION_MS + 1000);
    const { sleeps } = machine;
    const { requests } = pair;
    expect(sleeps).toBeGreaterThan(0);
    machine.run(DURATION_MS);
    expect(machine.sleeps).toBe(sleeps);
    expect(pair.requests - requests).toBeGreaterThan(0.9 * requestsOf({ pairs: 1 }, SPINNING));
  });
});

describe('where polling is in the way it costs little', () => {
  test.each<[string, Scene]>([
    ['two threads on the same core', { pairs: 1, pinnedTo: 0 }],
    ['two threads beside a busy one', { pairs: 1, busy: 1 }],
    ['two threads beside eight busy ones', { pairs: 1, busy: 8 }],
    ['two threads on the same core, beside eight busy ones', { pairs: 1, pinnedTo: 0, busy: 8 }],
    ['four threads', { pairs: 2 }],
    ['six threads', { pairs: 3 }],
  ])('%s', (_, scene) => {
    const blocking = requestsOf(scene, BLOCKING);
    expect(requestsOf(scene, BUDGETED)).toBeGreaterThan(0.75 * blocking);
    expect(requestsOf(scene, SPINNING)).toBeLessThan(0.75 * blocking);
  });
});

describe('by the clock', () => {
  let nowMs = 0;
  const budgetOf = (microseconds: number) => new PollBudget(microseconds, () => nowMs);

  test.each([150, 1000, 20_000])('waits of %i us are hardly polled for', (pauseUs) => {
    const budget = budgetOf(BUDGETED);
    const startedMs = nowMs;
    let rounds = 0;
    while (nowMs < startedMs + 10_000) {
      const polls = budget.begin();
      const restMs = pauseUs / 1000 - BUDGETED / 1000;
      nowMs += BUDGETED / 1000;
      if (polls) budget.end(false);
      if (polls) rounds++;
      nowMs += restMs;
    }
    expect(rounds).toBeGreaterThan(0);
    expect((rounds * BUDGETED) / 1000 / 10_000).toBeLessThan(0.02);
  });

  test('a round lasts as long as the budget says', () => {
    const budget = budgetOf(BUDGETED);
    expect(budget.begin()).toBe(true);
    nowMs += 0.09;
    expect(budget.isOver()).toBe(false);
    nowMs += 0.02;
    expect(budget.isOver()).toBe(true);
  });

  test('a round that was interrupted for an hour bars polling for a second', () => {
    const budget = budgetOf(BUDGETED);
    expect(budget.begin()).toBe(true);
    nowMs += 3_600_000;
    budget.end(true);
    expect(budget.begin()).toBe(false);
    nowMs += 990;
    expect(budget.begin()).toBe(false);
    nowMs += 20;
    expect(budget.begin()).toBe(true);
  });

  test.each([
    ['0', false],
    ['20', true],
  ])('DAFS_POLL_MICROSECONDS=%s bounds all budgets of a process', async (limit, mayPoll) => {
    const module = new URL('../../../nic/poll-budget.ts', import.meta.url).href;
    const program = `import { PollBudget } from '${module}';
      let nowMs = 0;
      const budget = new PollBudget(50, () => nowMs);
      const begun = budget.begin();
      nowMs = 0.021;
      console.log(begun, budget.isOver());`;
    const environment = { ...process.env, DAFS_POLL_MICROSECONDS: limit };
    const args = ['--input-type=module', '--eval', program];
    expect(await succeed(process.execPath, args, { environment })).toBe(`${mayPoll} true\n`);
  });

  test('a budget of 0 is no polling at all', () => {
    const budget = budgetOf(0);
    expect(budget.begin()).toBe(false);
    nowMs += 1000;
    expect(budget.begin()).toBe(false);
  });
});
