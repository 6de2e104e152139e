import assert from 'node:assert/strict';
import { C } from '../../support/libc.ts';
import type { CaseBody } from '../case.ts';
import { defineCases, O } from '../case.ts';
import {
  bytesOf,
  content,
  fails,
  GIB,
  hasStatus,
  holds,
  MIB,
  movedTimes,
  pattern,
  put,
  readAll,
  sameBytes,
  TIB,
  withOpen,
  writeAll,
} from '../expect.ts';

const sparse = defineCases('sparse', {
  'a hole reads as zeros': (t) => {
    withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
      t.writeAt(fd, bytesOf('x'), 300_000);
      sameBytes(readAll(t, fd, 300_000, 0), new Uint8Array(300_000));
    });
  },
  'a hole takes no blocks': (t) => {
    withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
      t.truncateOpen(fd, GIB);
      t.writeAt(fd, bytesOf('x'), GIB / 2);
      t.sync(fd);
    });
    const status = t.stat('a');
    assert.equal(status.size, GIB);
    assert.ok(status.blocks * 512 < 16 * MIB, `${status.blocks} blocks`);
  },
  'written data takes blocks': (t) => {
    withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
      writeAll(t, fd, pattern(MIB));
      t.sync(fd);
    });
    assert.ok(t.stat('a').blocks * 512 >= MIB);
  },
  'a write into a hole keeps the zeros around it': (t) => {
    const expected = new Uint8Array(MIB);
    expected.set(pattern(1000), 400_001);
    withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
      t.truncateOpen(fd, MIB);
      t.writeAt(fd, pattern(1000), 400_001);
    });
    holds(t, 'a', expected);
  },
  'islands of data between holes stay what they are': (t) => {
    const expected = new Uint8Array(2 * MIB);
    withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
      t.truncateOpen(fd, expected.length);
      for (let offset = 1; offset < expected.length; offset += 190_001) {
        const data = pattern(5000, offset);
        t.writeAt(fd, data.subarray(0, expected.length - offset), offset);
        expected.set(data.subarray(0, expected.length - offset), offset);
      }
    });
    holds(t, 'a', expected);
  },
  'a file of zeros only is not the same as no file': (t) => {
    put(t, 'a', new Uint8Array(10_000));
    hasStatus(t.stat('a'), { size: 10_000 });
    holds(t, 'a', new Uint8Array(10_000));
  },
});

const placesFarOut: Readonly<Record<string, number>> = {
  '2 GiB - 1': 2 * GIB - 1,
  '2 GiB': 2 * GIB,
  '4 GiB - 1': 4 * GIB - 1,
  '4 GiB + 1': 4 * GIB + 1,
  '1 TiB': TIB,
  '8 TiB + 4095': 8 * TIB + 4095,
};

const large = [
  ...defineCases(
    'large',
    Object.fromEntries(
      Object.entries(placesFarOut).map(([label, offset]): [string, CaseBody] => [
        `data at ${label} is kept`,
        (t) => {
          withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
            t.writeAt(fd, pattern(5000), offset);
            hasStatus(t.statOpen(fd), { size: offset + 5000 });
            sameBytes(readAll(t, fd, 6000, offset), pattern(5000));
            sameBytes(t.readAt(fd, 10, offset - 10), new Uint8Array(10));
            assert.equal(t.seek(fd, 0, C.SEEK_END), offset + 5000);
          });
          hasStatus(t.stat('a'), { size: offset + 5000 });
        },
      ]),
    ),
  ),
  ...defineCases('large', {
    'truncate to 10 TiB and back': (t) => {
      put(t, 'a', 'abc');
      t.truncate('a', 10 * TIB);
      hasStatus(t.stat('a'), { size: 10 * TIB });
      t.truncate('a', 3);
      holds(t, 'a', 'abc');
    },
    'a read far beyond the end gives nothing': (t) => {
      put(t, 'a', 'abc');
      withOpen(t, 'a', O.RDONLY, (fd) => assert.equal(t.readAt(fd, 10, 15 * TIB).length, 0));
    },
  }),
  ...defineCases(
    'large',
    {
      'a size beyond every limit fails': (t) => {
        put(t, 'a', 'abc');
        fails('EFBIG', () => t.truncate('a', 2n ** 63n - 1n));
        hasStatus(t.stat('a'), { size: 3 });
      },
      'a write beyond every limit fails': (t) => {
        withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
          fails('EFBIG', () => t.writeAt(fd, bytesOf('x'), 2n ** 62n));
        });
        hasStatus(t.stat('a'), { size: 0 });
      },
    },
    ['size limit'],
  ),
];

