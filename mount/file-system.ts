/**
 * What a mounted file system does, in the kernel's words: files are named by nodeid, open files by
 * fh, names are bytes, errors are errno. Every driver translates its own requests into these calls,
 * and every call is synchronous: when it returns, the server has answered.
 *
 * An instance belongs to one thread. It keeps no table of files: a nodeid is the server's file id
 * and an fh the stateid of the open, so instances in several threads of one mount (each with its own
 * session of the same client) agree on both without sharing anything, and nothing has to be forgotten.
 *
 * Errors: every method throws ErrnoError or DafsError and nothing else; errnoOf (errno.ts) tells the
 * errno of either. EIO means that the server is gone; ESTALE that the nodeid names a file that no
 * longer exists.
 */

/** A file, as the kernel names it: the server's file id. Never reused, so its generation is 0. */
export type Nodeid = number & { readonly brand: 'Nodeid' };

/** An open file, as the kernel names it: 64 bits, the stateid that the server gave its open. */
export type Fh = bigint & { readonly brand: 'Fh' };

/** The directory that is mounted. */
export const ROOT_NODEID = 1 as Nodeid;

/** Who asks. A driver keeps one object per worker and overwrites it for each request. */
export interface Caller {
  uid: number;
  gid: number;
  /** 0 when unknown: then the caller has no supplementary groups. */
  pid: number;
  /**
   * Permission bits that a new file of his does not get, unless a default access control list of
   * the directory says what it gets. Of calls that make files; 0 where they are taken off already.
   */
  umask: number;
  /**
   * What he reads keeps its access time (O_NOATIME), if he may ask for that: who calls this looks after
   * it. Of calls that read.
   */
  keepsAccessTimes: boolean;
}

/** A point in time: whole seconds since 1970 (negative before) and 0–999,999,999 ns after them. */
export interface TimeSpec {
  seconds: number;
  nseconds: number;
}

/** What stat(2) tells of a file. The object is the caller's to keep. */
export interface Attributes {
  nodeid: Nodeid;
  /** File type (S_IFMT) and permission bits (07777) together, as in st_mode. */
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  rdevMajor: number;
  rdevMinor: number;
  sizeBytes: number;
  /** Storage in use, in units of 512 bytes, as in st_blocks. */
  blocks: number;
  /** The preferred size of a transfer, as in st_blksize. */
  blockBytes: number;
  atime: TimeSpec;
  mtime: TimeSpec;
  ctime: TimeSpec;
  btime: TimeSpec;
  /** Grows with each change of data or attributes; equal numbers mean an unchanged file. */
  change: bigint;
  /** What chattr(1) sets, in the numbers of FS_IOC_GETFLAGS: immutable, append-only, nodump, noatime. */
  flags: number;
}

/** A time to set: `'now'` is the server's clock. */
export type TimeChange = TimeSpec | 'now';

/** What setattr changes; what is absent stays as it is. */
export interface AttributeChanges {
  /** Permission bits (07777); type bits are ignored. */
  mode?: number;
  uid?: number;
  gid?: number;
  sizeBytes?: number;
  atime?: TimeChange;
  mtime?: TimeChange;
  /** Takes set-ID bits and capabilities off, as a write by the caller would. */
  killSuidgid?: true;
  /** As {@link Attributes.flags}. Errors: EOPNOTSUPP for others than those four. */
  flags?: number;
}

/** What statvfs(3) tells. */
export interface FileSystemStatistics {
  blockBytes: number;
  blocks: number;
  blocksFree: number;
  blocksAvailable: number;
  files: number;
  filesFree: number;
  nameBytes: number;
}

/** A file that was opened. */
export interface OpenedFile {
  fh: Fh;
  /** What the kernel has cached of the file is right: everything that others did to it was told. */
  isCoherent: boolean;
  /** What is read and written through this open shall not be cached. */
  isUncached?: boolean;
}

/** A created and opened file. */
export interface CreatedFile extends OpenedFile {
  attributes: Attributes;
  /** It was not there before: the call has made it. */
  isNew: boolean;
}

