/**
 * The structures of linux/fuse.h (7.45, Linux 6.18), in the order of that header: requests end in
 * `In`, replies and notifications in `Out`. What follows a structure in a message (names, data) is
 * said in operations.ts.
 */

import { padding, structure } from './layout.ts';

export const InHeader = structure('fuse_in_header', 40, {
  len: 'u32',
  opcode: 'u32',
  unique: 'u53',
  nodeid: 'u53',
  uid: 'u32',
  gid: 'u32',
  pid: 'u32',
  /** The length of the extensions at the end of the request, in units of 8 bytes. */
  totalExtlen: 'u16',
  padding: padding(2),
});

export const OutHeader = structure('fuse_out_header', 16, {
  len: 'u32',
  /** 0 or a negative errno; in a notification (unique 0) its code. */
  error: 'i32',
  unique: 'u53',
});

export const Attr = structure('fuse_attr', 88, {
  ino: 'u53',
  size: 'u53',
  blocks: 'u53',
  atime: 's53',
  mtime: 's53',
  ctime: 's53',
  atimensec: 'u32',
  mtimensec: 'u32',
  ctimensec: 'u32',
  mode: 'u32',
  nlink: 'u32',
  uid: 'u32',
  gid: 'u32',
  rdev: 'u32',
  blksize: 'u32',
  flags: 'u32',
});

export const SxTime = structure('fuse_sx_time', 16, {
  tvSec: 's53',
  tvNsec: 'u32',
  reserved: padding(4),
});

export const Statx = structure('fuse_statx', 256, {
  mask: 'u32',
  blksize: 'u32',
  attributes: 'u64',
  nlink: 'u32',
  uid: 'u32',
  gid: 'u32',
  mode: 'u16',
  spare0: padding(2),
  ino: 'u53',
  size: 'u53',
  blocks: 'u53',
  attributesMask: 'u64',
  atime: SxTime,
  btime: SxTime,
  ctime: SxTime,
  mtime: SxTime,
  rdevMajor: 'u32',
  rdevMinor: 'u32',
  devMajor: 'u32',
  devMinor: 'u32',
  spare2: padding(112),
});

export const Kstatfs = structure('fuse_kstatfs', 80, {
  blocks: 'u53',
  bfree: 'u53',
  bavail: 'u53',
  files: 'u53',
  ffree: 'u53',
  bsize: 'u32',
  namelen: 'u32',
  frsize: 'u32',
  padding: padding(4),
  spare: padding(24),
});

export const FileLock = structure('fuse_file_lock', 24, {
  start: 'u64',
  /** Inclusive; 2^63 - 1 for a lock to the end of the file, which is why these are bigints. */
  end: 'u64',
  type: 'u32',
  pid: 'u32',
});

export const EntryOut = structure('fuse_entry_out', 128, {
  nodeid: 'u53',
  generation: 'u53',
  entryValid: 'u53',
  attrValid: 'u53',
  entryValidNsec: 'u32',
  attrValidNsec: 'u32',
  attr: Attr,
});

export const ForgetIn = structure('fuse_forget_in', 8, { nlookup: 'u53' });

export const ForgetOne = structure('fuse_forget_one', 16, { nodeid: 'u53', nlookup: 'u53' });

export const BatchForgetIn = structure('fuse_batch_forget_in', 8, {
  count: 'u32',
  dummy: padding(4),
});

export const GetattrIn = structure('fuse_getattr_in', 16, {
  getattrFlags: 'u32',
  dummy: padding(4),
  fh: 'u64',
});

export const AttrOut = structure('fuse_attr_out', 104, {
  attrValid: 'u53',
  attrValidNsec: 'u32',
  dummy: padding(4),
  attr: Attr,
});

export const StatxIn = structure('fuse_statx_in', 24, {
  getattrFlags: 'u32',
  reserved: padding(4),
  fh: 'u64',
  sxFlags: 'u32',
  sxMask: 'u32',
});

export const StatxOut = structure('fuse_statx_out', 288, {
  attrValid: 'u53',
  attrValidNsec: 'u32',
  flags: 'u32',
  spare: padding(16),
  stat: Statx,
});

export const MknodIn = structure('fuse_mknod_in', 16, {
  mode: 'u32',
  rdev: 'u32',
  umask: 'u32',
  padding: padding(4),
});

