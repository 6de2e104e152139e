import { expect, test } from 'vitest';
import { PollBudget } from '../../../mount/drivers/kernel/poll-budget.ts';

const { PREEMPTED, SHORTEST_ABSTENTION, SMALLEST } = PollBudget;

test('polling in vain makes it shorter, down to a glance', () => {
  const budget = new PollBudget(50);
  expect(budget.microseconds).toBe(50);
  budget.miss(50);
  expect(budget.microseconds).toBe(25);
  for (let round = 0; round < 10; round++) budget.miss(10);
  expect(budget.microseconds).toBe(SMALLEST);
});

test('polling that brings something makes it longer, up to its limit', () => {
  const budget = new PollBudget(50);
  for (let round = 0; round < 10; round++) budget.miss(10);
  budget.hit(3);
  expect(budget.microseconds).toBe(2 * SMALLEST);
  for (let round = 0; round < 10; round++) budget.hit(3);
  expect(budget.microseconds).toBe(50);
});

test('a request that came soon after the worker slept makes it longer, a late one does not', () => {
  const budget = new PollBudget(50);
  for (let round = 0; round < 10; round++) budget.miss(10);
  budget.woke(1_000);
  expect(budget.microseconds).toBe(SMALLEST);
  budget.woke(20);
  expect(budget.microseconds).toBe(2 * SMALLEST);
});

function sleepsUntilItPolls(budget: PollBudget): number {
  let sleeps = 0;
  while (budget.microseconds === 0) {
    budget.woke(20);
    sleeps++;
  }
  return sleeps;
}

test('who is put aside while polling abstains, longer each time', () => {
  const budget = new PollBudget(50);
  budget.miss(PREEMPTED + 1);
  expect(sleepsUntilItPolls(budget)).toBe(SHORTEST_ABSTENTION);
  budget.hit(PREEMPTED + 1);
  expect(sleepsUntilItPolls(budget)).toBe(2 * SHORTEST_ABSTENTION);
  for (let round = 0; round < 20; round++) budget.miss(PREEMPTED + 1);
  expect(sleepsUntilItPolls(budget)).toBe(PollBudget.LONGEST_ABSTENTION);
});

test('quiet times are forgotten again', () => {
  const budget = new PollBudget(50);
  for (let round = 0; round < 3; round++) budget.miss(PREEMPTED + 1);
  sleepsUntilItPolls(budget);
  for (let round = 0; round < 10_000; round++) budget.hit(3);
  budget.miss(PREEMPTED + 1);
  expect(sleepsUntilItPolls(budget)).toBe(SHORTEST_ABSTENTION);
});

test('a limit of 0 is no polling at all', () => {
  const budget = new PollBudget(0);
  budget.hit(1);
  budget.woke(1);
  budget.miss(1);
  expect(budget.microseconds).toBe(0);
});
