/** The C structures that libfuse wants filled, as 64-bit Linux lays them out. */

import type { Attributes, FileSystemStatistics, TimeSpec } from '../../file-system.ts';

const STAT_BYTES = 144;
const STATVFS_BYTES = 112;

/** Encodes `struct stat`. The bytes returned are overwritten by the next call. */
export function encodeStat(attributes: Attributes): Uint8Array {
  stat.setBigUint64(8, BigInt(attributes.nodeid), true);
  stat.setBigUint64(16, BigInt(attributes.nlink), true);
  stat.setUint32(24, attributes.mode, true);
  stat.setUint32(28, attributes.uid, true);
  stat.setUint32(32, attributes.gid, true);
  stat.setUint32(40, encodeDevice(attributes.rdevMajor, attributes.rdevMinor), true);
  stat.setBigInt64(48, BigInt(attributes.sizeBytes), true);
  stat.setBigInt64(56, BigInt(attributes.blockBytes), true);
  stat.setBigInt64(64, BigInt(attributes.blocks), true);
  setTime(72, attributes.atime);
  setTime(88, attributes.mtime);
  setTime(104, attributes.ctime);
  return statBytes;
}

/** A `struct stat` that says no more than what readdir passes on: number and type. */
export function encodeEntryStat(nodeid: number, type: number): Uint8Array {
  entryStat.setBigUint64(8, BigInt(nodeid), true);
  entryStat.setUint32(24, type, true);
  return entryStatBytes;
}

/** Encodes `struct statvfs`. The bytes returned are overwritten by the next call. */
export function encodeStatvfs(statistics: FileSystemStatistics): Uint8Array {
  const fields = [
    statistics.blockBytes,
    statistics.blockBytes,
    statistics.blocks,
    statistics.blocksFree,
    statistics.blocksAvailable,
    statistics.files,
    statistics.filesFree,
    statistics.filesFree,
    0,
    0,
    statistics.nameBytes,
  ];
  fields.forEach((field, index) => {
    statvfs.setBigUint64(index * 8, BigInt(field), true);
  });
  return statvfsBytes;
}

/** A device number as the kernel packs it into 32 bits (include/linux/kdev_t.h). */
export function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

export function decodeDevice(device: number): { major: number; minor: number } {
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}

const statBytes = new Uint8Array(STAT_BYTES);
const stat = new DataView(statBytes.buffer);
const entryStatBytes = new Uint8Array(STAT_BYTES);
const entryStat = new DataView(entryStatBytes.buffer);
const statvfsBytes = new Uint8Array(STATVFS_BYTES);
const statvfs = new DataView(statvfsBytes.buffer);

function setTime(offset: number, time: TimeSpec): void {
  stat.setBigInt64(offset, BigInt(time.seconds), true);
  stat.setBigInt64(offset + 8, BigInt(time.nseconds), true);
}
