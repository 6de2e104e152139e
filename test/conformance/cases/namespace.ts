import assert from 'node:assert/strict';
import { defineCases, O } from '../case.ts';
import {
  bytesOf,
  exists,
  fails,
  hasStatus,
  holds,
  listing,
  movedTimes,
  names,
  pattern,
  put,
  sameBytes,
} from '../expect.ts';

const making = defineCases('mkdir', {
  'makes an empty directory': (t) => {
    t.mkdir('d');
    hasStatus(t.stat('d'), { kind: 'directory', nlink: 2, mode: 0o755 });
    assert.deepEqual(listing(t, 'd'), ['.', '..']);
  },
  'takes the umask off the mode': (t) => {
    t.umask(0o077);
    t.mkdir('d', 0o777);
    hasStatus(t.stat('d'), { mode: 0o700 });
  },
  'keeps the sticky bit': (t) => {
    t.umask(0);
    t.mkdir('d', 0o1777);
    hasStatus(t.stat('d'), { mode: 0o1777 });
  },
  'adds a link to the parent': (t) => {
    t.mkdir('d');
    t.mkdir('d/1');
    t.mkdir('d/2');
    hasStatus(t.stat('d'), { nlink: 4 });
    put(t, 'd/file');
    hasStatus(t.stat('d'), { nlink: 4 });
  },
  'moves the times of the parent': (t) => {
    t.mkdir('d');
    const moved = movedTimes(t, 'd', () => t.mkdir('d/e'));
    assert.ok(moved.mtime && moved.ctime);
  },
  'on an existing file, directory or symlink fails': (t) => {
    put(t, 'file');
    t.mkdir('directory');
    t.symlink('nothing', 'link');
    fails('EEXIST', () => t.mkdir('file'));
    fails('EEXIST', () => t.mkdir('directory'));
    fails('EEXIST', () => t.mkdir('link'));
  },
  'of . and .. fails': (t) => {
    fails('EEXIST', () => t.mkdir('.'));
    fails('EEXIST', () => t.mkdir('..'));
  },
  'in a missing directory fails': (t) => {
    fails('ENOENT', () => t.mkdir('d/e'));
  },
  'below a file fails': (t) => {
    put(t, 'a');
    fails('ENOTDIR', () => t.mkdir('a/d'));
  },
  'with a slash at the end works': (t) => {
    t.mkdir('d/');
    hasStatus(t.stat('d'), { kind: 'directory' });
  },
  'through a symlink to a directory works': (t) => {
    t.mkdir('d');
    t.symlink('d', 'link');
    t.mkdir('link/e');
    hasStatus(t.stat('d/e'), { kind: 'directory' });
  },
  'fifty levels deep works': (t) => {
    let path = 'd0';
    t.mkdir(path);
    for (let level = 1; level < 50; level += 1) {
      path += `/d${level}`;
      t.mkdir(path);
    }
    put(t, `${path}/leaf`, 'deep');
    holds(t, `${path}/leaf`, 'deep');
  },
  'in a directory that is removed while open fails': (t) => {
    t.mkdir('d');
    const directory = t.open('d', O.RDONLY | O.DIRECTORY);
    t.rmdir('d');
    fails('ENOENT', () => t.openAt(directory, 'a', O.WRONLY | O.CREAT));
  },
});

const removing = defineCases('rmdir', {
  'removes an empty directory': (t) => {
    t.mkdir('d');
    t.rmdir('d');
    assert.equal(exists(t, 'd'), false);
  },
  'takes a link off the parent': (t) => {
    t.mkdir('d');
    t.mkdir('d/e');
    t.rmdir('d/e');
    hasStatus(t.stat('d'), { nlink: 2 });
  },
  'moves the times of the parent': (t) => {
    t.mkdir('d');
    t.mkdir('d/e');
    const moved = movedTimes(t, 'd', () => t.rmdir('d/e'));
    assert.ok(moved.mtime && moved.ctime);
  },
  'of a directory that is not empty fails': (t) => {
    t.mkdir('d');
    put(t, 'd/a');
    fails('ENOTEMPTY', () => t.rmdir('d'));
    t.unlink('d/a');
    t.mkdir('d/e');
    fails('ENOTEMPTY', () => t.rmdir('d'));
  },
  'works once it is emptied': (t) => {
    t.mkdir('d');
    put(t, 'd/a');
    t.unlink('d/a');
    t.rmdir('d');
    assert.equal(exists(t, 'd'), false);
  },
  'of a file fails': (t) => {
    put(t, 'a');
    fails('ENOTDIR', () => t.rmdir('a'));
  },
  'of a symlink to a directory fails': (t) => {
    t.mkdir('d');
    t.symlink('d', 'link');
    fails('ENOTDIR', () => t.rmdir('link'));
  },
  'of a missing name fails': (t) => {
    fails('ENOENT', () => t.rmdir('d'));
  },
  'of . and .. fails': (t) => {
    t.mkdir('d');
    fails('EINVAL', () => t.rmdir('d/.'));
    fails('ENOTEMPTY', () => t.rmdir('d/..'));
  },
  'of an open directory leaves it without entries and links': (t) => {
    t.mkdir('d');
    const fd = t.open('d', O.RDONLY | O.DIRECTORY);
    t.rmdir('d');
    fails('ENOENT', () => t.readEntries(fd));
    hasStatus(t.statOpen(fd), { nlink: 0 });
  },
  'of a directory that another process has open leaves it without links and names': (t) => {
    t.mkdir('d');
    const other = t.otherProcess();
    const fd = other.open('d', O.RDONLY | O.DIRECTORY);
    t.rmdir('d');
    hasStatus(other.statOpen(fd), { nlink: 0 });
    fails('ENOENT', () => other.openAt(fd, 'a', O.WRONLY | O.CREAT));
    fails('ENOENT', () => other.openAt(fd, 'a', O.RDONLY));
  },
  'then the same name can be made again': (t) => {
    for (let round = 0; round < 20; round += 1) {
      t.mkdir('d');
      put(t, 'd/a', String(round));
      holds(t, 'd/a', String(round));
      t.unlink('d/a');
      t.rmdir('d');
    }
    assert.deepEqual(names(t, '.'), []);
  },
});

