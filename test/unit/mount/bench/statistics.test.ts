import { describe, expect, it } from 'vitest';
import type { BenchResult, Sample } from '../../../../mount/bench/result.ts';
import {
  compare,
  figureAt,
  figureOf,
  geometricMean,
  latencyOf,
  median,
  processorOf,
  spreadOf,
} from '../../../../mount/bench/statistics.ts';
import { exampleResult } from './example-result.ts';

const sample = (value: Partial<Sample>): Sample => ({
  value: 1,
  operations: 1000,
  bytes: 2 ** 30,
  seconds: 1,
  processor: { caller: 0.1, machine: 0.5, servers: { mount: 0.2 } },
  ...value,
});

describe('figures of several rounds', () => {
  it('are the median, with the lowest and the highest', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(figureOf([3, 1, 2])).toEqual({ median: 2, low: 1, high: 3 });
  });

  it('lie from the median as far as the farthest does', () => {
    expect(spreadOf({ median: 10, low: 9, high: 12 })).toBeCloseTo(0.2);
    expect(spreadOf({ median: 0, low: 0, high: 0 })).toBe(0);
  });
});

describe('a comparison', () => {
  const [slow, fast, between] = [
    figureOf([9, 10, 11]),
    figureOf([18, 20, 22]),
    figureOf([8, 15, 19]),
  ];

  it('has a winner when all rounds of one beat all of the other', () => {
    expect(compare(fast, slow)).toMatchObject({ ratio: 2, winner: 'own' });
    expect(compare(slow, fast)).toMatchObject({ ratio: 0.5, winner: 'other' });
  });

  it('has none when rounds lie among those of the other', () => {
    expect(compare(between, slow).winner).toBe('even');
    expect(compare(between, fast).winner).toBe('even');
  });

  it('of twice and half as fast is even, taken together', () => {
    expect(geometricMean([2, 0.5])).toBeCloseTo(1);
    expect(geometricMean([8, 2])).toBeCloseTo(4);
  });
});

describe('processor time', () => {
  it('is set against the bytes and the operations of each sample', () => {
    const samples = [
      sample({}),
      sample({ bytes: 2 ** 31, operations: 500 }),
      sample({ bytes: 2 ** 29, operations: 2000 }),
    ];
    expect(processorOf(samples, 's/GiB')).toEqual({
      machine: { median: 0.5, low: 0.25, high: 1 },
      caller: 0.1,
      servers: { mount: 0.2 },
    });
    expect(processorOf(samples, 's/1,000 operations')?.machine).toEqual({
      median: 0.5,
      low: 0.25,
      high: 1,
    });
  });

  it('is not set against bytes where only files count', () => {
    expect(processorOf([sample({ bytes: 0 })], 's/GiB')).toBeUndefined();
  });
});

describe('a result', () => {
  const result: BenchResult = exampleResult();

  it('tells the figure of a job at a target, and nothing of what was not measured', () => {
    expect(figureAt(result, 'stat, cold', 'dafs')?.median).toBeGreaterThan(0);
    expect(figureAt(result, 'stat, cold', 'library')).toBeUndefined();
  });

  it('tells the medians of latencies by percentile, in ascending order', () => {
    const latency = latencyOf(result, '4 KiB random read, O_DIRECT', 'dafs');
    expect(latency.map(({ percentile }) => percentile)).toContain(99.9);
    const times = latency.map(({ nanoseconds }) => nanoseconds);
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(latencyOf(result, 'stat, cold', 'dafs')).toEqual([]);
  });
});