/** Gets attributes that will be asked for along with a change, in one go. */
export interface AttributesForesight {
  /** With the change that is asked for next, the attributes of this directory are to be asked for. */
  expect(directory: Nodeid): void;

  /** What they were after the change; undefined when they were not to be had in passing. */
  take(): Attributes | undefined;
}

/** A place in an open file. */
export interface FilePlace {
  readonly nodeid: Nodeid;
  readonly fh: Fh;
  readonly offset: number;
}

/** One directory entry. The object and its name are valid only until the visitor returns. */
export interface DirectoryEntry {
  name: Uint8Array;
  nodeid: Nodeid;
  /** The file's type as in st_mode (S_IFMT bits alone). */
  type: number;
  /** Where a later readdir goes on after this entry. */
  cookie: number;
  /** Present when the call asked for attributes (never for `.` and `..`). */
  attributes: Attributes | undefined;
}

/** @returns false when there is no more room: the entry was not taken and reading stops. */
export type DirectoryVisitor = (entry: DirectoryEntry) => boolean;

/** Flags of {@link FileSystem.rename}, the kernel's numbers. */
export const RenameFlag = { NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 } as const;

/** Types of locks, the kernel's numbers. */
export const LockType = { READ: 0, WRITE: 1, UNLOCK: 2 } as const;

/** A lock as fcntl(2) or flock(2) asks for it. */
export interface LockRequest {
  /** Whether it is flock(2)'s, of the whole file. The two kinds know nothing of each other. */
  isFlock: boolean;
  /** Of {@link LockType}. */
  type: number;
  /** The first byte. */
  start: bigint;
  /** The last byte; 2^63 - 1 for a lock to the end of the file, however far that is. */
  end: bigint;
  /** Whose the lock is: 64 opaque bits of the kernel's. */
  owner: bigint;
  /** The process, for those who ask who holds a lock. */
  pid: number;
}

/** A lock that is in somebody's way. */
export type LockConflict = Pick<LockRequest, 'type' | 'start' | 'end' | 'pid'>;

/** Names a wait for a lock, in every thread of the mount. Plain data. */
export interface LockWait {
  readonly place: number;
  readonly unique: number;
}

/** What a file system offers that keeps locks among mounts. None of it waits. */
export interface FileLocks {
  /** The first lock that would be in the way of this one (F_GETLK). */
  test(nodeid: Nodeid, fh: Fh, lock: LockRequest): LockConflict | undefined;

  /**
   * Sets or removes a lock. EAGAIN when another is in the way, or with `mayWait` the lock is waited for.
   * Who waits already may ask again, by the same `wait`.
   * @returns false when that it is set is learnt later: whoever learns of it answers `wait`
   */
  set(nodeid: Nodeid, fh: Fh, lock: LockRequest, wait: LockWait, mayWait: boolean): boolean;

  /**
   * Calls a wait off: the process was interrupted.
   * @returns false when it is too late: it was granted, and whoever learns of that answers `wait`
   */
  cancel(wait: LockWait): boolean;

  /** `owner` has closed a descriptor of the file: his record locks on it go (fcntl(2)). */
  closed(nodeid: Nodeid, fh: Fh, owner: bigint): void;
}

/** Flags of {@link ExtendedAttributes.set}, the kernel's numbers. */
export const XattrFlag = { CREATE: 1, REPLACE: 2 } as const;

/** What a file system with extended attributes offers. Names are full: `user.mime_type`. */
export interface ExtendedAttributes {
  /** Errors: ENODATA when there is none of that name, EOPNOTSUPP for a namespace that is none. */
  get(caller: Caller, nodeid: Nodeid, name: Uint8Array): Uint8Array;

  /** `flags` of {@link XattrFlag}. Errors: EEXIST, ENODATA, E2BIG, ENOSPC, EOPNOTSUPP. */
  set(caller: Caller, nodeid: Nodeid, name: Uint8Array, value: Uint8Array, flags: number): void;

  /** The names that the caller may know of; each with a zero behind it, they take 64 KiB at most. */
  list(caller: Caller, nodeid: Nodeid): readonly Uint8Array[];

