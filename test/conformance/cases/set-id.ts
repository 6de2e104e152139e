/** Set-user-ID and set-group-ID: what takes them off a file, and what a directory hands down. */
import assert from 'node:assert/strict';
import { C } from '../../support/libc.ts';
import { type CaseBody, defineCases, O } from '../case.ts';
import { alice, bob, bytesOf, hasStatus, put, withOpen } from '../expect.ts';
import type { Identity, Target } from '../target.ts';

const root: Identity = { uid: 0, gid: 0, groups: [] };
/** Of the file's group, and not its owner. */
const member: Identity = { ...bob, groups: [alice.gid] };

const KIB_4 = 4096;

interface Deed {
  readonly label: string;
  run(t: Target): void;
}

const through = (run: (t: Target, fd: number) => unknown) => (t: Target) =>
  withOpen(t, 'a', O.RDWR, (fd) => run(t, fd));

/** What changes the data of the file `a`, of 8,192 bytes. */
const deeds: readonly Deed[] = [
  { label: 'writing', run: through((t, fd) => t.writeAt(fd, bytesOf('x'), 10)) },
  { label: 'appending', run: through((t, fd) => t.writeAt(fd, bytesOf('x'), 2 * KIB_4)) },
  { label: 'truncating the path', run: (t) => t.truncate('a', 10) },
  { label: 'truncating the descriptor', run: through((t, fd) => t.truncateOpen(fd, 10)) },
  { label: 'opening with O_TRUNC', run: (t) => t.close(t.open('a', O.WRONLY | O.TRUNC)) },
  { label: 'allocating', run: through((t, fd) => t.allocate(fd, 0, 0, 4 * KIB_4)) },
  {
    label: 'punching',
    run: through((t, fd) =>
      t.allocate(fd, C.FALLOC_FL_PUNCH_HOLE | C.FALLOC_FL_KEEP_SIZE, 0, KIB_4),
    ),
  },
  {
    label: 'copying to it',
    run: through((t, fd) =>
      withOpen(t, 'source', O.RDONLY, (from) => t.copyRange(from, 0, fd, 0, 4)),
    ),
  },
];

/** Before and after, in octal, by who does it. */
const results: readonly (readonly [
  who: string,
  identity: Identity,
  before: number,
  after: number,
])[] = [
  ['its owner', alice, 0o6777, 0o777],
  ['its owner', alice, 0o2767, 0o2767],
  ['a member of its group', member, 0o6777, 0o777],
  ['a member of its group', member, 0o2767, 0o2767],
  ['another user', bob, 0o6777, 0o777],
  ['another user', bob, 0o2767, 0o767],
  ['root', root, 0o6777, 0o6777],
];

function makeFile(t: Target, mode: number): void {
  put(t, 'a', new Uint8Array(2 * KIB_4));
  put(t, 'source', 'data');
  t.chown('a', alice.uid, alice.gid);
  t.chmod('a', mode);
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

const taking = defineCases(
  'set-ID',
  Object.fromEntries(
    deeds.flatMap(({ label, run }) =>
      results.map(([who, identity, before, after]): [string, CaseBody] => [
        `${label} by ${who} makes ${octal(before)} ${octal(after)}`,
        (t) => {
          makeFile(t, before);
          t.as(identity, () => run(t));
          assert.equal(octal(t.stat('a').mode), octal(after));
        },
      ]),
    ),
  ),
  ['root'],
);

const mapped = defineCases(
  'mmap',
  {
    'a write through a mapping leaves set-user-ID, as it goes past the file system': (t) => {
      makeFile(t, 0o6777);
      t.as(bob, () =>
        withOpen(t, 'a', O.RDWR, (fd) => {
          const mapping = t.map(fd, KIB_4, { write: true, shared: true });
          mapping.bytes[0] = 1;
          mapping.sync();
          mapping.close();
        }),
      );
      hasStatus(t.stat('a'), { mode: 0o6777 });
    },
  },
  ['root'],
);

const owners = defineCases(
  'set-ID',
  {
    'chown by root takes them off what can be run, and off nothing else': (t) => {
      for (const [before, after] of [
        [0o6777, 0o777],
        [0o2767, 0o2767],
        [0o6644, 0o2644],
      ] as const) {
        makeFile(t, before);
        t.chown('a', bob.uid, bob.gid);
        assert.equal(octal(t.stat('a').mode), octal(after));
      }
    },
    'chown of a directory leaves them': (t) => {
      t.mkdir('d');
      t.chmod('d', 0o6777);
      t.chown('d', bob.uid, bob.gid);
      hasStatus(t.stat('d'), { mode: 0o6777 });
    },
    'chown by an owner to a group of his takes them off': (t) => {
      makeFile(t, 0o6777);
      const owner = { ...alice, groups: [4010] };
      t.as(owner, () => t.chown('a', -1, 4010));
      hasStatus(t.stat('a'), { mode: 0o777, gid: 4010 });
    },
  },
  ['root'],
);

/** A directory of alice's group that hands it down and lets everybody in. */
function makeInheriting(t: Target): void {
  t.mkdir('d');
  t.chown('d', alice.uid, alice.gid);
  t.chmod('d', 0o2777);
}

const inheritance = defineCases(
  'set-group-ID directory',
  {
    'hands its group to every kind of object': (t) => {
      makeInheriting(t);
      t.as(bob, () => {
        put(t, 'd/file');
        t.mkdir('d/directory');
        t.symlink('x', 'd/link');
        t.makeNode('d/fifo', 'fifo', 0o644);
        t.makeNode('d/socket', 'socket', 0o644);
      });
      for (const name of ['file', 'directory', 'link', 'fifo', 'socket']) {
        hasStatus(t.statLink(`d/${name}`), { uid: bob.uid, gid: alice.gid });
      }
    },
    'hands its bit to directories, and they to theirs': (t) => {
      makeInheriting(t);
      t.as(bob, () => {
        t.mkdir('d/e', 0o700);
        t.mkdir('d/e/f', 0o711);
        put(t, 'd/e/f/a');
      });
      hasStatus(t.stat('d/e'), { mode: 0o2700, gid: alice.gid });
      hasStatus(t.stat('d/e/f'), { mode: 0o2711, gid: alice.gid });
      hasStatus(t.stat('d/e/f/a'), { mode: 0o644, gid: alice.gid });
    },
    'lets nobody make a program of a group that is not his': (t) => {
      makeInheriting(t);
      t.as(bob, () => put(t, 'd/a', '', 0o2755));
      t.as(member, () => put(t, 'd/b', '', 0o2755));
      hasStatus(t.stat('d/a'), { mode: 0o755, gid: alice.gid });
      hasStatus(t.stat('d/b'), { mode: 0o2755, gid: alice.gid });
    },
    'hands nothing to what is moved or linked into it': (t) => {
      makeInheriting(t);
      put(t, 'moved');
      put(t, 'linked');
      t.rename('moved', 'd/moved');
      t.link('linked', 'd/linked');
      hasStatus(t.stat('d/moved'), { gid: 0 });
      hasStatus(t.stat('d/linked'), { gid: 0 });
    },
  },
  ['root'],
);

export const setIdCases = [...taking, ...mapped, ...owners, ...inheritance];
