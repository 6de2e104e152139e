import assert from 'node:assert/strict';
import { C } from '../../support/libc.ts';
import { defineCases, O } from '../case.ts';
import {
  bytesOf,
  content,
  exists,
  fails,
  hasStatus,
  holds,
  isNow,
  letClockPass,
  movedTimes,
  pattern,
  put,
  sameBytes,
  withOpen,
} from '../expect.ts';

const creation = defineCases('open', {
  'O_CREAT makes an empty regular file': (t) => {
    t.close(t.open('a', O.WRONLY | O.CREAT, 0o644));
    hasStatus(t.stat('a'), { kind: 'file', size: 0, nlink: 1, mode: 0o644 });
  },
  'O_CREAT takes the umask off the mode': (t) => {
    t.umask(0o027);
    t.close(t.open('a', O.WRONLY | O.CREAT, 0o666));
    hasStatus(t.stat('a'), { mode: 0o640 });
  },
  'O_CREAT with umask 0 keeps every permission bit': (t) => {
    t.umask(0);
    t.close(t.open('a', O.WRONLY | O.CREAT, 0o777));
    hasStatus(t.stat('a'), { mode: 0o777 });
  },
  'O_CREAT keeps set-user-ID and sticky bits that are asked for': (t) => {
    t.close(t.open('a', O.WRONLY | O.CREAT, 0o5755));
    hasStatus(t.stat('a'), { mode: 0o5755 });
  },
  'O_CREAT on an existing file opens it and keeps content and mode': (t) => {
    put(t, 'a', 'kept', 0o600);
    t.close(t.open('a', O.RDWR | O.CREAT, 0o777));
    holds(t, 'a', 'kept');
    hasStatus(t.stat('a'), { mode: 0o600 });
  },
  'O_CREAT without permission bits still gives a usable descriptor': (t) => {
    const fd = t.open('a', O.RDWR | O.CREAT, 0);
    t.write(fd, bytesOf('abc'));
    sameBytes(t.readAt(fd, 3, 0), bytesOf('abc'));
    hasStatus(t.statOpen(fd), { mode: 0, size: 3 });
  },
  'O_CREAT of a read-only file gives a descriptor that writes': (t) => {
    const fd = t.open('a', O.WRONLY | O.CREAT, 0o444);
    t.write(fd, bytesOf('abc'));
    t.close(fd);
    holds(t, 'a', 'abc');
  },
  'O_CREAT sets all times to now': (t) => {
    put(t, 'a');
    const status = t.stat('a');
    isNow(status.atime);
    isNow(status.mtime);
    isNow(status.ctime);
  },
  'O_CREAT moves the times of the directory': (t) => {
    t.mkdir('d');
    const moved = movedTimes(t, 'd', () => put(t, 'd/a'));
    assert.ok(moved.mtime && moved.ctime);
  },
  'O_CREAT of an existing file leaves the times of the directory': (t) => {
    t.mkdir('d');
    put(t, 'd/a');
    const moved = movedTimes(t, 'd', () => t.close(t.open('d/a', O.RDWR | O.CREAT)));
    assert.ok(!moved.mtime && !moved.ctime);
  },
  'O_CREAT through a dangling symlink makes what it names': (t) => {
    t.symlink('made', 'link');
    put(t, 'link', 'x');
    holds(t, 'made', 'x');
    hasStatus(t.statLink('link'), { kind: 'symlink' });
  },
  'O_EXCL fails on an existing file': (t) => {
    put(t, 'a');
    fails('EEXIST', () => t.open('a', O.WRONLY | O.CREAT | O.EXCL));
  },
  'O_EXCL fails on an existing directory': (t) => {
    t.mkdir('d');
    fails('EEXIST', () => t.open('d', O.WRONLY | O.CREAT | O.EXCL));
  },
  'O_EXCL fails on a symlink, dangling or not': (t) => {
    put(t, 'a');
    t.symlink('a', 'good');
    t.symlink('nothing', 'dangling');
    fails('EEXIST', () => t.open('good', O.WRONLY | O.CREAT | O.EXCL));
    fails('EEXIST', () => t.open('dangling', O.WRONLY | O.CREAT | O.EXCL));
    assert.equal(exists(t, 'nothing'), false);
  },
  'O_EXCL makes a file that is not there': (t) => {
    t.close(t.open('a', O.WRONLY | O.CREAT | O.EXCL, 0o600));
    hasStatus(t.stat('a'), { kind: 'file', mode: 0o600 });
  },
  'O_CREAT in a directory that is not there fails': (t) => {
    fails('ENOENT', () => t.open('d/a', O.WRONLY | O.CREAT));
  },
  'O_CREAT below a file fails': (t) => {
    put(t, 'a');
    fails('ENOTDIR', () => t.open('a/b', O.WRONLY | O.CREAT));
  },
  'O_CREAT with a slash at the end fails': (t) => {
    fails('EISDIR', () => t.open('a/', O.WRONLY | O.CREAT));
  },
  'O_CREAT on a directory fails': (t) => {
    t.mkdir('d');
    fails('EISDIR', () => t.open('d', O.RDONLY | O.CREAT));
  },
});

