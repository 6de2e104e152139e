import { describe, expect, test } from 'vitest';
import { PollBudget } from '../../../nic/poll-budget.ts';

describe('poll budget', () => {
  test('falls to nothing while waits last long, and comes back when they are short', () => {
    const budget = new PollBudget();
    expect(budget.currentMs).toBeCloseTo(0.1);
    for (let count = 0; count < 10; count++) budget.slept(5);
    expect(budget.currentMs).toBe(0);
    budget.slept(0.05);
    expect(budget.currentMs).toBeCloseTo(0.01);
    for (let count = 0; count < 10; count++) budget.slept(0.05);
    expect(budget.currentMs).toBeCloseTo(0.1);
  });

  test('stays within its bounds', () => {
    const options = { minimumMicroseconds: 20, maximumMicroseconds: 40 };
    const budget = new PollBudget(options);
    for (let count = 0; count < 10; count++) budget.slept(5);
    expect(budget.currentMs).toBeCloseTo(0.02);
    for (let count = 0; count < 10; count++) budget.slept(0.001);
    expect(budget.currentMs).toBeCloseTo(0.04);
    expect(new PollBudget({ maximumMicroseconds: 0 }).currentMs).toBe(0);
  });
});
