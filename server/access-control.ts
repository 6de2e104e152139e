/**
 * POSIX permission checks, as Linux makes them for a local file system: mode bits and access control
 * lists with the caller's uid, gid, groups and capabilities (capabilities(7)), sticky directories, the owner's rights, and what happens to the setuid and
 * setgid bits. The functions answer or refuse; they change nothing.
 */
import { Capability, FILE_CAPABILITIES } from '../client/protocol/extensions.ts';
import { DafsStatus } from '../client/protocol/status.ts';
import { refuse } from './engine/refusal.ts';
import { type Acl, AclTag, FileType, InodeFlag } from './store/index.ts';

/** On whose behalf a request is executed. */
export interface Credential {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups; the primary one need not be among them. */
  readonly groups: readonly number[];
  /** Bits of {@link Capability}. When left out, the superuser (0) has all of them, others none. */
  readonly capabilities?: number;
  /** Whether his reading leaves the access times of what is his own: Linux's O_NOATIME. */
  readonly keepsAccessTimes?: boolean;
}

/** What permission checks look at: an inode has it all. */
export interface Protected {
  readonly type: FileType;
  /** Permission bits with setuid, setgid and sticky: 07777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Stands behind the mode, whose group bits are its mask; undefined where the mode says it all. */
  readonly accessAcl: Acl | undefined;
  /** Of {@link InodeFlag}. */
  readonly flags: number;
}

export const Permission = { READ: 4, WRITE: 2, EXECUTE: 1 } as const;

export const ModeBit = {
  SET_UID: 0o4000,
  SET_GID: 0o2000,
  STICKY: 0o1000,
  GROUP: 0o070,
  GROUP_EXECUTE: 0o010,
  ANY_EXECUTE: 0o111,
} as const;

/** chattr(1)'s +i: nothing may change the object. */
export const isImmutable = ({ flags }: Protected): boolean => (flags & InodeFlag.IMMUTABLE) !== 0;

/** chattr(1)'s +a: it may be added to, and nothing else. */
export const isAppendOnly = ({ flags }: Protected): boolean => (flags & InodeFlag.APPEND) !== 0;

/** @throws Refusal DAFSERR_PERM for an object of which nothing but its data may change, if they may. */
export function requireChangeable(file: Protected): void {
  if (isImmutable(file) || isAppendOnly(file)) {
    refuse(DafsStatus.DAFSERR_PERM);
  }
}

/** @throws Refusal DAFSERR_PERM for an object that may not even be added to. */
export function requireMutable(file: Protected): void {
  if (isImmutable(file)) {
    refuse(DafsStatus.DAFSERR_PERM);
  }
}

const isDirectory = (file: Protected): boolean => file.type === FileType.DIRECTORY;

/** Whether somebody may do what the `wanted` one of {@link Capability} is about. */
export function isCapable({ uid, capabilities }: Credential, wanted: number): boolean {
  const held = capabilities ?? (uid === 0 ? FILE_CAPABILITIES : 0);
  return (held & wanted) !== 0;
}

const isInGroup = (credential: Credential, gid: number): boolean =>
  credential.gid === gid || credential.groups.includes(gid);

/** Whether somebody may make files of a group setgid. */
export const maySetGid = (credential: Credential, gid: number): boolean =>
  isInGroup(credential, gid) || isCapable(credential, Capability.FSETID);

/** Whether all of `wanted` (a sum of {@link Permission}) is granted, by the file or a capability. */
export const permits = (file: Protected, credential: Credential, wanted: number): boolean =>
  overrides(file, credential, wanted) || isPermittedByFile(file, credential, wanted);

/** DAC_OVERRIDE allows everything, save to execute a file that nobody may execute. */
function overrides(file: Protected, credential: Credential, wanted: number): boolean {
  const needsExecute = (wanted & Permission.EXECUTE) !== 0 && !isDirectory(file);
  if (isCapable(credential, Capability.DAC_OVERRIDE)) {
    return !needsExecute || (file.mode & ModeBit.ANY_EXECUTE) !== 0;
  }
  const onlyReads = (wanted & Permission.WRITE) === 0 && !needsExecute;
  return onlyReads && isCapable(credential, Capability.DAC_READ_SEARCH);
}

function isPermittedByFile(file: Protected, credential: Credential, wanted: number): boolean {
  if (credential.uid === file.uid) {
    return grants(file.mode >> 6, wanted);
  }
  // As Linux does it: a mask that lets nobody do anything is not looked at, nor is its list.
  if (file.accessAcl !== undefined && (file.mode & ModeBit.GROUP) !== 0) {
    return aclPermits(file.accessAcl, file.gid, credential, wanted);
  }
  return grants(isInGroup(credential, file.gid) ? file.mode >> 3 : file.mode, wanted);
}

const grants = (permissions: number, wanted: number): boolean => (permissions & wanted) === wanted;

/**
 * Whether a list grants all of `wanted` to somebody who does not own the file: by the entry for this
 * user, or else by one that grants it among those for his groups, or else, when he is in none of
 * these groups, by that for others. All but the last are limited by the mask (acl(5)).
 */
