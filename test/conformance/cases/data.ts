import assert from 'node:assert/strict';
import { C } from '../../support/libc.ts';
import type { CaseBody } from '../case.ts';
import { defineCases, O } from '../case.ts';
import {
  bytesOf,
  fails,
  hasStatus,
  holds,
  KIB,
  MIB,
  movedTimes,
  pattern,
  put,
  readAll,
  sameBytes,
  withOpen,
  writeAll,
} from '../expect.ts';

const reading = defineCases('read', {
  'gives what was written, from the offset on': (t) => {
    put(t, 'a', 'hello, world');
    withOpen(t, 'a', O.RDONLY, (fd) => {
      sameBytes(t.read(fd, 5), bytesOf('hello'));
      sameBytes(t.read(fd, 100), bytesOf(', world'));
      assert.equal(t.read(fd, 100).length, 0);
    });
  },
  'at the end and beyond gives nothing': (t) => {
    put(t, 'a', 'abc');
    withOpen(t, 'a', O.RDONLY, (fd) => {
      assert.equal(t.readAt(fd, 10, 3).length, 0);
      assert.equal(t.readAt(fd, 10, 1000 * MIB).length, 0);
    });
  },
  'across the end gives what is there': (t) => {
    put(t, 'a', pattern(5000));
    withOpen(t, 'a', O.RDONLY, (fd) => {
      sameBytes(t.readAt(fd, 4096, 4096), pattern(5000).subarray(4096));
    });
  },
  'of an empty file gives nothing': (t) => {
    put(t, 'a');
    withOpen(t, 'a', O.RDONLY, (fd) => assert.equal(t.read(fd, 4096).length, 0));
  },
  'of no bytes gives nothing and moves nothing': (t) => {
    put(t, 'a', 'abc');
    withOpen(t, 'a', O.RDONLY, (fd) => {
      assert.equal(t.read(fd, 0).length, 0);
      sameBytes(t.read(fd, 1), bytesOf('a'));
    });
  },
  'at a negative offset fails': (t) => {
    put(t, 'a', 'abc');
    withOpen(t, 'a', O.RDONLY, (fd) => fails('EINVAL', () => t.readAt(fd, 1, -1)));
  },
  'pread leaves the offset': (t) => {
    put(t, 'a', 'abcdef');
    withOpen(t, 'a', O.RDONLY, (fd) => {
      t.readAt(fd, 3, 2);
      sameBytes(t.read(fd, 2), bytesOf('ab'));
    });
  },
  'sees what another descriptor has just written': (t) => {
    put(t, 'a', 'old text');
    const reader = t.open('a', O.RDONLY);
    t.read(reader, 8);
    withOpen(t, 'a', O.WRONLY, (fd) => t.writeAt(fd, bytesOf('new'), 0));
    sameBytes(t.readAt(reader, 8, 0), bytesOf('new text'));
  },
});

/** One size and place per line: what crosses the page, request and block limits of a mount. */
const spans: readonly { offset: number; bytes: number }[] = [
  { offset: 0, bytes: 1 },
  { offset: 0, bytes: 4096 },
  { offset: 1, bytes: 4095 },
  { offset: 4095, bytes: 2 },
  { offset: 100, bytes: 8192 },
  { offset: 128 * KIB - 1, bytes: 2 },
  { offset: 0, bytes: 128 * KIB },
  { offset: 64 * KIB - 7, bytes: 128 * KIB + 13 },
  { offset: MIB - 1, bytes: 2 },
  { offset: 3, bytes: MIB },
  { offset: 4096, bytes: 3 * MIB + 7 },
];

const spanCases = defineCases(
  'write',
  Object.fromEntries(
    spans.map(({ offset, bytes }): [string, CaseBody] => [
      `${bytes} bytes at ${offset} land there and nowhere else`,
      (t) => {
        const before = pattern(offset + bytes + 5000, 7);
        put(t, 'a', before);
        const data = pattern(bytes, 9);
        withOpen(t, 'a', O.RDWR, (fd) => {
          writeAll(t, fd, data, offset);
          before.set(data, offset);
          sameBytes(readAll(t, fd, before.length, 0), before);
        });
        holds(t, 'a', before);
      },
    ]),
  ),
);

