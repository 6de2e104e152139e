import {
  ALL_FILE_ATTRIBUTES,
  FileAttribute,
  type FileAttributes,
  fileAttributeBitmap,
  hasAttribute,
} from '../client/protocol/attributes.ts';
import { DafsStatus } from '../client/protocol/status.ts';
import { refuse } from './engine/refusal.ts';
import type { Filehandles } from './filehandles.ts';
import { FileType, type Inode, type Time } from './store/index.ts';

/** The file attributes that this server has a value for, or lets a client set. */
export const SUPPORTED_FILE_ATTRIBUTES = fileAttributeBitmap(
  'namedAttr',
  'objectType',
  'mode',
  'numLinks',
  'change',
  'objectSize',
  'fileId',
  'spaceUsed',
  'timeAccess',
  'timeAccessSet',
  'timeCreate',
  'timeDelta',
  'timeMetadata',
  'timeModify',
  'timeModifySet',
  'rawDev',
  'filehandle',
  'owner',
  'ownerGroup',
  'killSuidgid',
  'modeUmask',
  'inodeFlags',
  'hasNamedAttr',
);

/**
 * An attribute that DAFS 1.0 does not define has no size, so that no room can be given to it.
 *
 * @param all the bitmap of those that are defined
 * @throws Refusal DAFSERR_INVAL when `bitmap` has others
 */
export function requireDefined(bitmap: number, all: number): void {
  const highBits = (value: number) => Math.floor(value / 2 ** 32);
  const isDefined = (bitmap & ~all) === 0 && (highBits(bitmap) & ~highBits(all)) === 0;
  if (!isDefined) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
}

/** Whether an object can have named attributes: users' extended attributes, as xattr(7) has it. */
export const hasNamedAttributes = ({ type }: Inode): boolean =>
  type === FileType.REGULAR || type === FileType.DIRECTORY;

/** File times are kept to the nanosecond. */
const TIME_DELTA: Time = { seconds: 0, nseconds: 1 };

/**
 * The attributes of a file that `bitmap` asks for. Those that it asks for and the server does not
 * have are left undefined: they get room in the message and are marked as not valid (section 6.1.5).
 *
 * @throws Refusal DAFSERR_INVAL for attributes that DAFS 1.0 does not define.
 */
export function fileAttributesOf(
  inode: Inode,
  bitmap: number,
  filehandles: Filehandles,
): FileAttributes {
  requireDefined(bitmap, ALL_FILE_ATTRIBUTES);
  return {
    included: bitmap,
    namedAttr: hasNamedAttributes(inode),
    // The types are numbered alike in the store and in the draft.
    objectType: inode.type,
    mode: inode.mode,
    numLinks: inode.nlink,
    change: BigInt(inode.change),
    objectSize: inode.size,
    fileId: inode.id,
    spaceUsed: inode.usedBytes,
    timeAccess: inode.atime,
    timeCreate: inode.btime,
    timeDelta: TIME_DELTA,
    timeMetadata: inode.ctime,
    timeModify: inode.mtime,
    rawDev: { specdata1: inode.rdev.major, specdata2: inode.rdev.minor },
    filehandle: hasAttribute(bitmap, FileAttribute.FILEHANDLE)
      ? filehandles.of(inode.id)
      : undefined,
    owner: String(inode.uid),
    ownerGroup: String(inode.gid),
    inodeFlags: inode.flags,
    hasNamedAttr: inode.attributeKinds !== 0,
  };
}

/** The longest that the attributes of any file can be, for reckoning with room. */
export const longestAttributes = (attributes: FileAttributes): FileAttributes => ({
  ...attributes,
  owner: String(0xffff_ffff),
  ownerGroup: String(0xffff_ffff),
});
