import { describe, expect, it } from 'vitest';
import { formatMarkdown } from '../../benchmark/support/markdown.ts';
import type { BenchmarkRow } from '../../benchmark/support/row.ts';

const row = (name: string, others: Readonly<Record<string, number>>): BenchmarkRow => ({
  section: 'guest',
  name,
  value: 30,
  unit: 'k/s',
  comparisons: Object.entries(others).map(([other, value]) => ({
    with: other,
    value,
    ratio: 30 / value,
    ...(other === 'nfs' && { target: { atLeast: 2.5 } }),
  })),
});

describe('tables for the documentation', () => {
  it('give each place a column, with its figure, the ratio to it and whether that is enough', () => {
    const text = formatMarkdown([row('read', { nfs: 10, local: 300 })]);
    expect(text.split('\n')).toEqual([
      '|  | guest | nfs | local |',
      '| --- | --- | --- | --- |',
      '| read | 30.0 k/s | 10.0, **3.00 ×** (≥ 2.5 ok) | 300, **0.100 ×** |',
      '',
    ]);
  });

  it('say where a target is missed, and leave a cell empty where nothing was measured', () => {
    const text = formatMarkdown([
      row('read', { nfs: 20, local: 300 }),
      row('unlink', { local: 60 }),
    ]);
    const [read, unlink] = text.split('\n').slice(2);
    expect(read).toContain('**1.50 ×** (≥ 2.5 BELOW)');
    expect(unlink).toBe('| unlink | 30.0 k/s |  | 60.0, **0.500 ×** |');
  });

  it('are one for each section', () => {
    const text = formatMarkdown([row('read', {}), { ...row('read', {}), section: 'other' }]);
    expect(text).toContain('|  | guest |\n');
    expect(text).toContain('|  | other |\n');
  });
});
