import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { ACCESS, acl, DEFAULT, textOf } from '../acl.ts';
import { type CaseBody, defineCases, O } from '../case.ts';
import { alice, bob, bytesOf, carol, fails, hasStatus, put, withOpen } from '../expect.ts';
import type { Identity, Path, Target } from '../target.ts';

const { R_OK, W_OK, X_OK } = constants;

/** A file of alice's whose group is hers, too. */
function give(t: Target, path: string, mode: number): void {
  put(t, path, 'content');
  t.chown(path, alice.uid, alice.gid);
  t.chmod(path, mode);
}

function giveDirectory(t: Target, path: string, mode: number): void {
  t.mkdir(path);
  t.chown(path, alice.uid, alice.gid);
  t.chmod(path, mode);
}

function set(t: Target, path: Path, text: string, name = ACCESS): void {
  t.setXattr(path, name, acl(text));
}

function get(t: Target, path: Path | number, name = ACCESS): string {
  return textOf(t.getXattr(path, name));
}

const none = (t: Target, path: Path, name = ACCESS) =>
  fails('ENODATA', () => t.getXattr(path, name));

const NAMED = `u::rw- u:${bob.uid}:rw- g::r-- m::rw- o::---`;

const lists = defineCases(
  'acl',
  {
    'a list is kept, and its mask is the group’s bits of the mode': (t) => {
      give(t, 'a', 0o600);
      none(t, 'a');
      set(t, 'a', NAMED);
      assert.equal(get(t, 'a'), NAMED);
      hasStatus(t.stat('a'), { mode: 0o660 });
      assert.ok(Buffer.from(t.listXattr('a')).toString().split('\0').includes(ACCESS));
    },
    'a list that says what the mode says becomes the mode': (t) => {
      give(t, 'a', 0o600);
      set(t, 'a', 'u::rwx g::r-x o::--x');
      none(t, 'a');
      hasStatus(t.stat('a'), { mode: 0o751 });
      set(t, 'a', NAMED);
      set(t, 'a', 'u::rw- g::r-- o::r--');
      none(t, 'a');
      hasStatus(t.stat('a'), { mode: 0o644 });
    },
    'a mask alone is a list': (t) => {
      give(t, 'a', 0o600);
      set(t, 'a', 'u::rw- g::rwx m::r-- o::r--');
      assert.equal(get(t, 'a'), 'u::rw- g::rwx m::r-- o::r--');
      hasStatus(t.stat('a'), { mode: 0o644 });
    },
    'chmod changes owner, mask and others': (t) => {
      give(t, 'a', 0o600);
      set(t, 'a', NAMED);
      t.chmod('a', 0o415);
      assert.equal(get(t, 'a'), `u::r-- u:${bob.uid}:rw- g::r-- m::--x o::r-x`);
      hasStatus(t.stat('a'), { mode: 0o415 });
    },
    'removing a list leaves the mode': (t) => {
      give(t, 'a', 0o600);
      set(t, 'a', NAMED);
      t.removeXattr('a', ACCESS);
      none(t, 'a');
      hasStatus(t.stat('a'), { mode: 0o660 });
      t.removeXattr('a', ACCESS);
    },
    'an empty list removes': (t) => {
      give(t, 'a', 0o600);
      set(t, 'a', NAMED);
      set(t, 'a', '');
      none(t, 'a');
      hasStatus(t.stat('a'), { mode: 0o660 });
    },
    'what is no list is refused': (t) => {
      give(t, 'a', 0o640);
      const wrong = [
        'u::rw- g::r--',
        'g::r-- u::rw- o::---',
        `u::rw- u:${bob.uid}:rw- g::r-- o::---`,
        'u::rw- u::rw- g::r-- o::---',
        'u::rw- g::r-- o::--- m::rw-',
        'x::rw- g::r-- o::---',
      ];
      for (const text of wrong) {
        fails('EINVAL', () => set(t, 'a', text));
      }
      fails('EINVAL', () => t.setXattr('a', ACCESS, acl(NAMED).subarray(0, 11)));
      fails('EINVAL', () => t.setXattr('a', ACCESS, bytesOf('abc')));
      const manyBits = acl('u::rw- g::r-- o::---');
      manyBits[6] = 8;
      fails('EINVAL', () => t.setXattr('a', ACCESS, manyBits));
      const later = acl(NAMED);
      later[0] = 3;
      fails('EOPNOTSUPP', () => t.setXattr('a', ACCESS, later));
      hasStatus(t.stat('a'), { mode: 0o640 });
      none(t, 'a');
      set(t, 'a', NAMED);
    },
    'a descriptor serves as well': (t) => {
      give(t, 'a', 0o600);
      withOpen(t, 'a', O.RDONLY, (fd) => {
        t.setXattr(fd, ACCESS, acl(NAMED));
        assert.equal(get(t, fd), NAMED);
        hasStatus(t.statOpen(fd), { mode: 0o660 });
      });
    },
    'links have none': (t) => {
      give(t, 'a', 0o600);
      t.symlink('a', 'link');
      fails('EOPNOTSUPP', () => t.setXattr('link', ACCESS, acl(NAMED), 0, false));
      fails('EOPNOTSUPP', () => t.getXattr('link', ACCESS, 100, false));
      set(t, 'link', NAMED);
      assert.equal(get(t, 'a'), NAMED);
    },
    'hard links share one, and rename keeps it': (t) => {
      give(t, 'a', 0o600);
      set(t, 'a', NAMED);
      t.link('a', 'b');
      t.rename('a', 'c');
      assert.equal(get(t, 'b'), NAMED);
      assert.equal(get(t, 'c'), NAMED);
    },
    'another process sees it and is bound by it': (t) => {
      giveDirectory(t, 'd', 0o700);
      put(t, 'd/a');
      const other = t.otherProcess();
      t.as(bob, () => fails('EACCES', () => t.stat('d/a')));
      other.setXattr('d', ACCESS, acl(`u::rwx u:${bob.uid}:--x g::--- m::--x o::---`));
      t.as(bob, () => t.stat('d/a'));
      other.removeXattr('d', ACCESS);
      other.chmod('d', 0o700);
      t.as(bob, () => fails('EACCES', () => t.stat('d/a')));
    },
  },
  ['root'],
);

