/** Which of the three times each call moves, of the file and of the directories concerned. */
import assert from 'node:assert/strict';
import { C } from '../../support/libc.ts';
import { type CaseBody, defineCases, O } from '../case.ts';
import {
  bytesOf,
  fails,
  hasStatus,
  isNow,
  letClockPass,
  pattern,
  put,
  SECOND,
  withOpen,
} from '../expect.ts';
import type { FileStatus, Path, Target } from '../target.ts';

/** The times that moved, as letters: `a`, `m`, `c`. */
function moved(before: FileStatus, after: FileStatus): string {
  const times = [
    ['a', 'atime'],
    ['m', 'mtime'],
    ['c', 'ctime'],
  ] as const;
  return times
    .filter(([, time]) => before[time] !== after[time])
    .map(([letter]) => letter)
    .join('');
}

interface Row {
  /** What there is besides the directory `d`, the file `d/a` and the directory `e`. */
  readonly before?: (t: Target) => void;
  readonly step: (t: Target) => void;
  /** What moves, by where the object is after the step. */
  readonly moves: Readonly<Record<string, string>>;
  /** Where it was before, if elsewhere. */
  readonly from?: Readonly<Record<string, string>>;
}

const using = (flags: number, body: (t: Target, fd: number) => void) => (t: Target) =>
  withOpen(t, 'd/a', flags, (fd) => body(t, fd));

const PUNCH = C.FALLOC_FL_PUNCH_HOLE | C.FALLOC_FL_KEEP_SIZE;

