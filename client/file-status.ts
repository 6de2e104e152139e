import {
  Extension,
  type FileAttributes,
  type FileSystemAttributes,
  fileAttributeBitmap,
  fileSystemAttributeBitmap,
  ObjectType,
  type Time,
  TimesetHow,
} from './protocol/index.ts';

/** What the server knows of a file: stat(2), and the change id. The object is the caller's. */
export interface FileStatus {
  readonly type: ObjectType;
  /** The twelve permission bits (07777). */
  readonly mode: number;
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** Storage in use, in bytes. */
  readonly usedBytes: number;
  /** Unique in the file system and never used again. */
  readonly fileId: number;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  readonly accessTime: Time;
  readonly modifyTime: Time;
  /** Last change of data or attributes (st_ctime). */
  readonly changeTime: Time;
  readonly createTime: Time;
  /** Another number after every change of data or attributes. */
  readonly change: bigint;
  /** What chattr(1) set, in the numbers of FS_IOC_GETFLAGS. */
  readonly flags: number;
  /** False only when the file is known to have no extended attributes. */
  readonly mayHaveAttributes: boolean;
}

/** A time to set: `now` is the server's clock. */
export type TimeChange = Time | 'now';

/** What setattr() changes; what is left out stays as it is. */
export interface StatusChanges {
  /** A mask with it is for new objects alone. */
  readonly mode?: NewMode | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly sizeBytes?: number | undefined;
  readonly accessTime?: TimeChange | undefined;
  readonly modifyTime?: TimeChange | undefined;
  /** Takes set-ID bits and capabilities off, as a write by the caller does (extension XATTR). */
  readonly killSuidgid?: true | undefined;
  /** In the numbers of FS_IOC_SETFLAGS (extension XATTR). */
  readonly flags?: number | undefined;
}

/** What statvfs(3) tells, and the limits of transfers. */
export interface FileSystemStatus {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly availableBytes: number;
  readonly totalFiles: number;
  readonly freeFiles: number;
  readonly availableFiles: number;
  readonly maximumNameBytes: number;
  readonly maximumFileBytes: number;
  readonly maximumReadBytes: number;
  readonly maximumWriteBytes: number;
  readonly preferredTransferBytes: number;
  /** 16 bytes, the first of every filehandle in it. */
  readonly fileSystemHandle: Uint8Array;
}

/** The attributes that a FileStatus is made from in a session that has these extensions. */
export function fileStatusBitmap(extensions: ReadonlySet<Extension>): number {
  return extensions.has(Extension.XATTR) ? STATUS_BITMAP | XATTR_STATUS_BITMAP : STATUS_BITMAP;
}

const STATUS_BITMAP = fileAttributeBitmap(
  'objectType',
  'mode',
  'numLinks',
  'change',
  'objectSize',
  'fileId',
  'spaceUsed',
  'timeAccess',
  'timeCreate',
  'timeMetadata',
  'timeModify',
  'rawDev',
  'owner',
  'ownerGroup',
);

const XATTR_STATUS_BITMAP = fileAttributeBitmap('inodeFlags', 'hasNamedAttr');

/** What a directory entry carries at the least. */
export const ENTRY_BITMAP = fileAttributeBitmap('objectType', 'fileId');

/** The attributes that a FileSystemStatus is made from. */
export const FILE_SYSTEM_STATUS_BITMAP = fileSystemAttributeBitmap(
  'maxName',
  'filesAvailable',
  'filesFree',
  'filesTotal',
  'maxFileSize',
  'maxRead',
  'maxWrite',
  'spaceAvailable',
  'spaceFree',
  'spaceTotal',
  'fshandle',
  'prefIoSize',
);

const PERMISSION_BITS = 0o7777;
const EPOCH: Time = { seconds: 0, nseconds: 0 };
/** What is assumed of a server that does not tell the name's limit: POSIX's NAME_MAX of Linux. */
const USUAL_NAME_BYTES = 255;
/** What is assumed of a server that does not tell its transfer sizes. */
const USUAL_TRANSFER_BYTES = 65_536;

