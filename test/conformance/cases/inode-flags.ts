import assert from 'node:assert/strict';
import { C } from '../../support/libc.ts';
import { ACCESS, acl } from '../acl.ts';
import { type CaseBody, defineCases, O } from '../case.ts';
import {
  alice,
  bob,
  bytesOf,
  fails,
  hasStatus,
  holds,
  letClockPass,
  names,
  put,
  withOpen,
} from '../expect.ts';
import { InodeFlag, type Target } from '../target.ts';

const { IMMUTABLE, APPEND, NODUMP, NOATIME } = InodeFlag;

/** Takes the flags off whatever happens: nothing else could remove the file. */
function withFlags(t: Target, path: string, flags: number, body: () => void): void {
  t.setInodeFlags(path, flags);
  try {
    body();
  } finally {
    t.setInodeFlags(path, 0);
  }
}

function close(t: Target, fd: number): void {
  t.close(fd);
}

/** What is done, and whether an immutable and an append-only object let it be done. */
interface Deed {
  readonly label: string;
  readonly immutable: boolean;
  readonly appendOnly: boolean;
  run(t: Target): void;
}

const deed = (label: string, allowed: string, run: (t: Target) => void): Deed => ({
  label,
  immutable: allowed.includes('immutable'),
  appendOnly: allowed.includes('append-only'),
  run,
});

/** To the file `a`, which has an attribute `user.old`; `b` is another file. */
const fileDeeds: readonly Deed[] = [
  deed('read', 'immutable append-only', (t) => holds(t, 'a', 'content')),
  deed('opened for writing', '', (t) => close(t, t.open('a', O.WRONLY))),
  deed('opened for both', '', (t) => close(t, t.open('a', O.RDWR))),
  deed('opened for appending', 'append-only', (t) => close(t, t.open('a', O.WRONLY | O.APPEND))),
  deed('opened for reading and appending', 'append-only', (t) =>
    close(t, t.open('a', O.RDWR | O.APPEND)),
  ),
  deed('opened with O_CREAT for appending', 'append-only', (t) =>
    close(t, t.open('a', O.WRONLY | O.APPEND | O.CREAT, 0o644)),
  ),
  deed('opened with O_TRUNC', '', (t) => close(t, t.open('a', O.WRONLY | O.APPEND | O.TRUNC))),
  deed('appended to', 'append-only', (t) =>
    withOpen(t, 'a', O.WRONLY | O.APPEND, (fd) => t.write(fd, bytesOf('more'))),
  ),
  deed('truncated', '', (t) => t.truncate('a', 1)),
  deed('grown by truncate', '', (t) => t.truncate('a', 100)),
  deed('given a mode', '', (t) => t.chmod('a', 0o600)),
  deed('given its own mode', '', (t) => t.chmod('a', t.stat('a').mode)),
  deed('given an owner', '', (t) => t.chown('a', bob.uid, -1)),
  deed('given times', '', (t) => t.setTimes('a', 5n, 5n)),
  deed('touched', 'append-only', (t) => t.setTimes('a', 'now', 'now')),
  deed('given an attribute', '', (t) => t.setXattr('a', 'user.new', bytesOf('x'))),
  deed('rid of an attribute', '', (t) => t.removeXattr('a', 'user.old')),
  deed('asked for an attribute', 'immutable append-only', (t) => t.getXattr('a', 'user.old')),
  deed('given an access control list', '', (t) =>
    t.setXattr('a', ACCESS, acl('u::rw- u:4002:rw- g::r-- m::rw- o::---')),
  ),
  deed('linked', '', (t) => t.link('a', 'c')),
  deed('removed', '', (t) => t.unlink('a')),
  deed('renamed', '', (t) => t.rename('a', 'c')),
  deed('replaced', '', (t) => t.rename('b', 'a')),
];

