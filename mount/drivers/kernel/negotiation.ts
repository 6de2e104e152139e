/**
 * INIT: what the kernel offers, what we accept of it, and why.
 *
 * A flag that is not in the table below is left alone: nothing is accepted that nobody thought of.
 */

import {
  InitFlag,
  type InitFlagName,
  KERNEL_MINOR_VERSION,
  KERNEL_VERSION,
  OLDEST_MINOR_VERSION,
} from '../../kernel-abi/constants.ts';

/** What of the mount decides which flags are right. */
export interface NegotiationChoices {
  /** The most data that a READ or WRITE carries. */
  transferBytes: number;
  /** How far the kernel reads ahead. */
  readAheadBytes: number;
  /** How many requests the kernel has under way that no process waits for. */
  maxBackground: number;
  /** The kernel is told of each change by others, so it need not guess from mtime. */
  tellsChanges: boolean;
  /** The file system keeps locks. */
  locks: boolean;
  /** The file system has extended attributes, and takes privileges off files that are changed. */
  extendedAttributes: boolean;
}

/** The words of INIT that count, of either direction. */
export interface InitOffer {
  major: number;
  minor: number;
  maxReadahead: number;
  flags: bigint;
}

/** What we answer to INIT. */
export interface InitAnswer {
  major: number;
  minor: number;
  maxReadahead: number;
  flags: bigint;
  maxBackground: number;
  congestionThreshold: number;
  maxWrite: number;
  maxPages: number;
}

/** The kernel speaks a FUSE that we do not. */
export class NegotiationError extends Error {
  readonly code = 'FUSE_VERSION';
}

type Choice = boolean | ((choices: NegotiationChoices) => boolean);

/** Each flag that a kernel up to 6.18 may offer: whether we take it, and the reason. */
const flagChoices: Record<InitFlagName, readonly [Choice, string]> = {
  ASYNC_READ: [true, 'reads of one file may be answered in any order'],
  POSIX_LOCKS: [
    (choices) => choices.locks,
    'record locks hold among mounts; without, the kernel keeps those of this one',
  ],
  FILE_OPS: [false, 'no kernel has ever used it'],
  ATOMIC_O_TRUNC: [true, 'open truncates on the server: one request, no moment in between'],
  EXPORT_SUPPORT: [false, 'lookups of "." and ".." by nodeid are not carried'],
  BIG_WRITES: [true, 'writes larger than a page'],
  DONT_MASK: [
    (choices) => choices.extendedAttributes,
    'the umask does not count where a default access control list is, which the server knows',
  ],
  SPLICE_WRITE: [false, 'the kernel announces it; we read and write registered memory instead'],
  SPLICE_MOVE: [false, 'as SPLICE_WRITE'],
  SPLICE_READ: [false, 'as SPLICE_WRITE'],
  FLOCK_LOCKS: [(choices) => choices.locks, 'as POSIX_LOCKS'],
  HAS_IOCTL_DIR: [false, 'the kernel announces that directories have ioctls, too'],
  AUTO_INVAL_DATA: [
    (choices) => !choices.tellsChanges,
    'cached data goes when mtime shows a write; also one of our own, so not if we know better',
  ],
  DO_READDIRPLUS: [true, 'entries with attributes save a LOOKUP each'],
  READDIRPLUS_AUTO: [true, 'but only for readers that ask for attributes'],
  ASYNC_DIO: [true, 'O_DIRECT requests of one caller go out side by side'],
  WRITEBACK_CACHE: [false, 'what one mount wrote and closed, another must see'],
  NO_OPEN_SUPPORT: [false, 'opens have state on the server'],
  PARALLEL_DIROPS: [true, 'the server orders operations on a directory itself'],
  HANDLE_KILLPRIV: [false, 'superseded by version 2'],
  POSIX_ACL: [
    (choices) => choices.extendedAttributes,
    'the kernel asks for access control lists and checks permissions by them, as the server does',
  ],
  ABORT_ERROR: [true, 'a forced unmount is told from an ordinary one'],
  MAX_PAGES: [true, 'transfers of more than 32 pages'],
  CACHE_SYMLINKS: [true, 'the target of a link never changes'],
  NO_OPENDIR_SUPPORT: [false, 'reading a directory goes through its fh'],
  EXPLICIT_INVAL_DATA: [
    false,
    'a size that others changed takes cached data along: else old pages would show the new size',
  ],
  MAP_ALIGNMENT: [false, 'virtiofs only'],
  SUBMOUNTS: [false, 'there is one file system'],
  HANDLE_KILLPRIV_V2: [
    (choices) => choices.extendedAttributes,
    'the server takes set-ID bits and capabilities off what is changed: the kernel need not look',
  ],
  SETXATTR_EXT: [true, 'its layout is the one we know'],
  INIT_EXT: [true, 'the upper 32 flags are ours to read'],
  INIT_RESERVED: [false, 'reserved'],
  SECURITY_CTX: [false, 'labels would be extended attributes'],
  HAS_INODE_DAX: [false, 'virtiofs only'],
  CREATE_SUPP_GROUP: [false, 'the server knows the groups of the caller'],
  HAS_EXPIRE_ONLY: [false, 'the kernel announces it; invalidations may use it'],
  DIRECT_IO_ALLOW_MMAP: [true, 'files opened with direct_io may still be mapped shared'],
  PASSTHROUGH: [false, 'there are no local files behind ours'],
  NO_EXPORT_SUPPORT: [true, 'open_by_handle_at says so instead of failing at random'],
  HAS_RESEND: [false, 'a request is never asked for twice'],
  ALLOW_IDMAP: [false, 'the callers of most requests would be hidden from the server'],
  OVER_IO_URING: [false, 'requests come through read(2)'],
  REQUEST_TIMEOUT: [false, 'a lock wait may last'],
};

/** How much of `maxBackground` may be under way before the kernel calls the device congested. */
const CONGESTION_SHARE = 0.75;

/** The flags that we take of those offered. */
export function acceptedFlags(offered: bigint, choices: NegotiationChoices): bigint {
  let accepted = 0n;
  for (const [name, [choice]] of Object.entries(flagChoices)) {
    const flag = InitFlag[name as InitFlagName];
    const wanted = typeof choice === 'function' ? choice(choices) : choice;
    if (wanted) accepted |= offered & flag;
  }
  return accepted;
}

/**
 * Answers INIT.
 * @returns the answer; undefined when the kernel speaks a newer major version and, told ours, will
 *   send another INIT
 * @throws NegotiationError when the kernel is too old
 */
export function negotiate(offer: InitOffer, choices: NegotiationChoices): InitAnswer | undefined {
  if (offer.major > KERNEL_VERSION) return undefined;
  if (offer.major < KERNEL_VERSION || offer.minor < OLDEST_MINOR_VERSION) {
    throw new NegotiationError(
      `the kernel speaks FUSE ${offer.major}.${offer.minor}; ` +
        `${KERNEL_VERSION}.${OLDEST_MINOR_VERSION} (Linux 5.4) or newer is needed`,
    );
  }
  return {
    major: KERNEL_VERSION,
    minor: Math.min(offer.minor, KERNEL_MINOR_VERSION),
    maxReadahead: Math.max(offer.maxReadahead, choices.readAheadBytes),
    flags: acceptedFlags(offer.flags, choices),
    maxBackground: choices.maxBackground,
    congestionThreshold: Math.floor(choices.maxBackground * CONGESTION_SHARE),
    maxWrite: choices.transferBytes,
    maxPages: choices.transferBytes / 4096,
  };
}
