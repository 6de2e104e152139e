/** Capabilities (capabilities(7)): what users have each of them for, and what root cannot do without. */
import assert from 'node:assert/strict';
import { constants } from 'node:fs';
import { type CaseBody, defineCases, O } from '../case.ts';
import { alice, bob, bytesOf, fails, names, put, withOpen } from '../expect.ts';
import { Capability, type Identity, InodeFlag, type Target } from '../target.ts';

const { R_OK, W_OK } = constants;

interface Deed {
  readonly sentence: string;
  /** What it takes, and nothing else does. */
  readonly capability: number;
  /** Makes what the deed is done to, as root. */
  prepare(t: Target): void;
  run(t: Target): void;
  /** The error without the capability. */
  readonly refusal: string;
}

const everybody = 0o777;

const aliceFile =
  (mode: number) =>
  (t: Target): void => {
    put(t, 'a', 'content');
    t.chown('a', alice.uid, alice.gid);
    t.chmod('a', mode);
  };

const aliceDirectory =
  (mode: number) =>
  (t: Target): void => {
    t.mkdir('d');
    put(t, 'd/a', 'content');
    t.chown('d/a', alice.uid, alice.gid);
    t.chown('d', alice.uid, alice.gid);
    t.chmod('d', mode);
  };

const capability = (set: number): Uint8Array => {
  const value = Uint32Array.of(0x0200_0001, set, 0, 0, 0);
  return new Uint8Array(value.buffer);
};

const deeds: readonly Deed[] = [
  {
    sentence: 'DAC_OVERRIDE writes to what is closed',
    capability: Capability.DAC_OVERRIDE,
    prepare: aliceFile(0),
    run: (t) => withOpen(t, 'a', O.RDWR, (fd) => t.writeAt(fd, bytesOf('x'), 0)),
    refusal: 'EACCES',
  },
  {
    sentence: 'DAC_OVERRIDE makes names in a closed directory',
    capability: Capability.DAC_OVERRIDE,
    prepare: aliceDirectory(0),
    run: (t) => {
      put(t, 'd/new');
      t.mkdir('d/e');
      t.rename('d/new', 'd/other');
      t.unlink('d/other');
    },
    refusal: 'EACCES',
  },
  {
    sentence: 'DAC_OVERRIDE truncates what is closed',
    capability: Capability.DAC_OVERRIDE,
    prepare: aliceFile(0o444),
    run: (t) => t.truncate('a', 1),
    refusal: 'EACCES',
  },
  {
    sentence: 'DAC_READ_SEARCH reads what is closed',
    capability: Capability.DAC_READ_SEARCH,
    prepare: aliceFile(0),
    run: (t) => withOpen(t, 'a', O.RDONLY, (fd) => assert.equal(t.read(fd, 9).length, 7)),
    refusal: 'EACCES',
  },
  {
    sentence: 'DAC_READ_SEARCH lists and searches a closed directory',
    capability: Capability.DAC_READ_SEARCH,
    prepare: aliceDirectory(0),
    run: (t) => {
      assert.deepEqual(names(t, 'd'), ['a']);
      assert.equal(t.stat('d/a').size, 7);
    },
    refusal: 'EACCES',
  },
  {
    sentence: 'FOWNER changes the mode of what is another’s',
    capability: Capability.FOWNER,
    prepare: aliceFile(0o644),
    run: (t) => t.chmod('a', 0o600),
    refusal: 'EPERM',
  },
  {
    sentence: 'FOWNER sets the times of what is another’s',
    capability: Capability.FOWNER,
    prepare: aliceFile(0o644),
    run: (t) => t.setTimes('a', 5_000_000_000n, 6_000_000_000n),
    refusal: 'EPERM',
  },
  {
    sentence: 'FOWNER removes from a sticky directory',
    capability: Capability.FOWNER,
    prepare: aliceDirectory(0o1777),
    run: (t) => t.unlink('d/a'),
    refusal: 'EPERM',
  },
  {
    sentence: 'CHOWN gives away what is another’s',
    capability: Capability.CHOWN,
    prepare: aliceFile(0o644),
    run: (t) => t.chown('a', 4999, 4998),
    refusal: 'EPERM',
  },
  {
    sentence: 'MKNOD makes devices',
    capability: Capability.MKNOD,
    prepare: (t) => {
      t.mkdir('d');
      t.chmod('d', everybody);
    },
    run: (t) => t.makeNode('d/null', 'character device', 0o666, { major: 1, minor: 3 }),
    refusal: 'EPERM',
  },
  {
    sentence: 'SYS_ADMIN sets trusted attributes',
    capability: Capability.SYS_ADMIN,
    prepare: aliceFile(0o644),
    run: (t) => t.setXattr('a', 'trusted.name', bytesOf('value')),
    refusal: 'EPERM',
  },
  {
    sentence: 'SYS_ADMIN sees trusted attributes',
    capability: Capability.SYS_ADMIN,
    prepare: (t) => {
      aliceFile(0o644)(t);
      t.setXattr('a', 'trusted.name', bytesOf('value'));
    },
    run: (t) => {
      const names = Buffer.from(t.listXattr('a')).toString();
      assert.equal(t.getXattr('a', 'trusted.name').length, 5);
      assert.match(names, /trusted\.name/);
    },
    refusal: 'ENODATA',
  },
  {
    sentence: 'SYS_ADMIN sets security attributes',
    capability: Capability.SYS_ADMIN,
    prepare: aliceFile(0o644),
    run: (t) => t.setXattr('a', 'security.name', bytesOf('value')),
    refusal: 'EPERM',
  },
  {
    sentence: 'SETFCAP gives programs capabilities',
    capability: Capability.SETFCAP,
    prepare: aliceFile(0o755),
    run: (t) => t.setXattr('a', 'security.capability', capability(Capability.CHOWN)),
    refusal: 'EPERM',
  },
];

