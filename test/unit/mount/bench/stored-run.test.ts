import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { changesSince, readResult, writeResult } from '../../../../mount/bench/stored-run.ts';
import { formatChanges, formatResult } from '../../../../mount/bench/text-report.ts';
import { Workspace } from '../../../support/workspace.ts';
import { exampleResult } from './example-result.ts';

const workspace = Workspace.create();
afterAll(() => workspace.dispose());

describe('a stored run', () => {
  const path = workspace.path('run.json');
  const before = exampleResult();
  writeResult(path, before);

  it('is read as it was written', () => {
    expect(readResult(path)).toEqual(before);
  });

  it('is not taken for one when it is something else', () => {
    const other = workspace.path('other.json');
    writeFileSync(other, '{"format":"something"}');
    expect(() => readResult(other)).toThrow(/no run that dafs bench/);
    expect(() => readResult(workspace.path('missing.json'))).toThrow(/cannot read the run/);
  });

  it('has not changed from itself', () => {
    const changes = changesSince(before, readResult(path));
    expect(changes).toHaveLength(before.measurements.length);
    expect(changes.every(({ comparison }) => comparison.winner === 'even')).toBe(true);
  });

  it('shows what has become faster, beyond what rounds differ', () => {
    const changes = changesSince(exampleResult(2), before);
    expect(changes.every(({ comparison }) => comparison.winner === 'own')).toBe(true);
    expect(changes[0]?.comparison.ratio).toBeCloseTo(2);
    expect(formatChanges(exampleResult(2), before)).toMatch(/stat, cold +dafs .* 2\.00 × +faster/);
  });
});

describe('a run in the terminal', () => {
  it('has a line for each job with every target, its ratio and the winner', () => {
    const text = formatResult(exampleResult());
    expect(text).toMatch(/stat, cold +k\/s +\S+ ± 5 % +\S+ ± 5 % +2\.67 × +dafs/);
    expect(text).toMatch(/reads of 1 MiB .* 0\.667 × +library/);
    expect(text).toContain('fio-3.33');
    // Two seconds of the machine for a thousand times the value, each part at its median.
    expect(text).toMatch(
      /Processor seconds for a thousand operations\n.*\n +4 KiB random read.*\(caller 0\.\d+, mount 0\.\d+, server/,
    );
  });
});
