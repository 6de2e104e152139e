/** Attributes of files in the structures of the kernel. */

import type { Attributes, TimeSpec } from '../../file-system.ts';
import { StatxMask } from '../../kernel-abi/constants.ts';
import type { Cursor } from '../../kernel-abi/layout.ts';
import type { Attr, AttrOut, EntryOut, StatxOut } from '../../kernel-abi/structures.ts';

/** How long the kernel may believe what a reply tells it. */
export interface Validity {
  /** Attributes of a file, in seconds. */
  attributesSeconds: number;
  /** A name that leads to a file, in seconds. */
  entrySeconds: number;
  /** A name that leads nowhere, in seconds; 0 to ask each time. */
  negativeSeconds: number;
}

/** A device number as the kernel packs it: 12 bits of major number amid 20 of minor number. */
export function packDevice(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

export function deviceMajor(packed: number): number {
  return (packed >>> 8) & 0xfff;
}

export function deviceMinor(packed: number): number {
  return (packed & 0xff) | ((packed >>> 12) & 0xfff00);
}

function wholeSeconds(seconds: number): number {
  return Math.floor(seconds);
}

function restNanoseconds(seconds: number): number {
  return Math.floor((seconds % 1) * 1e9);
}

export function fillAttr(attr: Cursor<(typeof Attr)['fields']>, from: Attributes): void {
  attr.ino = from.nodeid;
  attr.size = from.sizeBytes;
  attr.blocks = from.blocks;
  attr.atime = from.atime.seconds;
  attr.mtime = from.mtime.seconds;
  attr.ctime = from.ctime.seconds;
  attr.atimensec = from.atime.nseconds;
  attr.mtimensec = from.mtime.nseconds;
  attr.ctimensec = from.ctime.nseconds;
  attr.mode = from.mode;
  attr.nlink = from.nlink;
  attr.uid = from.uid;
  attr.gid = from.gid;
  attr.rdev = packDevice(from.rdevMajor, from.rdevMinor);
  attr.blksize = from.blockBytes;
  attr.flags = 0;
}

/** A file found under a name. Nodeids are never used again, hence generation 0. */
export function fillEntry(
  entry: Cursor<(typeof EntryOut)['fields']>,
  from: Attributes,
  validity: Validity,
): void {
  entry.nodeid = from.nodeid;
  entry.generation = 0;
  entry.entryValid = wholeSeconds(validity.entrySeconds);
  entry.entryValidNsec = restNanoseconds(validity.entrySeconds);
  entry.attrValid = wholeSeconds(validity.attributesSeconds);
  entry.attrValidNsec = restNanoseconds(validity.attributesSeconds);
  fillAttr(entry.attr, from);
}

/** No file under a name, to be remembered: nodeid 0. */
export function fillNegativeEntry(
  entry: Cursor<(typeof EntryOut)['fields']>,
  validity: Validity,
): void {
  entry.clear();
  entry.entryValid = wholeSeconds(validity.negativeSeconds);
  entry.entryValidNsec = restNanoseconds(validity.negativeSeconds);
}

export function fillAttrOut(
  out: Cursor<(typeof AttrOut)['fields']>,
  from: Attributes,
  validity: Validity,
): void {
  out.clear();
  out.attrValid = wholeSeconds(validity.attributesSeconds);
  out.attrValidNsec = restNanoseconds(validity.attributesSeconds);
  fillAttr(out.attr, from);
}

interface SxTimeCursor {
  tvSec: number;
  tvNsec: number;
}

function fillSxTime(time: SxTimeCursor, from: TimeSpec): void {
  time.tvSec = from.seconds;
  time.tvNsec = from.nseconds;
}

export function fillStatxOut(
  out: Cursor<(typeof StatxOut)['fields']>,
  from: Attributes,
  validity: Validity,
): void {
  out.clear();
  out.attrValid = wholeSeconds(validity.attributesSeconds);
  out.attrValidNsec = restNanoseconds(validity.attributesSeconds);
  const { stat } = out;
  stat.mask = StatxMask.BASIC_STATS | StatxMask.BTIME;
  stat.blksize = from.blockBytes;
  stat.nlink = from.nlink;
  stat.uid = from.uid;
  stat.gid = from.gid;
  stat.mode = from.mode;
  stat.ino = from.nodeid;
  stat.size = from.sizeBytes;
  stat.blocks = from.blocks;
  stat.rdevMajor = from.rdevMajor;
  stat.rdevMinor = from.rdevMinor;
  fillSxTime(stat.atime, from.atime);
  fillSxTime(stat.btime, from.btime);
  fillSxTime(stat.ctime, from.ctime);
  fillSxTime(stat.mtime, from.mtime);
}