/** Every capability of the table but one. */
const allBut = (one: number): number =>
  Object.values(Capability).reduce((all, other) => (other === one ? all : all | other), 0) >>> 0;

/** DAC_OVERRIDE lets its holder do what DAC_READ_SEARCH does. */
const without = ({ capability: one }: Deed): number =>
  one === Capability.DAC_READ_SEARCH ? allBut(one) & ~Capability.DAC_OVERRIDE : allBut(one);

const one = defineCases(
  'capability',
  Object.fromEntries(
    deeds.map((deed): [string, CaseBody] => [
      deed.sentence,
      (t) => {
        deed.prepare(t);
        t.as({ ...bob, capabilities: without(deed) }, () => fails(deed.refusal, () => deed.run(t)));
        t.as({ ...bob, capabilities: deed.capability }, () => deed.run(t));
      },
    ]),
  ),
  ['root'],
);

const root: Identity = { uid: 0, gid: 0, groups: [] };

const rootWithout = defineCases(
  'capability',
  Object.fromEntries(
    deeds.map((deed): [string, CaseBody] => [
      `root without it is refused: ${deed.sentence}`,
      (t) => {
        deed.prepare(t);
        // The directory of the case is root's own: what is in the way is the object itself.
        t.as({ ...root, capabilities: without(deed) }, () =>
          fails(deed.refusal, () => deed.run(t)),
        );
        t.as(root, () => deed.run(t));
      },
    ]),
  ),
  ['root'],
);

const { DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, LINUX_IMMUTABLE } = Capability;

