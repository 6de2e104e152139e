/** renameat2(2): RENAME_NOREPLACE, RENAME_EXCHANGE and RENAME_WHITEOUT. */
import assert from 'node:assert/strict';
import { C } from '../../support/libc.ts';
import { type CaseBody, defineCases, O } from '../case.ts';
import {
  alice,
  bob,
  exists,
  fails,
  hasStatus,
  holds,
  movedTimes,
  names,
  objectMakers,
  put,
  withOpen,
} from '../expect.ts';
import type { Path, Target } from '../target.ts';

const noReplace = (t: Target, source: Path, target: Path) =>
  t.renameWith(source, target, C.RENAME_NOREPLACE);
const exchange = (t: Target, source: Path, target: Path) =>
  t.renameWith(source, target, C.RENAME_EXCHANGE);

/** What may stand at either end. */
const makers: Readonly<Record<string, (t: Target, path: string) => void>> = {
  ...objectMakers,
  'a FIFO': (t, path) => t.makeNode(path, 'fifo', 0o600),
};

const kinds = Object.keys(makers);

const keeping = defineCases(
  'rename NOREPLACE',
  Object.fromEntries(
    kinds.map((kind): [string, CaseBody] => [
      `onto ${kind} fails and leaves both`,
      (t) => {
        put(t, 'a', 'A');
        makers[kind]?.(t, 'b');
        const before = t.statLink('b').ino;
        fails('EEXIST', () => noReplace(t, 'a', 'b'));
        holds(t, 'a', 'A');
        hasStatus(t.statLink('b'), { ino: before });
      },
    ]),
  ),
);

const moving = defineCases('rename NOREPLACE', {
  'into another directory works': (t) => {
    t.mkdir('d');
    t.mkdir('e');
    put(t, 'd/a', 'A');
    noReplace(t, 'd/a', 'e/b');
    holds(t, 'e/b', 'A');
    assert.deepEqual(names(t, 'd'), []);
  },
  'of a directory works': (t) => {
    t.mkdir('d');
    t.mkdir('e');
    put(t, 'd/inside');
    noReplace(t, 'd', 'e/d');
    assert.deepEqual(names(t, 'e/d'), ['inside']);
    hasStatus(t.stat('e'), { nlink: 3 });
  },
  'onto itself fails': (t) => {
    put(t, 'a', 'A');
    fails('EEXIST', () => noReplace(t, 'a', 'a'));
    t.link('a', 'b');
    fails('EEXIST', () => noReplace(t, 'a', 'b'));
  },
  'of a missing name fails': (t) => {
    fails('ENOENT', () => noReplace(t, 'a', 'b'));
  },
  'together with EXCHANGE fails': (t) => {
    put(t, 'a', 'A');
    put(t, 'b', 'B');
    fails('EINVAL', () => t.renameWith('a', 'b', C.RENAME_NOREPLACE | C.RENAME_EXCHANGE));
    holds(t, 'a', 'A');
  },
});

function exchangeCase(source: string, target: string): CaseBody {
  return (t) => {
    t.mkdir('left');
    t.mkdir('right');
    makers[source]?.(t, 'left/a');
    makers[target]?.(t, 'right/b');
    const before = [t.statLink('left/a'), t.statLink('right/b')] as const;
    exchange(t, 'left/a', 'right/b');
    for (const [path, { ino, kind, nlink }] of [
      ['right/b', before[0]],
      ['left/a', before[1]],
    ] as const) {
      hasStatus(t.statLink(path), { ino, kind, nlink });
    }
    const isDirectory = (path: Path) => Number(t.statLink(path).kind === 'directory');
    hasStatus(t.stat('left'), { nlink: 2 + isDirectory('left/a') });
    hasStatus(t.stat('right'), { nlink: 2 + isDirectory('right/b') });
    if (isDirectory('left/a')) {
      assert.equal(t.stat('left/a/..').ino, t.stat('left').ino);
    }
  };
}

const swapping = defineCases(
  'rename EXCHANGE',
  Object.fromEntries(
    kinds.flatMap((source) =>
      kinds.map((target): [string, CaseBody] => [
        `of ${source} and ${target} works`,
        exchangeCase(source, target),
      ]),
    ),
  ),
);

