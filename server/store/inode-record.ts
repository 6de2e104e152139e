import type { BlockRange } from './block-ranges.ts';
import { nextChange } from './clock.ts';
import type { Acl } from './posix-acl.ts';
import { type DeviceNumber, type FileId, FileType, type Inode, type Time } from './types.ts';

/**
 * An inode in memory: its row, and what is ahead of its row. Fields that callers see are described
 * at Inode.
 */
export class InodeRecord implements Inode {
  readonly id: FileId;
  readonly type: FileType;
  mode = 0;
  uid = 0;
  gid = 0;
  nlink = 0;
  size = 0;
  rdev: DeviceNumber = noDevice;
  atime: Time = epoch;
  mtime: Time = epoch;
  ctime: Time = epoch;
  btime: Time = epoch;
  change = 0;
  flags = 0;
  attributeKinds = 0;
  accessAcl: Acl | undefined;
  /** Bytes in names and values of extended attributes. */
  attributeBytes = 0;
  parent: FileId = 0 as FileId;

  /** The size that the row gets: that far the rows of blocks go; `size` runs ahead of it. */
  storedSize = 0;
  /** Bytes in rows of blocks. */
  storedBytes = 0;
  /** Bytes in memory that will be in rows of blocks of their own. */
  pendingBytes = 0;
  /** Blocks that have room whether they are written or not. */
  allocatedBlocks = 0;
  /** Which blocks these are, once somebody asked. */
  allocations: readonly BlockRange[] | undefined;
  /** Bytes that allocated blocks count beyond what their rows hold. */
  reservedBytes = 0;
  /** Under which number the blocks are stored: the id, or another one since a large truncation. */
  content: number;

  /** What usage.ts counts of this object, and as whose. */
  countedBytes = 0;
  countedObjects = 0;
  countedOwner = 0;
  /** It has to be counted anew. */
  isCountDue = false;

  /** The transaction changed what the row holds. */
  rowChanged = false;
  /** The row is to be written before the database commits. */
  isUnwritten = false;
  /** The database has a row of the inode. */
  hasRow = false;
  /** The inode as of the last commit, when this transaction changed it. */
  snapshot: Snapshot | undefined;
  /** The transaction changed `size` itself, not a write into memory. */
  resized = false;
  /** This transaction made the inode. */
  created = false;
  /** There is no such inode any more. */
  isDeleted = false;
  /** It was made without a name and may get its first one. */
  linkable = false;
  /** There are data in memory that the rows do not have: this object must not be forgotten. */
  dataPending = false;
  /** Since the table last looked for what could be forgotten. */
  recentlyUsed = true;

  constructor(id: FileId, type: FileType) {
    this.id = id;
    this.type = type;
    this.content = id;
  }

  get usedBytes(): number {
    return this.storedBytes + this.pendingBytes + this.reservedBytes;
  }

  get isUncommitted(): boolean {
    return this.snapshot !== undefined;
  }

  get isRegular(): boolean {
    return this.type === FileType.REGULAR;
  }

  get isDirectory(): boolean {
    return this.type === FileType.DIRECTORY;
  }
}

/** What a transaction that is undone gives back. */
export type Snapshot = ReturnType<typeof snapshotOf>;

/** The fields are written out: to copy all of a record takes ten times as long. */
export function snapshotOf(record: InodeRecord) {
  return {
    always: {
      mode: record.mode,
      uid: record.uid,
      gid: record.gid,
      nlink: record.nlink,
      atime: record.atime,
      btime: record.btime,
      flags: record.flags,
      attributeKinds: record.attributeKinds,
      accessAcl: record.accessAcl,
      attributeBytes: record.attributeBytes,
      parent: record.parent,
      storedSize: record.storedSize,
      storedBytes: record.storedBytes,
      allocatedBlocks: record.allocatedBlocks,
      allocations: record.allocations,
      reservedBytes: record.reservedBytes,
      content: record.content,
      linkable: record.linkable,
    },
    /** A write into memory is not undone with the transaction; these follow it, unless it was cut. */
    withSize: {
      size: record.size,
      mtime: record.mtime,
      ctime: record.ctime,
      change: record.change,
    },
  };
}

/** Makes the record what it was before the transaction. */
export function restore(record: InodeRecord): void {
  const { snapshot } = record;
  if (snapshot !== undefined) {
    Object.assign(record, snapshot.always);
    if (record.resized || !record.dataPending) {
      Object.assign(record, snapshot.withSize);
    }
  }
}

/** Notes that the object has changed: for everything but reading it. */
export function touch(record: InodeRecord, now: Time): void {
  record.ctime = now;
  record.change = nextChange(record.change, now);
}

const noDevice: DeviceNumber = { major: 0, minor: 0 };
const epoch: Time = { seconds: 0, nseconds: 0 };

/** Columns of table inode in the order of `rowOf` and `recordOf`. */
export const inodeColumns = [
  'type',
  'mode',
  'uid',
  'gid',
  'nlink',
  'size',
  'storedBytes',
  'content',
  'parent',
  'rdevMajor',
  'rdevMinor',
  'atimeSeconds',
  'atimeNseconds',
  'mtimeSeconds',
  'mtimeNseconds',
  'ctimeSeconds',
  'ctimeNseconds',
  'btimeSeconds',
  'btimeNseconds',
  'change',
  'attributeKinds',
  'attributeBytes',
  'allocatedBlocks',
  'reservedBytes',
  'flags',
  'id',
] as const;

/** In the row's flags, above those of chattr(1): `linkable`. */
const linkableFlag = 2 ** 32;

/** The values of the record's row. */
export function rowOf(record: InodeRecord): number[] {
  return [
    record.type,
    record.mode,
    record.uid,
    record.gid,
    record.nlink,
    record.storedSize,
    record.storedBytes,
    record.content,
    record.parent,
    record.rdev.major,
    record.rdev.minor,
    record.atime.seconds,
    record.atime.nseconds,
    record.mtime.seconds,
    record.mtime.nseconds,
    record.ctime.seconds,
    record.ctime.nseconds,
    record.btime.seconds,
    record.btime.nseconds,
    record.change,
    record.attributeKinds,
    record.attributeBytes,
    record.allocatedBlocks,
    record.reservedBytes,
    record.flags + (record.linkable ? linkableFlag : 0),
    record.id,
  ];
}

/** The record of a row. */
export function recordOf(row: readonly number[]): InodeRecord {
  const value = (index: number): number => row[index] as number;
  const time = (index: number): Time => ({ seconds: value(index), nseconds: value(index + 1) });
  const record = new InodeRecord(value(25) as FileId, value(0) as FileType);
  record.mode = value(1);
  record.uid = value(2);
  record.gid = value(3);
  record.nlink = value(4);
  record.size = value(5);
  record.storedSize = value(5);
  record.storedBytes = value(6);
  record.content = value(7);
  record.parent = value(8) as FileId;
  record.rdev = { major: value(9), minor: value(10) };
  record.atime = time(11);
  record.mtime = time(13);
  record.ctime = time(15);
  record.btime = time(17);
  record.change = value(19);
  record.attributeKinds = value(20);
  record.attributeBytes = value(21);
  record.allocatedBlocks = value(22);
  record.reservedBytes = value(23);
  record.linkable = value(24) >= linkableFlag;
  record.flags = value(24) % linkableFlag;
  return record;
}
