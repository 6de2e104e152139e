import { expect, it } from 'vitest';
import { SegmentBudget } from '../../../nic/segment-budget.ts';

const takeAll = (budget: SegmentBudget, pid: number): number => {
  let taken = 0;
  while (budget.take(pid)) taken++;
  return taken;
};

it('lets no process have all of it, and none more than there is', () => {
  const budget = new SegmentBudget();
  const ofOne = takeAll(budget, 1);
  const counts = [ofOne, ...[2, 3, 4, 5, 6, 7].map((pid) => takeAll(budget, pid))];
  // vm.max_map_count is 65,530, and the process has other uses for its mappings.
  const all = counts.reduce((sum, count) => sum + count);
  expect(all).toBeLessThan(50_000);
  expect(ofOne).toBeLessThan(all / 4);
  for (let count = 0; count < ofOne; count++) budget.give(1);
  expect(budget.take(8)).toBe(true);
  budget.give(8);
  expect(takeAll(budget, 1)).toBe(ofOne);
});
