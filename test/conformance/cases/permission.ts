import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { type CaseBody, defineCases, O } from '../case.ts';
import {
  alice,
  bob,
  bytesOf,
  carol,
  exists,
  fails,
  hasStatus,
  holds,
  names,
  put,
} from '../expect.ts';
import type { Identity, Target } from '../target.ts';

const { F_OK, R_OK, W_OK, X_OK } = constants;

/** Makes a file of this owner and mode in a directory that everybody may use. */
function give(t: Target, path: string, owner: Identity, mode: number, data = 'content'): void {
  put(t, path, data);
  t.chown(path, owner.uid, owner.gid);
  t.chmod(path, mode);
}

function giveDirectory(t: Target, path: string, owner: Identity, mode: number): void {
  t.mkdir(path);
  t.chown(path, owner.uid, owner.gid);
  t.chmod(path, mode);
}

interface AccessCase {
  readonly who: Identity;
  readonly label: string;
  readonly mode: number;
  readonly read: boolean;
  readonly write: boolean;
}

const accessTable: readonly AccessCase[] = [
  { who: alice, label: 'the owner with 0400', mode: 0o400, read: true, write: false },
  { who: alice, label: 'the owner with 0200', mode: 0o200, read: false, write: true },
  { who: alice, label: 'the owner with 0077', mode: 0o077, read: false, write: false },
  {
    who: { ...bob, gid: alice.gid },
    label: 'the group with 0040',
    mode: 0o040,
    read: true,
    write: false,
  },
  {
    who: { ...bob, gid: alice.gid },
    label: 'the group with 0707',
    mode: 0o707,
    read: false,
    write: false,
  },
  {
    who: { ...bob, groups: [alice.gid] },
    label: 'a further group with 0060',
    mode: 0o060,
    read: true,
    write: true,
  },
  { who: bob, label: 'others with 0004', mode: 0o004, read: true, write: false },
  { who: bob, label: 'others with 0770', mode: 0o770, read: false, write: false },
  { who: bob, label: 'others with 0666', mode: 0o666, read: true, write: true },
];

function expectAllowed(allowed: boolean, body: () => unknown): void {
  if (allowed) {
    body();
  } else {
    fails('EACCES', body);
  }
}

const access = defineCases(
  'permission',
  Object.fromEntries(
    accessTable.map(({ who, label, mode, read, write }): [string, CaseBody] => [
      `${label} ${read ? 'may' : 'may not'} read and ${write ? 'may' : 'may not'} write`,
      (t) => {
        give(t, 'a', alice, mode);
        t.as(who, () => {
          expectAllowed(read, () => t.close(t.open('a', O.RDONLY)));
          expectAllowed(write, () => t.close(t.open('a', O.WRONLY)));
          expectAllowed(read && write, () => t.close(t.open('a', O.RDWR)));
          expectAllowed(write, () => t.truncate('a', 1));
          expectAllowed(read, () => t.access('a', R_OK));
          expectAllowed(write, () => t.access('a', W_OK));
          t.access('a', F_OK);
        });
      },
    ]),
  ),
  ['root'],
);

