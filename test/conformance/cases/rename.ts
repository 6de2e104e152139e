import assert from 'node:assert/strict';
import { type CaseBody, defineCases, O } from '../case.ts';
import {
  bytesOf,
  exists,
  fails,
  hasStatus,
  holds,
  movedTimes,
  names,
  objectMakers,
  pattern,
  put,
  sameBytes,
} from '../expect.ts';
import type { Target } from '../target.ts';

/** What may stand at either end of a rename. */
const makers: Readonly<Record<string, (t: Target, path: string) => void>> = {
  ...objectMakers,
  'a symlink to a directory': (t, path) => {
    t.mkdir(`${path}-directory`);
    t.symlink(`${path}-directory`, path);
  },
};

const fileLike = new Set(['a file', 'a symlink', 'a symlink to a directory']);

/** What POSIX wants of each pair; undefined where it succeeds. */
function expectedError(source: string, target: string): string | undefined {
  if (fileLike.has(source)) {
    return fileLike.has(target) ? undefined : 'EISDIR';
  }
  if (fileLike.has(target)) {
    return 'ENOTDIR';
  }
  return target === 'a full directory' ? 'ENOTEMPTY' : undefined;
}

function pairCase(source: string, target: string): CaseBody {
  return (t) => {
    makers[source]?.(t, 'source');
    makers[target]?.(t, 'target');
    const before = t.statLink('source');
    const error = expectedError(source, target);
    if (error !== undefined) {
      fails(error, () => t.rename('source', 'target'));
      assert.ok(exists(t, 'source') && exists(t, 'target'));
      return;
    }
    t.rename('source', 'target');
    assert.equal(exists(t, 'source'), false);
    hasStatus(t.statLink('target'), { ino: before.ino, kind: before.kind, nlink: before.nlink });
  };
}

const pairs = defineCases(
  'rename',
  Object.fromEntries(
    Object.keys(makers).flatMap((source) =>
      Object.keys(makers).map((target): [string, CaseBody] => [
        `${source} onto ${target}${expectedError(source, target) === undefined ? '' : ' fails'}`,
        pairCase(source, target),
      ]),
    ),
  ),
);

const moving = defineCases('rename', {
  'to a new name keeps the file': (t) => {
    put(t, 'a', 'x', 0o640);
    const before = t.stat('a');
    t.rename('a', 'b');
    assert.equal(exists(t, 'a'), false);
    holds(t, 'b', 'x');
    hasStatus(t.stat('b'), { ino: before.ino, mode: 0o640, mtime: before.mtime });
  },
  'into another directory': (t) => {
    t.mkdir('d');
    put(t, 'a', 'x');
    t.rename('a', 'd/b');
    holds(t, 'd/b', 'x');
    assert.deepEqual(names(t, '.'), ['d']);
  },
  'of a directory takes its content along': (t) => {
    t.mkdir('d');
    t.mkdir('d/e');
    put(t, 'd/e/a', 'x');
    t.mkdir('f');
    t.rename('d', 'f/g');
    holds(t, 'f/g/e/a', 'x');
    fails('ENOENT', () => t.stat('d/e/a'));
  },
  'of a directory moves its .. and the link counts': (t) => {
    t.mkdir('d');
    t.mkdir('e');
    t.mkdir('d/child');
    t.rename('d/child', 'e/child');
    hasStatus(t.stat('d'), { nlink: 2 });
    hasStatus(t.stat('e'), { nlink: 3 });
    assert.equal(t.stat('e/child/..').ino, t.stat('e').ino);
  },
  'of a directory within its parent keeps the link counts': (t) => {
    t.mkdir('d');
    t.mkdir('d/e');
    t.rename('d/e', 'd/f');
    hasStatus(t.stat('d'), { nlink: 3 });
  },
  'of a directory over an empty one takes a link off the parent': (t) => {
    t.mkdir('d');
    t.mkdir('d/1');
    t.mkdir('d/2');
    t.rename('d/1', 'd/2');
    hasStatus(t.stat('d'), { nlink: 3 });
  },
  'over a file leaves the old one to those who have it open': (t) => {
    put(t, 'a', 'new');
    put(t, 'b', 'old');
    const fd = t.open('b', O.RDONLY);
    t.rename('a', 'b');
    sameBytes(t.readAt(fd, 3, 0), bytesOf('old'));
    hasStatus(t.statOpen(fd), { nlink: 0 });
    holds(t, 'b', 'new');
  },
  'over one of two names takes a link off the other': (t) => {
    put(t, 'a', 'new');
    put(t, 'b', 'old');
    t.link('b', 'c');
    t.rename('a', 'b');
    hasStatus(t.stat('c'), { nlink: 1 });
    holds(t, 'c', 'old');
  },
  'leaves descriptors of the moved file usable': (t) => {
    put(t, 'a', pattern(10_000));
    const fd = t.open('a', O.RDWR);
    t.rename('a', 'b');
    t.writeAt(fd, bytesOf('x'), 0);
    sameBytes(t.readAt(fd, 1, 0), bytesOf('x'));
    t.truncateOpen(fd, 1);
    holds(t, 'b', 'x');
  },
  'of a directory leaves files that are open in it usable': (t) => {
    t.mkdir('d');
    put(t, 'd/a', 'abc');
    const fd = t.open('d/a', O.RDWR);
    t.rename('d', 'e');
    t.writeAt(fd, bytesOf('x'), 1);
    t.truncateOpen(fd, 2);
    holds(t, 'e/a', 'ax');
  },
  'onto itself changes nothing': (t) => {
    put(t, 'a', 'x');
    t.mkdir('d');
    t.rename('a', 'a');
    t.rename('d', 'd');
    holds(t, 'a', 'x');
    assert.deepEqual(names(t, '.'), ['a', 'd']);
  },
  'onto another name of the same file leaves both': (t) => {
    put(t, 'a', 'x');
    t.link('a', 'b');
    t.rename('a', 'b');
    hasStatus(t.stat('a'), { nlink: 2 });
    hasStatus(t.stat('b'), { nlink: 2 });
  },
  'moves the times of both directories and the ctime of the file': (t) => {
    t.mkdir('d');
    t.mkdir('e');
    put(t, 'd/a', 'x');
    const ctime = t.stat('d/a').ctime;
    const target = movedTimes(t, 'e', () => {
      const source = movedTimes(t, 'd', () => t.rename('d/a', 'e/a'));
      assert.ok(source.mtime && source.ctime);
    });
    assert.ok(target.mtime && target.ctime);
    assert.ok(t.stat('e/a').ctime > ctime);
  },
  'three times swaps two files': (t) => {
    put(t, 'a', 'A');
    put(t, 'b', 'B');
    t.rename('a', 'c');
    t.rename('b', 'a');
    t.rename('c', 'b');
    holds(t, 'a', 'B');
    holds(t, 'b', 'A');
  },
  'over a file again and again always shows the newest': (t) => {
    for (let round = 0; round < 50; round += 1) {
      put(t, 'next', `round ${round}`);
      t.rename('next', 'current');
      holds(t, 'current', `round ${round}`);
    }
    assert.deepEqual(names(t, '.'), ['current']);
  },
  'of a symlink moves the symlink': (t) => {
    put(t, 'a', 'x');
    t.symlink('a', 'link');
    t.rename('link', 'other');
    hasStatus(t.statLink('other'), { kind: 'symlink' });
    holds(t, 'a', 'x');
  },
  'of a directory to a name with a slash works': (t) => {
    t.mkdir('d');
    t.rename('d/', 'e/');
    hasStatus(t.stat('e'), { kind: 'directory' });
  },
  'seen by another process is one step': (t) => {
    const other = t.otherProcess();
    put(t, 'a', 'x');
    hasStatus(other.stat('a'), { kind: 'file' });
    t.rename('a', 'b');
    fails('ENOENT', () => other.stat('a'));
    hasStatus(other.stat('b'), { kind: 'file', size: 1 });
  },
});

