/** A directory of this machine as a conformance target: every call goes to the C library. */
import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { C, call, mapMemory, pathBytes } from '../support/libc.ts';
import { O } from './case.ts';
import { OtherProcess, pollNow } from './other-process.ts';
import { effectiveCapabilities, setEffectiveCapabilities } from './posix-capabilities.ts';
import { flock, setFlags, setLock, testLock, waitForLock } from './posix-locks.ts';
import {
  deviceNumber,
  formatsByKind,
  readDirectoryEntries,
  readStatistics,
  readStatus,
  STATFS_BYTES,
  STATX_BYTES,
  timesToSet,
} from './posix-status.ts';
import {
  type Device,
  type DirectoryEntry,
  type FileKind,
  type FileStatus,
  type FileSystemStatistics,
  type Identity,
  InodeFlag,
  type Mapping,
  type Path,
  type Target,
  type TimeToSet,
} from './target.ts';
import type { LockInTheWay, RecordLock, RemoteTarget } from './target-locks.ts';

const UNCHANGED = 0xffff_ffff;
const READLINK_BYTES = 8192;
const ENTRIES_BYTES = 32768;
const XATTR_BYTES = 65_536;
/** File systems have more of them, which no case is about. */
const KNOWN_FLAGS = Object.values(InodeFlag).reduce((all, flag) => all | flag, 0);

export class PosixTarget implements Target {
  readonly #open = new Set<number>();
  readonly #others: OtherProcess[] = [];
  /** Processes of earlier cases: starting one takes longer than most cases. */
  readonly #idle: OtherProcess[] = [];
  readonly #elsewhere: (directory: string) => string;

  /** @param elsewhere where every other process finds a directory of this one; here when left out */
  constructor(elsewhere = (directory: string) => directory) {
    this.#elsewhere = elsewhere;
  }

  open(path: Path, flags: number, mode = 0o666): number {
    return this.openAt(C.AT_FDCWD, path, flags, mode);
  }

  openAt(directory: number, path: Path, flags: number, mode = 0o666): number {
    return this.#opened(call('openat', directory, pathBytes(path), flags | C.O_CLOEXEC, mode));
  }

  close(fd: number): void {
    this.#open.delete(fd);
    call('close', fd);
  }

  duplicate(fd: number): number {
    return this.#opened(call('dup', fd));
  }

  read(fd: number, bytes: number): Uint8Array {
    const buffer = new Uint8Array(bytes);
    return buffer.subarray(0, call('read', fd, buffer, bytes));
  }

  readAt(fd: number, bytes: number, offset: number | bigint): Uint8Array {
    const buffer = new Uint8Array(bytes);
    return buffer.subarray(0, call('pread', fd, buffer, bytes, offset));
  }

  write(fd: number, data: Uint8Array): number {
    return call('write', fd, data, data.length);
  }

  writeAt(fd: number, data: Uint8Array, offset: number | bigint): number {
    return call('pwrite', fd, data, data.length, offset);
  }

  seek(fd: number, offset: number | bigint, whence: number): number {
    return call('lseek', fd, offset, whence);
  }

  truncate(path: Path, size: number | bigint): void {
    call('truncate', pathBytes(path), size);
  }

  truncateOpen(fd: number, size: number | bigint): void {
    call('ftruncate', fd, size);
  }

  allocate(fd: number, mode: number, offset: number, bytes: number): void {
    call('fallocate', fd, mode, offset, bytes);
  }

  copyRange(source: number, offset: number, target: number, to: number, bytes: number): number {
    const offsets = [new BigInt64Array([BigInt(offset)]), new BigInt64Array([BigInt(to)])] as const;
    const [sourceOffset, targetOffset] = offsets.map((one) => new Uint8Array(one.buffer));
    return call(
      'copy_file_range',
      source,
      sourceOffset ?? null,
      target,
      targetOffset ?? null,
      bytes,
      0,
    );
  }

  sync(fd: number): void {
    call('fsync', fd);
  }

  syncData(fd: number): void {
    call('fdatasync', fd);
  }

  syncFileSystem(fd: number): void {
    call('syncfs', fd);
  }

  poll(fd: number): number {
    return pollNow(fd, C.POLLIN | C.POLLOUT);
  }

  map(fd: number, bytes: number, o: { write: boolean; shared: boolean }): Mapping {
    const protection = C.PROT_READ | (o.write ? C.PROT_WRITE : 0);
    const mapped = mapMemory(fd, bytes, protection, o.shared ? C.MAP_SHARED : C.MAP_PRIVATE);
    return {
      bytes: mapped.bytes,
      sync: () => void call('msync', mapped.address, bytes, C.MS_SYNC),
      close: () => void call('munmap', mapped.address, bytes),
    };
  }

  stat(path: Path): FileStatus {
    return this.#statusAt(C.AT_FDCWD, path, 0);
  }

  statLink(path: Path): FileStatus {
    return this.#statusAt(C.AT_FDCWD, path, C.AT_SYMLINK_NOFOLLOW);
  }