const directories = defineCases(
  'permission',
  {
    'a directory without search lets nothing through': (t) => {
      giveDirectory(t, 'd', alice, 0o700);
      put(t, 'd/a');
      t.as(bob, () => {
        fails('EACCES', () => t.stat('d/a'));
        fails('EACCES', () => t.open('d/a', O.RDONLY));
        fails('EACCES', () => t.open('d/new', O.WRONLY | O.CREAT));
        fails('EACCES', () => t.stat('d/missing'));
      });
    },
    'a directory with search alone opens by name but does not list': (t) => {
      giveDirectory(t, 'd', alice, 0o711);
      put(t, 'd/a', 'x');
      t.as(bob, () => {
        holds(t, 'd/a', 'x');
        fails('EACCES', () => t.open('d', O.RDONLY | O.DIRECTORY));
      });
    },
    'a directory with reading alone lists but does not open': (t) => {
      giveDirectory(t, 'd', alice, 0o744);
      put(t, 'd/a', 'x');
      t.as(bob, () => {
        assert.deepEqual(names(t, 'd'), ['a']);
        fails('EACCES', () => t.stat('d/a'));
      });
    },
    'a directory without writing takes no changes': (t) => {
      giveDirectory(t, 'd', alice, 0o755);
      put(t, 'd/a', 'x', 0o666);
      t.mkdir('d/e');
      giveDirectory(t, 'mine', bob, 0o755);
      t.as(bob, () => {
        fails('EACCES', () => t.open('d/new', O.WRONLY | O.CREAT));
        fails('EACCES', () => t.mkdir('d/new'));
        fails('EACCES', () => t.symlink('x', 'd/new'));
        fails('EACCES', () => t.unlink('d/a'));
        fails('EACCES', () => t.rmdir('d/e'));
        fails('EACCES', () => t.rename('d/a', 'd/b'));
        fails('EACCES', () => t.rename('d/a', 'mine/b'));
        put(t, 'mine/own');
        fails('EACCES', () => t.rename('mine/own', 'd/own'));
        fails('EACCES', () => t.link('mine/own', 'd/own'));
      });
      assert.deepEqual(names(t, 'd'), ['a', 'e']);
    },
    'a directory with writing lets files of others be removed': (t) => {
      giveDirectory(t, 'd', alice, 0o777);
      give(t, 'd/a', alice, 0o600);
      t.as(bob, () => t.unlink('d/a'));
      assert.equal(exists(t, 'd/a'), false);
    },
    'a sticky directory keeps files of others': (t) => {
      giveDirectory(t, 'd', alice, 0o1777);
      give(t, 'd/a', carol, 0o666);
      t.as(bob, () => {
        fails('EPERM', () => t.unlink('d/a'));
        fails('EPERM', () => t.rename('d/a', 'd/b'));
        put(t, 'd/own');
        fails('EPERM', () => t.rename('d/own', 'd/a'));
        t.unlink('d/own');
      });
      t.as(carol, () => t.rename('d/a', 'd/b'));
      t.as(alice, () => t.unlink('d/b'));
    },
    'a directory must be writable to move it elsewhere': (t) => {
      giveDirectory(t, 'from', alice, 0o777);
      giveDirectory(t, 'to', alice, 0o777);
      giveDirectory(t, 'from/d', bob, 0o555);
      giveDirectory(t, 'from/other', carol, 0o755);
      t.as(alice, () => fails('EACCES', () => t.rename('from/other', 'to/other')));
      t.as(bob, () => t.rename('from/d', 'from/e'));
    },
  },
  ['root'],
);

