import assert from 'node:assert/strict';
import { C } from '../../support/libc.ts';
import { defineCases, O } from '../case.ts';
import {
  alice,
  bob,
  bytesOf,
  fails,
  hasStatus,
  KIB,
  movedTimes,
  pattern,
  put,
  sameBytes,
  withOpen,
} from '../expect.ts';
import type { Path, Target } from '../target.ts';

const VALUE = bytesOf('value');

/** CAP_NET_RAW, permitted and effective, as a `vfs_cap_data` of revision 2. */
const CAPABILITY = new Uint8Array(20);
new DataView(CAPABILITY.buffer).setUint32(0, 0x02000001, true);
new DataView(CAPABILITY.buffer).setUint32(4, 1 << 13, true);

/** The names of a list, sorted; those that the reference's own security module adds are not ours. */
function listed(t: Target, file: Path | number, follows = true): string[] {
  const list = Buffer.from(t.listXattr(file, undefined, follows)).toString('latin1');
  assert.ok(list === '' || list.endsWith('\0'), 'a zero ends each name');
  return list.split('\0').slice(0, -1).sort();
}

function give(t: Target, path: string, owner: { uid: number; gid: number }, mode: number): void {
  put(t, path, 'content');
  t.chown(path, owner.uid, owner.gid);
  t.chmod(path, mode);
}

function giveDirectory(
  t: Target,
  path: string,
  owner: { uid: number; gid: number },
  mode: number,
): void {
  t.mkdir(path);
  t.chown(path, owner.uid, owner.gid);
  t.chmod(path, mode);
}

const values = defineCases('xattr', {
  'a value is kept, replaced and removed': (t) => {
    put(t, 'a');
    t.setXattr('a', 'user.one', VALUE);
    sameBytes(t.getXattr('a', 'user.one'), VALUE);
    t.setXattr('a', 'user.one', bytesOf('another value'));
    sameBytes(t.getXattr('a', 'user.one'), bytesOf('another value'));
    t.removeXattr('a', 'user.one');
    fails('ENODATA', () => t.getXattr('a', 'user.one'));
    fails('ENODATA', () => t.removeXattr('a', 'user.one'));
  },
  'a value may be empty, and hold any bytes': (t) => {
    put(t, 'a');
    t.setXattr('a', 'user.empty', new Uint8Array(0));
    assert.equal(t.getXattr('a', 'user.empty').length, 0);
    const all = Uint8Array.from({ length: 256 }, (_, index) => index);
    t.setXattr('a', 'user.all', all);
    sameBytes(t.getXattr('a', 'user.all'), all);
  },
  'a name may hold any bytes': (t) => {
    put(t, 'a');
    const name = Buffer.concat([Buffer.from('user.'), Buffer.from([1, 0x2f, 0x7f, 0x80, 0xff])]);
    t.setXattr('a', name, VALUE);
    sameBytes(t.getXattr('a', name), VALUE);
    assert.deepEqual(listed(t, 'a'), [name.toString('latin1')]);
  },
  'a name has 255 bytes at most': (t) => {
    put(t, 'a');
    const longest = `user.${'n'.repeat(250)}`;
    t.setXattr('a', longest, VALUE);
    sameBytes(t.getXattr('a', longest), VALUE);
    for (const name of [`${longest}n`, '']) {
      fails('ERANGE', () => t.setXattr('a', name, VALUE));
      fails('ERANGE', () => t.getXattr('a', name));
      fails('ERANGE', () => t.removeXattr('a', name));
    }
  },
  'a name belongs to a namespace and is more than that': (t) => {
    put(t, 'a');
    for (const name of ['other.a', 'user', 'users.a', 'User.a']) {
      fails('EOPNOTSUPP', () => t.setXattr('a', name, VALUE));
      fails('EOPNOTSUPP', () => t.getXattr('a', name));
      fails('EOPNOTSUPP', () => t.removeXattr('a', name));
    }
    fails('EINVAL', () => t.setXattr('a', 'user.', VALUE));
    fails('EINVAL', () => t.getXattr('a', 'user.'));
  },
  'CREATE makes and REPLACE replaces, or fails': (t) => {
    put(t, 'a');
    fails('ENODATA', () => t.setXattr('a', 'user.one', VALUE, C.XATTR_REPLACE));
    t.setXattr('a', 'user.one', VALUE, C.XATTR_CREATE);
    fails('EEXIST', () => t.setXattr('a', 'user.one', bytesOf('x'), C.XATTR_CREATE));
    sameBytes(t.getXattr('a', 'user.one'), VALUE);
    t.setXattr('a', 'user.one', bytesOf('x'), C.XATTR_REPLACE);
    sameBytes(t.getXattr('a', 'user.one'), bytesOf('x'));
  },
  'a buffer that is too short is refused, and none tells the length': (t) => {
    put(t, 'a');
    t.setXattr('a', 'user.one', VALUE);
    assert.equal(t.xattrBytes('a', 'user.one'), VALUE.length);
    sameBytes(t.getXattr('a', 'user.one', VALUE.length), VALUE);
    fails('ERANGE', () => t.getXattr('a', 'user.one', VALUE.length - 1));
    const bytes = t.listXattr('a').length;
    assert.equal(t.listXattr('a', bytes).length, bytes);
    fails('ERANGE', () => t.listXattr('a', bytes - 1));
  },
  'a value of more than 64 KiB is refused': (t) => {
    put(t, 'a');
    fails('E2BIG', () => t.setXattr('a', 'user.one', new Uint8Array(64 * KIB + 1)));
    fails('ENODATA', () => t.getXattr('a', 'user.one'));
  },
  'a value of 3,000 bytes is kept': (t) => {
    put(t, 'a');
    t.setXattr('a', 'user.one', pattern(3000));
    sameBytes(t.getXattr('a', 'user.one'), pattern(3000));
    assert.equal(t.xattrBytes('a', 'user.one'), 3000);
  },
});

