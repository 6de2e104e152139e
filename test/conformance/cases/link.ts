import assert from 'node:assert/strict';
import { defineCases, O } from '../case.ts';
import {
  bytesOf,
  fails,
  hasStatus,
  holds,
  movedTimes,
  names,
  put,
  sameBytes,
  withOpen,
} from '../expect.ts';

const linking = defineCases('link', {
  'gives a file a second name': (t) => {
    put(t, 'a', 'x');
    t.link('a', 'b');
    assert.equal(t.stat('a').ino, t.stat('b').ino);
    hasStatus(t.stat('b'), { nlink: 2 });
    holds(t, 'b', 'x');
  },
  'shares content and attributes': (t) => {
    put(t, 'a', 'x');
    t.link('a', 'b');
    put(t, 'b', 'changed');
    t.chmod('b', 0o600);
    holds(t, 'a', 'changed');
    hasStatus(t.stat('a'), { mode: 0o600 });
  },
  'leaves the other when one is removed': (t) => {
    put(t, 'a', 'x');
    t.link('a', 'b');
    t.unlink('a');
    holds(t, 'b', 'x');
    hasStatus(t.stat('b'), { nlink: 1 });
  },
  'works across directories': (t) => {
    t.mkdir('d');
    t.mkdir('e');
    put(t, 'd/a', 'x');
    t.link('d/a', 'e/b');
    holds(t, 'e/b', 'x');
  },
  'moves the ctime of the file and the times of the directory': (t) => {
    put(t, 'a');
    t.mkdir('d');
    const directory = movedTimes(t, 'd', () => {
      const file = movedTimes(t, 'a', () => t.link('a', 'd/b'));
      assert.deepEqual(file, { atime: false, mtime: false, ctime: true });
    });
    assert.ok(directory.mtime && directory.ctime);
  },
  'onto an existing name fails': (t) => {
    put(t, 'a');
    put(t, 'b');
    t.mkdir('d');
    fails('EEXIST', () => t.link('a', 'b'));
    fails('EEXIST', () => t.link('a', 'd'));
    fails('EEXIST', () => t.link('a', 'a'));
  },
  'of a missing file fails': (t) => {
    fails('ENOENT', () => t.link('a', 'b'));
  },
  'of a directory fails': (t) => {
    t.mkdir('d');
    fails('EPERM', () => t.link('d', 'e'));
  },
  'into a missing directory fails': (t) => {
    put(t, 'a');
    fails('ENOENT', () => t.link('a', 'd/b'));
  },
  'below a file fails': (t) => {
    put(t, 'a');
    put(t, 'b');
    fails('ENOTDIR', () => t.link('a', 'b/c'));
    fails('ENOTDIR', () => t.link('b/c', 'c'));
  },
  'of a symlink makes a second name of the symlink': (t) => {
    put(t, 'a');
    t.symlink('a', 'link');
    t.link('link', 'second');
    hasStatus(t.statLink('second'), { kind: 'symlink', nlink: 2 });
    assert.equal(t.statLink('second').ino, t.statLink('link').ino);
  },
  'that follows makes a second name of what the symlink names': (t) => {
    put(t, 'a', 'x');
    t.symlink('a', 'link');
    t.linkFollowing('link', 'second');
    hasStatus(t.statLink('second'), { kind: 'file', nlink: 2 });
  },
  'a hundred times counts to a hundred and one': (t) => {
    put(t, 'a', 'x');
    for (let index = 0; index < 100; index += 1) {
      t.link('a', `l${index}`);
    }
    hasStatus(t.stat('a'), { nlink: 101 });
    for (let index = 0; index < 100; index += 1) {
      t.unlink(`l${index}`);
    }
    hasStatus(t.stat('a'), { nlink: 1 });
  },
  'of an open file is the same file': (t) => {
    const fd = t.open('a', O.RDWR | O.CREAT, 0o644);
    t.link('a', 'b');
    t.unlink('a');
    t.write(fd, bytesOf('through'));
    holds(t, 'b', 'through');
    hasStatus(t.statOpen(fd), { nlink: 1 });
  },
});