const owners = defineCases(
  'acl',
  {
    'a list is set by the owner and read by all': (t) => {
      give(t, 'a', 0o600);
      t.as(alice, () => set(t, 'a', NAMED));
      t.as(bob, () => {
        assert.equal(get(t, 'a'), NAMED);
        fails('EPERM', () => set(t, 'a', 'u::rw- g::r-- o::---'));
        fails('EPERM', () => t.removeXattr('a', ACCESS));
      });
      t.as(alice, () => t.removeXattr('a', ACCESS));
    },
    'a list set from outside the group takes set-group-ID off': (t) => {
      give(t, 'a', 0o2755);
      t.as(alice, () => set(t, 'a', `u::rwx u:${bob.uid}:r-x g::r-x m::r-x o::r-x`));
      hasStatus(t.stat('a'), { mode: 0o2755 });
      t.chown('a', -1, bob.gid);
      t.chmod('a', 0o2755);
      t.as(alice, () => set(t, 'a', 'u::rwx g::r-x o::r-x'));
      hasStatus(t.stat('a'), { mode: 0o755 });
    },
    'a list stays when the file changes hands': (t) => {
      give(t, 'a', 0o600);
      set(t, 'a', NAMED);
      t.chown('a', carol.uid, carol.gid);
      assert.equal(get(t, 'a'), NAMED);
      t.as(carol, () => put(t, 'a', 'mine'));
      t.as(alice, () => fails('EACCES', () => t.open('a', O.RDONLY)));
    },
  },
  ['root'],
);

interface Rights {
  readonly who: Identity;
  readonly label: string;
  readonly list: string;
  /** Of r, w and x those that are granted. */
  readonly granted: string;
}

const member: Identity = { uid: 4050, gid: 4051, groups: [alice.gid] };
const both: Identity = { uid: 4050, gid: bob.gid, groups: [alice.gid] };
const stranger: Identity = { uid: 4060, gid: 4060, groups: [] };

