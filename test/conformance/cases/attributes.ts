import assert from 'node:assert/strict';
import { type CaseBody, defineCases, O } from '../case.ts';
import {
  fails,
  hasStatus,
  isNow,
  letClockPass,
  movedTimes,
  put,
  SECOND,
  withOpen,
} from '../expect.ts';

const status = defineCases('stat', {
  'of a new file tells what it is': (t) => {
    put(t, 'a', 'abc', 0o640);
    const found = t.stat('a');
    hasStatus(found, { kind: 'file', size: 3, mode: 0o640, nlink: 1 });
    assert.ok(found.blockSize > 0);
  },
  'through a descriptor tells the same': (t) => {
    put(t, 'a', 'abc');
    const byPath = t.stat('a');
    withOpen(t, 'a', O.RDONLY, (fd) => assert.deepEqual(t.statOpen(fd), byPath));
  },
  'gives every file a number of its own that stays': (t) => {
    const numbers = new Set<bigint>();
    for (let index = 0; index < 50; index += 1) {
      put(t, `f${index}`);
      numbers.add(t.stat(`f${index}`).ino);
    }
    assert.equal(numbers.size, 50);
    const before = t.stat('f7').ino;
    t.rename('f7', 'renamed');
    put(t, 'renamed', 'more');
    assert.equal(t.stat('renamed').ino, before);
  },
  'tells one device for all': (t) => {
    put(t, 'a');
    t.mkdir('d');
    assert.deepEqual(t.stat('a').device, t.stat('.').device);
    assert.deepEqual(t.stat('d').device, t.stat('.').device);
  },
  'of a missing name or the empty path fails': (t) => {
    fails('ENOENT', () => t.stat('a'));
    fails('ENOENT', () => t.open('', O.RDONLY));
  },
  'through a file fails': (t) => {
    put(t, 'a');
    fails('ENOTDIR', () => t.stat('a/b'));
    fails('ENOTDIR', () => t.stat('a/'));
    fails('ENOTDIR', () => t.stat('a/.'));
    fails('ENOTDIR', () => t.stat('a/..'));
  },
  'of . and .. are directories': (t) => {
    t.mkdir('d');
    assert.equal(t.stat('d/.').ino, t.stat('d').ino);
    assert.equal(t.stat('d/..').ino, t.stat('.').ino);
  },
  'by another process tells the same': (t) => {
    put(t, 'a', 'abc');
    const other = t.otherProcess();
    const { atime: _, ...mine } = t.stat('a');
    const { atime: __, ...theirs } = other.stat('a');
    assert.deepEqual(theirs, mine);
  },
  'tells the time of birth, which stays': (t) => {
    put(t, 'a');
    const born = t.stat('a').btime;
    assert.ok(born !== undefined);
    isNow(born);
    letClockPass();
    put(t, 'a', 'more');
    t.chmod('a', 0o600);
    assert.equal(t.stat('a').btime, born);
  },
});

const modes = [0, 0o400, 0o200, 0o100, 0o644, 0o755, 0o777, 0o1777, 0o2755, 0o4755, 0o7777];

const changingMode = [
  ...defineCases(
    'chmod',
    Object.fromEntries(
      modes.map((mode): [string, CaseBody] => [
        `to ${mode.toString(8).padStart(4, '0')} is kept by a file and a directory`,
        (t) => {
          put(t, 'a');
          t.mkdir('d');
          t.chmod('a', mode);
          t.chmod('d', mode);
          hasStatus(t.stat('a'), { mode, kind: 'file' });
          hasStatus(t.stat('d'), { mode, kind: 'directory' });
        },
      ]),
    ),
  ),
  ...defineCases('chmod', {
    'moves ctime alone': (t) => {
      put(t, 'a');
      const moved = movedTimes(t, 'a', () => t.chmod('a', 0o600));
      assert.deepEqual(moved, { atime: false, mtime: false, ctime: true });
    },
    'through a descriptor works, be it for reading': (t) => {
      put(t, 'a');
      withOpen(t, 'a', O.RDONLY, (fd) => t.chmodOpen(fd, 0o751));
      hasStatus(t.stat('a'), { mode: 0o751 });
    },
    'follows a symlink': (t) => {
      put(t, 'a');
      t.symlink('a', 'link');
      t.chmod('link', 0o601);
      hasStatus(t.stat('a'), { mode: 0o601 });
      hasStatus(t.statLink('link'), { mode: 0o777 });
    },
    'of a missing file fails': (t) => {
      fails('ENOENT', () => t.chmod('a', 0o600));
      t.symlink('nothing', 'link');
      fails('ENOENT', () => t.chmod('link', 0o600));
    },
    'leaves the umask out of it': (t) => {
      put(t, 'a');
      t.umask(0o077);
      t.chmod('a', 0o666);
      hasStatus(t.stat('a'), { mode: 0o666 });
    },
  }),
];