const refusing = defineCases('rename', {
  'of a missing name fails': (t) => {
    fails('ENOENT', () => t.rename('a', 'b'));
    put(t, 'b');
    fails('ENOENT', () => t.rename('a', 'b'));
  },
  'into a missing directory fails': (t) => {
    put(t, 'a');
    fails('ENOENT', () => t.rename('a', 'd/a'));
  },
  'below a file fails': (t) => {
    put(t, 'a');
    put(t, 'b');
    fails('ENOTDIR', () => t.rename('a', 'b/c'));
    fails('ENOTDIR', () => t.rename('b/c', 'c'));
  },
  'of a directory into itself fails': (t) => {
    t.mkdir('d');
    fails('EINVAL', () => t.rename('d', 'd/e'));
  },
  'of a directory into its own subtree fails': (t) => {
    t.mkdir('d');
    t.mkdir('d/e');
    t.mkdir('d/e/f');
    fails('EINVAL', () => t.rename('d', 'd/e/f/g'));
    fails('EINVAL', () => t.rename('d', 'd/e/f'));
  },
  'of a directory onto one above it fails': (t) => {
    t.mkdir('d');
    t.mkdir('d/e');
    t.mkdir('d/e/f');
    fails('ENOTEMPTY', () => t.rename('d/e', 'd'));
    fails('ENOTEMPTY', () => t.rename('d/e/f', 'd'));
  },
  'of . and .. fails': (t) => {
    t.mkdir('d');
    fails('EBUSY', () => t.rename('d/.', 'e'));
    fails('EBUSY', () => t.rename('d/..', 'e'));
    fails('EBUSY', () => t.rename('d', 'd/.'));
  },
  'of a file to a name with a slash fails': (t) => {
    put(t, 'a');
    fails('ENOTDIR', () => t.rename('a', 'b/'));
    fails('ENOTDIR', () => t.rename('a/', 'b'));
  },
  'to a name that is too long fails and leaves the file': (t) => {
    put(t, 'a', 'x');
    fails('ENAMETOOLONG', () => t.rename('a', 'n'.repeat(256)));
    holds(t, 'a', 'x');
  },
});

export const renameCases = [...pairs, ...moving, ...refusing];
