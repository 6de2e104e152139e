import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DafsStatus } from '../../../client/protocol/status.ts';
import {
  type Credential,
  changedMode,
  inheritedGroupAndMode,
  Permission,
  type Protected,
  permits,
  requireOwnerChange,
  requireRemovable,
  withoutPrivileges,
} from '../../../server/access-control.ts';
import { Refusal } from '../../../server/engine/refusal.ts';
import { type Acl, AclTag, FileType, isMinimal, modeWithAcl } from '../../../server/store/index.ts';
import { arbitraryAcl, arbitraryId } from '../store/support/acls.ts';

const { READ, WRITE, EXECUTE } = Permission;
const root: Credential = { uid: 0, gid: 0, groups: [] };
const owner: Credential = { uid: 10, gid: 20, groups: [] };
const member: Credential = { uid: 11, gid: 21, groups: [20] };
const other: Credential = { uid: 12, gid: 22, groups: [] };

const file = (mode: number, rest: Partial<Protected> = {}): Protected => ({
  type: FileType.REGULAR,
  mode,
  uid: 10,
  gid: 20,
  accessAcl: undefined,
  flags: 0,
  ...rest,
});
const directory = (mode: number, rest: Partial<Protected> = {}): Protected =>
  file(mode, { type: FileType.DIRECTORY, ...rest });

const statusOf = (action: () => unknown): number => {
  try {
    action();
  } catch (error) {
    return (error as Refusal).status;
  }
  return DafsStatus.DAFS_STATUS_OK;
};

describe('permits', () => {
  it('asks the first class that the caller belongs to, and no other', () => {
    expect(permits(file(0o077), owner, READ)).toBe(false);
    expect(permits(file(0o707), member, READ)).toBe(false);
    expect(permits(file(0o770), other, READ)).toBe(false);
    expect(permits(file(0o400), owner, READ)).toBe(true);
    expect(permits(file(0o060), member, READ | WRITE)).toBe(true);
    expect(permits(file(0o003), other, WRITE | EXECUTE)).toBe(true);
    expect(permits(file(0o002), other, WRITE | EXECUTE)).toBe(false);
  });

  it('lets the superuser do all but execute what nobody may', () => {
    expect(permits(file(0), root, READ | WRITE)).toBe(true);
    expect(permits(file(0o666), root, EXECUTE)).toBe(false);
    expect(permits(file(0o001), root, EXECUTE)).toBe(true);
    expect(permits(directory(0), root, EXECUTE)).toBe(true);
  });
});

/**
 * The access check algorithm of acl(5), sentence by sentence, and what Linux adds: root, and that a
 * list whose mask is empty is not looked at.
 */
function permitsByTheBook(file: Protected, acl: Acl, caller: Credential, wanted: number): boolean {
  const contains = (granted: number) => (granted & wanted) === wanted;
  const entry = (tag: number) => acl.find((one) => one.tag === tag)?.permissions;
  const groups = [caller.gid, ...caller.groups];
  const mask = entry(AclTag.MASK);
  if (caller.uid === 0) {
    const isRunnable = file.type === FileType.DIRECTORY || (file.mode & 0o111) !== 0;
    return (wanted & EXECUTE) === 0 || isRunnable;
  }
  if (caller.uid === file.uid) {
    return contains(entry(AclTag.USER_OBJ) ?? 0);
  }
  if (mask === 0) {
    return contains(groups.includes(file.gid) ? 0 : (entry(AclTag.OTHER) ?? 0));
  }
  const user = acl.find(({ tag, id }) => tag === AclTag.USER && id === caller.uid);
  if (user !== undefined) {
    return contains(user.permissions & (mask ?? 7));
  }
  const matching = acl
    .filter(
      ({ tag, id }) =>
        (tag === AclTag.GROUP_OBJ && groups.includes(file.gid)) ||
        (tag === AclTag.GROUP && groups.includes(id)),
    )
    .map(({ permissions }) => permissions);
  if (matching.length > 0) {
    return mask === undefined
      ? contains(entry(AclTag.GROUP_OBJ) ?? 0)
      : contains(mask) && matching.some(contains);
  }
  return contains(entry(AclTag.OTHER) ?? 0);
}

describe('permits by a list', () => {
  const arbitraryCaller = fc.record({
    uid: arbitraryId,
    gid: arbitraryId,
    groups: fc.array(arbitraryId, { maxLength: 3 }),
  });

  it('what acl(5) says', () => {
    fc.assert(
      fc.property(
        arbitraryAcl,
        arbitraryCaller,
        fc.record({ uid: arbitraryId, gid: arbitraryId }),
        fc.integer({ min: 1, max: 7 }),
        fc.boolean(),
        (acl, caller, owner, wanted, isDirectory) => {
          const mode = modeWithAcl(0, acl);
          const accessAcl = isMinimal(acl) ? undefined : acl;
          const make = isDirectory ? directory : file;
          const object = make(mode, { ...owner, accessAcl });
          const expected = permitsByTheBook(object, acl, caller, wanted);
          expect(permits(object, caller, wanted)).toBe(expected);
        },
      ),
      { numRuns: 5000 },
    );
  });
});

