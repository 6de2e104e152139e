import { describe, expect, it } from 'vitest';
import { describeStep, planOf, type Step, tables } from '../../benchmark/guest/plan.ts';
import { rowsOf } from '../../benchmark/guest/rows.ts';

const measuring = (steps: readonly Step[]) => steps.filter(({ job }) => job !== undefined);

describe('what the guest does', () => {
  const plan = planOf({ rounds: 2, rows: '' });

  it('opens each place of each table once, before its jobs', () => {
    const openings = plan.filter(({ job }) => job === undefined);
    expect(openings.map(({ table, place }) => [table.name, place])).toEqual(
      tables.flatMap(({ name, places }) => places.map((place) => [name, place])),
    );
    expect(plan[0]?.job).toBeUndefined();
  });

  it('does every job in every round that counts, and each place has rounds for warming', () => {
    for (const table of tables) {
      for (const place of table.places) {
        const steps = measuring(plan).filter(
          (step) => step.table === table && step.place === place,
        );
        for (const round of [0, 1, 2]) {
          const names = steps.filter((step) => step.round === round).map(({ job }) => job?.name);
          expect(names).toEqual(table.jobs.map(({ name }) => name));
        }
      }
    }
  });

  it('leaves out what is not wanted, and places of which nothing is', () => {
    const tablesOf = (rows: string) =>
      new Set(planOf({ rounds: 1, rows }).map(({ table }) => table.name));
    expect([...tablesOf('ext4')]).toEqual(['guest, ext4, async', 'guest, ext4, sync']);
    const chosen = planOf({ rounds: 1, rows: '^stat' });
    expect(new Set(measuring(chosen).map(({ job }) => job?.name))).toEqual(new Set(['stat cold']));
    expect(new Set(chosen.map(({ table }) => table.name))).toEqual(new Set(['guest, memory']));
  });

  it('says of each step what it is', () => {
    const [opening, warming] = plan as [Step, Step];
    expect(describeStep(opening)).toBe('guest, memory: dafs');
    expect(describeStep(warming)).toBe('guest, memory: dafs, warming, write 1 MiB');
    expect(describeStep({ ...warming, round: 2 })).toContain('round 2');
  });
});

describe('what the guest has measured', () => {
  const plan = planOf({ rounds: 3, rows: 'QD1$|^write' });
  /** This project does 30, 31 and 32 in its rounds, everybody else 10; warming brings nonsense. */
  const figures = measuring(plan).map((step) => {
    const figure = step.place === 'dafs' ? 29 + step.round : 10;
    return { step, figure: step.round > 0 ? figure : 1e9 };
  });
  const rows = rowsOf(tables, figures);

  it('becomes medians of the rounds that count, and ratios', () => {
    const row = rows.find(({ name }) => name === '4 KiB random read QD1');
    expect(row).toMatchObject({ section: 'guest, memory', value: 31, samples: [30, 31, 32] });
    expect(row?.comparisons?.map((one) => one.with)).toEqual(tables[0]?.places.slice(1));
    expect(row?.comparisons?.map(({ ratio }) => ratio)).toEqual([3.1, 3.1, 3.1, 3.1]);
  });

  it('is judged beside NFS over TCP, in memory alone', () => {
    const bound = rows.flatMap(({ section, comparisons = [] }) =>
      comparisons.filter(({ target }) => target !== undefined).map((one) => [section, one.with]),
    );
    expect(bound).toEqual([
      ['guest, memory', 'nfs tcp'],
      ['guest, memory', 'nfs tcp'],
    ]);
  });

  it('has no row of a job that was not done', () => {
    expect(rows.map(({ section, name }) => [section, name])).toEqual([
      ['guest, memory', 'write 1 MiB'],
      ['guest, memory', '4 KiB random read QD1'],
      ['guest, ext4, async', 'write 1 MiB'],
      ['guest, ext4, sync', 'write 1 MiB'],
    ]);
  });
});