const large = defineCases(
  'xattr',
  {
    'values of up to 64 KiB are kept, several of them': (t) => {
      put(t, 'a');
      for (const bytes of [4 * KIB, 8 * KIB - 1, 20_000, 64 * KIB - 1, 64 * KIB]) {
        t.setXattr('a', `user.${bytes}`, pattern(bytes));
      }
      for (const bytes of [4 * KIB, 8 * KIB - 1, 20_000, 64 * KIB - 1, 64 * KIB]) {
        sameBytes(t.getXattr('a', `user.${bytes}`), pattern(bytes));
        assert.equal(t.xattrBytes('a', `user.${bytes}`), bytes);
      }
      t.setXattr('a', 'user.4096', pattern(50_000, 7));
      sameBytes(t.getXattr('a', 'user.4096'), pattern(50_000, 7));
    },
    'hundreds of names are listed': (t) => {
      put(t, 'a');
      const expected: string[] = [];
      for (let index = 0; index < 300; index += 1) {
        expected.push(`user.${'long name '.repeat(15)}${index}`);
      }
      for (const name of expected) {
        t.setXattr('a', name, VALUE);
      }
      assert.deepEqual(listed(t, 'a'), expected.sort());
    },
  },
  ['large attributes'],
);

const files = defineCases('xattr', {
  'a new file has none, and a list names all': (t) => {
    put(t, 'a');
    t.mkdir('d');
    assert.deepEqual(listed(t, 'a'), []);
    t.setXattr('a', 'user.one', VALUE);
    t.setXattr('a', 'user.two', VALUE);
    t.setXattr('d', 'user.three', VALUE);
    assert.deepEqual(listed(t, 'a'), ['user.one', 'user.two']);
    assert.deepEqual(listed(t, 'd'), ['user.three']);
    t.removeXattr('a', 'user.one');
    assert.deepEqual(listed(t, 'a'), ['user.two']);
  },
  'they belong to the file and not to a name of it': (t) => {
    put(t, 'a');
    t.link('a', 'b');
    t.setXattr('a', 'user.one', VALUE);
    sameBytes(t.getXattr('b', 'user.one'), VALUE);
    t.rename('a', 'c');
    t.unlink('b');
    sameBytes(t.getXattr('c', 'user.one'), VALUE);
  },
  'they go with the file': (t) => {
    put(t, 'a');
    t.setXattr('a', 'user.one', VALUE);
    t.unlink('a');
    put(t, 'a');
    assert.deepEqual(listed(t, 'a'), []);
    put(t, 'b');
    t.setXattr('b', 'user.one', VALUE);
    t.rename('a', 'b');
    assert.deepEqual(listed(t, 'b'), []);
  },
  'they outlive truncation': (t) => {
    put(t, 'a', 'content');
    t.setXattr('a', 'user.one', VALUE);
    put(t, 'a', 'new content');
    sameBytes(t.getXattr('a', 'user.one'), VALUE);
  },
  'a descriptor serves as well as a path, whatever it was opened for': (t) => {
    put(t, 'a');
    withOpen(t, 'a', O.RDONLY, (fd) => {
      t.setXattr(fd, 'user.one', VALUE);
      sameBytes(t.getXattr(fd, 'user.one'), VALUE);
      assert.deepEqual(listed(t, fd), ['user.one']);
    });
    withOpen(t, 'a', O.WRONLY, (fd) => {
      sameBytes(t.getXattr(fd, 'user.one'), VALUE);
      t.removeXattr(fd, 'user.one');
      assert.deepEqual(listed(t, fd), []);
    });
  },
  'a removed file that is open keeps them': (t) => {
    put(t, 'a');
    withOpen(t, 'a', O.RDWR, (fd) => {
      t.setXattr(fd, 'user.one', VALUE);
      t.unlink('a');
      sameBytes(t.getXattr(fd, 'user.one'), VALUE);
      t.setXattr(fd, 'user.two', VALUE);
      assert.deepEqual(listed(t, fd), ['user.one', 'user.two']);
    });
  },
  'a symbolic link is followed, or has none for users': (t) => {
    put(t, 'a');
    t.symlink('a', 'link');
    t.setXattr('link', 'user.one', VALUE);
    sameBytes(t.getXattr('a', 'user.one'), VALUE);
    sameBytes(t.getXattr('link', 'user.one'), VALUE);
    fails('EPERM', () => t.setXattr('link', 'user.one', VALUE, 0, false));
    fails('ENODATA', () => t.getXattr('link', 'user.one', 100, false));
    fails('EPERM', () => t.removeXattr('link', 'user.one', false));
    assert.deepEqual(listed(t, 'link', false), []);
    fails('ENOENT', () => t.getXattr('missing', 'user.one'));
  },
  'special files have none for users': (t) => {
    t.makeNode('fifo', 'fifo', 0o644);
    t.makeNode('socket', 'socket', 0o644);
    for (const path of ['fifo', 'socket']) {
      fails('EPERM', () => t.setXattr(path, 'user.one', VALUE));
      fails('ENODATA', () => t.getXattr(path, 'user.one'));
      assert.deepEqual(listed(t, path), []);
    }
  },
  'setting and removing change ctime alone': (t) => {
    put(t, 'a');
    const only = { atime: false, mtime: false, ctime: true };
    assert.deepEqual(
      movedTimes(t, 'a', () => t.setXattr('a', 'user.one', VALUE)),
      only,
    );
    assert.deepEqual(
      movedTimes(t, 'a', () => t.setXattr('a', 'user.one', bytesOf('x'))),
      only,
    );
    assert.deepEqual(
      movedTimes(t, 'a', () => t.removeXattr('a', 'user.one')),
      only,
    );
    assert.deepEqual(
      movedTimes(t, 'a', () => listed(t, 'a')),
      { atime: false, mtime: false, ctime: false },
    );
  },
  'what another process set is seen at once': (t) => {
    put(t, 'a');
    const other = t.otherProcess();
    assert.deepEqual(listed(t, 'a'), []);
    fails('ENODATA', () => t.getXattr('a', 'user.one'));
    other.setXattr('a', 'user.one', VALUE);
    sameBytes(t.getXattr('a', 'user.one'), VALUE);
    other.removeXattr('a', 'user.one');
    fails('ENODATA', () => t.getXattr('a', 'user.one'));
  },
});