  statOpen(fd: number): FileStatus {
    return this.#statusAt(fd, '', C.AT_EMPTY_PATH);
  }

  statistics(path: Path): FileSystemStatistics {
    const result = new Uint8Array(STATFS_BYTES);
    call('statfs', pathBytes(path), result);
    return readStatistics(result);
  }

  access(path: Path, mode: number): void {
    call('access', pathBytes(path), mode);
  }

  chmod(path: Path, mode: number): void {
    call('chmod', pathBytes(path), mode);
  }

  chmodOpen(fd: number, mode: number): void {
    call('fchmod', fd, mode);
  }

  chown(path: Path, uid: number, gid: number): void {
    call('fchownat', C.AT_FDCWD, pathBytes(path), uid >>> 0, gid >>> 0, 0);
  }

  chownLink(path: Path, uid: number, gid: number): void {
    call('fchownat', C.AT_FDCWD, pathBytes(path), uid >>> 0, gid >>> 0, C.AT_SYMLINK_NOFOLLOW);
  }

  chownOpen(fd: number, uid: number, gid: number): void {
    call('fchown', fd, uid >>> 0, gid >>> 0);
  }

  setTimes(path: Path, atime: TimeToSet, mtime: TimeToSet): void {
    call('utimensat', C.AT_FDCWD, pathBytes(path), timesToSet(atime, mtime), 0);
  }

  setTimesLink(path: Path, atime: TimeToSet, mtime: TimeToSet): void {
    const times = timesToSet(atime, mtime);
    call('utimensat', C.AT_FDCWD, pathBytes(path), times, C.AT_SYMLINK_NOFOLLOW);
  }

  setTimesOpen(fd: number, atime: TimeToSet, mtime: TimeToSet): void {
    call('futimens', fd, timesToSet(atime, mtime));
  }

  mkdir(path: Path, mode = 0o777): void {
    call('mkdir', pathBytes(path), mode);
  }

  rmdir(path: Path): void {
    call('rmdir', pathBytes(path));
  }

  unlink(path: Path): void {
    call('unlink', pathBytes(path));
  }

  link(source: Path, target: Path): void {
    call('linkat', C.AT_FDCWD, pathBytes(source), C.AT_FDCWD, pathBytes(target), 0);
  }

  linkFollowing(source: Path, target: Path): void {
    const paths = [pathBytes(source), pathBytes(target)] as const;
    call('linkat', C.AT_FDCWD, paths[0], C.AT_FDCWD, paths[1], C.AT_SYMLINK_FOLLOW);
  }

  linkOpen(fd: number, target: Path): void {
    call('linkat', fd, pathBytes(''), C.AT_FDCWD, pathBytes(target), C.AT_EMPTY_PATH);
  }

  symlink(content: Path, path: Path): void {
    call('symlink', pathBytes(content), pathBytes(path));
  }

  readlink(path: Path, bytes = READLINK_BYTES): Uint8Array {
    const buffer = new Uint8Array(bytes);
    return buffer.subarray(0, call('readlink', pathBytes(path), buffer, bytes));
  }

  rename(source: Path, target: Path): void {
    call('rename', pathBytes(source), pathBytes(target));
  }

  renameWith(source: Path, target: Path, flags: number): void {
    call('renameat2', C.AT_FDCWD, pathBytes(source), C.AT_FDCWD, pathBytes(target), flags);
  }

  makeNode(
    path: Path,
    kind: FileKind,
    mode: number,
    device: Device = { major: 0, minor: 0 },
  ): void {
    call('mknod', pathBytes(path), (formatsByKind.get(kind) ?? 0) | mode, deviceNumber(device));
  }

  getXattr(file: Path | number, name: Path, bytes = XATTR_BYTES, follows = true): Uint8Array {
    const get = xattrCall('getxattr', file, follows);
    return readInto(bytes, (into) => call(get, fileArgument(file), pathBytes(name), into, bytes));
  }

  xattrBytes(path: Path, name: Path): number {
    return call('getxattr', pathBytes(path), pathBytes(name), null, 0);
  }

  setXattr(file: Path | number, name: Path, value: Uint8Array, flags = 0, follows = true): void {
    const set = xattrCall('setxattr', file, follows);
    call(set, fileArgument(file), pathBytes(name), value, value.length, flags);
  }

  listXattr(file: Path | number, bytes = XATTR_BYTES, follows = true): Uint8Array {
    const list = xattrCall('listxattr', file, follows);
    return readInto(bytes, (into) => call(list, fileArgument(file), into, bytes));
  }

  removeXattr(file: Path | number, name: Path, follows = true): void {
    call(xattrCall('removexattr', file, follows), fileArgument(file), pathBytes(name));
  }

  getInodeFlags(path: Path): number {
    return this.#withFlags(path, (flags) => flags & KNOWN_FLAGS);
  }