const changingOwner = defineCases(
  'chown',
  {
    'sets owner and group': (t) => {
      put(t, 'a');
      t.chown('a', 1234, 5678);
      hasStatus(t.stat('a'), { uid: 1234, gid: 5678 });
    },
    'with -1 leaves one of them': (t) => {
      put(t, 'a');
      t.chown('a', 1234, 5678);
      t.chown('a', -1, 99);
      hasStatus(t.stat('a'), { uid: 1234, gid: 99 });
      t.chown('a', 77, -1);
      hasStatus(t.stat('a'), { uid: 77, gid: 99 });
    },
    'keeps large numbers': (t) => {
      put(t, 'a');
      t.chown('a', 4_000_000_000, 3_999_999_999);
      hasStatus(t.stat('a'), { uid: 4_000_000_000, gid: 3_999_999_999 });
    },
    'moves ctime alone': (t) => {
      put(t, 'a');
      const moved = movedTimes(t, 'a', () => t.chown('a', 1, 1));
      assert.deepEqual(moved, { atime: false, mtime: false, ctime: true });
    },
    'follows a symlink': (t) => {
      put(t, 'a');
      t.symlink('a', 'link');
      t.chown('link', 12, 34);
      hasStatus(t.stat('a'), { uid: 12, gid: 34 });
      hasStatus(t.statLink('link'), { uid: 0, gid: 0 });
    },
    'of a symlink itself leaves what it names': (t) => {
      put(t, 'a');
      t.symlink('a', 'link');
      t.chownLink('link', 12, 34);
      hasStatus(t.statLink('link'), { uid: 12, gid: 34 });
      hasStatus(t.stat('a'), { uid: 0, gid: 0 });
    },
    'through a descriptor works': (t) => {
      put(t, 'a');
      withOpen(t, 'a', O.RDONLY, (fd) => t.chownOpen(fd, 12, 34));
      hasStatus(t.stat('a'), { uid: 12, gid: 34 });
    },
    'of a directory works': (t) => {
      t.mkdir('d');
      t.chown('d', 12, 34);
      hasStatus(t.stat('d'), { uid: 12, gid: 34 });
    },
    'takes set-user-ID and set-group-ID off an executable file': (t) => {
      put(t, 'a');
      t.chmod('a', 0o6755);
      t.chown('a', 12, 34);
      hasStatus(t.stat('a'), { mode: 0o755 });
    },
    'of a missing file fails': (t) => {
      fails('ENOENT', () => t.chown('a', 1, 1));
    },
  },
  ['root'],
);

const aTime = 1_234_567_890n * SECOND;
const mTime = 1_111_111_111n * SECOND;

/** Times to set and to find again, to the nanosecond. */
const moments: Readonly<Record<string, bigint>> = {
  'a whole second': 1_500_000_000n * SECOND,
  'a millisecond': 1_500_000_000n * SECOND + 123_000_000n,
  'a nanosecond': 1_500_000_000n * SECOND + 1n,
  'the last nanosecond of a second': 1_500_000_000n * SECOND + 999_999_999n,
  'the beginning of 1970': 0n,
  'a time before 1970': -86_400n * SECOND + 500_000_000n,
  'a time after 2038': 2_200_000_000n * SECOND,
  'a time after 2106': 5_000_000_000n * SECOND + 7_000_000n,
};

