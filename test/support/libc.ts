/**
 * The C library's file calls, as the tests need them: Node's `fs` knows no umask per call, no
 * nanoseconds, no cookies of a directory, no mknod and no change of identity. Errors carry the
 * errno's name. The rooms have their own few system calls; a test must not lean on the code under
 * test, so these bindings are the tests' own.
 */
import { constants } from 'node:os';
import koffi from 'koffi';

const library = koffi.load('libc.so.6');

const prototypes = {
  open: 'int open(const void *path, int flags, uint32_t mode)',
  openat: 'int openat(int directory, const void *path, int flags, uint32_t mode)',
  close: 'int close(int fd)',
  dup: 'int dup(int fd)',
  pipe2: 'int pipe2(void *fds, int flags)',
  read: 'int64_t read(int fd, void *buffer, size_t count)',
  write: 'int64_t write(int fd, const void *buffer, size_t count)',
  pread: 'int64_t pread(int fd, void *buffer, size_t count, int64_t offset)',
  pwrite: 'int64_t pwrite(int fd, const void *buffer, size_t count, int64_t offset)',
  lseek: 'int64_t lseek(int fd, int64_t offset, int whence)',
  truncate: 'int truncate(const void *path, int64_t size)',
  ftruncate: 'int ftruncate(int fd, int64_t size)',
  fallocate: 'int fallocate(int fd, int mode, int64_t offset, int64_t length)',
  copy_file_range:
    'int64_t copy_file_range(int source, void *sourceOffset, int target, void *targetOffset, size_t length, uint32_t flags)',
  posix_fadvise: 'int posix_fadvise(int fd, int64_t offset, int64_t length, int advice)',
  fsync: 'int fsync(int fd)',
  fdatasync: 'int fdatasync(int fd)',
  syncfs: 'int syncfs(int fd)',
  statx: 'int statx(int directory, const void *path, int flags, uint32_t mask, void *result)',
  statfs: 'int statfs(const void *path, void *result)',
  fstatfs: 'int fstatfs(int fd, void *result)',
  access: 'int access(const void *path, int mode)',
  chmod: 'int chmod(const void *path, uint32_t mode)',
  fchmod: 'int fchmod(int fd, uint32_t mode)',
  fchownat: 'int fchownat(int directory, const void *path, uint32_t uid, uint32_t gid, int flags)',
  fchown: 'int fchown(int fd, uint32_t uid, uint32_t gid)',
  utimensat: 'int utimensat(int directory, const void *path, const void *times, int flags)',
  futimens: 'int futimens(int fd, const void *times)',
  mkdir: 'int mkdir(const void *path, uint32_t mode)',
  rmdir: 'int rmdir(const void *path)',
  unlink: 'int unlink(const void *path)',
  linkat:
    'int linkat(int sourceDirectory, const void *source, int targetDirectory, const void *target, int flags)',
  symlink: 'int symlink(const void *target, const void *path)',
  readlink: 'int64_t readlink(const void *path, void *buffer, size_t bytes)',
  rename: 'int rename(const void *source, const void *target)',
  renameat2:
    'int renameat2(int sourceDirectory, const void *source, int targetDirectory, const void *target, uint32_t flags)',
  mknod: 'int mknod(const void *path, uint32_t mode, uint64_t device)',
  getdents64: 'int64_t getdents64(int fd, void *buffer, size_t bytes)',
  umask: 'uint32_t umask(uint32_t mask)',
  chdir: 'int chdir(const void *path)',
  fchdir: 'int fchdir(int fd)',
  setgroups: 'int setgroups(size_t count, const void *groups)',
  setresuid: 'int setresuid(uint32_t real, uint32_t effective, uint32_t saved)',
  setresgid: 'int setresgid(uint32_t real, uint32_t effective, uint32_t saved)',
  // Header and data are those of capset(2), version 3.
  capset: 'int capset(void *header, const void *data)',
  capget: 'int capget(void *header, void *data)',
  mmap: 'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
  munmap: 'int munmap(void *address, size_t length)',
  getxattr: 'int64_t getxattr(const void *path, const void *name, void *value, size_t bytes)',
  setxattr:
    'int setxattr(const void *path, const void *name, const void *value, size_t bytes, int flags)',
  listxattr: 'int64_t listxattr(const void *path, void *list, size_t bytes)',
  removexattr: 'int removexattr(const void *path, const void *name)',
  lgetxattr: 'int64_t lgetxattr(const void *path, const void *name, void *value, size_t bytes)',
  lsetxattr:
    'int lsetxattr(const void *path, const void *name, const void *value, size_t bytes, int flags)',
  llistxattr: 'int64_t llistxattr(const void *path, void *list, size_t bytes)',
  lremovexattr: 'int lremovexattr(const void *path, const void *name)',
  fgetxattr: 'int64_t fgetxattr(int fd, const void *name, void *value, size_t bytes)',
  fsetxattr: 'int fsetxattr(int fd, const void *name, const void *value, size_t bytes, int flags)',
  flistxattr: 'int64_t flistxattr(int fd, void *list, size_t bytes)',
  fremovexattr: 'int fremovexattr(int fd, const void *name)',
  ioctl: 'int ioctl(int fd, uint64_t request, void *argument)',
  poll: 'int poll(void *descriptors, uint64_t count, int timeout)',
  flock: 'int flock(int fd, int operation)',
  fcntl: 'int fcntl(int fd, int command, void *argument)',
  // The same for commands whose argument is a number.
  fcntl_number: 'int fcntl(int fd, int command, int64_t argument)',
  siginterrupt: 'int siginterrupt(int signal, int flag)',
  msync: 'int msync(void *address, size_t length, int flags)',
} as const;