/** To the directory `d`, which has a file `a` and a directory `e`; `b` is a file elsewhere. */
const directoryDeeds: readonly Deed[] = [
  deed('listed', 'immutable append-only', (t) => assert.deepEqual(names(t, 'd'), ['a', 'e'])),
  deed('given a file', 'append-only', (t) => put(t, 'd/new')),
  deed('given a directory', 'append-only', (t) => t.mkdir('d/new')),
  deed('given a symbolic link', 'append-only', (t) => t.symlink('x', 'd/new')),
  deed('given a special file', 'append-only', (t) => t.makeNode('d/new', 'fifo', 0o644)),
  deed('given a link', 'append-only', (t) => t.link('b', 'd/new')),
  deed('given a file by rename', 'append-only', (t) => t.rename('b', 'd/new')),
  deed('rid of a file', '', (t) => t.unlink('d/a')),
  deed('rid of a directory', '', (t) => t.rmdir('d/e')),
  deed('rid of a file by rename', '', (t) => t.rename('d/a', 'c')),
  deed('renamed in', '', (t) => t.rename('d/a', 'd/c')),
  deed('given another file for one', '', (t) => t.rename('b', 'd/a')),
  deed('changed in its files', 'immutable append-only', (t) => put(t, 'd/a', 'changed')),
  deed('given a mode', '', (t) => t.chmod('d', 0o700)),
  deed('renamed', '', (t) => t.rename('d', 'f')),
];

function prepareFile(t: Target): void {
  put(t, 'a', 'content');
  t.setXattr('a', 'user.old', bytesOf('x'));
  put(t, 'b', 'other');
}

function prepareDirectory(t: Target): void {
  t.mkdir('d');
  put(t, 'd/a', 'content');
  t.mkdir('d/e');
  put(t, 'b', 'other');
}

function deedCases(
  deeds: readonly Deed[],
  what: 'file' | 'directory',
  flag: 'immutable' | 'appendOnly',
): Record<string, CaseBody> {
  const [adjective, bit] =
    flag === 'immutable' ? ['immutable', IMMUTABLE] : ['append-only', APPEND];
  return Object.fromEntries(
    deeds.map((one): [string, CaseBody] => [
      `an ${adjective} ${what} ${one[flag] ? 'is' : 'is not'} ${one.label}`,
      (t) => {
        (what === 'file' ? prepareFile : prepareDirectory)(t);
        withFlags(t, what === 'file' ? 'a' : 'd', bit as number, () => {
          if (one[flag]) {
            one.run(t);
          } else {
            fails('EPERM', () => one.run(t));
          }
        });
        if (!one[flag]) {
          // The same is done as soon as the flag is off: it was the flag that forbade it.
          one.run(t);
        }
      },
    ]),
  );
}

const deedsOfAll = defineCases(
  'flags',
  {
    ...deedCases(fileDeeds, 'file', 'immutable'),
    ...deedCases(fileDeeds, 'file', 'appendOnly'),
    ...deedCases(directoryDeeds, 'directory', 'immutable'),
    ...deedCases(directoryDeeds, 'directory', 'appendOnly'),
  },
  ['root', 'inode flags'],
);

const openFiles = defineCases(
  'flags',
  {
    'an open descriptor does not write to what became immutable': (t) => {
      prepareFile(t);
      const fd = t.open('a', O.RDWR);
      withFlags(t, 'a', IMMUTABLE, () => {
        fails('EPERM', () => t.writeAt(fd, bytesOf('x'), 0));
        fails('EPERM', () => t.truncateOpen(fd, 0));
        fails('EPERM', () => t.chmodOpen(fd, 0o600));
        assert.equal(t.readAt(fd, 7, 0).length, 7);
      });
      t.writeAt(fd, bytesOf('C'), 0);
      holds(t, 'a', 'Content');
    },
    'an open descriptor goes on to write to what became append-only': (t) => {
      prepareFile(t);
      const fd = t.open('a', O.RDWR);
      withFlags(t, 'a', APPEND, () => {
        t.writeAt(fd, bytesOf('C'), 0);
        fails('EPERM', () => t.truncateOpen(fd, 0));
      });
      holds(t, 'a', 'Content');
    },
    'an append-only file grows at its end': (t) => {
      prepareFile(t);
      withFlags(t, 'a', APPEND, () => {
        withOpen(t, 'a', O.RDWR | O.APPEND, (fd) => {
          t.write(fd, bytesOf(' and'));
          t.write(fd, bytesOf(' more'));
        });
        holds(t, 'a', 'content and more');
      });
    },
    'an append-only file is allocated room, and not rid of any': (t) => {
      prepareFile(t);
      withFlags(t, 'a', APPEND, () => {
        withOpen(t, 'a', O.RDWR | O.APPEND, (fd) => {
          t.allocate(fd, C.FALLOC_FL_KEEP_SIZE, 0, 8192);
          const punching = C.FALLOC_FL_PUNCH_HOLE | C.FALLOC_FL_KEEP_SIZE;
          fails('EPERM', () => t.allocate(fd, punching, 0, 4096));
          fails('EPERM', () => t.allocate(fd, C.FALLOC_FL_ZERO_RANGE, 0, 4096));
        });
      });
      holds(t, 'a', 'content');
    },
    'an immutable directory holds what is below it': (t) => {
      prepareDirectory(t);
      withFlags(t, 'd', IMMUTABLE, () => {
        put(t, 'd/e/new', 'x');
        t.unlink('d/e/new');
        fails('EPERM', () => t.rename('d/e', 'e'));
      });
      t.rename('d/e', 'e');
    },
  },
  ['root', 'inode flags'],
);