const rows: Readonly<Record<string, Row>> = {
  'creating a file': {
    step: (t) => t.close(t.open('d/b', O.WRONLY | O.CREAT | O.EXCL, 0o644)),
    moves: { d: 'mc', 'd/a': '' },
  },
  'opening a file with O_CREAT that exists': {
    step: (t) => t.close(t.open('d/a', O.WRONLY | O.CREAT, 0o644)),
    moves: { d: '', 'd/a': '' },
  },
  'truncating a file by open': {
    step: (t) => t.close(t.open('d/a', O.WRONLY | O.TRUNC)),
    moves: { d: '', 'd/a': 'mc' },
  },
  'truncating an empty file by open': {
    before: (t) => t.truncate('d/a', 0),
    step: (t) => t.close(t.open('d/a', O.WRONLY | O.TRUNC)),
    moves: { d: '', 'd/a': 'mc' },
  },
  'truncating to another size': {
    step: (t) => t.truncate('d/a', 10),
    moves: { d: '', 'd/a': 'mc' },
  },
  'truncating to a larger size': {
    step: (t) => t.truncate('d/a', 100_000),
    moves: { d: '', 'd/a': 'mc' },
  },
  'truncating to the same size': {
    step: (t) => t.truncate('d/a', 5000),
    moves: { d: '', 'd/a': 'mc' },
  },
  'truncating a descriptor to the same size': {
    step: using(O.WRONLY, (t, fd) => t.truncateOpen(fd, 5000)),
    moves: { d: '', 'd/a': 'mc' },
  },
  writing: {
    step: using(O.WRONLY, (t, fd) => t.write(fd, bytesOf('x'))),
    moves: { d: '', 'd/a': 'mc' },
  },
  'writing nothing': {
    step: using(O.WRONLY, (t, fd) => t.write(fd, new Uint8Array(0))),
    moves: { d: '', 'd/a': '' },
  },
  'allocating inside of the file': {
    step: using(O.WRONLY, (t, fd) => t.allocate(fd, 0, 0, 1000)),
    moves: { d: '', 'd/a': 'mc' },
  },
  'allocating beyond the end': {
    step: using(O.WRONLY, (t, fd) => t.allocate(fd, 0, 0, 1_000_000)),
    moves: { d: '', 'd/a': 'mc' },
  },
  'allocating and keeping the size': {
    step: using(O.WRONLY, (t, fd) => t.allocate(fd, C.FALLOC_FL_KEEP_SIZE, 0, 1_000_000)),
    moves: { d: '', 'd/a': 'mc' },
  },
  'punching a hole': {
    step: using(O.WRONLY, (t, fd) => t.allocate(fd, PUNCH, 0, 4096)),
    moves: { d: '', 'd/a': 'mc' },
  },
  'copying to a file': {
    before: (t) => put(t, 'e/b', 'abc'),
    step: (t) =>
      withOpen(t, 'e/b', O.RDONLY, (source) =>
        withOpen(t, 'd/a', O.WRONLY, (target) => t.copyRange(source, 0, target, 0, 3)),
      ),
    moves: { d: '', 'd/a': 'mc' },
  },
  synchronising: {
    step: using(O.WRONLY, (t, fd) => t.sync(fd)),
    moves: { d: '', 'd/a': '' },
  },
  'changing the mode': {
    step: (t) => t.chmod('d/a', 0o600),
    moves: { d: '', 'd/a': 'c' },
  },
  'changing the mode to what it is': {
    step: (t) => t.chmod('d/a', 0o644),
    moves: { d: '', 'd/a': 'c' },
  },
  'changing the owner to nobody else': {
    step: (t) => t.chown('d/a', -1, -1),
    moves: { d: '', 'd/a': 'c' },
  },
  'setting both times': {
    step: (t) => t.setTimes('d/a', SECOND, SECOND),
    moves: { d: '', 'd/a': 'amc' },
  },
  'setting the access time alone': {
    step: (t) => t.setTimes('d/a', SECOND, 'omit'),
    moves: { d: '', 'd/a': 'ac' },
  },
  'setting the modification time alone': {
    step: (t) => t.setTimes('d/a', 'omit', SECOND),
    moves: { d: '', 'd/a': 'mc' },
  },
  'setting neither time': {
    step: (t) => t.setTimes('d/a', 'omit', 'omit'),
    moves: { d: '', 'd/a': '' },
  },
  'linking into another directory': {
    step: (t) => t.link('d/a', 'e/b'),
    moves: { d: '', e: 'mc', 'd/a': 'c' },
  },
  'linking to an existing name in vain': {
    before: (t) => put(t, 'e/b'),
    step: (t) => fails('EEXIST', () => t.link('d/a', 'e/b')),
    moves: { d: '', e: '', 'd/a': '', 'e/b': '' },
  },
  'removing one of two names': {
    before: (t) => t.link('d/a', 'e/b'),
    step: (t) => t.unlink('d/a'),
    moves: { d: 'mc', e: '', 'e/b': 'c' },
  },
  'removing a missing name': {
    step: (t) => fails('ENOENT', () => t.unlink('d/missing')),
    moves: { d: '' },
  },
  'making a directory': {
    step: (t) => t.mkdir('d/f'),
    moves: { d: 'mc' },
  },
  'making a directory two levels down': {
    before: (t) => t.mkdir('d/f'),
    step: (t) => t.mkdir('d/f/g'),
    moves: { d: '', 'd/f': 'mc' },
  },
  'removing a directory': {
    before: (t) => t.mkdir('d/f'),
    step: (t) => t.rmdir('d/f'),
    moves: { d: 'mc' },
  },
  'making a symbolic link': {
    step: (t) => t.symlink('a', 'd/link'),
    moves: { d: 'mc', 'd/a': '' },
  },
  'making a FIFO': {
    step: (t) => t.makeNode('d/fifo', 'fifo', 0o600),
    moves: { d: 'mc' },
  },
  'renaming within a directory': {
    step: (t) => t.rename('d/a', 'd/b'),
    moves: { d: 'mc', 'd/b': 'c' },
    from: { 'd/b': 'd/a' },
  },
  'renaming into another directory': {
    step: (t) => t.rename('d/a', 'e/a'),
    moves: { d: 'mc', e: 'mc', 'e/a': 'c' },
    from: { 'e/a': 'd/a' },
  },
  'renaming over a file that has another name': {
    before: (t) => {
      put(t, 'e/b', 'b');
      t.link('e/b', 'other');
    },
    step: (t) => t.rename('d/a', 'e/b'),
    moves: { d: 'mc', e: 'mc', 'e/b': 'c', other: 'c' },
    from: { 'e/b': 'd/a' },
  },
  'renaming a directory into another one': {
    before: (t) => t.mkdir('d/f'),
    step: (t) => t.rename('d/f', 'e/f'),
    moves: { d: 'mc', e: 'mc', 'e/f': 'c' },
    from: { 'e/f': 'd/f' },
  },
  'renaming onto itself': {
    step: (t) => t.rename('d/a', 'd/a'),
    moves: { d: '', 'd/a': '' },
  },
  'renaming onto another name of the same file': {
    before: (t) => t.link('d/a', 'd/b'),
    step: (t) => t.rename('d/a', 'd/b'),
    moves: { d: '', 'd/a': '', 'd/b': '' },
  },
  'looking at a file': {
    step: (t) => {
      t.stat('d/a');
      t.access('d/a', 4);
      t.statistics('d');
    },
    moves: { d: '', 'd/a': '' },
  },
  'opening and closing for reading': {
    step: using(O.RDONLY, () => {}),
    moves: { d: '', 'd/a': '' },
  },
  'reading what was read since it changed': {
    step: using(O.RDONLY, (t, fd) => t.read(fd, 10)),
    moves: { d: '', 'd/a': '' },
  },
  'listing what was listed since it changed': {
    step: (t) =>
      withOpen(t, 'd', O.RDONLY | O.DIRECTORY, (fd) => {
        t.readEntries(fd);
      }),
    moves: { d: '', 'd/a': '' },
  },
};