const exchanging = defineCases('rename EXCHANGE', {
  'within one directory keeps its names': (t) => {
    put(t, 'a', 'A');
    t.mkdir('b');
    exchange(t, 'a', 'b');
    assert.deepEqual(names(t, '.'), ['a', 'b']);
    holds(t, 'b', 'A');
    hasStatus(t.stat('a'), { kind: 'directory' });
  },
  'twice is as before': (t) => {
    put(t, 'a', 'A');
    put(t, 'b', 'B');
    exchange(t, 'a', 'b');
    holds(t, 'a', 'B');
    exchange(t, 'a', 'b');
    holds(t, 'a', 'A');
    holds(t, 'b', 'B');
  },
  'with itself or another name of the same file changes nothing': (t) => {
    put(t, 'a', 'A');
    t.link('a', 'b');
    exchange(t, 'a', 'a');
    exchange(t, 'a', 'b');
    hasStatus(t.stat('a'), { nlink: 2 });
    hasStatus(t.stat('b'), { nlink: 2 });
  },
  'moves ctime of both files and the times of both directories': (t) => {
    t.mkdir('d');
    t.mkdir('e');
    put(t, 'd/a', 'A');
    put(t, 'e/b', 'B');
    const [a, b] = [t.stat('d/a').ctime, t.stat('e/b').ctime];
    const right = movedTimes(t, 'e', () => {
      const left = movedTimes(t, 'd', () => exchange(t, 'd/a', 'e/b'));
      assert.ok(left.mtime && left.ctime);
    });
    assert.ok(right.mtime && right.ctime);
    assert.ok(t.stat('e/b').ctime > a);
    assert.ok(t.stat('d/a').ctime > b);
  },
  'leaves open descriptors at their files': (t) => {
    put(t, 'a', 'A');
    put(t, 'b', 'B');
    withOpen(t, 'a', O.RDWR, (fd) => {
      exchange(t, 'a', 'b');
      t.writeAt(fd, Buffer.from('more'), 1);
    });
    holds(t, 'b', 'Amore');
    holds(t, 'a', 'B');
  },
  'is seen by another process': (t) => {
    put(t, 'a', 'A');
    put(t, 'b', 'BB');
    const other = t.otherProcess();
    hasStatus(other.stat('a'), { size: 1 });
    exchange(t, 'a', 'b');
    hasStatus(other.stat('a'), { size: 2 });
    hasStatus(other.stat('b'), { size: 1 });
  },
});

const refusing = defineCases('rename EXCHANGE refusal', {
  'with a directory above or below fails': (t) => {
    t.mkdir('d');
    t.mkdir('d/e');
    t.mkdir('d/e/f');
    fails('EINVAL', () => exchange(t, 'd', 'd/e'));
    fails('EINVAL', () => exchange(t, 'd/e/f', 'd'));
    assert.ok(exists(t, 'd/e/f'));
  },
  'with a missing name fails': (t) => {
    put(t, 'a', 'A');
    fails('ENOENT', () => exchange(t, 'a', 'b'));
    fails('ENOENT', () => exchange(t, 'b', 'a'));
    holds(t, 'a', 'A');
  },
});

const permissions = defineCases(
  'rename EXCHANGE',
  {
    'in a sticky directory needs both files': (t) => {
      t.mkdir('d');
      t.chmod('d', 0o1777);
      t.as(alice, () => put(t, 'd/a', 'A'));
      t.as(bob, () => put(t, 'd/b', 'B'));
      t.as(alice, () => put(t, 'd/c', 'C'));
      t.as(alice, () => fails('EPERM', () => exchange(t, 'd/a', 'd/b')));
      t.as(alice, () => fails('EPERM', () => exchange(t, 'd/b', 'd/a')));
      t.as(alice, () => exchange(t, 'd/a', 'd/c'));
      holds(t, 'd/a', 'C');
    },
    'of a directory into another one needs to write it': (t) => {
      for (const parent of ['p', 'q']) {
        t.mkdir(parent);
        t.chmod(parent, 0o777);
      }
      t.mkdir('p/d');
      t.as(alice, () => put(t, 'q/a', 'A'));
      t.as(alice, () => fails('EACCES', () => exchange(t, 'q/a', 'p/d')));
      t.chmod('p/d', 0o777);
      t.as(alice, () => exchange(t, 'q/a', 'p/d'));
      holds(t, 'p/d', 'A');
    },
  },
  ['root'],
);

const isWhiteout = (t: Target, path: Path) =>
  hasStatus(t.statLink(path), {
    kind: 'character device',
    mode: 0,
    rawDevice: { major: 0, minor: 0 },
    nlink: 1,
  });

const whiteout = defineCases(
  'rename WHITEOUT',
  {
    'leaves a device without numbers in place of what moved': (t) => {
      t.mkdir('d');
      put(t, 'a', 'A');
      put(t, 'd/b', 'B');
      t.renameWith('a', 'd/b', C.RENAME_WHITEOUT);
      holds(t, 'd/b', 'A');
      isWhiteout(t, 'a');
      t.unlink('a');
    },
    'of a directory leaves one, too': (t) => {
      t.mkdir('d');
      put(t, 'd/inside', 'x');
      t.renameWith('d', 'e', C.RENAME_WHITEOUT);
      holds(t, 'e/inside', 'x');
      isWhiteout(t, 'd');
    },
    'with NOREPLACE keeps what is there': (t) => {
      put(t, 'a', 'A');
      put(t, 'b', 'B');
      const both = C.RENAME_WHITEOUT | C.RENAME_NOREPLACE;
      fails('EEXIST', () => t.renameWith('a', 'b', both));
      holds(t, 'a', 'A');
      t.renameWith('a', 'c', both);
      isWhiteout(t, 'a');
    },
    'with EXCHANGE fails': (t) => {
      put(t, 'a', 'A');
      put(t, 'b', 'B');
      fails('EINVAL', () => t.renameWith('a', 'b', C.RENAME_WHITEOUT | C.RENAME_EXCHANGE));
      holds(t, 'a', 'A');
    },
    'of another name of the same file leaves both': (t) => {
      put(t, 'a', 'A');
      t.link('a', 'b');
      t.renameWith('a', 'b', C.RENAME_WHITEOUT);
      hasStatus(t.stat('a'), { nlink: 2 });
    },
  },
  ['root'],
);

export const renameFlagCases = [
  ...keeping,
  ...moving,
  ...swapping,
  ...exchanging,
  ...refusing,
  ...whiteout,
  ...permissions,
];