const unlinking = defineCases('unlink', {
  'removes a file': (t) => {
    put(t, 'a');
    t.unlink('a');
    assert.equal(exists(t, 'a'), false);
    assert.deepEqual(names(t, '.'), []);
  },
  'of a missing name fails': (t) => {
    fails('ENOENT', () => t.unlink('a'));
  },
  'of a directory fails': (t) => {
    t.mkdir('d');
    fails('EISDIR', () => t.unlink('d'));
  },
  'below a file fails': (t) => {
    put(t, 'a');
    fails('ENOTDIR', () => t.unlink('a/b'));
  },
  'of a file with a slash at the end fails': (t) => {
    put(t, 'a');
    fails('ENOTDIR', () => t.unlink('a/'));
  },
  'of a symlink leaves what it names': (t) => {
    put(t, 'a', 'x');
    t.symlink('a', 'link');
    t.unlink('link');
    holds(t, 'a', 'x');
    assert.equal(exists(t, 'link'), false);
  },
  'moves the times of the directory': (t) => {
    t.mkdir('d');
    put(t, 'd/a');
    const moved = movedTimes(t, 'd', () => t.unlink('d/a'));
    assert.ok(moved.mtime && moved.ctime);
  },
  'of one of two names moves the ctime of the file': (t) => {
    put(t, 'a');
    t.link('a', 'b');
    const moved = movedTimes(t, 'b', () => t.unlink('a'));
    assert.ok(moved.ctime && !moved.mtime);
    hasStatus(t.stat('b'), { nlink: 1 });
  },
  'of an open file leaves it readable': (t) => {
    put(t, 'a', pattern(50_000));
    const fd = t.open('a', O.RDONLY);
    t.unlink('a');
    sameBytes(t.readAt(fd, 50_000, 0), pattern(50_000));
  },
  'of an open file leaves it writable': (t) => {
    put(t, 'a', 'abc');
    const fd = t.open('a', O.RDWR);
    t.unlink('a');
    t.writeAt(fd, pattern(20_000), 3);
    t.truncateOpen(fd, 10_000);
    sameBytes(t.readAt(fd, 20_000, 3), pattern(20_000).subarray(0, 9997));
  },
  'of an open file leaves it without links': (t) => {
    const fd = t.open('a', O.RDWR | O.CREAT);
    t.unlink('a');
    hasStatus(t.statOpen(fd), { nlink: 0, kind: 'file' });
  },
  'of an open file lets its mode, owner and times be set': (t) => {
    const fd = t.open('a', O.RDWR | O.CREAT, 0o600);
    t.unlink('a');
    t.chmodOpen(fd, 0o640);
    t.setTimesOpen(fd, 1_000_000_000_000_000_000n, 1_100_000_000_000_000_000n);
    hasStatus(t.statOpen(fd), { mode: 0o640, mtime: 1_100_000_000_000_000_000n });
  },
  'of an open file and a new file of the same name are two files': (t) => {
    put(t, 'a', 'first');
    const fd = t.open('a', O.RDWR);
    t.unlink('a');
    put(t, 'a', 'second');
    sameBytes(t.readAt(fd, 10, 0), bytesOf('first'));
    t.writeAt(fd, bytesOf('FIRST'), 0);
    holds(t, 'a', 'second');
    assert.notEqual(t.statOpen(fd).ino, t.stat('a').ino);
  },
  'of a file open twice leaves both': (t) => {
    put(t, 'a', 'abc');
    const first = t.open('a', O.RDONLY);
    const second = t.open('a', O.RDWR);
    t.unlink('a');
    t.close(first);
    t.writeAt(second, bytesOf('x'), 0);
    sameBytes(t.readAt(second, 3, 0), bytesOf('xbc'));
  },
  'of a file that another process has open leaves it there': (t) => {
    put(t, 'a', 'abc');
    const other = t.otherProcess();
    const fd = other.open('a', O.RDWR);
    t.unlink('a');
    sameBytes(other.readAt(fd, 3, 0), bytesOf('abc'));
    other.writeAt(fd, bytesOf('xyz'), 0);
    sameBytes(other.readAt(fd, 3, 0), bytesOf('xyz'));
    other.close(fd);
    assert.equal(exists(t, 'a'), false);
  },
  'of an open file leaves no trace in the directory': (t) => {
    t.mkdir('d');
    const fd = t.open('d/a', O.RDWR | O.CREAT);
    t.unlink('d/a');
    assert.deepEqual(names(t, 'd'), []);
    t.rmdir('d');
    t.write(fd, bytesOf('x'));
  },
});

export const namespaceCases = [...making, ...removing, ...unlinking];