const truncating = defineCases('truncate', {
  'cuts a file': (t) => {
    put(t, 'a', pattern(10_000));
    t.truncate('a', 5000);
    holds(t, 'a', pattern(10_000).subarray(0, 5000));
  },
  'grows a file with zeros': (t) => {
    put(t, 'a', 'abc');
    t.truncate('a', 6);
    holds(t, 'a', 'abc\0\0\0');
  },
  'to nothing and up again shows zeros, not what was there': (t) => {
    put(t, 'a', pattern(100_000));
    t.truncate('a', 0);
    t.truncate('a', 100_000);
    holds(t, 'a', new Uint8Array(100_000));
  },
  'inside a block and up again shows zeros behind the cut': (t) => {
    for (const cut of [1, 4095, 4097, 65_537, 131_071]) {
      put(t, 'a', pattern(200_000));
      t.truncate('a', cut);
      t.truncate('a', 200_000);
      const expected = new Uint8Array(200_000);
      expected.set(pattern(200_000).subarray(0, cut));
      holds(t, 'a', expected);
    }
  },
  'then a write beyond the end shows zeros between': (t) => {
    put(t, 'a', pattern(10_000));
    t.truncate('a', 100);
    withOpen(t, 'a', O.WRONLY, (fd) => t.writeAt(fd, bytesOf('x'), 9000));
    const expected = new Uint8Array(9001);
    expected.set(pattern(10_000).subarray(0, 100));
    expected[9000] = 0x78;
    holds(t, 'a', expected);
  },
  'to its own size keeps the content': (t) => {
    put(t, 'a', pattern(7777));
    t.truncate('a', 7777);
    holds(t, 'a', pattern(7777));
  },
  'moves mtime and ctime when it changes the size': (t) => {
    put(t, 'a', 'abc');
    const moved = movedTimes(t, 'a', () => t.truncate('a', 1));
    assert.ok(moved.mtime && moved.ctime);
  },
  'of an open file leaves the offset': (t) => {
    put(t, 'a', 'abcdef');
    withOpen(t, 'a', O.RDWR, (fd) => {
      t.read(fd, 4);
      t.truncateOpen(fd, 2);
      assert.equal(t.read(fd, 1).length, 0);
      t.write(fd, bytesOf('Z'));
    });
    holds(t, 'a', 'ab\0\0Z');
  },
  'shows in other descriptors at once': (t) => {
    put(t, 'a', pattern(50_000));
    const reader = t.open('a', O.RDONLY);
    readAll(t, reader, 50_000, 0);
    t.truncate('a', 10);
    hasStatus(t.statOpen(reader), { size: 10 });
    sameBytes(readAll(t, reader, 50_000, 0), pattern(50_000).subarray(0, 10));
  },
  'follows a symlink': (t) => {
    put(t, 'a', 'abcdef');
    t.symlink('a', 'link');
    t.truncate('link', 3);
    holds(t, 'a', 'abc');
  },
  'frees the blocks': (t) => {
    withOpen(t, 'a', O.RDWR | O.CREAT, (fd) => {
      writeAll(t, fd, pattern(4 * MIB));
      t.sync(fd);
      t.truncateOpen(fd, 1);
      t.sync(fd);
    });
    assert.ok(t.stat('a').blocks * 512 <= MIB);
  },
  'of a missing file fails': (t) => {
    fails('ENOENT', () => t.truncate('a', 0));
  },
  'of a directory fails': (t) => {
    t.mkdir('d');
    fails('EISDIR', () => t.truncate('d', 0));
  },
  'to a negative size fails': (t) => {
    put(t, 'a');
    fails('EINVAL', () => t.truncate('a', -1));
  },
  'through a descriptor for reading fails': (t) => {
    put(t, 'a', 'abc');
    withOpen(t, 'a', O.RDONLY, (fd) => fails('EINVAL', () => t.truncateOpen(fd, 0)));
  },
  'of an open file works after its mode forbids writing': (t) => {
    const fd = t.open('a', O.RDWR | O.CREAT, 0o600);
    t.write(fd, bytesOf('abc'));
    t.chmod('a', 0o400);
    t.truncateOpen(fd, 1);
    hasStatus(t.stat('a'), { size: 1 });
  },
  'many times up and down ends where it should': (t) => {
    put(t, 'a', pattern(30_000));
    let kept = 30_000;
    for (const size of [29_999, 40_000, 4096, 100_000, 4095, 4097, 20_000]) {
      t.truncate('a', size);
      kept = Math.min(kept, size);
    }
    const expected = new Uint8Array(20_000);
    expected.set(pattern(30_000).subarray(0, kept));
    sameBytes(content(t, 'a'), expected);
  },
});