  /** Errors: ENODATA. */
  remove(caller: Caller, nodeid: Nodeid, name: Uint8Array): void;
}

/** A request that has begun. Other calls may be made meanwhile, and other requests begun. */
export interface PendingRequest {
  /** Whether it has ended, well or not, as far as was looked. */
  readonly hasEnded: boolean;
  /** Looks what has ended, of all that have begun. */
  look(): void;
  /** Waits for it. @returns how many bytes it has written, if it is to write. Errors: its own. */
  settle(): number | undefined;
}

export interface FileSystem {
  /**
   * Learns anew what may have changed of a caller who was refused something: his groups.
   * @returns whether they are others than was believed: then the refusal was a mistake, perhaps
   */
  refreshCaller?(caller: Caller): boolean;

  /** Absent: the kernel keeps the locks of each mount itself. */
  readonly locks?: FileLocks;

  /** Absent: there are no extended attributes. */
  readonly extendedAttributes?: ExtendedAttributes | undefined;

  /** Absent: attributes come for themselves alone. */
  readonly foresight?: AttributesForesight;

  /** Finds a name in a directory. Errors: ENOENT, ENOTDIR, EACCES, ENAMETOOLONG. */
  lookup(caller: Caller, parent: Nodeid, name: Uint8Array): Attributes;

  /** Attributes of a file, also of an open one whose last name is gone. */
  getattr(caller: Caller, nodeid: Nodeid): Attributes;

  /**
   * Changes attributes and returns them as they then are. With `fh` (ftruncate) the right to change
   * the size comes from the open and not from the file's mode.
   */
  setattr(
    caller: Caller,
    nodeid: Nodeid,
    changes: AttributeChanges,
    fh: Fh | undefined,
  ): Attributes;

  /** The target of a symbolic link. Errors: EINVAL when it is none. */
  readlink(caller: Caller, nodeid: Nodeid): Uint8Array;

  /** Makes a file of any type but directory and link; `mode` as in st_mode. */
  mknod(
    caller: Caller,
    parent: Nodeid,
    name: Uint8Array,
    mode: number,
    rdevMajor: number,
    rdevMinor: number,
  ): Attributes;

  mkdir(caller: Caller, parent: Nodeid, name: Uint8Array, mode: number): Attributes;

  /** Makes a symbolic link to `target`. */
  symlink(caller: Caller, parent: Nodeid, name: Uint8Array, target: Uint8Array): Attributes;

  /**
   * Gives a file one more name, or the first to one of {@link tmpfile}, and returns its attributes.
   * Errors: EPERM for a directory.
   */
  link(caller: Caller, nodeid: Nodeid, newParent: Nodeid, newName: Uint8Array): Attributes;

  /** Removes a name of anything but a directory. Errors: EISDIR. */
  unlink(caller: Caller, parent: Nodeid, name: Uint8Array): void;

  /** Removes an empty directory. Errors: ENOTDIR, ENOTEMPTY. */
  rmdir(caller: Caller, parent: Nodeid, name: Uint8Array): void;

  /** Renames as renameat2(2); `flags` of {@link RenameFlag}, EINVAL for others. */
  rename(
    caller: Caller,
    parent: Nodeid,
    name: Uint8Array,
    newParent: Nodeid,
    newName: Uint8Array,
    flags: number,
  ): void;

  /** Opens a regular file; of open(2)'s `flags` the access mode and O_TRUNC are honoured. */
  open(caller: Caller, nodeid: Nodeid, flags: number): OpenedFile;

  /**
   * Creates and opens a regular file in one step. A file that exists is opened as it is (truncated with O_TRUNC), or EEXIST with O_EXCL.
   */
  create(
    caller: Caller,
    parent: Nodeid,
    name: Uint8Array,
    mode: number,
    flags: number,
  ): CreatedFile;

  /** Creates and opens a regular file that has no name (O_TMPFILE). */
  tmpfile(caller: Caller, directory: Nodeid, mode: number, flags: number): CreatedFile;