const writing = defineCases('write', {
  'gives the count and moves the offset': (t) => {
    withOpen(t, 'a', O.WRONLY | O.CREAT, (fd) => {
      assert.equal(t.write(fd, bytesOf('abc')), 3);
      assert.equal(t.write(fd, bytesOf('de')), 2);
    });
    holds(t, 'a', 'abcde');
  },
  'pwrite leaves the offset': (t) => {
    withOpen(t, 'a', O.WRONLY | O.CREAT, (fd) => {
      t.writeAt(fd, bytesOf('xyz'), 3);
      t.write(fd, bytesOf('abc'));
    });
    holds(t, 'a', 'abcxyz');
  },
  'over the middle keeps both sides': (t) => {
    put(t, 'a', 'aaaaaaaaaa');
    withOpen(t, 'a', O.WRONLY, (fd) => t.writeAt(fd, bytesOf('BB'), 4));
    holds(t, 'a', 'aaaaBBaaaa');
  },
  'across the end grows the file': (t) => {
    put(t, 'a', 'abc');
    withOpen(t, 'a', O.WRONLY, (fd) => t.writeAt(fd, bytesOf('XYZ'), 2));
    holds(t, 'a', 'abXYZ');
  },
  'beyond the end leaves zeros between': (t) => {
    put(t, 'a', 'abc');
    withOpen(t, 'a', O.WRONLY, (fd) => t.writeAt(fd, bytesOf('z'), 10));
    holds(t, 'a', 'abc\0\0\0\0\0\0\0z');
  },
  'of no bytes changes neither size nor times': (t) => {
    put(t, 'a', 'abc');
    const moved = movedTimes(t, 'a', () => {
      withOpen(t, 'a', O.WRONLY, (fd) => assert.equal(t.writeAt(fd, new Uint8Array(), 100), 0));
    });
    assert.deepEqual(moved, { atime: false, mtime: false, ctime: false });
    hasStatus(t.stat('a'), { size: 3 });
  },
  'moves mtime and ctime': (t) => {
    put(t, 'a', 'abc');
    const moved = movedTimes(t, 'a', () => {
      withOpen(t, 'a', O.WRONLY, (fd) => t.write(fd, bytesOf('x')));
    });
    assert.ok(moved.mtime && moved.ctime);
  },
  'at a negative offset fails': (t) => {
    withOpen(t, 'a', O.WRONLY | O.CREAT, (fd) => {
      fails('EINVAL', () => t.writeAt(fd, bytesOf('x'), -1));
    });
  },
  'shows in the size of the open file at once': (t) => {
    withOpen(t, 'a', O.WRONLY | O.CREAT, (fd) => {
      t.write(fd, pattern(70_000));
      hasStatus(t.statOpen(fd), { size: 70_000 });
      hasStatus(t.stat('a'), { size: 70_000 });
    });
  },
  'keeps every value of a byte': (t) => {
    const all = Uint8Array.from({ length: 256 }, (_, index) => index);
    put(t, 'a', all);
    holds(t, 'a', all);
  },
  'in a thousand small pieces makes one file': (t) => {
    const data = pattern(17_000, 3);
    withOpen(t, 'a', O.WRONLY | O.CREAT, (fd) => {
      for (let offset = 0; offset < data.length; offset += 17) {
        t.write(fd, data.subarray(offset, offset + 17));
      }
    });
    holds(t, 'a', data);
  },
  'backwards, block by block, makes the same file': (t) => {
    const data = pattern(64 * KIB + 5, 4);
    withOpen(t, 'a', O.WRONLY | O.CREAT, (fd) => {
      for (let offset = 64 * KIB; offset >= 0; offset -= 4096) {
        t.writeAt(fd, data.subarray(offset, offset + 4096), offset);
      }
    });
    holds(t, 'a', data);
  },
  'at random places equals the same in memory': (t) => {
    const image = new Uint8Array(200_000);
    let state = 12345;
    const random = (limit: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % limit;
    };
    withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
      t.truncateOpen(fd, image.length);
      for (let round = 0; round < 200; round += 1) {
        const offset = random(image.length);
        const data = pattern(Math.min(1 + random(20_000), image.length - offset), round + 1);
        writeAll(t, fd, data, offset);
        image.set(data, offset);
      }
      sameBytes(readAll(t, fd, image.length, 0), image);
    });
    holds(t, 'a', image);
  },
  'O_APPEND goes to the end, wherever the offset is': (t) => {
    put(t, 'a', 'abc');
    withOpen(t, 'a', O.WRONLY | O.APPEND, (fd) => {
      t.seek(fd, 0, C.SEEK_SET);
      t.write(fd, bytesOf('def'));
    });
    holds(t, 'a', 'abcdef');
  },
  'O_APPEND through two descriptors takes turns': (t) => {
    const first = t.open('a', O.WRONLY | O.CREAT | O.APPEND);
    const second = t.open('a', O.WRONLY | O.APPEND);
    t.write(first, bytesOf('1'));
    t.write(second, bytesOf('22'));
    t.write(first, bytesOf('3'));
    holds(t, 'a', '1223');
  },
  'O_APPEND by two processes loses nothing': (t) => {
    const other = t.otherProcess();
    const mine = t.open('a', O.WRONLY | O.CREAT | O.APPEND, 0o644);
    const theirs = other.open('a', O.WRONLY | O.APPEND);
    for (let round = 0; round < 20; round += 1) {
      t.write(mine, bytesOf('m'));
      other.write(theirs, bytesOf('t'));
    }
    holds(t, 'a', 'mt'.repeat(20));
  },
  'O_APPEND by two processes keeps every piece, and shows it at once': (t) => {
    const other = t.otherProcess();
    const mine = t.open('a', O.RDWR | O.CREAT | O.APPEND, 0o644);
    const theirs = other.open('a', O.RDWR | O.APPEND);
    const pieces: Uint8Array[] = [];
    for (let round = 0; round < 12; round += 1) {
      const piece = pattern(1000 + round * 997, round + 1);
      if (round % 3 === 0) {
        other.write(theirs, piece);
      } else {
        t.write(mine, piece);
      }
      pieces.push(piece);
      const whole = Buffer.concat(pieces);
      sameBytes(t.readAt(mine, whole.length + 1, 0), whole);
      sameBytes(other.readAt(theirs, whole.length + 1, 0), whole);
    }
    holds(t, 'a', Buffer.concat(pieces));
  },
});