  setInodeFlags(path: Path, flags: number): void {
    this.#withFlags(path, (before, fd) => {
      const wanted = new Uint32Array([(before & ~KNOWN_FLAGS) | flags, 0]);
      call('ioctl', fd, C.FS_IOC_SETFLAGS, new Uint8Array(wanted.buffer));
    });
  }

  readEntries(fd: number, bytes = ENTRIES_BYTES): DirectoryEntry[] {
    const buffer = new Uint8Array(bytes);
    return readDirectoryEntries(buffer.subarray(0, call('getdents64', fd, buffer, bytes)));
  }

  umask(mask: number): number {
    return call('umask', mask);
  }

  chdir(path: Path): void {
    call('chdir', pathBytes(path));
  }

  as<Result>(identity: Identity, body: () => Result): Result {
    call('setgroups', identity.groups.length, groupBytes(identity.groups));
    call('setresgid', identity.gid, identity.gid, 0);
    call('setresuid', identity.uid, identity.uid, 0);
    const before = effectiveCapabilities();
    setEffectiveCapabilities(identity.capabilities ?? before);
    try {
      return body();
    } finally {
      setEffectiveCapabilities(before);
      call('setresuid', 0, 0, UNCHANGED);
      call('setresgid', 0, 0, UNCHANGED);
      call('setgroups', 0, null);
    }
  }

  execute(path: string, args: readonly string[]): number {
    const { status, error } = spawnSync(path, args, { timeout: 10_000 });
    if (error !== undefined) {
      throw error;
    }
    return status ?? -1;
  }

  setLock(fd: number, lock: RecordLock): void {
    setLock(fd, lock);
  }

  waitForLock(fd: number, lock: RecordLock): void {
    waitForLock(fd, lock);
  }

  testLock(fd: number, lock: RecordLock): LockInTheWay | undefined {
    return testLock(fd, lock);
  }

  flock(fd: number, operation: 'shared' | 'exclusive' | 'unlock', waits = false): void {
    flock(fd, operation, waits);
  }

  setFlags(fd: number, flags: number): void {
    setFlags(fd, flags);
  }

  processId(): number {
    return process.pid;
  }

  catchSignal(effect: 'interrupts' | 'restarts'): void {
    process.on('SIGUSR1', () => {});
    call('siginterrupt', constants.signals.SIGUSR1, effect === 'interrupts' ? 1 : 0);
  }

  otherProcess(): RemoteTarget {
    // process.cwd() remembers where Node's own chdir went, and cases change it by the C library.
    const here = readlinkSync('/proc/self/cwd');
    const directory = this.#others.length % 2 === 0 ? this.#elsewhere(here) : here;
    const other = this.#idle.pop() ?? new OtherProcess();
    this.#others.push(other);
    other.target.chdir(directory);
    return other.target;
  }

  /** Closes what a case left open, so that the next one finds the process as it was. */
  release(): void {
    for (const fd of this.#open) {
      call('close', fd);
    }
    this.#open.clear();
    for (const other of this.#others.splice(0)) {
      if (other.renew()) {
        this.#idle.push(other);
      } else {
        other.end();
      }
    }
  }

  /** Ends the other processes as well. */
  end(): void {
    this.release();
    for (const other of this.#idle.splice(0)) {
      other.end();
    }
  }

  #opened(fd: number): number {
    this.#open.add(fd);
    return fd;
  }

  #withFlags<Result>(path: Path, body: (flags: number, fd: number) => Result): Result {
    const fd = call('open', pathBytes(path), O.RDONLY | O.NONBLOCK | C.O_CLOEXEC, 0);
    try {
      const flags = new Uint32Array(2);
      call('ioctl', fd, C.FS_IOC_GETFLAGS, new Uint8Array(flags.buffer));
      return body(flags[0] as number, fd);
    } finally {
      call('close', fd);
    }
  }

  #statusAt(directory: number, path: Path, flags: number): FileStatus {
    const result = new Uint8Array(STATX_BYTES);
    const mask = C.STATX_BASIC_STATS | C.STATX_BTIME;
    call('statx', directory, pathBytes(path), flags, mask, result);
    return readStatus(result);
  }
}

type XattrCall = 'getxattr' | 'setxattr' | 'listxattr' | 'removexattr';

/** Each of these calls has one variant for links themselves and one for descriptors. */
function xattrCall(name: XattrCall, file: Path | number, follows: boolean) {
  if (typeof file === 'number') {
    return `f${name}` as const;
  }
  return follows ? name : (`l${name}` as const);
}

function fileArgument(file: Path | number): Uint8Array | number {
  return typeof file === 'number' ? file : pathBytes(file);
}

/** What a call puts into a buffer of so many bytes; it returns how many. */
function readInto(bytes: number, read: (into: Uint8Array) => number): Uint8Array {
  const into = new Uint8Array(bytes);
  return into.subarray(0, read(into));
}

function groupBytes(groups: readonly number[]): Uint8Array | null {
  return groups.length === 0 ? null : new Uint8Array(new Uint32Array(groups).buffer);
}