/** Who may do what by which list (acl(5), "Access check algorithm"). */
const rightsTable: readonly Rights[] = [
  { who: alice, label: 'the owner', list: `u::r-- u:4001:rwx g::rwx m::rwx o::rwx`, granted: 'r' },
  {
    who: bob,
    label: 'a named user',
    list: `u::rwx u:4002:rw- g::--- m::rwx o::---`,
    granted: 'rw',
  },
  {
    who: bob,
    label: 'a named user behind the mask',
    list: `u::rwx u:4002:rwx g::rwx m::r-- o::rwx`,
    granted: 'r',
  },
  {
    who: { ...bob, groups: [alice.gid] },
    label: 'a named user who is in the group, too',
    list: `u::rwx u:4002:r-- g::rwx m::rwx o::rwx`,
    granted: 'r',
  },
  {
    who: member,
    label: 'the group',
    list: `u::rwx u:4002:rwx g::r-x m::rwx o::rwx`,
    granted: 'rx',
  },
  {
    who: member,
    label: 'the group behind the mask',
    list: `u::rwx u:4002:rwx g::rwx m::-wx o::rwx`,
    granted: 'wx',
  },
  {
    who: carol,
    label: 'a named group among further ones',
    list: `u::rwx g::--- g:4010:rw- m::rwx o::---`,
    granted: 'rw',
  },
  {
    who: both,
    label: 'any of two groups that grants it',
    list: `u::rwx g::r-- g:4002:-w- m::rwx o::rwx`,
    granted: 'r or w',
  },
  {
    who: both,
    label: 'neither of two groups',
    list: `u::rwx g::--- g:4002:--- m::rwx o::rwx`,
    granted: '',
  },
  { who: stranger, label: 'others', list: `u::--- u:4002:--- g::--- m::r-- o::rw-`, granted: 'rw' },
  {
    who: stranger,
    label: 'others, whom the mask does not concern',
    list: `u::rwx u:4002:rwx g::rwx m::-w- o::r-x`,
    granted: 'rx',
  },
  {
    who: bob,
    label: 'a named user where the mask is empty, which Linux takes for no list',
    list: `u::rwx u:4002:rwx g::--- m::--- o::r--`,
    granted: 'r',
  },
];

function expectGranted(granted: boolean, body: () => unknown): void {
  if (granted) {
    body();
  } else {
    fails('EACCES', body);
  }
}

const rights = defineCases(
  'acl',
  Object.fromEntries(
    rightsTable.map(({ who, label, list, granted }): [string, CaseBody] => [
      `${label} may do: ${granted || 'nothing'}`,
      (t) => {
        const isOneOf = granted.includes('or');
        const [r, w, x] = ['r', 'w', 'x'].map((right) =>
          granted.split(' or ').join('').includes(right),
        );
        give(t, 'a', 0o600);
        set(t, 'a', list);
        t.as(who, () => {
          expectGranted(r === true, () => t.close(t.open('a', O.RDONLY)));
          expectGranted(w === true, () => t.close(t.open('a', O.WRONLY)));
          expectGranted(r === true && w === true && !isOneOf, () => t.close(t.open('a', O.RDWR)));
          expectGranted(w === true, () => t.truncate('a', 1));
          expectGranted(r === true, () => t.access('a', R_OK));
          expectGranted(w === true, () => t.access('a', W_OK));
          expectGranted(x === true, () => t.access('a', X_OK));
        });
      },
    ]),
  ),
  ['root'],
);

const directories = defineCases(
  'acl',
  {
    'a directory lets a named user make and remove names': (t) => {
      giveDirectory(t, 'd', 0o755);
      put(t, 'd/a');
      t.as(bob, () => fails('EACCES', () => put(t, 'd/b')));
      set(t, 'd', `u::rwx u:${bob.uid}:rwx g::r-x m::rwx o::r-x`);
      t.as(bob, () => {
        put(t, 'd/b');
        t.mkdir('d/e');
        t.symlink('x', 'd/link');
        t.rename('d/a', 'd/c');
        t.unlink('d/c');
        t.rmdir('d/e');
      });
      t.as(carol, () => fails('EACCES', () => t.unlink('d/b')));
    },
    'a directory keeps a named user out': (t) => {
      giveDirectory(t, 'd', 0o755);
      put(t, 'd/a');
      set(t, 'd', `u::rwx u:${bob.uid}:--- g::r-x m::r-x o::r-x`);
      t.as(bob, () => {
        fails('EACCES', () => t.stat('d/a'));
        fails('EACCES', () => t.open('d', O.RDONLY | O.DIRECTORY));
        fails('EACCES', () => t.chdir('d'));
      });
      t.as(carol, () => t.stat('d/a'));
    },
    'root passes by a list, and runs what somebody may run': (t) => {
      give(t, 'a', 0o600);
      set(t, 'a', 'u::--- u:0:--- g::--- m::r-- o::---');
      put(t, 'a', 'written');
      t.access('a', R_OK | W_OK);
      fails('EACCES', () => t.access('a', X_OK));
      set(t, 'a', `u::--- u:${bob.uid}:--x g::--- m::--x o::---`);
      t.access('a', X_OK);
    },
  },
  ['root'],
);

const HANDED_DOWN = `u::rwx u:${bob.uid}:rwx g::r-x m::rwx o::r-x`;

