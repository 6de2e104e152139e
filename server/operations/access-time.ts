import { type Credential, isOwner } from '../access-control.ts';
import type { Service } from '../engine/service.ts';
import type { Inode, Time } from '../store/index.ts';

/** Reads update the access time at least once in so many seconds, as with Linux's relatime. */
const ACCESS_TIME_SECONDS = 24 * 60 * 60;

/**
 * Updates the access time of what was read, be it a file, a directory or a link, when it would
 * otherwise look as if nobody had read the latest contents: as Linux's relatime. The owner may ask that
 * his reading leave no trace (O_NOATIME).
 */
export function recordAccess(service: Service, inode: Inode, reader: Credential): void {
  if (reader.keepsAccessTimes === true && isOwner(inode, reader)) {
    return;
  }
  if (service.clock.now().seconds >= accessTimeGoodUntil(inode)) {
    service.store.recordAccess(inode.id);
  }
}

/**
 * From when on a read has to update the access time, in seconds since 1970: at once when the file has
 * changed since somebody read it.
 */
export function accessTimeGoodUntil({ atime, mtime, ctime }: Inode): number {
  const isCurrent = isAfter(atime, mtime) && isAfter(atime, ctime);
  return isCurrent ? atime.seconds + ACCESS_TIME_SECONDS : Number.NEGATIVE_INFINITY;
}

const isAfter = (one: Time, other: Time): boolean =>
  one.seconds > other.seconds || (one.seconds === other.seconds && one.nseconds > other.nseconds);
