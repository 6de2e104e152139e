/**
 * What the binding knows of a request and does not hand out: fields of its `fuse_thread_locals_t`
 * (fuse-native.c of fuse-native 2.2.6, 64-bit), read from the buffer that identifies the request.
 * The thread that made the request sleeps until it is answered, so all of it stays in place.
 */

import { int32AtAddress, stringAtAddress } from '../../../nic/system-calls-foreign.ts';
import type { FuseRequest } from './binding.ts';

/** Offsets of the fields of `fuse_thread_locals_t`. */
const Field = {
  path: 24,
  destination: 32,
  linkname: 40,
  info: 48,
  buffer: 56,
  length: 72,
  device: 88,
  atimeMs: 104,
  mtimeMs: 112,
  stat: 168,
  statvfs: 176,
  fillDirectory: 184,
} as const;

/** The size of `fuse_thread_locals_t`: another one means other offsets. */
export const REQUEST_BYTES = 360;

/**
 * A path as a string of one character per byte (latin1), which a path of any bytes survives. The
 * binding's own `text` is UTF-8 decoded: good for nearly all, and lossy for the rest.
 */
export function pathOf(request: FuseRequest, text: string): string {
  return bytePath(request, text, Field.path);
}

/** The second path of rename, link and symlink, as {@link pathOf}. */
export function destinationOf(request: FuseRequest, text: string): string {
  return bytePath(request, text, Field.destination);
}

function bytePath(request: FuseRequest, text: string, field: number): string {
  if (Buffer.byteLength(text) === text.length) return text;
  const bytes = text.includes('\uFFFD')
    ? Buffer.from(stringAtAddress(addressAt(request, field)))
    : Buffer.from(text, 'utf8');
  return bytes.toString('latin1');
}

/** The flags of open(2) that create was called with; the binding passes the mode alone. */
export function createFlagsOf(request: FuseRequest): number {
  return int32AtAddress(addressAt(request, Field.info));
}

/** Times of utimens in milliseconds; the binding passes the access time twice. */
export function timesOf(request: FuseRequest): { atimeMs: number; mtimeMs: number } {
  return {
    atimeMs: Number(request.readBigInt64LE(Field.atimeMs)),
    mtimeMs: Number(request.readBigInt64LE(Field.mtimeMs)),
  };
}

/** The device number of mknod. */
export function deviceOf(request: FuseRequest): number {
  return request.readUInt32LE(Field.device);
}

/** Where the answer to getattr goes: a `struct stat`. */
export function statAddressOf(request: FuseRequest): number {
  return addressAt(request, Field.stat);
}

/** Where the answer to statfs goes: a `struct statvfs`. */
export function statvfsAddressOf(request: FuseRequest): number {
  return addressAt(request, Field.statvfs);
}

/** Where the answer to readlink goes, and how much fits with its terminating zero. */
export function linkBufferOf(request: FuseRequest): { address: number; bytes: number } {
  return { address: addressAt(request, Field.linkname), bytes: addressAt(request, Field.length) };
}

/** libfuse's function that takes directory entries, and the context it wants. */
export function directoryFillerOf(request: FuseRequest): { filler: number; context: number } {
  return {
    filler: addressAt(request, Field.fillDirectory),
    context: addressAt(request, Field.buffer),
  };
}

function addressAt(request: FuseRequest, field: number): number {
  return Number(request.readBigUInt64LE(field));
}