const inherited = defineCases(
  'acl',
  {
    'a default list is a directory’s alone': (t) => {
      giveDirectory(t, 'd', 0o755);
      give(t, 'a', 0o644);
      set(t, 'd', HANDED_DOWN, DEFAULT);
      assert.equal(get(t, 'd', DEFAULT), HANDED_DOWN);
      none(t, 'd');
      hasStatus(t.stat('d'), { mode: 0o755 });
      fails('EACCES', () => set(t, 'a', HANDED_DOWN, DEFAULT));
      t.removeXattr('d', DEFAULT);
      none(t, 'd', DEFAULT);
    },
    'a new file inherits it, within the mode and whatever the umask': (t) => {
      giveDirectory(t, 'd', 0o777);
      set(t, 'd', HANDED_DOWN, DEFAULT);
      t.umask(0o077);
      t.close(t.open('d/a', O.WRONLY | O.CREAT, 0o664));
      t.close(t.open('d/b', O.WRONLY | O.CREAT | O.EXCL, 0o601));
      t.umask(0o022);
      assert.equal(get(t, 'd/a'), `u::rw- u:${bob.uid}:rwx g::r-x m::rw- o::r--`);
      hasStatus(t.stat('d/a'), { mode: 0o664 });
      assert.equal(get(t, 'd/b'), `u::rw- u:${bob.uid}:rwx g::r-x m::--- o::--x`);
      hasStatus(t.stat('d/b'), { mode: 0o601 });
      none(t, 'd/a', DEFAULT);
    },
    'a new directory inherits both': (t) => {
      giveDirectory(t, 'd', 0o777);
      set(t, 'd', HANDED_DOWN, DEFAULT);
      t.umask(0o077);
      t.mkdir('d/e', 0o777);
      t.mkdir('d/e/f', 0o750);
      t.umask(0o022);
      assert.equal(get(t, 'd/e', DEFAULT), HANDED_DOWN);
      assert.equal(get(t, 'd/e'), HANDED_DOWN);
      hasStatus(t.stat('d/e'), { mode: 0o775 });
      assert.equal(get(t, 'd/e/f', DEFAULT), HANDED_DOWN);
      assert.equal(get(t, 'd/e/f'), `u::rwx u:${bob.uid}:rwx g::r-x m::r-x o::---`);
    },
    'other new objects inherit it, and links do not': (t) => {
      giveDirectory(t, 'd', 0o777);
      set(t, 'd', HANDED_DOWN, DEFAULT);
      t.makeNode('d/fifo', 'fifo', 0o666);
      t.symlink('fifo', 'd/link');
      assert.equal(get(t, 'd/fifo'), `u::rw- u:${bob.uid}:rwx g::r-x m::rw- o::r--`);
      hasStatus(t.statLink('d/link'), { mode: 0o777 });
    },
    'a default list that says what a mode says makes no list': (t) => {
      giveDirectory(t, 'd', 0o777);
      set(t, 'd', 'u::rwx g::rwx o::---', DEFAULT);
      t.umask(0o022);
      put(t, 'd/a', '', 0o666);
      none(t, 'd/a');
      hasStatus(t.stat('d/a'), { mode: 0o660 });
    },
    'without a default list the umask counts': (t) => {
      giveDirectory(t, 'd', 0o777);
      set(t, 'd', HANDED_DOWN);
      t.umask(0o027);
      put(t, 'd/a', '', 0o666);
      t.mkdir('d/e', 0o777);
      t.makeNode('d/fifo', 'fifo', 0o666);
      hasStatus(t.stat('d/a'), { mode: 0o640 });
      hasStatus(t.stat('d/e'), { mode: 0o750 });
      hasStatus(t.stat('d/fifo'), { mode: 0o640 });
      t.umask(0o022);
    },
    'who inherits rights has them': (t) => {
      giveDirectory(t, 'd', 0o777);
      set(t, 'd', `u::rwx u:${bob.uid}:rwx g::--- m::rwx o::---`, DEFAULT);
      t.as(alice, () => t.close(t.open('d/a', O.WRONLY | O.CREAT, 0o666)));
      t.as(bob, () => put(t, 'd/a', 'by bob'));
      t.as(carol, () => fails('EACCES', () => t.open('d/a', O.RDONLY)));
    },
    'a set-group-ID directory hands group and list down': (t) => {
      giveDirectory(t, 'd', 0o2777);
      set(t, 'd', HANDED_DOWN, DEFAULT);
      t.as(carol, () => {
        t.close(t.open('d/a', O.WRONLY | O.CREAT, 0o666));
        t.mkdir('d/e', 0o777);
      });
      hasStatus(t.stat('d/a'), { mode: 0o664, gid: alice.gid });
      hasStatus(t.stat('d/e'), { mode: 0o2775, gid: alice.gid });
      assert.equal(get(t, 'd/e', DEFAULT), HANDED_DOWN);
    },
  },
  ['root'],
);

export const aclCases = [...lists, ...owners, ...rights, ...directories, ...inherited];
