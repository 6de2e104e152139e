/** Reads the structures that the kernel fills: struct statx, struct statfs, struct linux_dirent64. */

import { C } from '../support/libc.ts';
import type {
  DirectoryEntry,
  FileKind,
  FileStatus,
  FileSystemStatistics,
  TimeToSet,
} from './target.ts';

const S_IFMT = 0o170000;

const formats: readonly (readonly [number, FileKind])[] = [
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
  [0o010000, 'fifo'],
  [0o140000, 'socket'],
  [0o020000, 'character device'],
  [0o060000, 'block device'],
];

const kindsByFormat = new Map(formats);

/** The S_IFMT bits of each kind, for mknod(2). */
export const formatsByKind = new Map(formats.map(([format, kind]) => [kind, format]));

function kindOf(mode: number): FileKind {
  const kind = kindsByFormat.get(mode & S_IFMT);
  if (kind === undefined) {
    throw new Error(`no kind of file has the mode ${mode.toString(8)}`);
  }
  return kind;
}

export const STATX_BYTES = 256;

const NANOSECONDS = 1_000_000_000n;

/** Reads struct statx, little-endian as every machine that the tests run on. */
export function readStatus(bytes: Uint8Array): FileStatus {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32 = (offset: number) => view.getUint32(offset, true);
  const u64 = (offset: number) => view.getBigUint64(offset, true);
  const time = (offset: number) =>
    view.getBigInt64(offset, true) * NANOSECONDS + BigInt(u32(offset + 8));
  const mode = view.getUint16(28, true);
  const hasBirthTime = (u32(0) & C.STATX_BTIME) !== 0;
  return {
    kind: kindOf(mode),
    mode: mode & 0o7777,
    blockSize: u32(4),
    nlink: u32(16),
    uid: u32(20),
    gid: u32(24),
    ino: u64(32),
    size: Number(u64(40)),
    blocks: Number(u64(48)),
    atime: time(64),
    ctime: time(96),
    mtime: time(112),
    rawDevice: { major: u32(128), minor: u32(132) },
    device: { major: u32(136), minor: u32(140) },
    ...(hasBirthTime ? { btime: time(80) } : {}),
  };
}

export const STATFS_BYTES = 120;

/** Reads struct statfs of a 64-bit machine. */
export function readStatistics(bytes: Uint8Array): FileSystemStatistics {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u64 = (offset: number) => Number(view.getBigUint64(offset, true));
  return {
    blockSize: u64(8),
    blocks: u64(16),
    freeBlocks: u64(24),
    availableBlocks: u64(32),
    files: u64(40),
    freeFiles: u64(48),
    maxNameBytes: u64(64),
  };
}

/** Reads what one getdents64 gave. */
export function readDirectoryEntries(bytes: Uint8Array): DirectoryEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: DirectoryEntry[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const recordBytes = view.getUint16(offset + 16, true);
    const end = bytes.indexOf(0, offset + 19);
    entries.push({
      ino: view.getBigUint64(offset, true),
      cookie: view.getBigInt64(offset + 8, true),
      kind: kindsByFormat.get(view.getUint8(offset + 18) << 12) ?? 'unknown',
      name: bytes.slice(offset + 19, end),
    });
    offset += recordBytes;
  }
  return entries;
}

function writeTime(view: DataView, offset: number, time: TimeToSet): void {
  if (time === 'now' || time === 'omit') {
    view.setBigInt64(offset + 8, BigInt(time === 'now' ? C.UTIME_NOW : C.UTIME_OMIT), true);
    return;
  }
  const nanoseconds = ((time % NANOSECONDS) + NANOSECONDS) % NANOSECONDS;
  view.setBigInt64(offset, (time - nanoseconds) / NANOSECONDS, true);
  view.setBigInt64(offset + 8, nanoseconds, true);
}

/** The two struct timespec of utimensat(2). */
export function timesToSet(atime: TimeToSet, mtime: TimeToSet): Uint8Array {
  const view = new DataView(new ArrayBuffer(32));
  writeTime(view, 0, atime);
  writeTime(view, 16, mtime);
  return new Uint8Array(view.buffer);
}

/** The kernel's 64-bit dev_t as glibc's makedev builds it. */
export function deviceNumber({ major, minor }: { major: number; minor: number }): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return (
    ((high & 0xffff_f000n) << 32n) |
    ((high & 0xfffn) << 8n) |
    ((low & 0xffff_ff00n) << 12n) |
    (low & 0xffn)
  );
}