export const MkdirIn = structure('fuse_mkdir_in', 8, { mode: 'u32', umask: 'u32' });

export const RenameIn = structure('fuse_rename_in', 8, { newdir: 'u53' });

export const Rename2In = structure('fuse_rename2_in', 16, {
  newdir: 'u53',
  flags: 'u32',
  padding: padding(4),
});

export const LinkIn = structure('fuse_link_in', 8, { oldnodeid: 'u53' });

export const SetattrIn = structure('fuse_setattr_in', 88, {
  valid: 'u32',
  padding: padding(4),
  fh: 'u64',
  size: 'u53',
  lockOwner: 'u64',
  atime: 's53',
  mtime: 's53',
  ctime: 's53',
  atimensec: 'u32',
  mtimensec: 'u32',
  ctimensec: 'u32',
  mode: 'u32',
  unused4: padding(4),
  uid: 'u32',
  gid: 'u32',
  unused5: padding(4),
});

export const OpenIn = structure('fuse_open_in', 8, { flags: 'u32', openFlags: 'u32' });

export const CreateIn = structure('fuse_create_in', 16, {
  flags: 'u32',
  mode: 'u32',
  umask: 'u32',
  openFlags: 'u32',
});

export const OpenOut = structure('fuse_open_out', 16, {
  fh: 'u64',
  openFlags: 'u32',
  backingId: 'i32',
});

export const ReleaseIn = structure('fuse_release_in', 24, {
  fh: 'u64',
  flags: 'u32',
  releaseFlags: 'u32',
  lockOwner: 'u64',
});

export const FlushIn = structure('fuse_flush_in', 24, {
  fh: 'u64',
  unused: padding(4),
  padding: padding(4),
  lockOwner: 'u64',
});

export const ReadIn = structure('fuse_read_in', 40, {
  fh: 'u64',
  offset: 'u53',
  size: 'u32',
  readFlags: 'u32',
  lockOwner: 'u64',
  flags: 'u32',
  padding: padding(4),
});

export const WriteIn = structure('fuse_write_in', 40, {
  fh: 'u64',
  offset: 'u53',
  size: 'u32',
  writeFlags: 'u32',
  lockOwner: 'u64',
  flags: 'u32',
  padding: padding(4),
});

export const WriteOut = structure('fuse_write_out', 8, { size: 'u32', padding: padding(4) });

export const StatfsOut = structure('fuse_statfs_out', 80, { st: Kstatfs });

export const FsyncIn = structure('fuse_fsync_in', 16, {
  fh: 'u64',
  fsyncFlags: 'u32',
  padding: padding(4),
});

/** With INIT's SETXATTR_EXT; without, only the first two words are sent. */
export const SetxattrIn = structure('fuse_setxattr_in', 16, {
  size: 'u32',
  flags: 'u32',
  setxattrFlags: 'u32',
  padding: padding(4),
});

export const GetxattrIn = structure('fuse_getxattr_in', 8, { size: 'u32', padding: padding(4) });

export const GetxattrOut = structure('fuse_getxattr_out', 8, { size: 'u32', padding: padding(4) });

export const LkIn = structure('fuse_lk_in', 48, {
  fh: 'u64',
  owner: 'u64',
  lk: FileLock,
  lkFlags: 'u32',
  padding: padding(4),
});

export const LkOut = structure('fuse_lk_out', 24, { lk: FileLock });

export const AccessIn = structure('fuse_access_in', 8, { mask: 'u32', padding: padding(4) });

/** The kernel sends the first 16 bytes only when it does not offer INIT_EXT. */
export const InitIn = structure('fuse_init_in', 64, {
  major: 'u32',
  minor: 'u32',
  maxReadahead: 'u32',
  flags: 'u32',
  flags2: 'u32',
  unused: padding(44),
});

export const InitOut = structure('fuse_init_out', 64, {
  major: 'u32',
  minor: 'u32',
  maxReadahead: 'u32',
  flags: 'u32',
  maxBackground: 'u16',
  congestionThreshold: 'u16',
  maxWrite: 'u32',
  timeGran: 'u32',
  maxPages: 'u16',
  mapAlignment: 'u16',
  flags2: 'u32',
  maxStackDepth: 'u32',
  requestTimeout: 'u16',
  unused: padding(22),
});

