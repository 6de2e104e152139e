/** Holes and room: fallocate(2), and lseek(2) for data and holes. */
import assert from 'node:assert/strict';
import { C } from '../../support/libc.ts';
import { type CaseBody, defineCases, O } from '../case.ts';
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

const {
  FALLOC_FL_KEEP_SIZE: KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE: PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE: ZERO_RANGE,
  FALLOC_FL_COLLAPSE_RANGE: COLLAPSE_RANGE,
  FALLOC_FL_INSERT_RANGE: INSERT_RANGE,
} = C;
const PUNCH = PUNCH_HOLE | KEEP_SIZE;
const PAGE = 4096;

const usedBytes = (t: Target, path: string): number => t.stat(path).blocks * 512;

/** Opens `a` for reading and writing, filled with `bytes` bytes that are on stable storage. */
function withFilled(t: Target, bytes: number, body: (fd: number) => void): void {
  withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
    writeAll(t, fd, pattern(bytes));
    t.sync(fd);
    body(fd);
  });
}

/** What a file of pattern(bytes) is after a range was made zeros. */
function withZeros(bytes: number, offset: number, length: number): Uint8Array {
  const expected = pattern(bytes);
  expected.fill(0, offset, Math.min(bytes, offset + length));
  return expected;
}

const allocating = defineCases('fallocate', {
  'grows a file with zeros that have room': (t) => {
    put(t, 'a', 'abc');
    withOpen(t, 'a', O.RDWR, (fd) => {
      t.allocate(fd, 0, 0, 2 * MIB);
      hasStatus(t.statOpen(fd), { size: 2 * MIB });
      sameBytes(readAll(t, fd, 8, 0), bytesOf('abc\0\0\0\0\0'));
      sameBytes(readAll(t, fd, 1000, MIB), new Uint8Array(1000));
    });
    assert.ok(usedBytes(t, 'a') >= 2 * MIB);
  },
  'of a range inside of a file changes nothing of it': (t) => {
    withFilled(t, MIB, (fd) => t.allocate(fd, 0, 1000, MIB / 2));
    holds(t, 'a', pattern(MIB));
  },
  'fills the holes of a file with room': (t) => {
    withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
      t.truncateOpen(fd, 4 * MIB);
      writeAll(t, fd, pattern(5000), 2 * MIB);
      t.allocate(fd, 0, 0, 4 * MIB);
      t.sync(fd);
      assert.ok(usedBytes(t, 'a') >= 4 * MIB);
      sameBytes(readAll(t, fd, 6000, 2 * MIB).subarray(0, 5000), pattern(5000));
    });
  },
  'with KEEP_SIZE gives room behind the end': (t) => {
    put(t, 'a', 'abc');
    withOpen(t, 'a', O.RDWR, (fd) => {
      t.allocate(fd, KEEP_SIZE, 0, 2 * MIB);
      hasStatus(t.statOpen(fd), { size: 3 });
      assert.ok(usedBytes(t, 'a') >= 2 * MIB);
      writeAll(t, fd, pattern(MIB), 0);
      t.sync(fd);
      assert.ok(usedBytes(t, 'a') >= 2 * MIB);
    });
    holds(t, 'a', pattern(MIB));
  },
  'gives room behind the end until the file is cut': (t) => {
    put(t, 'a', 'abc');
    withOpen(t, 'a', O.RDWR, (fd) => {
      t.allocate(fd, KEEP_SIZE, 0, 2 * MIB);
      t.truncateOpen(fd, 3);
      t.sync(fd);
      assert.ok(usedBytes(t, 'a') < MIB);
    });
  },
  'keeps data that others see': (t) => {
    withFilled(t, 10_000, (fd) => t.allocate(fd, 0, 0, MIB));
    const other = t.otherProcess();
    const fd = other.open('a', O.RDONLY);
    sameBytes(other.readAt(fd, 10_000, 0), pattern(10_000));
    sameBytes(other.readAt(fd, 100, MIB - 100), new Uint8Array(100));
    assert.equal(other.readAt(fd, 1, MIB).length, 0);
    other.close(fd);
  },
});