const users = defineCases(
  'xattr',
  {
    'user attributes are read by who may read and set by who may write': (t) => {
      give(t, 'a', alice, 0o640);
      t.setXattr('a', 'user.one', VALUE);
      t.as({ ...bob, groups: [alice.gid] }, () => {
        sameBytes(t.getXattr('a', 'user.one'), VALUE);
        fails('EACCES', () => t.setXattr('a', 'user.one', VALUE));
        fails('EACCES', () => t.removeXattr('a', 'user.one'));
      });
      t.as(bob, () => {
        fails('EACCES', () => t.getXattr('a', 'user.one'));
        assert.deepEqual(listed(t, 'a'), ['user.one']);
      });
      t.chmod('a', 0o602);
      t.as(bob, () => {
        fails('EACCES', () => t.getXattr('a', 'user.one'));
        t.setXattr('a', 'user.two', VALUE);
      });
    },
    'a directory on the way must be searchable': (t) => {
      giveDirectory(t, 'd', alice, 0o700);
      give(t, 'd/a', bob, 0o600);
      t.as(bob, () => {
        fails('EACCES', () => t.getXattr('d/a', 'user.one'));
        fails('EACCES', () => t.listXattr('d/a'));
      });
      t.chmod('d', 0o711);
      t.as(bob, () => {
        t.setXattr('d/a', 'user.one', VALUE);
        assert.deepEqual(listed(t, 'd/a'), ['user.one']);
      });
    },
    'a sticky directory’s are set by its owner alone': (t) => {
      giveDirectory(t, 'd', alice, 0o1777);
      t.as(alice, () => t.setXattr('d', 'user.one', VALUE));
      t.as(bob, () => {
        sameBytes(t.getXattr('d', 'user.one'), VALUE);
        fails('EPERM', () => t.setXattr('d', 'user.one', VALUE));
        fails('EPERM', () => t.removeXattr('d', 'user.one'));
      });
      t.chmod('d', 0o777);
      t.as(bob, () => t.removeXattr('d', 'user.one'));
    },
    'trusted attributes are the superuser’s, and nobody else sees them': (t) => {
      give(t, 'a', alice, 0o666);
      t.setXattr('a', 'trusted.one', VALUE);
      t.setXattr('a', 'user.one', VALUE);
      assert.deepEqual(listed(t, 'a'), ['trusted.one', 'user.one']);
      t.as(alice, () => {
        fails('ENODATA', () => t.getXattr('a', 'trusted.one'));
        fails('EPERM', () => t.setXattr('a', 'trusted.one', VALUE));
        fails('EPERM', () => t.removeXattr('a', 'trusted.one'));
        assert.deepEqual(listed(t, 'a'), ['user.one']);
      });
      sameBytes(t.getXattr('a', 'trusted.one'), VALUE);
    },
    'trusted attributes are for files of all kinds': (t) => {
      t.symlink('nowhere', 'link');
      t.makeNode('fifo', 'fifo', 0o644);
      t.makeNode('device', 'character device', 0o600, { major: 1, minor: 3 });
      t.mkdir('d');
      for (const path of ['link', 'fifo', 'device', 'd']) {
        t.setXattr(path, 'trusted.one', bytesOf(path), 0, false);
        sameBytes(t.getXattr(path, 'trusted.one', 100, false), bytesOf(path));
        assert.deepEqual(listed(t, path, false), ['trusted.one']);
        t.removeXattr(path, 'trusted.one', false);
        assert.deepEqual(listed(t, path, false), []);
      }
    },
    'security attributes are set by the superuser and read by all': (t) => {
      give(t, 'a', alice, 0o600);
      t.setXattr('a', 'security.one', VALUE);
      t.as(bob, () => {
        sameBytes(t.getXattr('a', 'security.one'), VALUE);
        assert.deepEqual(listed(t, 'a'), ['security.one']);
        fails('EPERM', () => t.setXattr('a', 'security.one', VALUE));
      });
      t.as(alice, () => {
        fails('EPERM', () => t.setXattr('a', 'security.two', VALUE));
        fails('EPERM', () => t.removeXattr('a', 'security.one'));
      });
    },
  },
  ['root'],
);

