/** File and file-system attributes (sections 6.1.5 and 6.1.6). */

import { codec } from './codec.ts';
import { FileAttributeExtension } from './extensions.ts';
import {
  array,
  boolean8,
  type JoinMembers,
  join,
  text,
  u32,
  u53,
  u64,
  type ValueOf,
} from './layout.ts';
import {
  ace,
  attrBitmap,
  filehandle,
  fsHandle,
  fsLocations,
  modeUmask,
  settime,
  specdata,
  time,
} from './types.ts';

/** The numbers of file attributes, verbatim, without the prefix DAFS_FATTR_. */
export const FileAttribute = {
  NAMED_ATTR: 1,
  ARCHIVE: 2,
  HIDDEN: 3,
  SYSTEM: 4,
  OBJECT_TYPE: 5,
  MODE: 6,
  NUM_LINKS: 7,
  CHANGE: 8,
  OBJECT_SIZE: 9,
  FILE_ID: 10,
  SPACE_USED: 11,
  TIME_ACCESS: 12,
  TIME_ACCESS_SET: 13,
  TIME_BACKUP: 14,
  TIME_CREATE: 15,
  TIME_DELTA: 16,
  TIME_METADATA: 17,
  TIME_MODIFY: 18,
  TIME_MODIFY_SET: 19,
  RAW_DEV: 20,
  FILEHANDLE: 21,
  ACL: 22,
  MIME_TYPE: 23,
  OWNER: 24,
  OWNER_GROUP: 25,
} as const;

const F = FileAttribute;
const E = FileAttributeExtension;

const fileMembers = {
  namedAttr: [F.NAMED_ATTR, boolean8],
  archive: [F.ARCHIVE, boolean8],
  hidden: [F.HIDDEN, boolean8],
  system: [F.SYSTEM, boolean8],
  objectType: [F.OBJECT_TYPE, u32],
  mode: [F.MODE, u32],
  numLinks: [F.NUM_LINKS, u32],
  change: [F.CHANGE, u64],
  objectSize: [F.OBJECT_SIZE, u53],
  fileId: [F.FILE_ID, u53],
  spaceUsed: [F.SPACE_USED, u53],
  timeAccess: [F.TIME_ACCESS, time],
  timeAccessSet: [F.TIME_ACCESS_SET, settime],
  timeBackup: [F.TIME_BACKUP, time],
  timeCreate: [F.TIME_CREATE, time],
  timeDelta: [F.TIME_DELTA, time],
  timeMetadata: [F.TIME_METADATA, time],
  timeModify: [F.TIME_MODIFY, time],
  timeModifySet: [F.TIME_MODIFY_SET, settime],
  rawDev: [F.RAW_DEV, specdata],
  filehandle: [F.FILEHANDLE, filehandle],
  acl: [F.ACL, array(ace)],
  mimeType: [F.MIME_TYPE, text],
  owner: [F.OWNER, text],
  ownerGroup: [F.OWNER_GROUP, text],
  killSuidgid: [E.KILL_SUIDGID, boolean8],
  modeUmask: [E.MODE_UMASK, modeUmask],
  inodeFlags: [E.INODE_FLAGS, u32],
  hasNamedAttr: [E.HAS_NAMED_ATTR, boolean8],
} as const satisfies JoinMembers;

/** dafs_file_attr_type as a field: an offset to the join. */
export const fileAttr = join(fileMembers);
export type FileAttributes = ValueOf<typeof fileAttr>;
export type FileAttributeName = keyof typeof fileMembers;

/** The numbers of file-system attributes, verbatim, without the prefix DAFS_FSATTR_. */
export const FileSystemAttribute = {
  LINK_SUPPORT: 1,
  SYMLINK_SUPPORT: 2,
  CAN_SET_TIME: 3,
  CASE_INSENSITIVE: 4,
  CASE_PRESERVING: 5,
  CHOWN_RESTRICTED: 6,
  HOMOGENEOUS: 7,
  NO_TRUNC: 8,
  UNIQUE_HANDLE: 9,
  LEASE_TIME: 10,
  RD_ATTR_ERROR: 11,
  ACL_SUPPORT: 12,
  MAX_LINK: 13,
  MAX_NAME: 14,
  SUPPORTED_FATTR: 15,
  SUPPORTED_FSATTR: 16,
  FILES_AVAILABLE: 17,
  FILES_FREE: 18,
  FILES_TOTAL: 19,
  MAX_FILE_SIZE: 20,
  MAX_READ: 21,
  MAX_WRITE: 22,
  QUOTA_HARD: 23,
  QUOTA_SOFT: 24,
  QUOTA_USED: 25,
  SPACE_AVAILABLE: 26,
  SPACE_FREE: 27,
  SPACE_TOTAL: 28,
  FSHANDLE: 29,
  FAILOVER_LOCATIONS: 30,
  MAX_APPEND: 32,
  PREF_IO_SIZE: 33,
  FH_EXPIRE_TYPE: 34,
} as const;