/** Ranges to clear in a file of 4 MiB: whole blocks, parts of blocks, and both ends. */
const ranges: Readonly<Record<string, readonly [offset: number, length: number]>> = {
  'in the middle': [MIB, 2 * MIB],
  'from the beginning': [0, MIB],
  'to the end': [3 * MIB, MIB],
  'beyond the end': [3 * MIB, 9 * MIB],
  'of a few bytes': [1_234_567, 89],
  'of a page': [MIB + PAGE, PAGE],
  'across blocks': [MIB - 100, 200],
  'of odd bytes': [12_345, 3 * MIB + 678],
  'of everything': [0, 4 * MIB],
};

function clearingCase(mode: number, offset: number, length: number): CaseBody {
  return (t) => {
    withFilled(t, 4 * MIB, (fd) => {
      t.allocate(fd, mode, offset, length);
      hasStatus(t.statOpen(fd), { size: 4 * MIB });
      sameBytes(readAll(t, fd, 4 * MIB, 0), withZeros(4 * MIB, offset, length));
      t.sync(fd);
    });
    holds(t, 'a', withZeros(4 * MIB, offset, length));
  };
}

const clearing = defineCases(
  'fallocate',
  Object.fromEntries(
    Object.entries(ranges).flatMap(([label, [offset, length]]): [string, CaseBody][] => [
      [`punches a hole ${label}`, clearingCase(PUNCH, offset, length)],
      [`zeros a range ${label}`, clearingCase(ZERO_RANGE | KEEP_SIZE, offset, length)],
    ]),
  ),
);

const punching = defineCases('fallocate', {
  'gives the room of a hole back': (t) => {
    withFilled(t, 4 * MIB, (fd) => {
      const before = usedBytes(t, 'a');
      t.allocate(fd, PUNCH, MIB, 2 * MIB);
      t.sync(fd);
      assert.ok(usedBytes(t, 'a') <= before - 2 * MIB);
    });
  },
  'gives the room of pages back that are punched one by one': (t) => {
    withFilled(t, MIB, (fd) => {
      for (let offset = 0; offset < MIB; offset += PAGE) {
        t.allocate(fd, PUNCH, offset, PAGE);
      }
      t.sync(fd);
      assert.equal(usedBytes(t, 'a'), 0);
      fails('ENXIO', () => t.seek(fd, 0, C.SEEK_DATA));
    });
  },
  'punches nothing out of a hole': (t) => {
    withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
      t.truncateOpen(fd, 4 * MIB);
      t.allocate(fd, PUNCH, 100, 2 * MIB);
      t.sync(fd);
    });
    hasStatus(t.stat('a'), { size: 4 * MIB, blocks: 0 });
  },
  'lets a hole be written again': (t) => {
    withFilled(t, MIB, (fd) => {
      t.allocate(fd, PUNCH, 0, MIB);
      writeAll(t, fd, pattern(100, 7), 300_000);
    });
    const expected = new Uint8Array(MIB);
    expected.set(pattern(100, 7), 300_000);
    holds(t, 'a', expected);
  },
  'punches what is not yet on stable storage': (t) => {
    withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
      writeAll(t, fd, pattern(MIB));
      t.allocate(fd, PUNCH, 1000, MIB / 2);
      writeAll(t, fd, pattern(10, 3), 5000);
      t.sync(fd);
    });
    const expected = withZeros(MIB, 1000, MIB / 2);
    expected.set(pattern(10, 3), 5000);
    holds(t, 'a', expected);
  },
  'punches a file that has no name any more': (t) => {
    withFilled(t, MIB, (fd) => {
      t.unlink('a');
      t.allocate(fd, PUNCH, 0, MIB / 2);
      sameBytes(readAll(t, fd, MIB, 0), withZeros(MIB, 0, MIB / 2));
    });
  },
  'zeros a range and lets the file grow': (t) => {
    withFilled(t, MIB, (fd) => t.allocate(fd, ZERO_RANGE, MIB / 2, MIB));
    const expected = new Uint8Array(1.5 * MIB);
    expected.set(pattern(MIB).subarray(0, MIB / 2));
    holds(t, 'a', expected);
    assert.ok(usedBytes(t, 'a') >= 1.5 * MIB);
  },
});

