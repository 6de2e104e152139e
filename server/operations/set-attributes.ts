import { type FileAttributes, fileAttributeBitmap } from '../../client/protocol/attributes.ts';
import { Capability } from '../../client/protocol/extensions.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import { type Settime, type StateId, TimesetHow } from '../../client/protocol/types.ts';
import {
  changedMode,
  isCapable,
  isOwner,
  Permission,
  permits,
  requireChangeable,
  requireMutable,
  requireOwner,
  requireOwnerChange,
  requirePermission,
  withoutPrivileges,
} from '../access-control.ts';
import type { Exchange } from '../engine/exchange.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import { Share } from '../state/opens.ts';
import {
  type AttributeChanges,
  FileType,
  type Inode,
  InodeFlag,
  type Time,
} from '../store/index.ts';
import { requireIoRight } from './io-right.ts';
import { dropCapabilities, hasPrivileges } from './privileges.ts';

/** What a client can set. Whatever else it names makes the whole request DAFSERR_INVAL. */
const SETTABLE = fileAttributeBitmap(
  'mode',
  'objectSize',
  'owner',
  'ownerGroup',
  'timeAccessSet',
  'timeModifySet',
  'timeCreate',
  'killSuidgid',
  'inodeFlags',
);

const SETTABLE_FLAGS = Object.values(InodeFlag).reduce((all, flag) => all | flag, 0);

const DECIMAL_ID = /^(?:0|[1-9]\d{0,9})$/;
/** The largest id there is; one more means "leave it" in POSIX calls and is nobody's. */
const HIGHEST_ID = 0xffff_fffe;

type MutableChanges = { -readonly [Name in keyof AttributeChanges]: AttributeChanges[Name] };

/**
 * Sets attributes on behalf of a request: all of them, or none and a Refusal.
 *
 * @returns the bitmap of what was set
 */
export function setAttributes(
  service: Service,
  exchange: Exchange,
  inode: Inode,
  attributes: FileAttributes,
  stateId: StateId,
): number {
  const requested = requestedAttributes(attributes, SETTABLE);
  const { objectSize } = attributes;
  if (objectSize !== undefined) {
    requireSizeChange(service, exchange, inode, stateId);
  }
  requireNotForbidden(inode, attributes);
  if (attributes.killSuidgid) {
    requireKillable(exchange, inode, attributes);
  }
  const changes = plannedChanges(service, exchange, inode, attributes);
  if (objectSize !== undefined) {
    service.cache.truncate(inode.id, objectSize);
  }
  if (Object.keys(changes).length > 0 || attributes.killSuidgid) {
    service.store.setAttributes(inode.id, changes);
  }
  if (objectSize !== undefined || changes.uid !== undefined || attributes.killSuidgid) {
    dropCapabilities(service, inode);
  }
  return requested;
}

/**
 * The bitmap of the attributes that a request has a value for.
 *
 * @throws Refusal DAFSERR_INVAL when there are others than those `allowed`
 */
export function requestedAttributes(attributes: FileAttributes, allowed: number): number {
  const { valid = 0 } = attributes;
  // Every attribute of DAFS 1.0 is among the lower 31 bits.
  const isForeign = valid > 0x7fff_ffff || (valid & ~allowed) !== 0;
  return isForeign ? refuse(DafsStatus.DAFSERR_INVAL) : valid;
}

/** The time that a request sets. @throws Refusal DAFSERR_INVAL for one that does not exist. */
export function timeOf(service: Service, settime: Settime): Time {
  if (settime.how === TimesetHow.SET_TO_SERVER_TIME) {
    return service.clock.now();
  }
  return requireTime(settime.clientTime);
}

function requireTime(time: Time): Time {
  if (time.nseconds >= 1_000_000_000) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
  return { seconds: time.seconds, nseconds: time.nseconds };
}

/** Whether only the times are set, to the server's clock: then the right to write suffices. */
const isTouch = ({ timeAccessSet, timeModifySet }: FileAttributes): boolean =>
  timeAccessSet?.how === TimesetHow.SET_TO_SERVER_TIME &&
  timeModifySet?.how === TimesetHow.SET_TO_SERVER_TIME;

/** @throws Refusal DAFSERR_PERM for changes that chattr(1) has forbidden. */
function requireNotForbidden(inode: Inode, attributes: FileAttributes): void {
  const { timeAccessSet, timeModifySet, mode, owner, ownerGroup, timeCreate } = attributes;
  const times = isTouch(attributes) ? [] : [timeAccessSet, timeModifySet, timeCreate];
  const changed = [mode, owner, ownerGroup, attributes.objectSize, ...times];
  if (changed.some((value) => value !== undefined)) {
    requireChangeable(inode);
  } else if (isTouch(attributes)) {
    requireMutable(inode);
  }
}

function requireSizeChange(
  service: Service,
  exchange: Exchange,
  inode: Inode,
  stateId: StateId,
): void {
  if (inode.type === FileType.DIRECTORY) {
    refuse(DafsStatus.DAFSERR_ISDIR);
  }
  requireIoRight(service, exchange, inode, stateId, Share.WRITE);
}