/** Makes the access time newer than the others: a read then moves it no more (relatime). */
function settle(t: Target, paths: readonly Path[]): void {
  letClockPass();
  for (const path of paths) {
    if (t.statLink(path).kind !== 'symlink') {
      t.setTimes(path, BigInt(Date.now() + 3_600_000) * 1_000_000n, 'omit');
    }
  }
  letClockPass();
}

function rowCase({ before, step, moves, from = {} }: Row): CaseBody {
  return (t) => {
    t.mkdir('d');
    t.mkdir('e');
    put(t, 'd/a', pattern(5000));
    before?.(t);
    const paths = Object.keys(moves);
    const places = paths.map((path) => from[path] ?? path);
    settle(t, [...new Set(places)]);
    const earlier = places.map((path) => t.statLink(path));
    step(t);
    const found = paths.map((path, index) => [
      path,
      moved(earlier[index] as FileStatus, t.statLink(path)),
    ]);
    assert.deepEqual(Object.fromEntries(found), moves);
  };
}

const table = defineCases(
  'times',
  Object.fromEntries(Object.entries(rows).map(([label, row]) => [`of ${label}`, rowCase(row)])),
);

/** Makes the access time older than the last change. */
const age = (t: Target, path: Path) => t.setTimes(path, SECOND, 'omit');

const reading = defineCases('relatime', {
  'a directory that changed is read once': (t) => {
    t.mkdir('d');
    put(t, 'd/a');
    age(t, 'd');
    const list = () =>
      withOpen(t, 'd', O.RDONLY | O.DIRECTORY, (fd) => {
        t.readEntries(fd);
      });
    letClockPass();
    list();
    const first = t.stat('d').atime;
    isNow(first);
    letClockPass();
    list();
    assert.equal(t.stat('d').atime, first);
  },
  'a file that changed is read once': (t) => {
    put(t, 'a', 'abc');
    age(t, 'a');
    const read = () => withOpen(t, 'a', O.RDONLY, (fd) => t.read(fd, 3));
    letClockPass();
    read();
    const first = t.stat('a').atime;
    isNow(first);
    letClockPass();
    read();
    assert.equal(t.stat('a').atime, first);
  },
  'a file of whole pages that was just written is read once': (t) => {
    put(t, 'a', 'x'.repeat(8192));
    age(t, 'a');
    letClockPass();
    withOpen(t, 'a', O.RDONLY, (fd) => t.read(fd, 8192));
    isNow(t.stat('a').atime);
  },
  'a symbolic link that is new is read once': (t) => {
    t.symlink('target', 'link');
    t.setTimesLink('link', SECOND, 'omit');
    letClockPass();
    t.readlink('link');
    isNow(t.statLink('link').atime);
  },
  'reading nothing at the end reads nothing': (t) => {
    put(t, 'a');
    age(t, 'a');
    withOpen(t, 'a', O.RDONLY, (fd) => t.read(fd, 0));
    hasStatus(t.stat('a'), { atime: SECOND });
  },
});

const birth = defineCases('time of birth', {
  'is that of the creation, whatever happens later': (t) => {
    put(t, 'a', 'abc');
    const { btime } = t.stat('a');
    assert.ok(btime !== undefined);
    isNow(btime);
    letClockPass();
    t.setTimes('a', SECOND, SECOND);
    t.chmod('a', 0o600);
    put(t, 'a', 'more');
    t.rename('a', 'b');
    t.link('b', 'c');
    assert.equal(t.stat('c').btime, btime);
  },
  'of directories and links is told, too': (t) => {
    t.mkdir('d');
    t.symlink('x', 'link');
    for (const path of ['d', 'link']) {
      const { btime } = t.statLink(path);
      assert.ok(btime !== undefined);
      isNow(btime);
    }
  },
});

export const timesCases = [...table, ...reading, ...birth];
