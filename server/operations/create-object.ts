import { type FileAttributes, fileAttributeBitmap } from '../../client/protocol/attributes.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { ChangeInfo } from '../../client/protocol/types.ts';
import { inheritedGroupAndMode, Permission, requirePermission } from '../access-control.ts';
import type { Exchange } from '../engine/exchange.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import {
  type AttributeChanges,
  FileType,
  type Inode,
  inheritedFlags,
  maxNameBytes,
  type NewObject,
} from '../store/index.ts';
import { inheritance, inheritedBytes, keepInherited } from './acl-attribute.ts';
import { requestedAttributes, timeOf } from './set-attributes.ts';

/** What may be set together with the creation of an object (see README.md on section 6.5.9). */
const SETTABLE_AT_CREATION = fileAttributeBitmap(
  'mode',
  'modeUmask',
  'timeAccessSet',
  'timeModifySet',
);
const SETTABLE_AT_FILE_CREATION = SETTABLE_AT_CREATION | fileAttributeBitmap('objectSize');

/** Mode of an object whose creator names none: nobody but him has to do with it. */
const defaultMode: Readonly<Record<FileType, number>> = {
  [FileType.REGULAR]: 0o600,
  [FileType.DIRECTORY]: 0o700,
  [FileType.BLOCK_DEVICE]: 0o600,
  [FileType.CHARACTER_DEVICE]: 0o600,
  [FileType.SYMBOLIC_LINK]: 0o777,
  [FileType.SOCKET]: 0o600,
  [FileType.FIFO]: 0o600,
};

/** What is to be made: the type and what only this type has. */
export type ObjectDescription = Pick<NewObject, 'type' | 'rdev' | 'target'>;

/** A directory in which a name may be looked up, and a name that can be there. */
export function requireSearchable(exchange: Exchange, directory: Inode, name: Uint8Array): void {
  requireDirectory(directory);
  requireName(name);
  requirePermission(directory, exchange.credential, Permission.EXECUTE);
}

/** A directory in which a name may be entered. */
export function requireModifiable(exchange: Exchange, directory: Inode): void {
  requirePermission(directory, exchange.credential, Permission.WRITE | Permission.EXECUTE);
  if (directory.nlink === 0) {
    // Removed, but somebody still has its handle: nothing can be made in it.
    refuse(DafsStatus.DAFSERR_NOENT);
  }
}

export function requireDirectory(inode: Inode): void {
  if (inode.type !== FileType.DIRECTORY) {
    refuse(DafsStatus.DAFSERR_NOTDIR);
  }
}

/** @throws Refusal DAFSERR_INVAL for an empty name, DAFSERR_NAMETOOLONG. */
export function requireName(name: Uint8Array): void {
  if (name.length === 0) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
  if (name.length > maxNameBytes) {
    refuse(DafsStatus.DAFSERR_NAMETOOLONG);
  }
}

/**
 * Makes an object on behalf of a request, as its own, with the group and the setgid bit that the
 * directory may pass on. {@link requireModifiable} must have been called.
 *
 * @param name undefined for an object that has none yet
 */
export function createObject(
  service: Service,
  exchange: Exchange,
  directory: Inode,
  name: Uint8Array | undefined,
  description: ObjectDescription,
  attributes: FileAttributes,
): Inode {
  const { type } = description;
  const allowed = type === FileType.REGULAR ? SETTABLE_AT_FILE_CREATION : SETTABLE_AT_CREATION;
  requestedAttributes(attributes, allowed);
  const { timeAccessSet, timeModifySet, objectSize } = attributes;
  const times: AttributeChanges = {
    ...(timeAccessSet && { atime: timeOf(service, timeAccessSet) }),
    ...(timeModifySet && { mtime: timeOf(service, timeModifySet) }),
  };
  const { credential } = exchange;
  const { mode = attributes.mode ?? defaultMode[type], umask = 0 } = attributes.modeUmask ?? {};
  const own = inheritedGroupAndMode(directory, credential, mode, type);
  const inherited = inheritance(service, directory, type, own.mode, umask);
  const owners = { uid: credential.uid, gid: own.gid };
  const flags = directory.flags & inheritedFlags;
  const attributeBytes = inheritedBytes(inherited);
  const object = { ...description, ...owners, mode: inherited.mode, flags, attributeBytes };
  // An object must not be kept without the lists that protect it.
  const inode = service.store.room.together(() => {
    const made =
      name === undefined
        ? service.store.createUnnamed(directory.id, object)
        : service.store.create(directory.id, name, object);
    keepInherited(service, made, inherited);
    return made;
  });
  if (objectSize !== undefined && objectSize > 0) {
    service.cache.truncate(inode.id, objectSize);
  }
  if (timeAccessSet !== undefined || timeModifySet !== undefined) {
    service.store.setAttributes(inode.id, times);
  }
  return inode;
}

/** Change of a directory over a modification; both values are of the same commit. */
export const changeInfo = (before: number, directory: Inode): ChangeInfo => ({
  before: BigInt(before),
  after: BigInt(directory.change),
  atomic: true,
});