/**
 * Whoever may write to a file takes its privileges away by doing so; nobody else but its owner may,
 * unless what else the request changes is checked and takes them, too.
 *
 * @throws Refusal DAFSERR_PERM
 */
function requireKillable(
  { credential }: Exchange,
  inode: Inode,
  { objectSize, owner, ownerGroup }: FileAttributes,
): void {
  const isChecked = objectSize !== undefined || owner !== undefined || ownerGroup !== undefined;
  const mayWrite =
    isOwner(inode, credential) || permits(inode, credential, Permission.WRITE) || isChecked;
  if (!mayWrite && hasPrivileges(inode, credential)) {
    refuse(DafsStatus.DAFSERR_PERM);
  }
}

function plannedChanges(
  service: Service,
  exchange: Exchange,
  inode: Inode,
  attributes: FileAttributes,
): MutableChanges {
  const changes: MutableChanges = {};
  planOwner(exchange, inode, attributes, changes);
  planMode(exchange, inode, attributes, changes);
  planTimes(service, exchange, inode, attributes, changes);
  planFlags(exchange, inode, attributes, changes);
  return changes;
}

function planOwner(
  { credential }: Exchange,
  inode: Inode,
  attributes: FileAttributes,
  changes: MutableChanges,
): void {
  const { owner, ownerGroup } = attributes;
  if (owner === undefined && ownerGroup === undefined) {
    return;
  }
  const uid = owner === undefined ? inode.uid : idOf(owner);
  const gid = ownerGroup === undefined ? inode.gid : idOf(ownerGroup);
  requireOwnerChange(inode, credential, uid, gid);
  changes.uid = uid;
  changes.gid = gid;
  changes.mode = withoutPrivileges(inode, credential);
  if (changes.mode !== inode.mode) {
    // CHOWN alone is no right to change modes.
    requireOwner(inode, credential);
  }
}

function planMode(
  { credential }: Exchange,
  inode: Inode,
  attributes: FileAttributes,
  changes: MutableChanges,
): void {
  const { mode, objectSize, killSuidgid } = attributes;
  const isForeignWrite = objectSize !== undefined && !isCapable(credential, Capability.FSETID);
  if (mode !== undefined) {
    changes.mode = changedMode(inode, credential, mode, changes.gid ?? inode.gid);
  } else if (isForeignWrite || killSuidgid) {
    changes.mode = withoutPrivileges(inode, credential);
  }
  if (mode === undefined && changes.mode === inode.mode) {
    delete changes.mode;
  }
}

function planTimes(
  service: Service,
  { credential }: Exchange,
  inode: Inode,
  attributes: FileAttributes,
  changes: MutableChanges,
): void {
  const { timeAccessSet, timeModifySet, timeCreate } = attributes;
  if (timeCreate !== undefined) {
    requireOwner(inode, credential);
    changes.btime = requireTime(timeCreate);
  }
  if (timeAccessSet === undefined && timeModifySet === undefined) {
    return;
  }
  // Whoever may write to a file may touch it; any other change of its times is the owner's.
  if (!isTouch(attributes)) {
    requireOwner(inode, credential);
  } else if (!isOwner(inode, credential)) {
    requirePermission(inode, credential, Permission.WRITE);
  }
  if (timeAccessSet !== undefined) {
    changes.atime = timeOf(service, timeAccessSet);
  }
  if (timeModifySet !== undefined) {
    changes.mtime = timeOf(service, timeModifySet);
  }
}

/**
 * What forbids changes is set and taken off by who has LINUX_IMMUTABLE, the rest by the owner.
 *
 * @throws Refusal DAFSERR_PERM; DAFSERR_NOTSUPP for flags, or for objects, that have no such thing
 */
function planFlags(
  { credential }: Exchange,
  inode: Inode,
  { inodeFlags }: FileAttributes,
  changes: MutableChanges,
): void {
  if (inodeFlags === undefined) {
    return;
  }
  const isFlaggable = inode.type === FileType.REGULAR || inode.type === FileType.DIRECTORY;
  if (!isFlaggable || (inodeFlags & ~SETTABLE_FLAGS) !== 0) {
    refuse(DafsStatus.DAFSERR_NOTSUPP);
  }
  requireOwner(inode, credential);
  const forbids = (inodeFlags ^ inode.flags) & (InodeFlag.IMMUTABLE | InodeFlag.APPEND);
  if (forbids !== 0 && !isCapable(credential, Capability.LINUX_IMMUTABLE)) {
    refuse(DafsStatus.DAFSERR_PERM);
  }
  changes.flags = inodeFlags;
}

/** Owners are decimal ids on this wire. @throws Refusal DAFSERR_INVAL for anything else. */
function idOf(name: string): number {
  const id = DECIMAL_ID.test(name) ? Number(name) : Number.POSITIVE_INFINITY;
  return id <= HIGHEST_ID ? id : refuse(DafsStatus.DAFSERR_INVAL);
}