const S = FileSystemAttribute;

const fileSystemMembers = {
  linkSupport: [S.LINK_SUPPORT, boolean8],
  symlinkSupport: [S.SYMLINK_SUPPORT, boolean8],
  canSetTime: [S.CAN_SET_TIME, boolean8],
  caseInsensitive: [S.CASE_INSENSITIVE, boolean8],
  casePreserving: [S.CASE_PRESERVING, boolean8],
  chownRestricted: [S.CHOWN_RESTRICTED, boolean8],
  homogeneous: [S.HOMOGENEOUS, boolean8],
  noTrunc: [S.NO_TRUNC, boolean8],
  uniqueHandle: [S.UNIQUE_HANDLE, boolean8],
  leaseTime: [S.LEASE_TIME, u32],
  rdAttrError: [S.RD_ATTR_ERROR, u32],
  aclSupport: [S.ACL_SUPPORT, u32],
  maxLink: [S.MAX_LINK, u32],
  maxName: [S.MAX_NAME, u32],
  supportedFattr: [S.SUPPORTED_FATTR, attrBitmap],
  supportedFsattr: [S.SUPPORTED_FSATTR, attrBitmap],
  filesAvailable: [S.FILES_AVAILABLE, u53],
  filesFree: [S.FILES_FREE, u53],
  filesTotal: [S.FILES_TOTAL, u53],
  maxFileSize: [S.MAX_FILE_SIZE, u53],
  maxRead: [S.MAX_READ, u53],
  maxWrite: [S.MAX_WRITE, u53],
  quotaHard: [S.QUOTA_HARD, u53],
  quotaSoft: [S.QUOTA_SOFT, u53],
  quotaUsed: [S.QUOTA_USED, u53],
  spaceAvailable: [S.SPACE_AVAILABLE, u53],
  spaceFree: [S.SPACE_FREE, u53],
  spaceTotal: [S.SPACE_TOTAL, u53],
  fshandle: [S.FSHANDLE, fsHandle],
  failoverLocations: [S.FAILOVER_LOCATIONS, array(fsLocations)],
  maxAppend: [S.MAX_APPEND, u53],
  prefIoSize: [S.PREF_IO_SIZE, u53],
  fhExpireType: [S.FH_EXPIRE_TYPE, u32],
} as const satisfies JoinMembers;

/** dafs_filesys_attr_type as a field: an offset to the join. */
export const fileSystemAttr = join(fileSystemMembers);
export type FileSystemAttributes = ValueOf<typeof fileSystemAttr>;
export type FileSystemAttributeName = keyof typeof fileSystemMembers;

/** File attributes alone, as GETATTR_DIRECT and SETATTR_DIRECT have them in direct buffers. */
export const fileAttributesCodec = codec('dafs_file_attr', fileAttr);

const bitOf = (number: number): number => 2 ** (number - 1);

const bitmapOf = (members: JoinMembers, names: readonly string[]): number => {
  let bitmap = 0;
  for (const name of names) bitmap += bitOf(members[name]?.[0] ?? 0);
  return bitmap;
};

/** The bitmap of distinct file attributes, by the names of their properties. */
export const fileAttributeBitmap = (...names: readonly FileAttributeName[]): number =>
  bitmapOf(fileMembers, names);

/** The bitmap of distinct file-system attributes, by the names of their properties. */
export const fileSystemAttributeBitmap = (...names: readonly FileSystemAttributeName[]): number =>
  bitmapOf(fileSystemMembers, names);

/** Whether a bitmap contains the attribute of this number (1 to 53). */
export const hasAttribute = (bitmap: number, number: number): boolean =>
  Math.floor(bitmap / bitOf(number)) % 2 === 1;

/** All file attributes that this room can carry. */
export const ALL_FILE_ATTRIBUTES = bitmapOf(fileMembers, Object.keys(fileMembers));
/** All file-system attributes that this room can carry. */
export const ALL_FILE_SYSTEM_ATTRIBUTES = bitmapOf(
  fileSystemMembers,
  Object.keys(fileSystemMembers),
);
