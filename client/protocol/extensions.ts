/**
 * Ours, beyond DAFS 1.0: procedures and values from 1000, so that they never collide. EXTENSIONS.md
 * describes the procedures.
 */

/**
 * Groups of procedures that a session can do without. A client asks for them by EXTENSIONS; the
 * procedures of those that it was not granted are DAFSERR_NOTSUPP.
 */
export const Extension = {
  /** The server tells what other clients change. */
  NOTIFY: 2,
  /** Reading the server's block cache without a message. */
  ORDMA: 1,
  /** Renaming with flags; attributes together with what they are of. */
  NAMES: 3,
  /** Holes, allocation, and copying on the server. */
  SPACE: 4,
  /** Extended attributes by name, and what goes with them. */
  XATTR: 5,
  /** Locks of owners that are not opens, and waiting for locks. */
  LOCKS: 6,
  /** Users with other capabilities than their user id gives them. */
  CAPABILITIES: 7,
} as const;
export type Extension = number;

/**
 * What Linux lets somebody do beyond the rights that files give him (capabilities(7)): bits of
 * REGISTER_CRED2, each the number that the kernel has for it.
 */
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

/** The capabilities that file access knows: all of {@link Capability}. */
export const FILE_CAPABILITIES = Object.values(Capability).reduce((all, one) => all | one) >>> 0;

/** Flags of RENAME2, the numbers of renameat2(2). */
export const RenameFlag = { NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 } as const;

/** What SEEK looks for. */
export const Content = { DATA: 0, HOLE: 1 } as const;
export type Content = (typeof Content)[keyof typeof Content];

/** What FALLOCATE does, the numbers of fallocate(2). */
export const FallocateMode = {
  KEEP_SIZE: 0x01,
  PUNCH_HOLE: 0x02,
  COLLAPSE_RANGE: 0x08,
  ZERO_RANGE: 0x10,
  INSERT_RANGE: 0x20,
} as const;

/** The two sorts of locks, which know nothing of each other: fcntl(2)'s and flock(2)'s. */
export const LockKind = { RECORD: 1, FLOCK: 2 } as const;
export type LockKind = (typeof LockKind)[keyof typeof LockKind];

/**
 * File attributes of the extension XATTR. They are taken from the upper end of the numbers that one
 * word of a bitmap has, the draft's from the lower one.
 */
export const FileAttributeExtension = {
  /** Set only: takes set-ID bits and capabilities off, as a write by the caller does. */
  KILL_SUIDGID: 28,
  /** Set only, at creation, in place of the mode: the mode wanted, and a mask (RFC 8275). */
  MODE_UMASK: 29,
  /** What chattr(1) sets: bits of {@link InodeFlag}. */
  INODE_FLAGS: 30,
  /** Whether the object has extended attributes; the draft's NAMED_ATTR: whether it could have. */
  HAS_NAMED_ATTR: 31,
} as const;

/** Values of INODE_FLAGS, the numbers of FS_IOC_SETFLAGS. */
export const InodeFlag = { IMMUTABLE: 0x10, APPEND: 0x20, NODUMP: 0x40, NOATIME: 0x80 } as const;

/**
 * In OPEN's share_access, with WRITE: who opens the file will only append to it. Nobody else can
 * open an append-only file for writing.
 */
export const OPEN_SHARE_ACCESS_APPEND = 0x1000;

/** What SETXATTR does when there is such an attribute already, or none: RFC 8276's numbers. */
export const SetxattrOption = { EITHER: 0, CREATE: 1, REPLACE: 2 } as const;
export type SetxattrOption = (typeof SetxattrOption)[keyof typeof SetxattrOption];

/** OPEN by filehandle without a reclaim: the draft has that for recovery only. */
export const CLAIM_FH = 1000;

/**
 * In the flags that OPEN returns: the client has acted upon everything that it was told of the file
 * (NOTIFY), so that what it has cached of it is right.
 */
export const OPEN_COHERENT = 0x4000_0000;

/**
 * Further modes of REMOVE: the draft removes whatever the name is, POSIX has a call for directories
 * (DAFSERR_NOTDIR for anything else) and one for the rest (DAFSERR_ISDIR for a directory).
 */
export const RemoveModeExtension = { REMOVE_FILE: 1000, REMOVE_DIRECTORY: 1001 } as const;