  /**
   * Reads up to `into.length` bytes at `offset` and returns how many there were; fewer than asked
   * only at the end of the file. When `into` lies in a {@link registeredBuffer}, the server writes
   * straight into it.
   */
  read(caller: Caller, nodeid: Nodeid, fh: Fh, offset: number, into: Uint8Array): number;

  /**
   * Writes all of `data` at `offset`, or with `append` at the file's end, wherever other clients have
   * moved that to, and returns its length.
   * When `data` lies in a {@link registeredBuffer}, the server reads straight from it. Writing takes
   * the capabilities off a program and, when there is a `writer`, set-ID bits as far as his being in
   * the file's group or not decides: one who may keep them is not named.
   */
  write(
    nodeid: Nodeid,
    fh: Fh,
    offset: number,
    data: Uint8Array,
    append: boolean,
    writer: Caller | undefined,
  ): number;

  /**
   * Where data (SEEK_DATA, 3) or a hole (SEEK_HOLE, 4) is next, from `offset` on; a file ends with a
   * hole. Errors: ENXIO when there is none.
   */
  lseek(nodeid: Nodeid, fh: Fh, offset: number, whence: number): number;

  /** Allocates or frees a range of a file as fallocate(2), whose `mode` it takes. */
  fallocate(caller: Caller, place: FilePlace, length: number, mode: number): void;

  /** Copies without the data coming here; returns how much, perhaps less than `length`. */
  copyFileRange(caller: Caller, source: FilePlace, target: FilePlace, length: number): number;

  /** Everything written to the file is on stable storage when this returns. */
  fsync(nodeid: Nodeid, fh: Fh, dataOnly: boolean): void;

  /** Begins what fsync does, and leaves it to the caller to wait: left out where nothing is waited for. */
  beginFsync?(nodeid: Nodeid, fh: Fh, dataOnly: boolean): PendingRequest;

  /**
   * Begins what {@link write}, without a `writer`, and fsync do, with one request. `data` may be used for
   * something else at once.
   * @returns undefined: this data cannot be written so, and nothing has begun
   */
  beginStableWrite?(
    place: FilePlace,
    data: Uint8Array,
    append: boolean,
  ): PendingRequest | undefined;

  /** The last descriptor was closed; `fh` is invalid from here on, and locks that it set are gone. */
  release(nodeid: Nodeid, fh: Fh): void;

  /** The last descriptor of a directory was closed; `fh` is invalid from here on. */
  releasedir(nodeid: Nodeid, fh: Fh): void;

  /** Opens a directory for reading; until it is released it can be looked at, be it removed. */
  opendir(caller: Caller, nodeid: Nodeid): Fh;

  /**
   * Visits the entries after `cookie` (0: from the start, `.` and `..` first) until the visitor
   * returns false or the end is reached; returns true at the end. Cookies stay valid while other
   * entries come and go. `bytesHint` is about how many bytes of entries the visitor has room for.
   */
  readdir(
    caller: Caller,
    nodeid: Nodeid,
    cookie: number,
    withAttributes: boolean,
    bytesHint: number,
    visit: DirectoryVisitor,
  ): boolean;

  /** All changes of the directory are on stable storage when this returns. */
  fsyncdir(nodeid: Nodeid, dataOnly: boolean): void;

  /** Errors: EACCES when `mask` (R_OK 4, W_OK 2, X_OK 1, F_OK 0) is not granted. */
  access(caller: Caller, nodeid: Nodeid, mask: number): void;

  statfs(caller: Caller): FileSystemStatistics;

  /**
   * A buffer of `bytes` bytes in memory that is registered with the session, for {@link read} and
   * {@link write} to move data without a copy. Lives until {@link close}.
   */
  registeredBuffer(bytes: number): Uint8Array;

  /** Ends the session. Data that was written and not fsynced is still the server's to keep. */
  close(): void;
}

/** For drivers that are told paths and must find the files themselves. */
export interface PathFileSystem extends FileSystem {
  /** What {@link FileSystem.lookup} finds, without its attributes: half the work. */
  resolve(caller: Caller, parent: Nodeid, name: Uint8Array): Nodeid;
}
