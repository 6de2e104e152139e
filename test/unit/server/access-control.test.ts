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
import { FileType } from '../../../server/store/index.ts';

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