const settingTimes = [
  ...defineCases(
    'utimens',
    Object.fromEntries(
      Object.entries(moments).map(([label, moment]): [string, CaseBody] => [
        `${label} is kept`,
        (t) => {
          put(t, 'a');
          t.setTimes('a', aTime, moment);
          hasStatus(t.stat('a'), { atime: aTime, mtime: moment });
          t.mkdir('d');
          t.setTimes('d', moment, mTime);
          hasStatus(t.stat('d'), { atime: moment, mtime: mTime });
        },
      ]),
    ),
  ),
  ...defineCases('utimens', {
    'keeps access and modification time apart': (t) => {
      put(t, 'a');
      t.setTimes('a', aTime, mTime);
      hasStatus(t.stat('a'), { atime: aTime, mtime: mTime });
    },
    'now is now': (t) => {
      put(t, 'a');
      t.setTimes('a', aTime, mTime);
      t.setTimes('a', 'now', 'now');
      isNow(t.stat('a').atime);
      isNow(t.stat('a').mtime);
    },
    'omit leaves one of them': (t) => {
      put(t, 'a');
      t.setTimes('a', aTime, mTime);
      t.setTimes('a', 'omit', 7n * SECOND);
      hasStatus(t.stat('a'), { atime: aTime, mtime: 7n * SECOND });
      t.setTimes('a', 9n * SECOND, 'omit');
      hasStatus(t.stat('a'), { atime: 9n * SECOND, mtime: 7n * SECOND });
    },
    'now and omit mix': (t) => {
      put(t, 'a');
      t.setTimes('a', aTime, mTime);
      t.setTimes('a', 'omit', 'now');
      hasStatus(t.stat('a'), { atime: aTime });
      isNow(t.stat('a').mtime);
    },
    'moves ctime to now': (t) => {
      put(t, 'a');
      const moved = movedTimes(t, 'a', () => t.setTimes('a', aTime, mTime));
      assert.equal(moved.ctime, true);
      isNow(t.stat('a').ctime);
    },
    'through a descriptor works': (t) => {
      put(t, 'a');
      withOpen(t, 'a', O.RDWR, (fd) => t.setTimesOpen(fd, aTime, mTime));
      hasStatus(t.stat('a'), { atime: aTime, mtime: mTime });
    },
    'follows a symlink': (t) => {
      put(t, 'a');
      t.symlink('a', 'link');
      t.setTimes('link', aTime, mTime);
      hasStatus(t.stat('a'), { atime: aTime, mtime: mTime });
    },
    'of a symlink itself leaves what it names': (t) => {
      put(t, 'a');
      t.setTimes('a', SECOND, 2n * SECOND);
      t.symlink('a', 'link');
      t.setTimesLink('link', aTime, mTime);
      hasStatus(t.stat('a'), { atime: SECOND, mtime: 2n * SECOND });
      hasStatus(t.statLink('link'), { mtime: mTime });
    },
    'of a missing file fails': (t) => {
      fails('ENOENT', () => t.setTimes('a', 'now', 'now'));
    },
    'set by hand stay until the next change': (t) => {
      put(t, 'a', 'abc');
      t.setTimes('a', aTime, mTime);
      t.chmod('a', 0o600);
      t.rename('a', 'b');
      t.link('b', 'c');
      hasStatus(t.stat('b'), { mtime: mTime });
      withOpen(t, 'b', O.WRONLY, (fd) => t.truncateOpen(fd, 1));
      isNow(t.stat('b').mtime);
    },
    'set while the file is open stay after the close': (t) => {
      const fd = t.open('a', O.RDWR | O.CREAT, 0o644);
      t.write(fd, new Uint8Array(100_000));
      t.setTimesOpen(fd, aTime, mTime);
      t.close(fd);
      hasStatus(t.stat('a'), { atime: aTime, mtime: mTime });
    },
    'a read moves an access time that is older than the change': (t) => {
      put(t, 'a', 'abc');
      t.setTimes('a', aTime, 'now');
      withOpen(t, 'a', O.RDONLY, (fd) => t.read(fd, 3));
      isNow(t.stat('a').atime);
    },
  }),
];

export const attributeCases = [...status, ...changingMode, ...changingOwner, ...settingTimes];