const rest = defineCases(
  'capability',
  {
    'DAC_READ_SEARCH does not write': (t) => {
      aliceFile(0)(t);
      t.as({ ...bob, capabilities: DAC_READ_SEARCH }, () => {
        fails('EACCES', () => t.open('a', O.WRONLY));
        fails('EACCES', () => t.open('a', O.RDWR));
        fails('EACCES', () => t.truncate('a', 0));
      });
    },
    'DAC_OVERRIDE is no owner': (t) => {
      aliceFile(0o644)(t);
      t.as({ ...bob, capabilities: DAC_OVERRIDE }, () => {
        fails('EPERM', () => t.chmod('a', 0o777));
        fails('EPERM', () => t.chown('a', bob.uid, -1));
        fails('EPERM', () => t.setTimes('a', 5n, 5n));
        t.setTimes('a', 'now', 'now');
      });
    },
    'FSETID keeps set-ID bits over a write': (t) => {
      aliceFile(0o6777)(t);
      t.as({ ...bob, capabilities: FSETID }, () => put(t, 'a', 'changed'));
      assert.equal(t.stat('a').mode, 0o6777);
      t.as({ ...root, capabilities: allBut(FSETID) }, () => put(t, 'a', 'again'));
      assert.equal(t.stat('a').mode, 0o777);
    },
    'FSETID keeps set-ID bits over a truncation': (t) => {
      aliceFile(0o6777)(t);
      t.as({ ...bob, capabilities: FSETID }, () => t.truncate('a', 3));
      assert.equal(t.stat('a').mode, 0o6777);
      t.as({ ...root, capabilities: allBut(FSETID) }, () => t.truncate('a', 2));
      assert.equal(t.stat('a').mode, 0o777);
    },
    'FSETID makes files of other groups set-group-ID': (t) => {
      put(t, 'a');
      t.chown('a', bob.uid, alice.gid);
      t.as(bob, () => t.chmod('a', 0o2755));
      assert.equal(t.stat('a').mode, 0o755);
      t.as({ ...bob, capabilities: FSETID }, () => t.chmod('a', 0o2755));
      assert.equal(t.stat('a').mode, 0o2755);
    },
    'CHOWN needs FOWNER where set-ID bits go': (t) => {
      aliceFile(0o6755)(t);
      const { CHOWN } = Capability;
      t.as({ ...bob, capabilities: CHOWN }, () => fails('EPERM', () => t.chown('a', 4999, -1)));
      assert.equal(t.stat('a').mode, 0o6755);
      t.as({ ...bob, capabilities: CHOWN | FOWNER }, () => t.chown('a', 4999, -1));
      assert.equal(t.stat('a').mode, 0o755);
    },
    'root without DAC_OVERRIDE is what the mode says': (t) => {
      aliceFile(0o604)(t);
      put(t, 'own');
      t.chmod('own', 0o400);
      t.as({ ...root, capabilities: allBut(DAC_OVERRIDE) & ~DAC_READ_SEARCH }, () => {
        t.access('a', R_OK);
        t.close(t.open('a', O.RDONLY));
        fails('EACCES', () => t.open('a', O.WRONLY));
        fails('EACCES', () => t.open('own', O.WRONLY));
        t.close(t.open('own', O.RDONLY));
      });
      t.access('own', W_OK);
    },
    'access lists are FOWNER’s to set': (t) => {
      aliceFile(0o644)(t);
      const acl = 'system.posix_acl_access';
      t.as({ ...bob, capabilities: allBut(FOWNER) }, () =>
        fails('EPERM', () => t.removeXattr('a', acl)),
      );
      t.as({ ...bob, capabilities: FOWNER }, () => t.removeXattr('a', acl));
    },
  },
  ['root'],
);

const flags = defineCases(
  'capability',
  {
    'LINUX_IMMUTABLE sets what forbids changes': (t) => {
      aliceFile(0o644)(t);
      t.as({ ...alice, capabilities: allBut(LINUX_IMMUTABLE) }, () =>
        fails('EPERM', () => t.setInodeFlags('a', InodeFlag.IMMUTABLE)),
      );
      t.as({ ...alice, capabilities: LINUX_IMMUTABLE }, () => {
        t.setInodeFlags('a', InodeFlag.IMMUTABLE);
        t.setInodeFlags('a', 0);
      });
    },
    'FOWNER sets the other flags': (t) => {
      aliceFile(0o644)(t);
      t.as({ ...bob, capabilities: FOWNER }, () => t.setInodeFlags('a', InodeFlag.NODUMP));
      assert.equal(t.getInodeFlags('a'), InodeFlag.NODUMP);
    },
  },
  ['root', 'inode flags'],
);

export const capabilityCases = [...one, ...rootWithout, ...rest, ...flags];