const truncation = defineCases('open', {
  'O_TRUNC empties a file': (t) => {
    put(t, 'a', pattern(10_000));
    t.close(t.open('a', O.WRONLY | O.TRUNC));
    hasStatus(t.stat('a'), { size: 0 });
  },
  'O_TRUNC keeps mode and inode': (t) => {
    put(t, 'a', 'x', 0o640);
    const before = t.stat('a');
    t.close(t.open('a', O.WRONLY | O.TRUNC | O.CREAT, 0o777));
    hasStatus(t.stat('a'), { mode: 0o640, ino: before.ino });
  },
  'O_TRUNC moves the times of a file with content': (t) => {
    put(t, 'a', 'x');
    const moved = movedTimes(t, 'a', () => t.close(t.open('a', O.WRONLY | O.TRUNC)));
    assert.ok(moved.mtime && moved.ctime);
  },
  'O_TRUNC shows in a descriptor that was open before': (t) => {
    put(t, 'a', 'content');
    const fd = t.open('a', O.RDONLY);
    t.close(t.open('a', O.WRONLY | O.TRUNC));
    assert.equal(t.readAt(fd, 10, 0).length, 0);
    hasStatus(t.statOpen(fd), { size: 0 });
  },
  'O_TRUNC on a directory fails': (t) => {
    t.mkdir('d');
    fails('EISDIR', () => t.open('d', O.WRONLY | O.TRUNC));
  },
  'O_TRUNC with O_EXCL fails on an existing file and leaves it': (t) => {
    put(t, 'a', 'kept');
    fails('EEXIST', () => t.open('a', O.WRONLY | O.CREAT | O.EXCL | O.TRUNC));
    holds(t, 'a', 'kept');
  },
});

const walking = defineCases('open', {
  'a name that is not there fails': (t) => {
    fails('ENOENT', () => t.open('a', O.RDONLY));
  },
  'the empty path fails': (t) => {
    fails('ENOENT', () => t.open('', O.RDONLY));
  },
  'a path through a file fails': (t) => {
    put(t, 'a');
    fails('ENOTDIR', () => t.open('a/b', O.RDONLY));
  },
  'a path through a missing directory fails': (t) => {
    fails('ENOENT', () => t.open('d/a', O.RDONLY));
  },
  'a file with a slash at the end fails': (t) => {
    put(t, 'a');
    fails('ENOTDIR', () => t.open('a/', O.RDONLY));
  },
  'O_DIRECTORY on a file fails': (t) => {
    put(t, 'a');
    fails('ENOTDIR', () => t.open('a', O.RDONLY | O.DIRECTORY));
  },
  'O_DIRECTORY follows a symlink to a directory': (t) => {
    t.mkdir('d');
    t.symlink('d', 'link');
    t.close(t.open('link', O.RDONLY | O.DIRECTORY));
  },
  'a directory cannot be opened for writing': (t) => {
    t.mkdir('d');
    fails('EISDIR', () => t.open('d', O.WRONLY));
    fails('EISDIR', () => t.open('d', O.RDWR));
  },
  'a symlink is followed': (t) => {
    put(t, 'a', 'through');
    t.symlink('a', 'link');
    holds(t, 'link', 'through');
  },
  'a chain of symlinks is followed': (t) => {
    put(t, 'a', 'end');
    t.symlink('a', 'link0');
    for (let index = 1; index < 30; index += 1) {
      t.symlink(`link${index - 1}`, `link${index}`);
    }
    holds(t, 'link29', 'end');
  },
  'more than forty symlinks fail': (t) => {
    put(t, 'a');
    t.symlink('a', 'link0');
    for (let index = 1; index < 41; index += 1) {
      t.symlink(`link${index - 1}`, `link${index}`);
    }
    fails('ELOOP', () => t.open('link40', O.RDONLY));
  },
  'symlinks in a circle fail': (t) => {
    t.symlink('b', 'a');
    t.symlink('a', 'b');
    fails('ELOOP', () => t.open('a', O.RDONLY));
  },
  'O_NOFOLLOW on a symlink fails': (t) => {
    put(t, 'a');
    t.symlink('a', 'link');
    fails('ELOOP', () => t.open('link', O.RDONLY | O.NOFOLLOW));
  },
  'O_NOFOLLOW follows symlinks before the last name': (t) => {
    t.mkdir('d');
    put(t, 'd/a', 'x');
    t.symlink('d', 'link');
    withOpen(t, 'link/a', O.RDONLY | O.NOFOLLOW, (fd) => sameBytes(t.read(fd, 1), bytesOf('x')));
  },
  'a dangling symlink fails without O_CREAT': (t) => {
    t.symlink('nothing', 'link');
    fails('ENOENT', () => t.open('link', O.RDONLY));
  },
});

