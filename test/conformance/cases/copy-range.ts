/** copy_file_range(2). */
import assert from 'node:assert/strict';
import { C } from '../../support/libc.ts';
import { defineCases, O } from '../case.ts';
import {
  bytesOf,
  fails,
  hasStatus,
  holds,
  MIB,
  pattern,
  put,
  readAll,
  sameBytes,
  withOpen,
  writeAll,
} from '../expect.ts';
import type { Target } from '../target.ts';

/** Opens `a` for reading and `b` for writing. */
function withBoth(t: Target, body: (source: number, target: number) => void): void {
  withOpen(t, 'a', O.RDONLY, (source) =>
    withOpen(t, 'b', O.RDWR | O.CREAT, (target) => body(source, target)),
  );
}

/** copy_file_range(2) until all is copied, or the source has ended. */
function copyAll(
  t: Target,
  source: number,
  from: number,
  target: number,
  to: number,
  bytes: number,
): number {
  let done = 0;
  for (let count = -1; count !== 0 && done < bytes; done += count) {
    count = t.copyRange(source, from + done, target, to + done, bytes - done);
  }
  return done;
}

export const copyRangeCases = defineCases('copy_file_range', {
  'copies a whole file': (t) => {
    put(t, 'a', pattern(200_000));
    withBoth(t, (source, target) => {
      assert.equal(copyAll(t, source, 0, target, 0, 200_000), 200_000);
    });
    holds(t, 'b', pattern(200_000));
  },
  'copies a file of many megabytes': (t) => {
    put(t, 'a', pattern(20 * MIB + 123));
    withBoth(t, (source, target) => {
      assert.equal(copyAll(t, source, 0, target, 0, 2 ** 31), 20 * MIB + 123);
    });
    holds(t, 'b', pattern(20 * MIB + 123));
  },
  'copies from anywhere to anywhere': (t) => {
    put(t, 'a', pattern(300_000));
    put(t, 'b', pattern(300_000, 2));
    withBoth(t, (source, target) => copyAll(t, source, 1000, target, 150_001, 70_001));
    const expected = pattern(300_000, 2);
    expected.set(pattern(300_000).subarray(1000, 71_001), 150_001);
    holds(t, 'b', expected);
  },
  'stops at the end of the source': (t) => {
    put(t, 'a', 'abcdef');
    withBoth(t, (source, target) => {
      assert.equal(t.copyRange(source, 4, target, 0, 100), 2);
      assert.equal(t.copyRange(source, 6, target, 0, 100), 0);
      assert.equal(t.copyRange(source, 600, target, 0, 100), 0);
    });
    holds(t, 'b', 'ef');
  },
  'leaves a hole before what it copies behind the end': (t) => {
    put(t, 'a', 'abc');
    withBoth(t, (source, target) => t.copyRange(source, 0, target, 5, 3));
    holds(t, 'b', '\0\0\0\0\0abc');
  },
  'overwrites with zeros what a hole of the source covers': (t) => {
    withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
      t.truncateOpen(fd, 4 * MIB);
      writeAll(t, fd, pattern(1000), 2 * MIB);
    });
    put(t, 'b', pattern(4 * MIB, 9));
    withBoth(t, (source, target) => {
      assert.equal(copyAll(t, source, 0, target, 0, 4 * MIB), 4 * MIB);
    });
    const expected = new Uint8Array(4 * MIB);
    expected.set(pattern(1000), 2 * MIB);
    holds(t, 'b', expected);
  },
  'copies a hole at the end, too': (t) => {
    withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => t.truncateOpen(fd, 3 * MIB));
    withBoth(t, (source, target) => {
      assert.equal(copyAll(t, source, 0, target, 0, 3 * MIB), 3 * MIB);
      hasStatus(t.statOpen(target), { size: 3 * MIB });
    });
  },
  'copies what was just written': (t) => {
    withOpen(t, 'a', O.RDWR | O.CREAT, (source) =>
      withOpen(t, 'b', O.RDWR | O.CREAT, (target) => {
        writeAll(t, source, pattern(100_000));
        copyAll(t, source, 0, target, 0, 100_000);
        writeAll(t, source, bytesOf('later'), 0);
        sameBytes(readAll(t, target, 100_000, 0), pattern(100_000));
      }),
    );
  },
  'shows in a descriptor that has read before': (t) => {
    put(t, 'a', pattern(10_000, 1));
    put(t, 'b', pattern(10_000, 2));
    withOpen(t, 'b', O.RDONLY, (reader) => {
      readAll(t, reader, 10_000, 0);
      withBoth(t, (source, target) => copyAll(t, source, 0, target, 0, 10_000));
      sameBytes(readAll(t, reader, 10_000, 0), pattern(10_000, 1));
    });
  },
  'copies within a file': (t) => {
    put(t, 'a', pattern(100_000));
    withOpen(t, 'a', O.RDWR, (fd) => copyAll(t, fd, 10, fd, 120_000, 50_000));
    const expected = new Uint8Array(170_000);
    expected.set(pattern(100_000));
    expected.set(pattern(100_000).subarray(10, 50_010), 120_000);
    holds(t, 'a', expected);
  },
  'within a file copies no range onto itself': (t) => {
    put(t, 'a', pattern(100_000));
    withOpen(t, 'a', O.RDWR, (fd) => {
      fails('EINVAL', () => t.copyRange(fd, 0, fd, 10, 20));
      fails('EINVAL', () => t.copyRange(fd, 10, fd, 0, 20));
      fails('EINVAL', () => t.copyRange(fd, 5, fd, 5, 20));
      assert.equal(t.copyRange(fd, 0, fd, 20, 20), 20);
    });
  },
  'of another process is seen': (t) => {
    put(t, 'a', pattern(50_000));
    const other = t.otherProcess();
    withBoth(t, (source, target) => copyAll(t, source, 0, target, 0, 50_000));
    const fd = other.open('b', O.RDONLY);
    sameBytes(other.readAt(fd, 50_000, 0), pattern(50_000));
    other.close(fd);
  },
  'needs a descriptor for reading and one for writing': (t) => {
    put(t, 'a', 'abc');
    put(t, 'b', 'xyz');
    const reading = t.open('a', O.RDONLY);
    const writing = t.open('b', O.WRONLY);
    fails('EBADF', () => t.copyRange(writing, 0, writing, 10, 3));
    fails('EBADF', () => t.copyRange(reading, 0, reading, 10, 3));
    assert.equal(t.copyRange(reading, 0, writing, 0, 3), 3);
    t.close(reading);
    t.close(writing);
  },
  'appends nothing': (t) => {
    put(t, 'a', 'abc');
    withOpen(t, 'a', O.RDONLY, (source) =>
      withOpen(t, 'b', O.WRONLY | O.CREAT | O.APPEND, (target) => {
        fails('EBADF', () => t.copyRange(source, 0, target, 0, 3));
      }),
    );
  },
  'of a directory fails': (t) => {
    t.mkdir('d');
    const directory = t.open('d', O.RDONLY | O.DIRECTORY);
    withOpen(t, 'b', O.RDWR | O.CREAT, (target) => {
      fails('EISDIR', () => t.copyRange(directory, 0, target, 0, 3));
    });
    t.close(directory);
  },
  'moves the offsets that it is given alone': (t) => {
    put(t, 'a', 'abcdef');
    withBoth(t, (source, target) => {
      t.copyRange(source, 1, target, 0, 3);
      assert.equal(t.seek(source, 0, C.SEEK_CUR), 0);
      assert.equal(t.seek(target, 0, C.SEEK_CUR), 0);
    });
  },
});