/**
 * The status that these attributes tell. Owners are decimal numbers in strings; an owner that is a
 * name, or an attribute that the server does not have, becomes 0.
 */
export function fileStatus(attributes: FileAttributes): FileStatus {
  return {
    type: (attributes.objectType ?? ObjectType.DAFS_TYPE_INVALID) as ObjectType,
    mode: (attributes.mode ?? 0) & 0o7777,
    links: attributes.numLinks ?? 1,
    uid: ownerNumber(attributes.owner),
    gid: ownerNumber(attributes.ownerGroup),
    sizeBytes: attributes.objectSize ?? 0,
    usedBytes: attributes.spaceUsed ?? 0,
    fileId: attributes.fileId ?? 0,
    rdevMajor: attributes.rawDev?.specdata1 ?? 0,
    rdevMinor: attributes.rawDev?.specdata2 ?? 0,
    accessTime: attributes.timeAccess ?? EPOCH,
    modifyTime: attributes.timeModify ?? EPOCH,
    changeTime: attributes.timeMetadata ?? EPOCH,
    createTime: attributes.timeCreate ?? EPOCH,
    change: attributes.change ?? 0n,
    flags: attributes.inodeFlags ?? 0,
    mayHaveAttributes: attributes.hasNamedAttr ?? true,
  };
}

/**
 * Permission bits of a new object: as they are, or without those of a mask unless the directory has a
 * default access control list, which then decides in its place (extension XATTR).
 */
export type NewMode = number | { readonly mode: number; readonly umask: number };

/** The attribute that a new object gets its mode by. */
export function modeAttributes(mode: NewMode | undefined): FileAttributes {
  if (typeof mode === 'object') {
    return { modeUmask: { mode: mode.mode & PERMISSION_BITS, umask: mode.umask } };
  }
  return mode === undefined ? {} : { mode: mode & PERMISSION_BITS };
}

/** The attributes that ask the server for `changes`. */
export function attributesOf(changes: StatusChanges): FileAttributes {
  return {
    ...modeAttributes(changes.mode),
    owner: changes.uid === undefined ? undefined : String(changes.uid),
    ownerGroup: changes.gid === undefined ? undefined : String(changes.gid),
    objectSize: changes.sizeBytes,
    timeAccessSet: settime(changes.accessTime),
    timeModifySet: settime(changes.modifyTime),
    killSuidgid: changes.killSuidgid,
    inodeFlags: changes.flags,
  };
}

export function fileSystemStatus(attributes: FileSystemAttributes): FileSystemStatus {
  return {
    totalBytes: attributes.spaceTotal ?? 0,
    freeBytes: attributes.spaceFree ?? 0,
    availableBytes: attributes.spaceAvailable ?? attributes.spaceFree ?? 0,
    totalFiles: attributes.filesTotal ?? 0,
    freeFiles: attributes.filesFree ?? 0,
    availableFiles: attributes.filesAvailable ?? attributes.filesFree ?? 0,
    maximumNameBytes: attributes.maxName ?? USUAL_NAME_BYTES,
    maximumFileBytes: attributes.maxFileSize ?? Number.MAX_SAFE_INTEGER,
    maximumReadBytes: attributes.maxRead ?? USUAL_TRANSFER_BYTES,
    maximumWriteBytes: attributes.maxWrite ?? USUAL_TRANSFER_BYTES,
    preferredTransferBytes: attributes.prefIoSize ?? USUAL_TRANSFER_BYTES,
    fileSystemHandle: Uint8Array.from(attributes.fshandle ?? []),
  };
}

function settime(change: TimeChange | undefined): FileAttributes['timeAccessSet'] {
  if (change === undefined) {
    return undefined;
  }
  return change === 'now'
    ? { clientTime: EPOCH, how: TimesetHow.SET_TO_SERVER_TIME }
    : { clientTime: change, how: TimesetHow.SET_TO_CLIENT_TIME };
}

function ownerNumber(owner: string | undefined): number {
  const number = Number(owner ?? 0);
  return Number.isInteger(number) ? number : 0;
}
