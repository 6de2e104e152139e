/**
 * Numbers of the FUSE kernel protocol, named as in linux/fuse.h without the `FUSE_` in front where
 * the object already says it.
 */

/** The protocol that we speak. */
export const KERNEL_VERSION = 7;

/** The newest minor version whose layouts we know (Linux 6.18). */
export const KERNEL_MINOR_VERSION = 45;

/** The oldest one that we serve (Linux 5.4): all layouts below have the size they have had since. */
export const OLDEST_MINOR_VERSION = 31;

export const ROOT_ID = 1;

/**
 * Flags of INIT. Bits 32 to 63 travel in the `flags2` words, hence bigint; they are looked at once
 * per mount.
 */
export const InitFlag = {
  ASYNC_READ: 1n << 0n,
  POSIX_LOCKS: 1n << 1n,
  FILE_OPS: 1n << 2n,
  ATOMIC_O_TRUNC: 1n << 3n,
  EXPORT_SUPPORT: 1n << 4n,
  BIG_WRITES: 1n << 5n,
  DONT_MASK: 1n << 6n,
  SPLICE_WRITE: 1n << 7n,
  SPLICE_MOVE: 1n << 8n,
  SPLICE_READ: 1n << 9n,
  FLOCK_LOCKS: 1n << 10n,
  HAS_IOCTL_DIR: 1n << 11n,
  AUTO_INVAL_DATA: 1n << 12n,
  DO_READDIRPLUS: 1n << 13n,
  READDIRPLUS_AUTO: 1n << 14n,
  ASYNC_DIO: 1n << 15n,
  WRITEBACK_CACHE: 1n << 16n,
  NO_OPEN_SUPPORT: 1n << 17n,
  PARALLEL_DIROPS: 1n << 18n,
  HANDLE_KILLPRIV: 1n << 19n,
  POSIX_ACL: 1n << 20n,
  ABORT_ERROR: 1n << 21n,
  MAX_PAGES: 1n << 22n,
  CACHE_SYMLINKS: 1n << 23n,
  NO_OPENDIR_SUPPORT: 1n << 24n,
  EXPLICIT_INVAL_DATA: 1n << 25n,
  MAP_ALIGNMENT: 1n << 26n,
  SUBMOUNTS: 1n << 27n,
  HANDLE_KILLPRIV_V2: 1n << 28n,
  SETXATTR_EXT: 1n << 29n,
  INIT_EXT: 1n << 30n,
  INIT_RESERVED: 1n << 31n,
  SECURITY_CTX: 1n << 32n,
  HAS_INODE_DAX: 1n << 33n,
  CREATE_SUPP_GROUP: 1n << 34n,
  HAS_EXPIRE_ONLY: 1n << 35n,
  DIRECT_IO_ALLOW_MMAP: 1n << 36n,
  PASSTHROUGH: 1n << 37n,
  NO_EXPORT_SUPPORT: 1n << 38n,
  HAS_RESEND: 1n << 39n,
  ALLOW_IDMAP: 1n << 40n,
  OVER_IO_URING: 1n << 41n,
  REQUEST_TIMEOUT: 1n << 42n,
} as const;

export type InitFlagName = keyof typeof InitFlag;

/** Bits of SetattrIn.valid. */
export const Fattr = {
  MODE: 1 << 0,
  UID: 1 << 1,
  GID: 1 << 2,
  SIZE: 1 << 3,
  ATIME: 1 << 4,
  MTIME: 1 << 5,
  FH: 1 << 6,
  ATIME_NOW: 1 << 7,
  MTIME_NOW: 1 << 8,
  LOCKOWNER: 1 << 9,
  CTIME: 1 << 10,
  KILL_SUIDGID: 1 << 11,
} as const;

/** Bits of OpenOut.openFlags. */
export const Fopen = {
  DIRECT_IO: 1 << 0,
  KEEP_CACHE: 1 << 1,
  NONSEEKABLE: 1 << 2,
  CACHE_DIR: 1 << 3,
  STREAM: 1 << 4,
  NOFLUSH: 1 << 5,
  PARALLEL_DIRECT_WRITES: 1 << 6,
  PASSTHROUGH: 1 << 7,
} as const;

/** Bits of OpenIn.openFlags and CreateIn.openFlags. */
export const OpenFlag = { KILL_SUIDGID: 1 << 0 } as const;

/** Bits of GetattrIn.getattrFlags and StatxIn.getattrFlags. */
export const GetattrFlag = { FH: 1 << 0 } as const;

/** Bits of LkIn.lkFlags. */
export const LkFlag = { FLOCK: 1 << 0 } as const;

/** Bits of ReleaseIn.releaseFlags. */
export const ReleaseFlag = { FLUSH: 1 << 0, FLOCK_UNLOCK: 1 << 1 } as const;

/** Bits of WriteIn.writeFlags. */
export const WriteFlag = { CACHE: 1 << 0, LOCKOWNER: 1 << 1, KILL_SUIDGID: 1 << 2 } as const;

/** Bits of FsyncIn.fsyncFlags. */
export const FsyncFlag = { FDATASYNC: 1 << 0 } as const;

/** Bits of NotifyInvalEntryOut.flags. */
export const InvalEntryFlag = { EXPIRE_ONLY: 1 << 0 } as const;

/** Bits of Statx.mask (the numbers of statx(2)). */
export const StatxMask = { BASIC_STATS: 0x7ff, BTIME: 0x800 } as const;

/** Codes of what we send unasked: the `error` word of an OutHeader whose `unique` is 0. */
export const NotifyCode = {
  POLL: 1,
  INVAL_INODE: 2,
  INVAL_ENTRY: 3,
  STORE: 4,
  RETRIEVE: 5,
  DELETE: 6,
  RESEND: 7,
  INC_EPOCH: 8,
  PRUNE: 9,
} as const;

/** This bit of the `unique` that an INTERRUPT carries marks the INTERRUPT itself. */
export const INTERRUPT_UNIQUE_BIT = 1;

/** The kernel refuses to fill a read buffer that is smaller. */
export const MIN_READ_BUFFER_BYTES = 8192;

/** How much of a SetxattrIn there is without INIT's SETXATTR_EXT. */
export const COMPAT_SETXATTR_IN_BYTES = 8;

/** Values of IoctlIn.cmd, as linux/fs.h makes them. */
export const Ioctl = {
  FS_IOC_GETFLAGS: 0x80086601,
  FS_IOC_SETFLAGS: 0x40086602,
  FS_IOC_FSGETXATTR: 0x801c581f,
  FS_IOC_FSSETXATTR: 0x401c5820,
} as const;

export type IoctlName = keyof typeof Ioctl;

/** Bits of Fsxattr.xflags (linux/fs.h: FS_XFLAG_). */
export const XFlag = { IMMUTABLE: 0x08, APPEND: 0x10, NOATIME: 0x40, NODUMP: 0x80 } as const;

/** FUSE_DEV_IOC_CLONE: _IOR(229, 0, uint32_t). */
export const DEV_IOC_CLONE = 0x8004e500;
