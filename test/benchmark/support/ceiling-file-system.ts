/**
 * The least that a file system can be: one directory with one file, whose bytes lie in memory that
 * all workers share. What a driver reaches with it is its ceiling: nothing behind it is faster.
 * The file has further names, for jobs that each want one of their own: it is another file under each to
 * the kernel, which lets one at a time write to a file, and has the same bytes.
 */

import { constants } from 'node:fs';
import { ErrnoError } from '../../../mount/errno.ts';
import {
  type Attributes,
  type Fh,
  type FileSystem,
  type Nodeid,
  ROOT_NODEID,
} from '../../../mount/file-system.ts';
import { mapShared, viewMemory } from '../../../nic/system-calls.ts';

/** The name of the one file; a dot and a number may follow. */
export const CEILING_FILE = 'file';
const namePattern = new RegExp(`^${CEILING_FILE}(?:[.](\\d+))?$`);

const FILE_NODEID = 2 as Nodeid;
const FILE_FH = 1n as Fh;
const name = new TextEncoder().encode(CEILING_FILE);

function refuse(): never {
  throw new ErrnoError('EPERM');
}

function attributes(nodeid: Nodeid, sizeBytes: number): Attributes {
  const epoch = { seconds: 0, nseconds: 0 };
  const isRoot = nodeid === ROOT_NODEID;
  return {
    nodeid,
    mode: isRoot ? constants.S_IFDIR | 0o755 : constants.S_IFREG | 0o666,
    nlink: isRoot ? 2 : 1,
    uid: 0,
    gid: 0,
    rdevMajor: 0,
    rdevMinor: 0,
    sizeBytes: isRoot ? 0 : sizeBytes,
    blocks: isRoot ? 0 : sizeBytes / 512,
    blockBytes: 4096,
    atime: epoch,
    mtime: epoch,
    ctime: epoch,
    btime: epoch,
    change: 0n,
    flags: 0,
  };
}

export interface CeilingData {
  /** A memory file that holds the content, which every worker maps. */
  readonly contentFd: number;
  readonly contentBytes: number;
  /**
   * Whether content is copied. Without, reads are answered with whatever lies in the buffer, and
   * writes are thrown away: what is left is the driver alone.
   */
  readonly copies: boolean;
}

/** Serves a file of a fixed size. */
export function createFileSystem(data: unknown): FileSystem {
  const { contentFd, contentBytes: size, copies } = data as CeilingData;
  const content = new Uint8Array(viewMemory(mapShared(contentFd, size, true), size));
  return {
    lookup(_caller, _parent, wanted) {
      const match = namePattern.exec(Buffer.from(wanted).toString('latin1'));
      if (match === null) throw new ErrnoError('ENOENT');
      return attributes((FILE_NODEID + Number(match[1] ?? 0)) as Nodeid, size);
    },
    getattr: (_caller, nodeid) => attributes(nodeid, size),
    setattr: (_caller, nodeid) => attributes(nodeid, size),
    read(_caller, _nodeid, _fh, offset, into) {
      const bytes = Math.max(0, Math.min(into.byteLength, size - offset));
      if (copies) into.set(content.subarray(offset, offset + bytes));
      return bytes;
    },
    write(_nodeid, _fh, offset, written) {
      if (offset + written.byteLength > size) throw new ErrnoError('ENOSPC');
      if (copies) content.set(written, offset);
      return written.byteLength;
    },
    readdir(_caller, _nodeid, cookie, _withAttributes, _bytesHint, visit) {
      const type = constants.S_IFREG;
      if (cookie < 3) visit({ name, nodeid: FILE_NODEID, type, cookie: 3, attributes: undefined });
      return true;
    },
    open: () => ({ fh: FILE_FH, isCoherent: true }),
    opendir: () => FILE_FH,
    releasedir() {},
    fsync() {},
    release() {},
    fsyncdir() {},
    access() {},
    close() {},
    statfs: () => ({
      blockBytes: 4096,
      blocks: size / 4096,
      blocksFree: 0,
      blocksAvailable: 0,
      files: 2,
      filesFree: 0,
      nameBytes: 255,
    }),
    registeredBuffer: (bytes) => new Uint8Array(bytes),
    lseek: refuse,
    fallocate: refuse,
    copyFileRange: refuse,
    readlink: refuse,
    mknod: refuse,
    mkdir: refuse,
    symlink: refuse,
    link: refuse,
    unlink: refuse,
    rmdir: refuse,
    rename: refuse,
    create: refuse,
    tmpfile: refuse,
  };
}