const sharing = defineCases(
  'write',
  {
    'by another process is read at once': (t) => {
      const other = t.otherProcess();
      put(t, 'a', 'before');
      const fd = t.open('a', O.RDONLY);
      t.readAt(fd, 6, 0);
      const theirs = other.open('a', O.RDWR);
      other.writeAt(theirs, bytesOf('AFTER, longer'), 0);
      sameBytes(t.readAt(fd, 100, 0), bytesOf('AFTER, longer'));
      hasStatus(t.statOpen(fd), { size: 13 });
    },
  },
  ['one kernel'],
);

const seeking = defineCases('seek', {
  'SEEK_SET, SEEK_CUR and SEEK_END find their places': (t) => {
    put(t, 'a', 'abcdefghij');
    withOpen(t, 'a', O.RDONLY, (fd) => {
      assert.equal(t.seek(fd, 3, C.SEEK_SET), 3);
      assert.equal(t.seek(fd, 2, C.SEEK_CUR), 5);
      assert.equal(t.seek(fd, -1, C.SEEK_END), 9);
      sameBytes(t.read(fd, 5), bytesOf('j'));
    });
  },
  'before the beginning fails': (t) => {
    put(t, 'a', 'abc');
    withOpen(t, 'a', O.RDONLY, (fd) => {
      fails('EINVAL', () => t.seek(fd, -1, C.SEEK_SET));
      fails('EINVAL', () => t.seek(fd, -4, C.SEEK_END));
    });
  },
  'beyond the end is allowed and makes a hole when written': (t) => {
    withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
      assert.equal(t.seek(fd, 5, C.SEEK_END), 5);
      t.write(fd, bytesOf('x'));
    });
    holds(t, 'a', '\0\0\0\0\0x');
  },
  'SEEK_END follows a growing file': (t) => {
    const reader = t.open('a', O.RDONLY | O.CREAT);
    put(t, 'a', pattern(1234));
    assert.equal(t.seek(reader, 0, C.SEEK_END), 1234);
  },
  'SEEK_DATA and SEEK_HOLE beyond the end fail': (t) => {
    put(t, 'a', 'abc');
    withOpen(t, 'a', O.RDONLY, (fd) => {
      fails('ENXIO', () => t.seek(fd, 3, C.SEEK_DATA));
      fails('ENXIO', () => t.seek(fd, 3, C.SEEK_HOLE));
    });
  },
  'SEEK_HOLE of a file without holes is its end': (t) => {
    put(t, 'a', pattern(10_000));
    withOpen(t, 'a', O.RDONLY, (fd) => {
      assert.equal(t.seek(fd, 0, C.SEEK_HOLE), 10_000);
      assert.equal(t.seek(fd, 5000, C.SEEK_DATA), 5000);
    });
  },
  'SEEK_DATA and SEEK_HOLE find the data in a sparse file': (t) => {
    withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
      t.writeAt(fd, pattern(MIB), 4 * MIB);
      t.truncateOpen(fd, 8 * MIB);
      t.sync(fd);
      assert.equal(t.seek(fd, 0, C.SEEK_DATA), 4 * MIB);
      assert.equal(t.seek(fd, 0, C.SEEK_HOLE), 0);
      assert.equal(t.seek(fd, 4 * MIB, C.SEEK_HOLE), 5 * MIB);
      fails('ENXIO', () => t.seek(fd, 5 * MIB, C.SEEK_DATA));
    });
  },
});

export const dataCases = [...reading, ...spanCases, ...writing, ...sharing, ...seeking];
