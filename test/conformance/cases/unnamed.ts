/** Files without a name (O_TMPFILE), and names for open files (linkat of a descriptor). */
import assert from 'node:assert/strict';
import { C } from '../../support/libc.ts';
import { defineCases, O } from '../case.ts';
import {
  alice,
  bytesOf,
  fails,
  hasStatus,
  holds,
  movedTimes,
  names,
  pattern,
  put,
  sameBytes,
  withOpen,
  writeAll,
} from '../expect.ts';
import type { Path, Target } from '../target.ts';

const openUnnamed = (t: Target, directory: Path = '.', mode = 0o644, more = 0) =>
  t.open(directory, C.O_TMPFILE | O.RDWR | more, mode);

const unnamed = defineCases('unnamed', {
  'a file without a name holds data and shows nowhere': (t) => {
    const fd = openUnnamed(t);
    writeAll(t, fd, pattern(100_000));
    sameBytes(t.readAt(fd, 1000, 50_000), pattern(100_000).subarray(50_000, 51_000));
    hasStatus(t.statOpen(fd), { kind: 'file', nlink: 0, size: 100_000 });
    assert.deepEqual(names(t, '.'), []);
    t.close(fd);
    assert.deepEqual(names(t, '.'), []);
  },
  'makes no change of its directory': (t) => {
    t.mkdir('d');
    const moved = movedTimes(t, 'd', () => t.close(openUnnamed(t, 'd')));
    assert.deepEqual(moved, { atime: false, mtime: false, ctime: false });
  },
  'can be truncated and synchronised as any file': (t) => {
    const fd = openUnnamed(t);
    writeAll(t, fd, pattern(5000));
    t.truncateOpen(fd, 100);
    t.sync(fd);
    hasStatus(t.statOpen(fd), { size: 100 });
    sameBytes(t.readAt(fd, 200, 0), pattern(5000).subarray(0, 100));
    t.close(fd);
  },
  'gets its first name by its descriptor': (t) => {
    const fd = openUnnamed(t, '.', 0o640);
    writeAll(t, fd, pattern(70_000));
    t.linkOpen(fd, 'a');
    hasStatus(t.statOpen(fd), { nlink: 1, ino: t.stat('a').ino });
    t.close(fd);
    hasStatus(t.stat('a'), { mode: 0o640, nlink: 1 });
    holds(t, 'a', pattern(70_000));
  },
  'gets its first name in another directory': (t) => {
    t.mkdir('d');
    t.mkdir('e');
    const fd = openUnnamed(t, 'd');
    t.linkOpen(fd, 'e/a');
    t.close(fd);
    assert.deepEqual([names(t, 'd'), names(t, 'e')], [[], ['a']]);
  },
  'gets its first name through /proc': (t) => {
    const fd = openUnnamed(t);
    t.write(fd, bytesOf('abc'));
    t.linkFollowing(`/proc/self/fd/${fd}`, 'a');
    t.close(fd);
    holds(t, 'a', 'abc');
  },
  'gets a second name when it has one': (t) => {
    const fd = openUnnamed(t);
    t.linkOpen(fd, 'a');
    t.linkOpen(fd, 'b');
    hasStatus(t.statOpen(fd), { nlink: 2 });
    t.close(fd);
  },
  'gets no name again when its only one was removed': (t) => {
    const fd = openUnnamed(t);
    t.linkOpen(fd, 'a');
    t.unlink('a');
    fails('ENOENT', () => t.linkOpen(fd, 'b'));
    t.close(fd);
  },
  'replaces no existing name': (t) => {
    put(t, 'a', 'A');
    const fd = openUnnamed(t);
    fails('EEXIST', () => t.linkOpen(fd, 'a'));
    t.close(fd);
    holds(t, 'a', 'A');
  },
  'opened with O_EXCL never gets a name': (t) => {
    const fd = openUnnamed(t, '.', 0o644, O.EXCL);
    t.write(fd, bytesOf('abc'));
    fails('ENOENT', () => t.linkOpen(fd, 'a'));
    t.close(fd);
  },
  'takes the umask off the mode': (t) => {
    t.umask(0o027);
    const fd = openUnnamed(t, '.', 0o666);
    hasStatus(t.statOpen(fd), { mode: 0o640 });
    t.close(fd);
  },
  'for writing alone works, for reading alone makes no sense': (t) => {
    const fd = t.open('.', C.O_TMPFILE | O.WRONLY, 0o600);
    t.write(fd, bytesOf('abc'));
    fails('EBADF', () => t.read(fd, 1));
    t.close(fd);
    fails('EINVAL', () => t.open('.', C.O_TMPFILE | O.RDONLY, 0o600));
  },
});

const refusing = defineCases('unnamed refusal', {
  'in what is no directory fails': (t) => {
    put(t, 'a');
    fails('ENOTDIR', () => openUnnamed(t, 'a'));
    fails('ENOENT', () => openUnnamed(t, 'd'));
  },
});

const ownership = defineCases(
  'unnamed',
  {
    'belongs to who makes it, and needs a writable directory': (t) => {
      t.mkdir('d', 0o755);
      t.mkdir('e');
      t.chmod('e', 0o2777);
      t.chown('e', 0, 4010);
      t.as(alice, () => fails('EACCES', () => openUnnamed(t, 'd')));
      const fd = t.as(alice, () => openUnnamed(t, 'e'));
      hasStatus(t.statOpen(fd), { uid: alice.uid, gid: 4010 });
      t.close(fd);
    },
  },
  ['root'],
);

const linking = defineCases('link of a descriptor', {
  'makes a second name': (t) => {
    put(t, 'a', 'A');
    withOpen(t, 'a', O.RDONLY, (fd) => t.linkOpen(fd, 'b'));
    holds(t, 'b', 'A');
    hasStatus(t.stat('a'), { nlink: 2, ino: t.stat('b').ino });
  },
  'follows the file and not its name': (t) => {
    put(t, 'a', 'A');
    withOpen(t, 'a', O.RDONLY, (fd) => {
      t.rename('a', 'b');
      put(t, 'a', 'other');
      t.linkOpen(fd, 'c');
    });
    holds(t, 'c', 'A');
  },
  'of a removed file fails': (t) => {
    put(t, 'a', 'A');
    withOpen(t, 'a', O.RDONLY, (fd) => {
      t.unlink('a');
      fails('ENOENT', () => t.linkOpen(fd, 'b'));
    });
  },
  'onto an existing name fails': (t) => {
    put(t, 'a', 'A');
    put(t, 'b', 'B');
    withOpen(t, 'a', O.RDONLY, (fd) => fails('EEXIST', () => t.linkOpen(fd, 'b')));
  },
});

export const unnamedCases = [...unnamed, ...refusing, ...ownership, ...linking];