const setting = defineCases(
  'flags',
  {
    'flags are kept, and change ctime alone': (t) => {
      put(t, 'a');
      t.mkdir('d');
      assert.equal(t.getInodeFlags('a'), 0);
      for (const path of ['a', 'd']) {
        for (const flags of [NODUMP, NOATIME, NODUMP | NOATIME | APPEND, IMMUTABLE]) {
          withFlags(t, path, flags, () => assert.equal(t.getInodeFlags(path), flags));
        }
        assert.equal(t.getInodeFlags(path), 0);
      }
      const before = t.stat('a');
      letClockPass();
      t.setInodeFlags('a', NODUMP);
      const after = t.stat('a');
      assert.ok(after.ctime > before.ctime);
      hasStatus(after, { mtime: before.mtime, mode: before.mode });
    },
    'only root forbids and allows changes': (t) => {
      put(t, 'a');
      t.chown('a', alice.uid, alice.gid);
      t.as(alice, () => {
        fails('EPERM', () => t.setInodeFlags('a', IMMUTABLE));
        fails('EPERM', () => t.setInodeFlags('a', APPEND));
        t.setInodeFlags('a', NODUMP);
      });
      withFlags(t, 'a', IMMUTABLE, () => {
        t.as(alice, () => {
          assert.equal(t.getInodeFlags('a'), IMMUTABLE);
          fails('EPERM', () => t.setInodeFlags('a', 0));
        });
      });
    },
    'flags are the owner’s to set and everybody’s to see': (t) => {
      put(t, 'a');
      t.chown('a', alice.uid, alice.gid);
      t.as(alice, () => t.setInodeFlags('a', NOATIME));
      t.as(bob, () => {
        assert.equal(t.getInodeFlags('a'), NOATIME);
        fails('EPERM', () => t.setInodeFlags('a', 0));
      });
    },
    'nodump and noatime are handed down, and nothing else': (t) => {
      t.mkdir('d');
      t.setInodeFlags('d', NODUMP | NOATIME);
      put(t, 'd/a');
      t.mkdir('d/e');
      assert.equal(t.getInodeFlags('d/a'), NODUMP | NOATIME);
      assert.equal(t.getInodeFlags('d/e'), NODUMP | NOATIME);
      withFlags(t, 'd', APPEND, () => {
        put(t, 'd/b');
        assert.equal(t.getInodeFlags('d/b'), 0);
      });
    },
    'reading with noatime leaves no trace': (t) => {
      for (const path of ['a', 'b']) {
        put(t, path, 'content');
        t.setTimes(path, 1n, 2_000_000_000n);
      }
      t.setInodeFlags('a', NOATIME);
      holds(t, 'a', 'content');
      holds(t, 'b', 'content');
      hasStatus(t.stat('a'), { atime: 1n });
      assert.ok(t.stat('b').atime > 1n);
    },
    'another process is bound by them at once': (t) => {
      put(t, 'a', 'content');
      const other = t.otherProcess();
      withFlags(t, 'a', IMMUTABLE, () => {
        assert.equal(other.getInodeFlags('a'), IMMUTABLE);
        fails('EPERM', () => other.unlink('a'));
        fails('EPERM', () => other.truncate('a', 0));
      });
      other.unlink('a');
    },
  },
  ['root', 'inode flags'],
);

const asking = defineCases(
  'flags',
  {
    'access(2) tells that an immutable file is not written to': (t) => {
      put(t, 'a', 'content');
      withFlags(t, 'a', IMMUTABLE, () => fails('EPERM', () => t.access('a', 2)));
      t.access('a', 2);
    },
  },
  ['root', 'inode flags'],
);

export const inodeFlagCases = [...deedsOfAll, ...openFiles, ...setting, ...asking];
