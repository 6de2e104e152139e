/** `dafs bench`, from the command line to its figures; all of it tiny. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { BenchResult } from '../../../mount/bench/result.ts';
import { firstObstacle, mountObstacle, programObstacle } from '../../support/machine.ts';
import { Workspace } from '../../support/workspace.ts';

const LIMIT_MS = 150_000;
const workspace = Workspace.create();
// On tmpfs: a disk may be busy with what other tests sync.
const memory = mkdtempSync('/dev/shm/dafs-bench-test-');
afterAll(async () => {
  await workspace.dispose();
  rmSync(memory, { recursive: true, force: true });
});

const tiny = ['bench', '--seconds', '0.02', '--rounds', '1'];

describe.skipIf(firstObstacle(mountObstacle(), programObstacle(['fio', 'tar', 'umount'])))(
  'dafs bench',
  () => {
    const json = workspace.path('run.json');

    it(
      'measures a fresh mount and a directory, and leaves nothing behind',
      async () => {
        const page = workspace.path('report.html');
        const outputs = ['--json', json, '--html', page];
        const args = ['--jobs', 'sync,tree', ...outputs];
        const { status, stdout, stderr } = await workspace.dafs([...tiny, ...args], {
          limitMs: LIMIT_MS,
        });
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        expect(stdout).toMatch(/tar x of a tree +k\/s/);
        const { targets, measurements, setUp } = JSON.parse(
          readFileSync(json, 'utf8'),
        ) as BenchResult;
        expect(targets.map(({ kind }) => kind)).toEqual(['dafs', 'directory']);
        expect(setUp['Reads and writes by']).toMatch(/^fio-/);
        expect(measurements).toHaveLength(3 * 2);
        for (const { job, target, samples } of measurements) {
          expect(samples, `${job}: ${target}`).toHaveLength(1);
          expect(samples[0]?.value, `${job}: ${target}`).toBeGreaterThan(0);
        }
        const mount = measurements.find(({ target }) => target === 'dafs');
        expect(Object.keys(mount?.samples[0]?.processor.servers ?? {})).toEqual([
          'mount',
          'server',
        ]);
        expect(readFileSync(page, 'utf8')).toMatch(/<svg class="chart"[\s\S]*tar x of a tree/);
        const left = readFileSync('/proc/self/mountinfo', 'utf8');
        expect(left).not.toContain(targets[0]?.description.split(' of ')[1]);
      },
      LIMIT_MS,
    );

    it(
      'measures the mount that it is given instead of one of its own, and tells what has changed',
      async () => {
        const { directory } = await workspace.startMount({
          source: join(memory, 'given.sqlite'),
          driver: 'kernel',
        });
        const args = ['--jobs', 'tree', '--compare', json, directory];
        const { status, stdout, stderr } = await workspace.dafs([...tiny, ...args], {
          limitMs: LIMIT_MS,
        });
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        expect(stdout).toContain('given.sqlite');
        expect(stdout).toMatch(/Compared with the run of 20\d\d-.*: 0 of 0 figures have changed/);
        expect(readdirSync(directory)).toEqual([]);
      },
      LIMIT_MS,
    );
  },
);

describe('dafs bench refuses, before anything is started,', () => {
  const empty = workspace.makeDirectory('empty');
  const file = workspace.path('no-run.json');
  writeFileSync(file, '[]');

  it.each([
    ['an empty directory on which nothing is mounted', [empty], /nothing is mounted on it/],
    ['a directory that is not there', [`${empty}/missing`], /no such directory/],
    ['the same directory twice', [`local:${empty}`, `local:${empty}/`], /given twice/],
    ['jobs that it does not know', ['--jobs', 'metadat'], /metadata perhaps/],
    ['no time at all', ['--seconds', '0'], /a number above 0/],
    [
      'figures that cannot be written',
      ['--json', `${empty}/missing/run.json`],
      /cannot be written/,
    ],
    ['to compare with what is no run', ['--compare', file], /is no run/],
  ])('%s', async (_what, args, message) => {
    const { status, stdout, stderr } = await workspace.dafs(['bench', ...args]);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