/** What takes a program's capabilities away, and what does not. */
const changes: readonly (readonly [string, boolean, (t: Target) => void])[] = [
  ['a write by its owner takes them', true, (t) => t.as(alice, () => append(t))],
  ['a write by root takes them', true, append],
  ['truncation by its owner takes them', true, (t) => t.as(alice, () => t.truncate('a', 1))],
  ['truncation by root takes them', true, (t) => t.truncate('a', 1)],
  ['opening with O_TRUNC takes them', true, (t) => put(t, 'a', '')],
  ['chown takes them', true, (t) => t.chown('a', bob.uid, -1)],
  ['chown to the same owner takes them', true, (t) => t.chown('a', alice.uid, alice.gid)],
  ['chgrp by its owner takes them', true, (t) => t.as(alice, () => t.chown('a', -1, alice.gid))],
  ['chmod leaves them', false, (t) => t.chmod('a', 0o700)],
  ['utimensat leaves them', false, (t) => t.setTimes('a', 1n, 1n)],
  ['another attribute leaves them', false, (t) => t.setXattr('a', 'user.one', VALUE)],
  [
    'rename leaves them',
    false,
    (t) => {
      t.rename('a', 'b');
      t.rename('b', 'a');
    },
  ],
  ['opening for writing leaves them', false, (t) => withOpen(t, 'a', O.RDWR, () => undefined)],
];

