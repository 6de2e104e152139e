/** Between the server's words for a file's attributes and the kernel's. */

import { constants } from 'node:fs';
import type { FileStatus, FileSystemStatus, StatusChanges } from '../client/file-status.ts';
import type { NodeType } from '../client/new-object.ts';
import { ObjectType } from '../client/protocol/index.ts';
import type { AttributeChanges, Attributes, FileSystemStatistics, Nodeid } from './file-system.ts';

/** The unit of st_blocks. */
const STAT_BLOCK_BYTES = 512;

/** The unit that statfs counts in; few programs look at it, all multiply by it. */
const STATFS_BLOCK_BYTES = 4096;

const TYPE_BITS: Readonly<Record<number, number>> = {
  [ObjectType.DAFS_TYPE_REG]: constants.S_IFREG,
  [ObjectType.DAFS_TYPE_DIR]: constants.S_IFDIR,
  [ObjectType.DAFS_TYPE_BLK]: constants.S_IFBLK,
  [ObjectType.DAFS_TYPE_CHR]: constants.S_IFCHR,
  [ObjectType.DAFS_TYPE_LNK]: constants.S_IFLNK,
  [ObjectType.DAFS_TYPE_SOCK]: constants.S_IFSOCK,
  [ObjectType.DAFS_TYPE_FIFO]: constants.S_IFIFO,
};

const NODE_TYPES: Readonly<Record<number, NodeType>> = {
  [constants.S_IFIFO]: 'fifo',
  [constants.S_IFSOCK]: 'socket',
  [constants.S_IFCHR]: 'character device',
  [constants.S_IFBLK]: 'block device',
};

/** Which special file the type bits of `mode` stand for; undefined for a regular file. */
export function nodeTypeOf(mode: number): NodeType | undefined {
  return NODE_TYPES[mode & constants.S_IFMT];
}

/** The S_IFMT bits that stand for a type; 0 for one that POSIX does not have. */
export function typeBits(type: number): number {
  return TYPE_BITS[type] ?? 0;
}

export function attributesOf(status: FileStatus, blockBytes: number): Attributes {
  return {
    nodeid: status.fileId as Nodeid,
    mode: typeBits(status.type) | status.mode,
    nlink: status.links,
    uid: status.uid,
    gid: status.gid,
    rdevMajor: status.rdevMajor,
    rdevMinor: status.rdevMinor,
    sizeBytes: status.sizeBytes,
    blocks: Math.ceil(status.usedBytes / STAT_BLOCK_BYTES),
    blockBytes,
    atime: status.accessTime,
    mtime: status.modifyTime,
    ctime: status.changeTime,
    btime: status.createTime,
    change: status.change,
    flags: status.flags,
  };
}

export function statusChangesOf(changes: AttributeChanges): StatusChanges {
  const { mode, uid, gid, sizeBytes, atime, mtime, killSuidgid, flags } = changes;
  return { mode, uid, gid, sizeBytes, accessTime: atime, modifyTime: mtime, killSuidgid, flags };
}

export function statisticsOf(status: FileSystemStatus): FileSystemStatistics {
  const blocks = (bytes: number) => Math.floor(bytes / STATFS_BLOCK_BYTES);
  return {
    blockBytes: STATFS_BLOCK_BYTES,
    blocks: blocks(status.totalBytes),
    blocksFree: blocks(status.freeBytes),
    blocksAvailable: blocks(status.availableBytes),
    files: status.totalFiles,
    filesFree: status.freeFiles,
    nameBytes: status.maximumNameBytes,
  };
}