describe('requireRemovable', () => {
  const child = file(0o644, { uid: 11 });

  it('needs write and search permission in the directory', () => {
    expect(statusOf(() => requireRemovable(directory(0o755), child, owner))).toBe(0);
    expect(statusOf(() => requireRemovable(directory(0o755), child, other))).toBe(
      DafsStatus.DAFSERR_ACCES,
    );
    expect(statusOf(() => requireRemovable(directory(0o752), child, other))).toBe(
      DafsStatus.DAFSERR_ACCES,
    );
  });

  it('and in a sticky one ownership of either', () => {
    const sticky = directory(0o1777);
    expect(statusOf(() => requireRemovable(sticky, child, other))).toBe(DafsStatus.DAFSERR_PERM);
    expect(statusOf(() => requireRemovable(sticky, child, member))).toBe(0);
    expect(statusOf(() => requireRemovable(sticky, child, owner))).toBe(0);
    expect(statusOf(() => requireRemovable(sticky, child, root))).toBe(0);
  });
});

describe('changes of mode and owner', () => {
  it('chmod is for the owner, and setgid for members of the group', () => {
    expect(changedMode(file(0o644), owner, 0o2755, 20)).toBe(0o2755);
    expect(changedMode(file(0o644), owner, 0o2755, 99)).toBe(0o755);
    expect(changedMode(file(0o644), root, 0o2755, 99)).toBe(0o2755);
    expect(statusOf(() => changedMode(file(0o644), member, 0o600, 20))).toBe(
      DafsStatus.DAFSERR_PERM,
    );
  });

  it('chown is for the superuser, chgrp to an own group for the owner', () => {
    const change = (credential: Credential, uid: number, gid: number) =>
      statusOf(() => requireOwnerChange(file(0o644), credential, uid, gid));
    const { DAFSERR_PERM } = DafsStatus;
    expect(change(root, 99, 99)).toBe(0);
    expect(change(owner, 10, 20)).toBe(0);
    expect(change({ ...owner, groups: [30] }, 10, 30)).toBe(0);
    expect(change(owner, 10, 30)).toBe(DAFSERR_PERM);
    expect(change(owner, 11, 20)).toBe(DAFSERR_PERM);
    expect(change(member, 11, 20)).toBe(DAFSERR_PERM);
  });

  it('a changed file loses setuid, and setgid when it is a program', () => {
    expect(withoutPrivileges(file(0o6755), owner)).toBe(0o755);
    expect(withoutPrivileges(file(0o4644), owner)).toBe(0o644);
    expect(withoutPrivileges(directory(0o6755), other)).toBe(0o6755);
  });

  it('and the mark of a locked file when the change is made from outside its group', () => {
    expect(withoutPrivileges(file(0o2644), owner)).toBe(0o2644);
    expect(withoutPrivileges(file(0o2644), member)).toBe(0o2644);
    expect(withoutPrivileges(file(0o2644), root)).toBe(0o2644);
    expect(withoutPrivileges(file(0o2644), other)).toBe(0o644);
  });
});

describe('inheritedGroupAndMode', () => {
  it('gives the creator’s group, or that of a setgid directory', () => {
    const { REGULAR } = FileType;
    expect(inheritedGroupAndMode(directory(0o755), other, 0o644, REGULAR)).toEqual({
      gid: 22,
      mode: 0o644,
    });
    expect(inheritedGroupAndMode(directory(0o2777), other, 0o644, REGULAR)).toEqual({
      gid: 20,
      mode: 0o644,
    });
  });

  it('makes directories in a setgid directory setgid, and no programs of a foreign group', () => {
    const setgid = directory(0o2777);
    expect(inheritedGroupAndMode(setgid, other, 0o755, FileType.DIRECTORY).mode).toBe(0o2755);
    expect(inheritedGroupAndMode(setgid, other, 0o2755, FileType.REGULAR).mode).toBe(0o755);
    expect(inheritedGroupAndMode(setgid, member, 0o2755, FileType.REGULAR).mode).toBe(0o2755);
  });
});

describe('Refusal', () => {
  it('is what is thrown', () => {
    expect(() => requireOwnerChange(file(0), other, 0, 0)).toThrow();
    expect(statusOf(() => requireOwnerChange(file(0), other, 0, 0))).toBe(DafsStatus.DAFSERR_PERM);
    expect(new Refusal(DafsStatus.DAFSERR_PERM).status).toBe(1);
  });
});
