/**
 * Every case that some target cannot carry, with the reason. A listed case still runs: when it
 * passes, the suite fails, so that the list never outlives its reasons.
 */
import { conformanceCases } from './cases.ts';

export interface Skip {
  /** Names of targets, as in target-table.ts. */
  readonly targets: readonly string[];
  /** Names of cases, or their beginnings followed by `*`. */
  readonly cases: readonly string[];
  readonly reason: string;
}

export const skipList: readonly Skip[] = [
  {
    targets: ['two kernel mounts'],
    cases: ['stat: by another process tells the same'],
    reason: 'two mounts are two devices',
  },
  {
    targets: ['client'],
    cases: [
      'mmap: *',
      'exec: *',
      'running: *',
      'RLIMIT_FSIZE: *',
      'poll: *',
      'mknod: makes a FIFO that carries bytes',
      'unnamed: gets its first name through /proc',
    ],
    reason:
      "memory mappings, programs, pipes, limits and /proc are the kernel's: a library has none of its own",
  },
  {
    targets: ['client'],
    cases: [
      'O_NOATIME: reading *',
      'O_NOATIME: who reads later *',
      'O_NOATIME: making a file *',
      'O_NOATIME: listing *',
      'O_NOATIME: a mapping *',
      'O_NOATIME: set by *',
      'O_NOATIME: taken off by *',
      'O_NOATIME: is the owner’s, and root’s',
      'O_NOATIME: the owner’s reading *',
      'O_NOATIME: somebody else *',
    ],
    reason:
      'in the library not a flag of open(2) but a credential says that reading leaves the access time',
  },
  {
    targets: ['kernel', 'two kernel mounts'],
    cases: [
      'relatime: a file of whole pages that was just written is read once',
      'O_NOATIME: who reads later *',
    ],
    reason:
      'what is in its cache the kernel reads without asking, and FUSE has no word for that; so with NFS',
  },
  {
    targets: ['fuse-native'],
    cases: ['O_NOATIME: who reads later *'],
    reason: 'the same: the kernel reads its cache without asking',
  },
  {
    targets: ['fuse-native'],
    cases: ['O_NOATIME: listing *'],
    reason: 'libfuse 2 asks for a listing by path, and does not tell how the directory was opened',
  },
  {
    targets: ['fuse-native'],
    cases: ['O_NOATIME: set by fcntl(2), reading *', 'O_NOATIME: taken off by *'],
    reason:
      'the binding of fuse-native tells the flags of an open file when it is opened, and no later',
  },
  {
    targets: ['client'],
    cases: ['lock: *', 'lock wait: *', 'lock of an open file: *', 'flock: *'],
    reason: 'processes and signals are the kernel’s: a library’s locks belong to whom it names',
  },
  {
    targets: ['fuse-native'],
    cases: [
      'permission: a directory without writing takes no changes',
      'permission: a sticky directory keeps files of others',
      'permission: a new file belongs to who made it',
      'permission: a set-group-ID directory hands its group down',
      'permission: a device is made by root alone',
      'set-ID: writing by another user makes 2767 0767',
      'set-ID: appending by another user makes 2767 0767',
      'set-ID: truncating the path by another user makes 2767 0767',
      'set-ID: truncating the descriptor by another user makes 2767 0767',
      'set-ID: opening with O_TRUNC by another user makes 2767 0767',
      'set-ID: copying to it by another user makes 2767 0767',
      'set-group-ID directory: hands its group to every kind of object',
      'set-group-ID directory: hands its bit to directories, and they to theirs',
    ],
    reason: 'fuse-native does not tell who calls: everything is made by the user who mounted',
  },
  {
    targets: ['fuse-native'],
    cases: ['lock: holds by whichever name of the file'],
    reason:
      'libfuse 2 makes every name of a file a file of its own in the kernel, which has the locks',
  },
  {
    targets: ['fuse-native'],
    cases: ['utimens: a nanosecond is kept', 'utimens: the last nanosecond of a second is kept'],
    reason: 'fuse-native cuts times to milliseconds',
  },
  {
    targets: ['fuse-native'],
    cases: [
      'utimens: omit leaves one of them',
      'utimens: now and omit mix',
      'times: of setting the access time alone',
      'times: of setting the modification time alone',
      'times: of reading what was read since it changed',
      'times: of listing what was listed since it changed',
      'relatime: reading nothing at the end reads nothing',
    ],
    reason: 'libfuse 2 passes on a change of both times or none',
  },
  {
    targets: ['kernel', 'two kernel mounts'],
    cases: ['flags: access(2) tells that an immutable file is not written to'],
    reason:
      'the kernel answers access(2) by mode and list (default_permissions), and FUSE has no word for immutable',
  },
  {
    targets: ['client'],
    cases: ['flags: access(2) tells that an immutable file is not written to'],
    reason: 'ACCESS of DAFS 1.0 tells which rights there are, and not why others are not (EACCES)',
  },
  {
    targets: ['fuse-native'],
    cases: [
      'flags: *',
      'capability: LINUX_IMMUTABLE sets what forbids changes',
      'capability: FOWNER sets the other flags',
    ],
    reason: 'fuse-native has no ioctl, by which chattr and lsattr work',
  },
  {
    targets: ['fuse-native'],
    cases: [
      'xattr: *',
      'acl: *',
      'capability: SYS_ADMIN *',
      'capability: SETFCAP *',
      'capability: root without it is refused: SYS_ADMIN *',
      'capability: root without it is refused: SETFCAP *',
      'capability: access lists are FOWNER’s to set',
    ],
    reason:
      'libfuse 2 cannot say that the server takes capabilities off: the kernel would ask for them before each write',
  },
  {
    targets: ['fuse-native'],
    cases: ['stat: tells the time of birth, which stays', 'time of birth: *'],
    reason: 'libfuse 2 answers stat(2), which has no time of birth',
  },
  {
    targets: ['fuse-native'],
    cases: [
      'rename NOREPLACE: into another directory works',
      'rename NOREPLACE: of a directory works',
      'rename EXCHANGE: *',
      'rename WHITEOUT: leaves a device without numbers in place of what moved',
      'rename WHITEOUT: of a directory leaves one, too',
      'rename WHITEOUT: with NOREPLACE keeps what is there',
      'rename WHITEOUT: of another name of the same file leaves both',
    ],
    reason: 'libfuse 2 renames without flags',
  },
  {
    targets: ['client', 'fuse-native'],
    cases: ['times: of changing the owner to nobody else'],
    reason: 'a change of nothing is not sent to the server, which so knows of none',
  },
  {
    targets: ['fuse-native'],
    cases: [
      'fallocate: *',
      'set-ID: allocating *',
      'set-ID: punching *',
      'times: of allocating*',
      'times: of punching*',
      'mmap: a hole that is punched shows in a shared mapping',
    ],
    reason: 'the package fuse-native has no fallocate: EOPNOTSUPP',
  },
  {
    targets: ['kernel', 'two kernel mounts'],
    cases: ['fallocate: collapses*', 'fallocate: inserts*'],
    reason:
      "the kernel's FUSE asks no file system to collapse or insert a range: it answers EOPNOTSUPP itself",
  },
  {
    targets: ['fuse-native'],
    cases: ['unnamed: *'],
    reason: 'libfuse 2 makes no files without a name: O_TMPFILE is EOPNOTSUPP',
  },
  {
    targets: ['fuse-native'],
    cases: [
      'seek: SEEK_DATA and SEEK_HOLE find the data in a sparse file',
      'seek: finds *',
      'seek: for data *',
    ],
    reason: 'libfuse 2 knows no lseek: the kernel takes every file for one piece of data',
  },
  {
    targets: ['fuse-native'],
    cases: ['unlink: of an open file leaves no trace in the directory'],
    reason:
      'libfuse 2 keeps a removed open file in its directory, as .fuse_hidden, until it is closed',
  },
  {
    targets: ['fuse-native'],
    cases: [
      'rmdir: of an open directory leaves it without entries and links',
      'rmdir: of a directory that another process has open leaves it without links and names',
    ],
    reason: 'libfuse 2 asks for the status of an open directory by its path, which is gone',
  },
];

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

/** The skip of this case over this target, if it is listed. */
export function findSkip(target: string, name: string): Skip | undefined {
  return skipList.find(
    ({ targets, cases }) =>
      targets.includes(target) && cases.some((pattern) => matches(pattern, name)),
  );
}

/** Patterns that match no case: mistakes of the list. */
export function unusedPatterns(): string[] {
  return skipList
    .flatMap(({ cases }) => cases)
    .filter((pattern) => !conformanceCases.some(({ name }) => matches(pattern, name)));
}