export const InterruptIn = structure('fuse_interrupt_in', 8, { unique: 'u53' });

export const BmapIn = structure('fuse_bmap_in', 16, {
  block: 'u53',
  blocksize: 'u32',
  padding: padding(4),
});

export const BmapOut = structure('fuse_bmap_out', 8, { block: 'u53' });

export const IoctlIn = structure('fuse_ioctl_in', 32, {
  fh: 'u64',
  flags: 'u32',
  cmd: 'u32',
  arg: 'u64',
  inSize: 'u32',
  outSize: 'u32',
});

export const IoctlOut = structure('fuse_ioctl_out', 16, {
  result: 'i32',
  flags: 'u32',
  inIovs: 'u32',
  outIovs: 'u32',
});

/** What FS_IOC_GETFLAGS and FS_IOC_SETFLAGS carry: an `unsigned int`, though their numbers say long. */
export const InodeFlags = structure('unsigned int', 4, { flags: 'u32' });

/** What FS_IOC_FSGETXATTR and FS_IOC_FSSETXATTR carry (linux/fs.h). */
export const Fsxattr = structure('fsxattr', 28, {
  xflags: 'u32',
  extsize: 'u32',
  nextents: 'u32',
  projid: 'u32',
  cowextsize: 'u32',
  pad: padding(8),
});

export const PollIn = structure('fuse_poll_in', 24, {
  fh: 'u64',
  kh: 'u53',
  flags: 'u32',
  events: 'u32',
});

export const PollOut = structure('fuse_poll_out', 8, { revents: 'u32', padding: padding(4) });

export const FallocateIn = structure('fuse_fallocate_in', 32, {
  fh: 'u64',
  offset: 'u53',
  length: 'u53',
  mode: 'u32',
  padding: padding(4),
});

/** The name follows; the next record begins at a multiple of 8. */
export const Dirent = structure('fuse_dirent', 24, {
  ino: 'u53',
  off: 'u53',
  namelen: 'u32',
  type: 'u32',
});

/** The name follows; the next record begins at a multiple of 8. */
export const Direntplus = structure('fuse_direntplus', 152, { entryOut: EntryOut, dirent: Dirent });

export const NotifyInvalInodeOut = structure('fuse_notify_inval_inode_out', 24, {
  ino: 'u53',
  off: 's53',
  len: 's53',
});

export const NotifyInvalEntryOut = structure('fuse_notify_inval_entry_out', 16, {
  parent: 'u53',
  namelen: 'u32',
  flags: 'u32',
});

export const NotifyDeleteOut = structure('fuse_notify_delete_out', 24, {
  parent: 'u53',
  child: 'u53',
  namelen: 'u32',
  padding: padding(4),
});

export const NotifyRetrieveIn = structure('fuse_notify_retrieve_in', 40, {
  dummy1: padding(8),
  offset: 'u53',
  size: 'u32',
  dummy2: padding(4),
  dummy3: padding(8),
  dummy4: padding(8),
});

export const LseekIn = structure('fuse_lseek_in', 24, {
  fh: 'u64',
  /** As the program gave it: no file need be that long, and negative ones come, too. */
  offset: 'u64',
  whence: 'u32',
  padding: padding(4),
});

export const LseekOut = structure('fuse_lseek_out', 8, { offset: 'u53' });

export const CopyFileRangeIn = structure('fuse_copy_file_range_in', 56, {
  fhIn: 'u64',
  offIn: 'u53',
  nodeidOut: 'u53',
  fhOut: 'u64',
  offOut: 'u53',
  len: 'u64',
  flags: 'u64',
});

export const CopyFileRangeOut = structure('fuse_copy_file_range_out', 8, { bytesCopied: 'u53' });

export const SetupmappingIn = structure('fuse_setupmapping_in', 40, {
  fh: 'u64',
  foffset: 'u53',
  len: 'u53',
  flags: 'u64',
  moffset: 'u53',
});

export const RemovemappingIn = structure('fuse_removemapping_in', 4, { count: 'u32' });

export const SyncfsIn = structure('fuse_syncfs_in', 8, { padding: padding(8) });

export const ExtHeader = structure('fuse_ext_header', 8, { size: 'u32', type: 'u32' });
