/**
 * The words of the store: what a file system object is, apart from where its rows lie.
 */
import type { OpenLogSync } from './log-sync.ts';
import type { Acl } from './posix-acl.ts';
import type { StateTable } from './state-table.ts';

declare const fileIdBrand: unique symbol;

/**
 * Number of an object of the file system: an integer from 1 to 2^53 - 1, given out once and never
 * again, not even after the object is gone or the server was killed.
 */
export type FileId = number & { readonly [fileIdBrand]: true };

declare const attributeIdBrand: unique symbol;

/** Number of an extended attribute, given out once and never again. */
export type AttributeId = number & { readonly [attributeIdBrand]: true };

/** The root directory of every store. */
export const rootId = 1 as FileId;

/** Largest size of a file in bytes, and so the largest offset + length of a write. */
export const maxFileBytes = Number.MAX_SAFE_INTEGER;

/** Longest name of a directory entry, in bytes. */
export const maxNameBytes = 255;

/** Longest target of a symbolic link, in bytes (PATH_MAX without its NUL). */
export const maxTargetBytes = 4095;

/** Longest name of an extended attribute, its namespace included, in bytes. */
export const maxAttributeNameBytes = 255;

/** Longest value of an extended attribute, in bytes. */
export const maxAttributeValueBytes = 65_536;

/** Longest list of an object's extended attributes: names, each with a NUL, as Linux lists them. */
export const maxAttributeListBytes = 65_536;

/** Most names that a file may have: what ext4 allows, and enough to be noticed by no one. */
export const maxLinks = 65_000;

/** Kinds of objects, numbered as NFSv4 and its relatives number them. */
export const FileType = {
  REGULAR: 1,
  DIRECTORY: 2,
  BLOCK_DEVICE: 3,
  CHARACTER_DEVICE: 4,
  SYMBOLIC_LINK: 5,
  SOCKET: 6,
  FIFO: 7,
} as const;
export type FileType = (typeof FileType)[keyof typeof FileType];

/** A point in time since 1970-01-01 UTC; seconds may be negative, nseconds is 0 to 999,999,999. */
export interface Time {
  readonly seconds: number;
  readonly nseconds: number;
}

export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

/**
 * An object of the file system as it is now. The object is the store's own and changes with the
 * file: read it at once, copy what has to be kept.
 */
export interface Inode {
  readonly id: FileId;
  readonly type: FileType;
  /** Permission bits, set-id bits and the sticky bit: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Number of names; 0 is an orphan that lives until it is reclaimed. */
  readonly nlink: number;
  /** Bytes of a file, of a link's target, of a directory's entries. */
  readonly size: number;
  /** Bytes that the object's data take in the store, and those promised to it; a hole takes none. */
  readonly usedBytes: number;
  readonly rdev: DeviceNumber;
  readonly atime: Time;
  readonly mtime: Time;
  readonly ctime: Time;
  readonly btime: Time;
  /** Grows with every change of data or metadata; never takes a value again, not after a crash. */
  readonly change: number;
  /** The directory that holds a directory (the root: itself); 0 for all other types. */
  readonly parent: FileId;
  /** A sum of {@link InodeFlag}. */
  readonly flags: number;
  /** What extended attributes the object has, a sum of {@link AttributeKind}: 0 for none. */
  readonly attributeKinds: number;
  /**
   * Says who may do what, where the permission bits cannot say it alone. The bits follow it and it
   * follows them: those of the group are the list's mask.
   */
  readonly accessAcl: Acl | undefined;
  /** The open transaction has changed it; what was written to a file without one does not count. */
  readonly isUncommitted: boolean;
}

/** What chattr(1) sets, in the numbers of Linux's FS_IOC_SETFLAGS. */
export const InodeFlag = {
  /** The object cannot be changed at all, nor get or lose a name. */
  IMMUTABLE: 0x10,
  /** Data can be added and nothing else; a directory can get names and not lose any. */
  APPEND: 0x20,
  /** Not for backups: dump(8) looks at it, and nobody else. */
  NODUMP: 0x40,
  /** Reading leaves no trace. */
  NOATIME: 0x80,
} as const;

/** What a new object takes over from its directory. */
export const inheritedFlags = InodeFlag.NODUMP | InodeFlag.NOATIME;

/** Kinds of extended attributes that somebody asks for so often that inodes say who has them. */
export const AttributeKind = {
  /** Any at all. */
  ANY: 1,
  /** `security.capability`: what a program may do, which every change of the file takes away. */
  CAPABILITY: 2,
  /** `system.posix_acl_access`: who may do what; {@link Inode.accessAcl} has it. */
  ACCESS_ACL: 4,
  /** `system.posix_acl_default`: what new objects of a directory begin with. */
  DEFAULT_ACL: 8,
} as const;

/** What `Store.create` makes. */
export interface NewObject {
  readonly type: FileType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly flags?: number;
  /** Of devices only. */
  readonly rdev?: DeviceNumber;
  /** Of symbolic links only, where it is required: 1 to 4,095 bytes without NUL. */
  readonly target?: Uint8Array;
  /** Of attributes that it gets at once, names included: capacity for them is asked for with its own. */
  readonly attributeBytes?: number;
}

/** What `Store.setAttributes` changes; what is left out stays. */
export interface AttributeChanges {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Regular files only. Who has a BlockCache calls its `truncate` instead. */
  readonly size?: number;
  readonly atime?: Time;
  /** Now, when `size` is given and this is not. */
  readonly mtime?: Time;
  /** Now, when it is left out. */
  readonly ctime?: Time;
  readonly btime?: Time;
  readonly flags?: number;
}

export interface StoreStatistics {
  /** Bytes that the file system could hold: what it uses and what is free. */
  readonly totalBytes: number;
  /** Bytes that can still be written: free pages of the database and free space of its disk. */
  readonly freeBytes: number;
  /** Objects there are, orphans included. */
  readonly files: number;
  /** Objects that can still be made. */
  readonly freeFiles: number;
  readonly blockBytes: number;
}

/** How much a store may hold; what is left out is limited by the disk alone. */
export interface Capacity {
  /** Bytes that all objects together may take: ENOSPC. */
  readonly bytes?: number | undefined;
  /** Objects there may be: ENOSPC. */
  readonly objects?: number | undefined;
  /** Bytes that the objects of one owner may take, unless that is the superuser: EDQUOT. */
  readonly bytesPerUser?: number | undefined;
  /** Objects that one such owner may have: EDQUOT. */
  readonly objectsPerUser?: number | undefined;
}

export interface StoreOptions {
  /** Make the database if there is none. */
  readonly create: boolean;
  /** Bytes of a block of a new database; an existing one keeps its own. */
  readonly blockBytes?: number;
  /** Unlimited by default. */
  readonly capacity?: Capacity;
  /** How the logs get onto the disk; in the caller's thread by default. */
  readonly openLogSync?: OpenLogSync;
  /**
   * Which objects without a name are still held by somebody, as the state of the killed server says:
   * they stay until they are reclaimed. None by default.
   */
  readonly heldObjects?: (state: StateTable) => ReadonlySet<FileId>;
  /** Where killed processes leave unstable data; see unstable-layout.ts for the default. */
  readonly unstableDirectory?: string | undefined;
}