const mapping = defineCases('mmap', {
  'a shared mapping shows the content': (t) => {
    put(t, 'a', pattern(10_000));
    withOpen(t, 'a', O.RDONLY, (fd) => {
      const mapping = t.map(fd, 10_000, { write: false, shared: true });
      sameBytes(mapping.bytes.slice(), pattern(10_000));
      mapping.close();
    });
  },
  'a write through a shared mapping is read after msync': (t) => {
    put(t, 'a', pattern(10_000));
    withOpen(t, 'a', O.RDWR, (fd) => {
      const mapping = t.map(fd, 10_000, { write: true, shared: true });
      mapping.bytes.set(bytesOf('mapped'), 5000);
      mapping.sync();
      sameBytes(t.readAt(fd, 6, 5000), bytesOf('mapped'));
      mapping.close();
    });
    const expected = pattern(10_000);
    expected.set(bytesOf('mapped'), 5000);
    holds(t, 'a', expected);
  },
  'a write(2) shows in a shared mapping': (t) => {
    put(t, 'a', pattern(8192));
    withOpen(t, 'a', O.RDWR, (fd) => {
      const mapping = t.map(fd, 8192, { write: false, shared: true });
      assert.equal(mapping.bytes[4000], pattern(8192)[4000]);
      t.writeAt(fd, bytesOf('written'), 4000);
      sameBytes(mapping.bytes.slice(4000, 4007), bytesOf('written'));
      mapping.close();
    });
  },
  'a write through a private mapping stays private': (t) => {
    put(t, 'a', 'original');
    withOpen(t, 'a', O.RDWR, (fd) => {
      const mapping = t.map(fd, 8, { write: true, shared: false });
      mapping.bytes.set(bytesOf('changed!'));
      mapping.close();
    });
    holds(t, 'a', 'original');
  },
  'a mapping outlives its descriptor': (t) => {
    put(t, 'a', pattern(5000));
    const fd = t.open('a', O.RDWR);
    const mapping = t.map(fd, 5000, { write: true, shared: true });
    t.close(fd);
    mapping.bytes[4999] = 42;
    mapping.sync();
    mapping.close();
    assert.equal(content(t, 'a')[4999], 42);
  },
  'a writable shared mapping of a descriptor for reading fails': (t) => {
    put(t, 'a', 'abc');
    withOpen(t, 'a', O.RDONLY, (fd) => {
      fails('EACCES', () => t.map(fd, 3, { write: true, shared: true }));
    });
  },
});

export const sizeCases = [...sparse, ...large, ...truncating, ...mapping];