const mapped = defineCases('mmap', {
  'a hole that is punched shows in a shared mapping': (t) => {
    withFilled(t, 64 * PAGE, (fd) => {
      const mapping = t.map(fd, 64 * PAGE, { write: true, shared: true });
      mapping.bytes[10 * PAGE] = 0x5a;
      t.allocate(fd, PUNCH, 10 * PAGE, PAGE);
      assert.equal(mapping.bytes[10 * PAGE], 0);
      mapping.bytes[10 * PAGE + 1] = 0x5a;
      mapping.sync();
      mapping.close();
      sameBytes(readAll(t, fd, 2, 10 * PAGE), Uint8Array.of(0, 0x5a));
    });
  },
});

const shifting = defineCases('fallocate', {
  'collapses a range': (t) => {
    withFilled(t, MIB, (fd) => t.allocate(fd, COLLAPSE_RANGE, 3 * PAGE, 50 * PAGE));
    const whole = pattern(MIB);
    const rest = whole.subarray(53 * PAGE);
    holds(t, 'a', Buffer.concat([whole.subarray(0, 3 * PAGE), rest]));
  },
  'inserts a range': (t) => {
    withFilled(t, MIB, (fd) => t.allocate(fd, INSERT_RANGE, 3 * PAGE, 50 * PAGE));
    const whole = pattern(MIB);
    const parts = [whole.subarray(0, 3 * PAGE), Buffer.alloc(50 * PAGE), whole.subarray(3 * PAGE)];
    holds(t, 'a', Buffer.concat(parts));
  },
  'inserts and collapses holes of a sparse file': (t) => {
    withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
      writeAll(t, fd, pattern(10_000), 8 * MIB);
      t.truncateOpen(fd, 16 * MIB);
      t.allocate(fd, INSERT_RANGE, MIB, MIB);
      assert.equal(t.seek(fd, 0, C.SEEK_DATA), 9 * MIB);
      t.allocate(fd, COLLAPSE_RANGE, 0, 5 * MIB);
      assert.equal(t.seek(fd, 0, C.SEEK_DATA), 4 * MIB);
      sameBytes(readAll(t, fd, 10_000, 4 * MIB), pattern(10_000));
      hasStatus(t.statOpen(fd), { size: 12 * MIB });
    });
  },
  'collapses nothing that reaches the end, or is no whole number of blocks': (t) => {
    withFilled(t, 10 * PAGE, (fd) => {
      fails('EINVAL', () => t.allocate(fd, COLLAPSE_RANGE, 5 * PAGE, 5 * PAGE));
      fails('EINVAL', () => t.allocate(fd, COLLAPSE_RANGE, 5 * PAGE, 50 * PAGE));
      fails('EINVAL', () => t.allocate(fd, COLLAPSE_RANGE, 100, PAGE));
      fails('EINVAL', () => t.allocate(fd, COLLAPSE_RANGE, PAGE, 100));
    });
    holds(t, 'a', pattern(10 * PAGE));
  },
  'inserts nothing at the end, or what is no whole number of blocks': (t) => {
    withFilled(t, 10 * PAGE, (fd) => {
      fails('EINVAL', () => t.allocate(fd, INSERT_RANGE, 10 * PAGE, PAGE));
      fails('EINVAL', () => t.allocate(fd, INSERT_RANGE, 100, PAGE));
      fails('EINVAL', () => t.allocate(fd, INSERT_RANGE, PAGE, 100));
    });
    holds(t, 'a', pattern(10 * PAGE));
  },
});

const refusing = defineCases('fallocate refusal', {
  'of ranges that are none': (t) => {
    withFilled(t, PAGE, (fd) => {
      fails('EINVAL', () => t.allocate(fd, 0, 0, 0));
      fails('EINVAL', () => t.allocate(fd, 0, -1, 10));
      fails('EINVAL', () => t.allocate(fd, PUNCH, 0, -10));
    });
  },
  'of a descriptor for reading': (t) => {
    put(t, 'a', 'abc');
    withOpen(t, 'a', O.RDONLY, (fd) => {
      fails('EBADF', () => t.allocate(fd, 0, 0, 10));
      fails('EBADF', () => t.allocate(fd, PUNCH, 0, 10));
    });
  },
  'of modes that do not go together': (t) => {
    withFilled(t, PAGE, (fd) => {
      fails('EOPNOTSUPP', () => t.allocate(fd, PUNCH_HOLE, 0, PAGE));
      fails('EOPNOTSUPP', () => t.allocate(fd, PUNCH | ZERO_RANGE, 0, PAGE));
    });
  },
});

