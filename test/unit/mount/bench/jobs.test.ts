import { describe, expect, it } from 'vitest';
import { builtInGenerator } from '../../../../mount/bench/generator.ts';
import { groupNames, jobsOf, parseGroups } from '../../../../mount/bench/jobs.ts';
import type { Place } from '../../../../mount/bench/place.ts';

const context = {
  generator: builtInGenerator,
  fileBytes: 8 << 20,
  files: 100,
  treeFiles: 100,
  scratch: '/nowhere',
};
const jobs = jobsOf(groupNames, context);
const named = (name: string) => jobs.find((job) => job.name === name);

const directory = (isDirect: boolean): Place => ({
  target: { name: 'x', kind: 'directory', description: '', mountOptions: '', processorTime: '' },
  servers: {},
  library: undefined,
  files: {
    checked: {
      path: '/x',
      mount: { directory: '/', fileSystemType: 'x', device: '0:1', source: 'x', options: [] },
    },
    directory: '/x/work',
    file: '/x/work/file',
    isDirect,
  },
});
const library: Place = {
  ...directory(true),
  files: undefined,
  library: { serverName: 'x', depth: 8, isOrdma: false },
};

describe('the jobs', () => {
  it('have names of their own, of which results are found again', () => {
    expect(new Set(jobs.map(({ name }) => name)).size).toBe(jobs.length);
  });

  it('are 4 KiB random, 128 KiB and 1 MiB, direct, cold and warm, reads and writes', () => {
    for (const name of [
      '4 KiB random read, O_DIRECT',
      '4 KiB random read, 4 × 16, buffered, cold',
      '4 KiB random write, 4 × 16, O_DIRECT',
      '128 KiB read, buffered, warm',
      '1 MiB write, buffered',
      '4 KiB random write, each fsynced',
      'tar x of a tree',
    ]) {
      expect(named(name), name).toBeDefined();
    }
  });

  it('read in all sizes from 4 KiB to 1 MiB', () => {
    const sizes = jobsOf(['sizes'], context).map(({ blockBytes }) => blockBytes);
    expect(sizes).toEqual([4, 8, 16, 32, 64, 128, 256, 512, 1024].map((size) => size * 1024));
  });

  it('say how cold they are: fio forgets a file at each pass, others at most at the beginning', () => {
    const coldWith = (forgets: boolean) => {
      const generator = { ...builtInGenerator, forgets };
      const all = jobsOf(['sequential'], { ...context, generator });
      return all.find(({ name }) => name === '1 MiB read, buffered, cold')?.condition;
    };
    expect(coldWith(true)).toMatch(/nothing of the file is cached at the beginning of each pass/);
    expect(coldWith(false)).toMatch(/cached at the beginning$|not really cold/);
  });

  it('leave out O_DIRECT where a file system has none', () => {
    const direct = named('1 MiB read, O_DIRECT');
    expect(direct?.obstacle(directory(true))).toBeUndefined();
    expect(direct?.obstacle(directory(false))).toContain('O_DIRECT');
    expect(named('1 MiB read, buffered, cold')?.obstacle(directory(false))).toBeUndefined();
  });

  it('ask of the library only reads by block size', () => {
    const possible = jobs.filter((job) => job.obstacle(library) === undefined);
    expect(new Set(possible.map(({ group }) => group))).toEqual(new Set(['sizes']));
  });
});

describe('--jobs', () => {
  it('names groups, in any order', () => {
    expect(parseGroups('tree, random')).toEqual(['random', 'tree']);
    expect(parseGroups(undefined)).toEqual(groupNames);
  });

  it('refuses what it does not know, and says what is near', () => {
    expect(() => parseGroups('randon')).toThrow(/"randon"; random perhaps/);
    expect(() => parseGroups('')).toThrow(/there are random/);
  });
});