const ownership = defineCases(
  'permission',
  {
    'a new file belongs to who made it': (t) => {
      giveDirectory(t, 'd', alice, 0o777);
      t.as(bob, () => {
        put(t, 'd/a');
        t.mkdir('d/e');
        t.symlink('x', 'd/link');
      });
      for (const path of ['d/a', 'd/e', 'd/link']) {
        hasStatus(t.statLink(path), { uid: bob.uid, gid: bob.gid });
      }
    },
    'a set-group-ID directory hands its group down': (t) => {
      giveDirectory(t, 'd', alice, 0o2777);
      t.as(bob, () => {
        put(t, 'd/a');
        t.mkdir('d/e');
      });
      hasStatus(t.stat('d/a'), { uid: bob.uid, gid: alice.gid });
      hasStatus(t.stat('d/e'), { uid: bob.uid, gid: alice.gid, mode: 0o2755 });
    },
    'chmod is the owner’s': (t) => {
      give(t, 'a', alice, 0o644);
      t.as(bob, () => fails('EPERM', () => t.chmod('a', 0o777)));
      t.as(alice, () => t.chmod('a', 0o600));
      hasStatus(t.stat('a'), { mode: 0o600 });
    },
    'chmod by one outside the group drops set-group-ID': (t) => {
      give(t, 'a', alice, 0o755);
      t.chown('a', -1, bob.gid);
      t.as(alice, () => t.chmod('a', 0o2755));
      hasStatus(t.stat('a'), { mode: 0o755 });
    },
    'chown of the owner is root’s': (t) => {
      give(t, 'a', alice, 0o644);
      t.as(alice, () => fails('EPERM', () => t.chown('a', bob.uid, -1)));
      t.as(bob, () => fails('EPERM', () => t.chown('a', bob.uid, -1)));
    },
    'an owner may give a file to a group of his': (t) => {
      give(t, 'a', carol, 0o644);
      t.as(carol, () => {
        t.chown('a', -1, 4010);
        fails('EPERM', () => t.chown('a', -1, 4999));
      });
      hasStatus(t.stat('a'), { gid: 4010 });
    },
    'times to now need writing, other times the owner': (t) => {
      give(t, 'writable', alice, 0o666);
      give(t, 'readable', alice, 0o644);
      t.as(bob, () => {
        t.setTimes('writable', 'now', 'now');
        fails('EPERM', () => t.setTimes('writable', 5n, 5n));
        fails('EACCES', () => t.setTimes('readable', 'now', 'now'));
      });
      t.as(alice, () => t.setTimes('readable', 5_000_000_000n, 6_000_000_000n));
      hasStatus(t.stat('readable'), { mtime: 6_000_000_000n });
    },
    'a write by another user takes set-user-ID off': (t) => {
      give(t, 'a', alice, 0o4777);
      t.as(bob, () => put(t, 'a', 'changed'));
      hasStatus(t.stat('a'), { mode: 0o777 });
    },
    'O_TRUNC needs writing, and a refusal leaves the file': (t) => {
      give(t, 'a', alice, 0o444, 'kept');
      t.as(bob, () => {
        fails('EACCES', () => t.open('a', O.WRONLY | O.TRUNC));
        fails('EACCES', () => t.open('a', O.WRONLY | O.CREAT | O.TRUNC));
      });
      holds(t, 'a', 'kept');
    },
    'a descriptor keeps what it was allowed': (t) => {
      give(t, 'a', bob, 0o600, 'abc');
      t.as(bob, () => {
        const fd = t.open('a', O.RDWR);
        t.chmod('a', 0);
        t.writeAt(fd, bytesOf('X'), 0);
        assert.equal(t.readAt(fd, 3, 0).length, 3);
      });
      holds(t, 'a', 'Xbc');
    },
    'groups that a process takes and leaves count at once': (t) => {
      give(t, 'members', alice, 0o040);
      give(t, 'others', alice, 0o604);
      const member = { ...bob, groups: [alice.gid] };
      for (let round = 0; round < 20; round += 1) {
        t.as(member, () => t.close(t.open('members', O.RDONLY)));
        t.as(member, () => fails('EACCES', () => t.open('others', O.RDONLY)));
        t.as(bob, () => t.close(t.open('others', O.RDONLY)));
        t.as(bob, () => fails('EACCES', () => t.open('members', O.RDONLY)));
      }
    },
    'root may read and write everything': (t) => {
      give(t, 'a', alice, 0, 'abc');
      giveDirectory(t, 'd', alice, 0);
      put(t, 'd/inside', 'x');
      holds(t, 'a', 'abc');
      holds(t, 'd/inside', 'x');
      t.access('a', R_OK | W_OK);
    },
    'root may run only what somebody may run': (t) => {
      give(t, 'a', alice, 0o644);
      fails('EACCES', () => t.access('a', X_OK));
      t.chmod('a', 0o645);
      t.access('a', X_OK);
    },
    'a device is made by root alone': (t) => {
      giveDirectory(t, 'd', alice, 0o777);
      t.as(bob, () => {
        fails('EPERM', () => t.makeNode('d/c', 'character device', 0o666, { major: 1, minor: 3 }));
        t.makeNode('d/fifo', 'fifo', 0o644);
      });
      hasStatus(t.stat('d/fifo'), { kind: 'fifo', uid: bob.uid });
    },
  },
  ['root'],
);

export const permissionCases = [...access, ...directories, ...ownership];
