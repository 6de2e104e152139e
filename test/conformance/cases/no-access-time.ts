/** Reading through descriptors opened with O_NOATIME. */
import assert from 'node:assert/strict';
import { C } from '../../support/libc.ts';
import { defineCases, O } from '../case.ts';
import { alice, bob, fails, letClockPass, put, withOpen } from '../expect.ts';
import { Capability, type Path, type Target } from '../target.ts';

const PAGE_BYTES = 4096;

/** Makes the time of the last access so old that any other reading would move it (relatime). */
function age(t: Target, path: Path): bigint {
  t.setTimes(path, 0n, 'now');
  letClockPass();
  return t.stat(path).atime;
}

/** Reads by a descriptor with these flags, and tells whether that moved the time of access. */
function moves(t: Target, flags: number, read: (fd: number) => void, path = 'a'): boolean {
  const before = age(t, path);
  withOpen(t, path, flags, read);
  return t.stat(path).atime !== before;
}

const reading = defineCases('O_NOATIME', {
  'reading leaves the access time': (t) => {
    put(t, 'a', 'content');
    assert.equal(
      moves(t, O.RDONLY | C.O_NOATIME, (fd) => t.read(fd, 7)),
      false,
    );
    assert.equal(
      moves(t, O.RDWR | C.O_NOATIME, (fd) => t.read(fd, 7)),
      false,
    );
  },
  'reading much leaves the access time': (t) => {
    put(t, 'a', 'x'.repeat(300_000));
    assert.equal(
      moves(t, O.RDONLY | C.O_NOATIME, (fd) => {
        while (t.read(fd, 100_000).length > 0);
      }),
      false,
    );
  },
  'a mapping leaves the access time': (t) => {
    put(t, 'a', 'x'.repeat(2 * PAGE_BYTES));
    const look = (fd: number) => {
      const mapping = t.map(fd, 2 * PAGE_BYTES, { write: false, shared: true });
      assert.equal(mapping.bytes[PAGE_BYTES], 0x78);
      mapping.close();
    };
    assert.equal(moves(t, O.RDONLY | C.O_NOATIME, look), false);
  },
  'making a file with it leaves the access time of what is read': (t) => {
    const fd = t.open('a', O.RDWR | O.CREAT | C.O_NOATIME, 0o644);
    t.write(fd, Buffer.from('content'));
    const before = age(t, 'a');
    t.readAt(fd, 7, 0);
    assert.equal(t.stat('a').atime, before);
    t.close(fd);
  },
  'listing leaves the access time of a directory': (t) => {
    t.mkdir('d');
    put(t, 'd/a');
    const list = (fd: number) => {
      t.readEntries(fd);
    };
    assert.equal(moves(t, O.RDONLY | O.DIRECTORY | C.O_NOATIME, list, 'd'), false);
    assert.equal(moves(t, O.RDONLY | O.DIRECTORY, list, 'd'), true);
  },
  'who reads without it is told of, though another reads with it': (t) => {
    put(t, 'a', 'content');
    withOpen(t, 'a', O.RDONLY | C.O_NOATIME, (quiet) => {
      assert.equal(
        moves(t, O.RDONLY, (fd) => t.read(fd, 7)),
        true,
      );
      t.read(quiet, 7);
    });
  },
});

const afterwards = defineCases('O_NOATIME', {
  'who reads later without it is told of': (t) => {
    put(t, 'a', 'x'.repeat(2 * PAGE_BYTES));
    const read = (fd: number) => t.read(fd, 2 * PAGE_BYTES);
    assert.equal(moves(t, O.RDONLY | C.O_NOATIME, read), false);
    withOpen(t, 'a', O.RDONLY, read);
    assert.notEqual(t.stat('a').atime, 0n);
  },
});

const later = defineCases('O_NOATIME', {
  'set by fcntl(2), reading leaves the access time': (t) => {
    put(t, 'a', 'content');
    const read = (fd: number) => {
      t.setFlags(fd, C.O_NOATIME);
      t.read(fd, 7);
    };
    assert.equal(moves(t, O.RDONLY, read), false);
  },
  'taken off by fcntl(2), reading moves the access time': (t) => {
    put(t, 'a', 'content');
    const read = (fd: number) => {
      t.setFlags(fd, 0);
      t.read(fd, 7);
    };
    assert.equal(moves(t, O.RDONLY | C.O_NOATIME, read), true);
  },
});

const rights = defineCases(
  'O_NOATIME',
  {
    'is the owner’s, and root’s': (t) => {
      put(t, 'a', 'content');
      t.chown('a', alice.uid, alice.gid);
      t.as(bob, () => fails('EPERM', () => t.open('a', O.RDONLY | C.O_NOATIME)));
      t.as(alice, () => t.close(t.open('a', O.RDONLY | C.O_NOATIME)));
    },
    'is his who may act as the owner': (t) => {
      put(t, 'a', 'content');
      t.chown('a', alice.uid, alice.gid);
      t.as({ ...bob, capabilities: Capability.FOWNER }, () =>
        t.close(t.open('a', O.RDONLY | C.O_NOATIME)),
      );
    },
    'set by fcntl(2) is the owner’s, and root’s': (t) => {
      put(t, 'a', 'content');
      t.chown('a', alice.uid, alice.gid);
      const fd = t.as(bob, () => t.open('a', O.RDONLY));
      t.as(bob, () => fails('EPERM', () => t.setFlags(fd, C.O_NOATIME)));
      t.close(fd);
    },
    'the owner’s reading leaves the access time': (t) => {
      put(t, 'a', 'content');
      t.chown('a', alice.uid, alice.gid);
      const before = age(t, 'a');
      t.as(alice, () => withOpen(t, 'a', O.RDONLY | C.O_NOATIME, (fd) => t.read(fd, 7)));
      assert.equal(t.stat('a').atime, before);
    },
    'somebody else who is handed the descriptor leaves the access time': (t) => {
      put(t, 'a', 'content');
      t.chown('a', alice.uid, alice.gid);
      const before = age(t, 'a');
      const fd = t.as(alice, () => t.open('a', O.RDONLY | C.O_NOATIME));
      t.as(bob, () => t.read(fd, 7));
      t.close(fd);
      assert.equal(t.stat('a').atime, before);
    },
  },
  ['root'],
);

export const noAccessTimeCases = [...reading, ...afterwards, ...later, ...rights];
