/** The library's status and times of files in the words of the cases. */
import { ObjectType, type PathFiles } from '../../client/index.ts';
import type { FileKind, FileStatus, TimeToSet } from './target.ts';

const NANOSECONDS = 1_000_000_000n;
export const SECTOR_BYTES = 512;

type LibraryStatus = ReturnType<PathFiles['stat']>;
type LibraryTime = LibraryStatus['accessTime'];

const KINDS = new Map<number, FileKind>([
  [ObjectType.DAFS_TYPE_REG, 'file'],
  [ObjectType.DAFS_TYPE_DIR, 'directory'],
  [ObjectType.DAFS_TYPE_LNK, 'symlink'],
  [ObjectType.DAFS_TYPE_FIFO, 'fifo'],
  [ObjectType.DAFS_TYPE_SOCK, 'socket'],
  [ObjectType.DAFS_TYPE_CHR, 'character device'],
  [ObjectType.DAFS_TYPE_BLK, 'block device'],
]);

/** An object's type as cases name it; undefined for types that no call of POSIX tells. */
export function kindOf(type: number): FileKind | undefined {
  return KINDS.get(type);
}

function nanoseconds({ seconds, nseconds }: LibraryTime): bigint {
  return BigInt(seconds) * NANOSECONDS + BigInt(nseconds);
}

export function statusOf(status: LibraryStatus): FileStatus {
  return {
    kind: kindOf(status.type) as FileKind,
    mode: status.mode,
    uid: status.uid,
    gid: status.gid,
    nlink: status.links,
    ino: BigInt(status.fileId),
    size: status.sizeBytes,
    blocks: Math.ceil(status.usedBytes / SECTOR_BYTES),
    blockSize: SECTOR_BYTES,
    device: { major: 0, minor: 0 },
    rawDevice: { major: status.rdevMajor, minor: status.rdevMinor },
    atime: nanoseconds(status.accessTime),
    mtime: nanoseconds(status.modifyTime),
    ctime: nanoseconds(status.changeTime),
    btime: nanoseconds(status.createTime),
  };
}

function timeToSet(time: TimeToSet): LibraryTime | 'now' | undefined {
  if (typeof time !== 'bigint') {
    return time === 'now' ? 'now' : undefined;
  }
  const nseconds = ((time % NANOSECONDS) + NANOSECONDS) % NANOSECONDS;
  return { seconds: Number((time - nseconds) / NANOSECONDS), nseconds: Number(nseconds) };
}

export function timesToSet(atime: TimeToSet, mtime: TimeToSet) {
  const [accessTime, modifyTime] = [timeToSet(atime), timeToSet(mtime)];
  return { ...(accessTime && { accessTime }), ...(modifyTime && { modifyTime }) };
}