type SystemCall = keyof typeof prototypes;
type Argument = number | bigint | Uint8Array | null;

const functions = new Map<SystemCall, (...values: Argument[]) => number | bigint>();

/** Two names have the number of EAGAIN: it is told by the one of POSIX. */
const { EWOULDBLOCK: _, ...errnoNumbers } = constants.errno;
const errnoNames = new Map<number, string>(
  Object.entries(errnoNumbers).map(([name, value]) => [value, name]),
);

/** A system call's error; `code` is the errno's name, e.g. `ENOENT`. */
export class PosixError extends Error {
  readonly code: string;
  readonly call: string;

  constructor(code: string, call: string) {
    super(`${call}: ${code}`);
    this.name = 'PosixError';
    this.code = code;
    this.call = call;
  }
}

export function isPosixError(error: unknown): error is PosixError {
  return error instanceof PosixError;
}

function bind(name: SystemCall): (...values: Argument[]) => number | bigint {
  const bound = library.func(prototypes[name]) as (...values: Argument[]) => number | bigint;
  functions.set(name, bound);
  return bound;
}

/**
 * Calls `name` of the C library and gives its result.
 * @throws PosixError with the errno's name where the call returns -1.
 */
export function call(name: SystemCall, ...values: Argument[]): number {
  const result = (functions.get(name) ?? bind(name))(...values);
  if (Number(result) === -1) {
    const number = koffi.errno();
    throw new PosixError(errnoNames.get(number) ?? `errno ${number}`, name);
  }
  return Number(result);
}

const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** A mapping of a file, and the address to give back to `munmap` and `msync`. */
export interface MappedMemory {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/**
 * Maps `length` bytes of `fd`; the bytes must not be touched after `munmap`.
 * @throws PosixError as mmap(2) does.
 */
export function mapMemory(
  fd: number,
  length: number,
  protection: number,
  flags: number,
): MappedMemory {
  const mapped = (functions.get('mmap') ?? bind('mmap'))(null, length, protection, flags, fd, 0);
  const address = BigInt.asUintN(64, BigInt(mapped));
  if (address === MAP_FAILED) {
    throw new PosixError(errnoNames.get(koffi.errno()) ?? 'unknown', 'mmap');
  }
  return { address, bytes: new Uint8Array(koffi.view(address, length)) };
}

/** A path as the C library wants it: the bytes, then a zero. */
export function pathBytes(path: string | Uint8Array): Uint8Array {
  const bytes = typeof path === 'string' ? Buffer.from(path) : path;
  const terminated = new Uint8Array(bytes.length + 1);
  terminated.set(bytes);
  return terminated;
}

/** Values of <fcntl.h>, <sys/stat.h> and <sys/mman.h> that Node's constants lack. */
export const C = {
  AT_FDCWD: -100,
  AT_SYMLINK_NOFOLLOW: 0x100,
  AT_SYMLINK_FOLLOW: 0x400,
  AT_EMPTY_PATH: 0x1000,
  O_PATH: 0o10000000,
  O_CLOEXEC: 0o2000000,
  O_NOATIME: 0o1000000,
  O_TMPFILE: 0o20200000,
  STATX_BASIC_STATS: 0x7ff,
  STATX_BTIME: 0x800,
  UTIME_NOW: 0x3fff_ffff,
  UTIME_OMIT: 0x3fff_fffe,
  PROT_READ: 1,
  PROT_WRITE: 2,
  MAP_SHARED: 1,
  MAP_PRIVATE: 2,
  MAP_ANONYMOUS: 0x20,
  MS_SYNC: 4,
  POLLIN: 1,
  POLLOUT: 4,
  SEEK_SET: 0,
  SEEK_CUR: 1,
  SEEK_END: 2,
  SEEK_DATA: 3,
  SEEK_HOLE: 4,
  FALLOC_FL_KEEP_SIZE: 1,
  FALLOC_FL_PUNCH_HOLE: 2,
  FALLOC_FL_COLLAPSE_RANGE: 8,
  FALLOC_FL_ZERO_RANGE: 0x10,
  FALLOC_FL_INSERT_RANGE: 0x20,
  POSIX_FADV_DONTNEED: 4,
  RENAME_NOREPLACE: 1,
  RENAME_EXCHANGE: 2,
  RENAME_WHITEOUT: 4,
  FS_IOC_GETFLAGS: 0x80086601,
  FS_IOC_SETFLAGS: 0x40086602,
  FS_IOC_FSGETXATTR: 0x801c581f,
  FS_IOC_FSSETXATTR: 0x401c5820,
  XATTR_CREATE: 1,
  XATTR_REPLACE: 2,
} as const;