/** Islands of data in a file of 16 MiB, far enough apart for blocks of any size. */
const islands = [MIB, 5 * MIB, 6 * MIB, 15 * MIB] as const;

function withIslands(t: Target, body: (fd: number) => void): void {
  withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
    t.truncateOpen(fd, 16 * MIB);
    for (const island of islands) {
      writeAll(t, fd, pattern(MIB), island);
    }
    body(fd);
  });
}

/** The pieces of data that a reader of sparse files finds. */
function dataIn(t: Target, fd: number): [start: number, end: number][] {
  const found: [number, number][] = [];
  const { size } = t.statOpen(fd);
  for (let position = 0; position < size; ) {
    try {
      const start = t.seek(fd, position, C.SEEK_DATA);
      position = t.seek(fd, start, C.SEEK_HOLE);
      found.push([start, position]);
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'ENXIO');
      return found;
    }
  }
  return found;
}

const seeking = defineCases('seek', {
  'finds the islands of a sparse file one after the other': (t) => {
    withIslands(t, (fd) => {
      const expected = [
        [MIB, 2 * MIB],
        [5 * MIB, 7 * MIB],
        [15 * MIB, 16 * MIB],
      ];
      assert.deepEqual(dataIn(t, fd), expected);
      t.sync(fd);
      assert.deepEqual(dataIn(t, fd), expected);
    });
  },
  'finds from the middle of data and of holes': (t) => {
    withIslands(t, (fd) => {
      assert.equal(t.seek(fd, MIB + 5, C.SEEK_DATA), MIB + 5);
      assert.equal(t.seek(fd, MIB + 5, C.SEEK_HOLE), 2 * MIB);
      assert.equal(t.seek(fd, 3 * MIB + 5, C.SEEK_DATA), 5 * MIB);
      assert.equal(t.seek(fd, 3 * MIB + 5, C.SEEK_HOLE), 3 * MIB + 5);
      assert.equal(t.seek(fd, 16 * MIB - 1, C.SEEK_HOLE), 16 * MIB);
    });
  },
  'finds holes that were punched, and not those that were filled': (t) => {
    withIslands(t, (fd) => {
      t.allocate(fd, PUNCH, 5 * MIB, MIB);
      writeAll(t, fd, pattern(MIB), 2 * MIB);
      assert.deepEqual(dataIn(t, fd), [
        [MIB, 3 * MIB],
        [6 * MIB, 7 * MIB],
        [15 * MIB, 16 * MIB],
      ]);
    });
  },
  'finds a hole behind the data of a file that was cut and has grown': (t) => {
    withFilled(t, 4 * MIB, (fd) => {
      t.truncateOpen(fd, MIB);
      t.truncateOpen(fd, 8 * MIB);
      assert.deepEqual(dataIn(t, fd), [[0, MIB]]);
    });
  },
  'for data leaves the offset there': (t) => {
    withIslands(t, (fd) => {
      t.seek(fd, 3 * MIB, C.SEEK_DATA);
      sameBytes(t.read(fd, 10), pattern(MIB).subarray(0, 10));
      assert.equal(t.seek(fd, 0, C.SEEK_CUR), 5 * MIB + 10);
    });
  },
  'before the beginning and in an empty file fails': (t) => {
    withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
      fails('ENXIO', () => t.seek(fd, 0, C.SEEK_DATA));
      fails('ENXIO', () => t.seek(fd, 0, C.SEEK_HOLE));
      fails('ENXIO', () => t.seek(fd, -1, C.SEEK_DATA));
      fails('ENXIO', () => t.seek(fd, -1, C.SEEK_HOLE));
    });
  },
});

export const spaceCases = [
  ...allocating,
  ...clearing,
  ...punching,
  ...mapped,
  ...shifting,
  ...refusing,
  ...seeking,
];