function append(t: Target): void {
  withOpen(t, 'a', O.WRONLY | O.APPEND, (fd) => t.write(fd, bytesOf('more')));
}

const capabilities = defineCases(
  'xattr',
  {
    'capabilities are kept': (t) => {
      give(t, 'a', alice, 0o755);
      t.setXattr('a', 'security.capability', CAPABILITY);
      sameBytes(t.getXattr('a', 'security.capability'), CAPABILITY);
      t.removeXattr('a', 'security.capability');
      fails('ENODATA', () => t.getXattr('a', 'security.capability'));
      hasStatus(t.stat('a'), { mode: 0o755 });
    },
    'capabilities that another process gives to a new file are known to who made it': (t) => {
      withOpen(t, 'a', O.RDWR | O.CREAT | O.EXCL, (fd) => {
        // Before it writes, the kernel asks whether there are any.
        t.write(fd, bytesOf('content'));
        t.otherProcess().setXattr('a', 'security.capability', CAPABILITY);
        sameBytes(t.getXattr('a', 'security.capability'), CAPABILITY);
        t.write(fd, bytesOf('more'));
        fails('ENODATA', () => t.getXattr('a', 'security.capability'));
      });
    },
    ...Object.fromEntries(
      changes.map(([sentence, takes, change]) => [
        `capabilities: ${sentence}`,
        (t: Target) => {
          give(t, 'a', alice, 0o755);
          t.setXattr('a', 'security.capability', CAPABILITY);
          t.setXattr('a', 'user.kept', VALUE);
          change(t);
          if (takes) {
            fails('ENODATA', () => t.getXattr('a', 'security.capability'));
          } else {
            sameBytes(t.getXattr('a', 'security.capability'), CAPABILITY);
          }
          sameBytes(t.getXattr('a', 'user.kept'), VALUE);
        },
      ]),
    ),
  },
  ['root'],
);

export const extendedAttributeCases = [...values, ...large, ...files, ...users, ...capabilities];