function aclPermits(acl: Acl, gid: number, credential: Credential, wanted: number): boolean {
  const mask = acl.find(({ tag }) => tag === AclTag.MASK)?.permissions ?? 7;
  const user = acl.find(({ tag, id }) => tag === AclTag.USER && id === credential.uid);
  if (user !== undefined) {
    return grants(user.permissions & mask, wanted);
  }
  const groups = acl.filter(
    ({ tag, id }) =>
      (tag === AclTag.GROUP_OBJ && isInGroup(credential, gid)) ||
      (tag === AclTag.GROUP && isInGroup(credential, id)),
  );
  if (groups.length > 0) {
    return groups.some(({ permissions }) => grants(permissions & mask, wanted));
  }
  return acl.some(({ tag, permissions }) => tag === AclTag.OTHER && grants(permissions, wanted));
}

/**
 * @throws Refusal DAFSERR_PERM to write to what is immutable, DAFSERR_ACCES when not all of `wanted`
 * is granted.
 */
export function requirePermission(file: Protected, credential: Credential, wanted: number): void {
  if ((wanted & Permission.WRITE) !== 0) {
    requireMutable(file);
  }
  if (!permits(file, credential, wanted)) {
    refuse(DafsStatus.DAFSERR_ACCES);
  }
}

/**
 * Removing or renaming `child` of `directory`: write and search permission in the directory and, if
 * that is sticky, ownership of either.
 *
 * @throws Refusal DAFSERR_ACCES, or DAFSERR_PERM in a sticky directory and where chattr(1) forbids it.
 */
export function requireRemovable(
  directory: Protected,
  child: Protected,
  credential: Credential,
): void {
  requirePermission(directory, credential, Permission.WRITE | Permission.EXECUTE);
  if (isAppendOnly(directory)) {
    refuse(DafsStatus.DAFSERR_PERM);
  }
  requireChangeable(child);
  const isSticky = (directory.mode & ModeBit.STICKY) !== 0;
  if (isSticky && !isOwner(child, credential) && !isOwner(directory, credential)) {
    refuse(DafsStatus.DAFSERR_PERM);
  }
}

/** The owner, or who may act as any. */
export const isOwner = (file: Protected, credential: Credential): boolean =>
  credential.uid === file.uid || isCapable(credential, Capability.FOWNER);

/** @throws Refusal DAFSERR_PERM unless the caller owns the file or may act as its owner. */
export function requireOwner(file: Protected, credential: Credential): void {
  if (!isOwner(file, credential)) {
    refuse(DafsStatus.DAFSERR_PERM);
  }
}

/**
 * The mode that a chmod to `mode` yields: whoever is not in the file's group cannot make the file
 * setgid.
 *
 * @throws Refusal DAFSERR_PERM unless the caller owns the file.
 */
export function changedMode(
  file: Protected,
  credential: Credential,
  mode: number,
  gid: number,
): number {
  requireOwner(file, credential);
  return maySetGid(credential, gid) ? mode & 0o7777 : mode & 0o7777 & ~ModeBit.SET_GID;
}

/**
 * Checks a chown; `uid` and `gid` are what the file shall have afterwards.
 *
 * @throws Refusal DAFSERR_PERM when the caller may not give the file away or to that group.
 */
export function requireOwnerChange(
  file: Protected,
  credential: Credential,
  uid: number,
  gid: number,
): void {
  if (isCapable(credential, Capability.CHOWN)) {
    return;
  }
  const keepsOwner = credential.uid === file.uid && uid === file.uid;
  const mayGiveToGroup = gid === file.gid || isInGroup(credential, gid);
  if (!keepsOwner || !mayGiveToGroup) {
    refuse(DafsStatus.DAFSERR_PERM);
  }
}

/**
 * The mode after `credential` changed the contents or the owner: a program must not keep the rights
 * of its owner when it is not what the owner put there. Setgid without group execution is not a right
 * but a locking mark, which stays when somebody who could set it makes the change.
 */
export function withoutPrivileges(file: Protected, credential: Credential): number {
  if (isDirectory(file)) {
    return file.mode;
  }
  const isSetGidProgram = (file.mode & ModeBit.GROUP_EXECUTE) !== 0;
  const dropsSetGid = isSetGidProgram || !maySetGid(credential, file.gid);
  return file.mode & ~(ModeBit.SET_UID | (dropsSetGid ? ModeBit.SET_GID : 0));
}

/** Group and mode of a file that `credential` creates in `directory` with `mode`; umask and lists follow. */
export function inheritedGroupAndMode(
  directory: Protected,
  credential: Credential,
  mode: number,
  type: FileType,
): { gid: number; mode: number } {
  if ((directory.mode & ModeBit.SET_GID) === 0) {
    return { gid: credential.gid, mode: mode & 0o7777 };
  }
  const gid = directory.gid;
  if (type === FileType.DIRECTORY) {
    return { gid, mode: (mode & 0o7777) | ModeBit.SET_GID };
  }
  const setGidProgram = ModeBit.SET_GID | ModeBit.GROUP_EXECUTE;
  const wouldGainGroup = (mode & setGidProgram) === setGidProgram && !maySetGid(credential, gid);
  return { gid, mode: wouldGainGroup ? mode & 0o7777 & ~ModeBit.SET_GID : mode & 0o7777 };
}
