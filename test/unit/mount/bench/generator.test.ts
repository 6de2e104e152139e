import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { fioWork } from '../../../../mount/bench/fio.ts';
import {
  builtInGenerator,
  chooseGenerator,
  type Generator,
} from '../../../../mount/bench/generator.ts';
import { type FileWork, PERCENTILES, percentilesOf } from '../../../../mount/bench/work.ts';
import { firstObstacle, programObstacle } from '../../../support/machine.ts';
import { Workspace } from '../../../support/workspace.ts';

const FILE_BYTES = 1 << 20;
const workspace = Workspace.create();
const file = workspace.path('data');
writeFileSync(file, Buffer.alloc(FILE_BYTES));
afterAll(() => workspace.dispose());

const work: FileWork = {
  file,
  fileBytes: FILE_BYTES,
  // No whole number of milliseconds.
  seconds: 0.1005,
  direction: 'read',
  isRandom: true,
  blockBytes: 4096,
  jobs: 1,
  depth: 1,
  cache: 'warm',
  sync: 'never',
};

const fio: Generator = { name: 'fio', forgets: true, run: fioWork };
const generators: readonly (readonly [Generator, string | undefined])[] = [
  [builtInGenerator, undefined],
  [fio, firstObstacle(programObstacle(['fio']))],
];

for (const [generator, obstacle] of generators) {
  describe.skipIf(obstacle !== undefined)(`the generator ${generator.name}`, () => {
    it('tells of what it has read, how long that took and in whose time', async () => {
      const done = await generator.run(work, {});
      expect(done.operations).toBeGreaterThan(0);
      expect(done.bytes).toBe(done.operations * work.blockBytes);
      expect(done.seconds).toBeGreaterThan(0.05);
      expect(done.callerSeconds ?? done.processor?.caller).toBeGreaterThanOrEqual(0);
      expect(
        Object.keys(done.latency ?? {})
          .map(Number)
          .toSorted((a, b) => a - b),
      ).toEqual(PERCENTILES);
    });

    it('writes, many at once, and syncs', async () => {
      const parallel = { jobs: 2, depth: 4, direction: 'write', sync: 'end' } as const;
      const done = await generator.run({ ...work, ...parallel }, {});
      expect(done.bytes).toBeGreaterThan(0);
      const synced = await generator.run({ ...work, direction: 'write', sync: 'each' }, {});
      expect(synced.operations).toBeGreaterThan(0);
    });

    it('says what it could not do', async () => {
      const noFile = { ...work, file: workspace.directory };
      await expect(generator.run(noFile, {})).rejects.toThrow(/is a directory|EISDIR/i);
    });
  });
}

describe('the choice of a generator', () => {
  it('falls on the one that is built in where there is no fio', async () => {
    const { PATH } = process.env;
    process.env.PATH = workspace.makeDirectory('no-programs');
    try {
      expect(await chooseGenerator()).toBe(builtInGenerator);
    } finally {
      process.env.PATH = PATH;
    }
  });
});

describe('percentiles', () => {
  it('are what so many of a hundred operations took at most', () => {
    const times = Float64Array.from({ length: 1000 }, (_, index) => 1000 - index);
    const found = percentilesOf(times);
    expect(found['50']).toBe(500);
    expect(found['99.9']).toBe(999);
    expect(found['1']).toBe(10);
  });
});