const symlinking = defineCases('symlink', {
  'keeps its content to the byte': (t) => {
    t.symlink('some/where//../else', 'link');
    sameBytes(t.readlink('link'), bytesOf('some/where//../else'));
  },
  'has the size of its content and every permission bit': (t) => {
    t.symlink('abcdef', 'link');
    hasStatus(t.statLink('link'), { kind: 'symlink', size: 6, mode: 0o777, nlink: 1 });
  },
  'keeps bytes that are no text': (t) => {
    const bytes = Uint8Array.from({ length: 255 }, (_, index) => index + 1);
    t.symlink(bytes, 'link');
    sameBytes(t.readlink('link'), bytes);
  },
  'of 4095 bytes is kept, of 4096 fails': (t) => {
    const long = `${'d/'.repeat(2047)}e`;
    t.symlink(long, 'link');
    sameBytes(t.readlink('link'), bytesOf(long));
    fails('ENAMETOOLONG', () => t.symlink(`${long}f`, 'other'));
  },
  'of no bytes fails': (t) => {
    fails('ENOENT', () => t.symlink('', 'link'));
  },
  'onto an existing name fails': (t) => {
    put(t, 'a');
    t.symlink('nothing', 'link');
    fails('EEXIST', () => t.symlink('x', 'a'));
    fails('EEXIST', () => t.symlink('x', 'link'));
  },
  'in a missing directory or below a file fails': (t) => {
    put(t, 'a');
    fails('ENOENT', () => t.symlink('x', 'd/link'));
    fails('ENOTDIR', () => t.symlink('x', 'a/link'));
  },
  'is resolved from its own directory': (t) => {
    t.mkdir('d');
    put(t, 'd/a', 'inside');
    put(t, 'a', 'outside');
    t.symlink('a', 'd/link');
    t.symlink('../a', 'd/up');
    holds(t, 'd/link', 'inside');
    holds(t, 'd/up', 'outside');
  },
  'to a directory leads into it': (t) => {
    t.mkdir('d');
    t.symlink('d', 'link');
    put(t, 'link/a', 'x');
    holds(t, 'd/a', 'x');
    assert.deepEqual(names(t, 'link/'), ['a']);
    hasStatus(t.stat('link'), { kind: 'directory' });
    hasStatus(t.statLink('link'), { kind: 'symlink' });
    hasStatus(t.statLink('link/'), { kind: 'directory' });
  },
  'that dangles has a status only of its own': (t) => {
    t.symlink('nothing', 'link');
    fails('ENOENT', () => t.stat('link'));
    hasStatus(t.statLink('link'), { kind: 'symlink' });
  },
  'moves the times of the directory': (t) => {
    t.mkdir('d');
    const moved = movedTimes(t, 'd', () => t.symlink('x', 'd/link'));
    assert.ok(moved.mtime && moved.ctime);
  },
  'readlink into a short buffer cuts': (t) => {
    t.symlink('abcdef', 'link');
    sameBytes(t.readlink('link', 3), bytesOf('abc'));
  },
  'readlink of what is none fails': (t) => {
    put(t, 'a');
    t.mkdir('d');
    fails('EINVAL', () => t.readlink('a'));
    fails('EINVAL', () => t.readlink('d'));
    fails('ENOENT', () => t.readlink('nothing'));
  },
  'replaced by a rename reads the new content': (t) => {
    t.symlink('old', 'link');
    t.readlink('link');
    t.symlink('new one', 'next');
    t.rename('next', 'link');
    sameBytes(t.readlink('link'), bytesOf('new one'));
  },
  'in the middle of a path to a file fails': (t) => {
    put(t, 'a');
    t.symlink('a', 'link');
    fails('ENOTDIR', () => withOpen(t, 'link/x', O.RDONLY, () => undefined));
  },
});

export const linkCases = [...linking, ...symlinking];