const descriptors = defineCases('descriptor', {
  'one opened for reading does not write': (t) => {
    put(t, 'a', 'x');
    withOpen(t, 'a', O.RDONLY, (fd) => fails('EBADF', () => t.write(fd, bytesOf('y'))));
  },
  'one opened for writing does not read': (t) => {
    put(t, 'a', 'x');
    withOpen(t, 'a', O.WRONLY, (fd) => fails('EBADF', () => t.read(fd, 1)));
  },
  'a closed one is bad': (t) => {
    put(t, 'a', 'x');
    const fd = t.open('a', O.RDONLY);
    t.close(fd);
    fails('EBADF', () => t.read(fd, 1));
    fails('EBADF', () => t.close(fd));
  },
  'two of one file have offsets of their own': (t) => {
    put(t, 'a', 'abcdef');
    const first = t.open('a', O.RDONLY);
    const second = t.open('a', O.RDONLY);
    t.read(first, 4);
    sameBytes(t.read(second, 2), bytesOf('ab'));
    sameBytes(t.read(first, 2), bytesOf('ef'));
  },
  'a duplicate shares its offset': (t) => {
    put(t, 'a', 'abcdef');
    const first = t.open('a', O.RDONLY);
    const second = t.duplicate(first);
    t.read(first, 4);
    sameBytes(t.read(second, 2), bytesOf('ef'));
  },
  'a duplicate outlives the closing of the other': (t) => {
    const first = t.open('a', O.RDWR | O.CREAT);
    const second = t.duplicate(first);
    t.close(first);
    t.write(second, bytesOf('x'));
    holds(t, 'a', 'x');
  },
  'closing one of a file leaves the others usable': (t) => {
    put(t, 'a', 'abc');
    const first = t.open('a', O.RDONLY);
    const second = t.open('a', O.RDWR);
    t.close(first);
    t.write(second, bytesOf('x'));
    sameBytes(t.readAt(second, 3, 0), bytesOf('xbc'));
  },
  'O_PATH tells the status and reads nothing': (t) => {
    put(t, 'a', 'abc');
    const fd = t.open('a', C.O_PATH);
    hasStatus(t.statOpen(fd), { size: 3 });
    fails('EBADF', () => t.read(fd, 1));
  },
  'two hundred are open at once': (t) => {
    const fds = Array.from({ length: 200 }, (_, index) => t.open(`f${index}`, O.RDWR | O.CREAT));
    fds.forEach((fd, index) => {
      t.write(fd, bytesOf(String(index)));
    });
    holds(t, 'f0', '0');
    holds(t, 'f199', '199');
    fds.forEach((fd, index) => {
      sameBytes(t.readAt(fd, 9, 0), bytesOf(String(index)));
    });
  },
  'O_SYNC and O_DSYNC write': (t) => {
    withOpen(t, 'a', O.WRONLY | O.CREAT | O.SYNC, (fd) => t.write(fd, bytesOf('sync')));
    withOpen(t, 'b', O.WRONLY | O.CREAT | O.DSYNC, (fd) => t.write(fd, bytesOf('dsync')));
    holds(t, 'a', 'sync');
    holds(t, 'b', 'dsync');
  },
  'of a directory opens names relative to it': (t) => {
    t.mkdir('d');
    const directory = t.open('d', O.RDONLY | O.DIRECTORY);
    const fd = t.openAt(directory, 'a', O.WRONLY | O.CREAT, 0o644);
    t.write(fd, bytesOf('x'));
    holds(t, 'd/a', 'x');
    t.rename('d', 'e');
    t.close(t.openAt(directory, 'a', O.RDONLY));
  },
  'of a directory does not read bytes': (t) => {
    t.mkdir('d');
    withOpen(t, 'd', O.RDONLY, (fd) => fails('EISDIR', () => t.read(fd, 10)));
  },
  'fsync and fdatasync succeed on a file': (t) => {
    withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
      t.write(fd, pattern(100_000));
      t.sync(fd);
      t.syncData(fd);
    });
    sameBytes(content(t, 'a'), pattern(100_000));
  },
  'fsync succeeds on a file opened for reading and on a directory': (t) => {
    put(t, 'a', 'x');
    withOpen(t, 'a', O.RDONLY, (fd) => t.sync(fd));
    t.mkdir('d');
    withOpen(t, 'd', O.RDONLY | O.DIRECTORY, (fd) => t.sync(fd));
  },
  'keeps its file through a change of mode': (t) => {
    const fd = t.open('a', O.RDWR | O.CREAT, 0o600);
    t.chmod('a', 0);
    t.write(fd, bytesOf('x'));
    sameBytes(t.readAt(fd, 1, 0), bytesOf('x'));
  },
  'a file written and closed is whole when opened again': (t) => {
    put(t, 'a', pattern(300_000));
    letClockPass();
    holds(t, 'a', pattern(300_000));
  },
});

export const openCases = [...creation, ...truncation, ...walking, ...descriptors];
