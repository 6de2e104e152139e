/**
 * What a conformance case talks to: POSIX's file calls, synchronous, with paths relative to a
 * directory that is the case's own. Errors are thrown as objects whose `code` is the errno's name.
 */
import type { LockTarget, RemoteTarget } from './target-locks.ts';

export type Path = string | Uint8Array;

export type FileKind =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'fifo'
  | 'socket'
  | 'character device'
  | 'block device';

export interface Device {
  readonly major: number;
  readonly minor: number;
}

/** stat(2); times are nanoseconds since 1970. */
export interface FileStatus {
  readonly kind: FileKind;
  /** The twelve permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly ino: bigint;
  readonly size: number;
  /** Units of 512 bytes. */
  readonly blocks: number;
  readonly blockSize: number;
  readonly device: Device;
  readonly rawDevice: Device;
  readonly atime: bigint;
  readonly mtime: bigint;
  readonly ctime: bigint;
  /** Absent where the target does not tell. */
  readonly btime?: bigint;
}

export interface DirectoryEntry {
  readonly name: Uint8Array;
  readonly kind: FileKind | 'unknown';
  readonly ino: bigint;
  /** Where to seek to read on behind this entry. */
  readonly cookie: bigint;
}

export interface FileSystemStatistics {
  readonly blockSize: number;
  readonly blocks: number;
  readonly freeBlocks: number;
  readonly availableBlocks: number;
  readonly files: number;
  readonly freeFiles: number;
  readonly maxNameBytes: number;
}

/** A time to set: nanoseconds since 1970, or utimensat's two special values. */
export type TimeToSet = bigint | 'now' | 'omit';

/** Flags of FS_IOC_SETFLAGS that all targets know. */
export const InodeFlag = { IMMUTABLE: 0x10, APPEND: 0x20, NODUMP: 0x40, NOATIME: 0x80 } as const;

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** Of {@link Capability}; when left out those of the user, which is all for root and none else. */
  readonly capabilities?: number;
}

/** Capabilities of capabilities(7) that files are about, as bits. */
export const Capability = {
  CHOWN: 1 << 0,
  DAC_OVERRIDE: 1 << 1,
  DAC_READ_SEARCH: 1 << 2,
  FOWNER: 1 << 3,
  FSETID: 1 << 4,
  LINUX_IMMUTABLE: 1 << 9,
  SYS_ADMIN: 1 << 21,
  MKNOD: 1 << 27,
  SETFCAP: 1 << 31,
} as const;

export interface Mapping {
  readonly bytes: Uint8Array;
  /** msync(MS_SYNC). */
  sync(): void;
  close(): void;
}

export interface Target extends LockTarget {
  open(path: Path, flags: number, mode?: number): number;
  openAt(directory: number, path: Path, flags: number, mode?: number): number;
  close(fd: number): void;
  duplicate(fd: number): number;
  read(fd: number, bytes: number): Uint8Array;
  readAt(fd: number, bytes: number, offset: number | bigint): Uint8Array;
  write(fd: number, data: Uint8Array): number;
  writeAt(fd: number, data: Uint8Array, offset: number | bigint): number;
  seek(fd: number, offset: number | bigint, whence: number): number;
  truncate(path: Path, size: number | bigint): void;
  truncateOpen(fd: number, size: number | bigint): void;
  allocate(fd: number, mode: number, offset: number, bytes: number): void;
  copyRange(source: number, offset: number, target: number, to: number, bytes: number): number;
  sync(fd: number): void;
  syncData(fd: number): void;
  /** syncfs(2) */
  syncFileSystem(fd: number): void;
  /** Which of POLLIN and POLLOUT poll(2) tells at once. */
  poll(fd: number): number;
  map(fd: number, bytes: number, o: { write: boolean; shared: boolean }): Mapping;

  /** Follows a symbolic link. */
  stat(path: Path): FileStatus;
  statLink(path: Path): FileStatus;
  statOpen(fd: number): FileStatus;
  statistics(path: Path): FileSystemStatistics;
  /** access(2): with the real identity. */
  access(path: Path, mode: number): void;

  chmod(path: Path, mode: number): void;
  chmodOpen(fd: number, mode: number): void;
  /** -1 leaves the owner or the group as it is. */
  chown(path: Path, uid: number, gid: number): void;
  chownLink(path: Path, uid: number, gid: number): void;
  chownOpen(fd: number, uid: number, gid: number): void;
  setTimes(path: Path, atime: TimeToSet, mtime: TimeToSet): void;
  setTimesLink(path: Path, atime: TimeToSet, mtime: TimeToSet): void;
  setTimesOpen(fd: number, atime: TimeToSet, mtime: TimeToSet): void;

  mkdir(path: Path, mode?: number): void;
  rmdir(path: Path): void;
  unlink(path: Path): void;
  /** Makes a second name of `source` itself, be it a symbolic link. */
  link(source: Path, target: Path): void;
  /** Makes a second name of what `source` leads to. */
  linkFollowing(source: Path, target: Path): void;
  /** Makes a name of an open file (AT_EMPTY_PATH). */
  linkOpen(fd: number, target: Path): void;
  symlink(content: Path, path: Path): void;
  readlink(path: Path, bytes?: number): Uint8Array;
  rename(source: Path, target: Path): void;
  renameWith(source: Path, target: Path, flags: number): void;
  /** mknod(2); the mode carries permission bits only. */
  makeNode(path: Path, kind: FileKind, mode: number, device?: Device): void;

  /** Of a path or an open file; `follows` a symbolic link at the end of the path (the default). */
  getXattr(file: Path | number, name: Path, bytes?: number, follows?: boolean): Uint8Array;
  /** The length that getxattr(2) tells when it is given no room. */
  xattrBytes(path: Path, name: Path): number;
  setXattr(
    file: Path | number,
    name: Path,
    value: Uint8Array,
    flags?: number,
    follows?: boolean,
  ): void;
  /** The names, each with its zero, as listxattr(2) puts them. */
  listXattr(file: Path | number, bytes?: number, follows?: boolean): Uint8Array;
  removeXattr(file: Path | number, name: Path, follows?: boolean): void;

  /** What chattr(1) sets, of {@link InodeFlag}. */
  getInodeFlags(path: Path): number;
  /** Sets all of these and takes the rest of them off. */
  setInodeFlags(path: Path, flags: number): void;

  /** One getdents(2) with a buffer of `bytes`; empty at the end. */
  readEntries(fd: number, bytes?: number): DirectoryEntry[];

  /** Sets the mask and gives the one before. */
  umask(mask: number): number;
  chdir(path: Path): void;
  /** Runs `body` as somebody else. */
  as<Result>(identity: Identity, body: () => Result): Result;
  /** Runs a program of the target, and gives its exit status. */
  execute(path: string, args: readonly string[]): number;
  /** The same directory, seen by another process of the same machine. */
  otherProcess(): RemoteTarget;
}
