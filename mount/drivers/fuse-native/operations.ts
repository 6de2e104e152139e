/**
 * libfuse's operations over a FileSystem: one entry each, from the binding's arguments to calls.
 *
 * Each returns what libfuse wants: 0 or a count (negative errno is made of what is thrown); open and
 * create return the number of the open file.
 *
 * Not here, so that libfuse answers for us: `opendir` and `releasedir` (directories have no fh),
 * `flush` (writes are at the server when they return, so the kernel may as well stop asking), the
 * extended attributes (which the server does not have).
 */

import { constants } from 'node:fs';
import { callEntryCallback, copyToAddress } from '../../../nic/system-calls-foreign.ts';
import type { AttributeChanges, Caller, FileSystem, TimeSpec } from '../../file-system.ts';
import type { FuseRequest } from './binding.ts';
import { OpenFiles } from './open-files.ts';
import type { PathResolver } from './path-resolver.ts';
import {
  createFlagsOf,
  destinationOf,
  deviceOf,
  directoryFillerOf,
  linkBufferOf,
  pathOf,
  statAddressOf,
  statvfsAddressOf,
  timesOf,
} from './request.ts';
import { decodeDevice, encodeEntryStat, encodeStat, encodeStatvfs } from './structures.ts';

/** chown(2): this id stays as it is. */
const UNCHANGED_ID = 0xffff_ffff;
const PERMISSION_BITS = 0o7777;
const S_IFMT = 0o170000;

/** How libfuse's operations are called by the binding, after the request and the opcode. */
type Operation<Arguments extends unknown[]> = (request: FuseRequest, ...args: Arguments) => number;

/** What one mount works with. */
export interface OperationContext {
  fileSystem: FileSystem;
  /** The binding tells nothing of who asks: everything is done in this one's name. */
  caller: Caller;
  paths: PathResolver;
}

/** The operations of one mount, by the binding's names for them. */
export function createOperations({ fileSystem, caller, paths }: OperationContext) {
  const openFiles = new OpenFiles();

  const change = (path: string, changes: AttributeChanges): number => {
    fileSystem.setattr(caller, paths.nodeid(path), changes, undefined);
    return 0;
  };

  const getattr: Operation<[path: string]> = (request, path) => {
    copyToAddress(statAddressOf(request), encodeStat(paths.attributes(pathOf(request, path))));
    return 0;
  };

  const fgetattr: Operation<[path: string, file: number]> = (request, _path, file) => {
    const open = openFiles.get(file);
    // libfuse asks for the attributes of what it has just created: these are as fresh as any.
    const attributes = open.created ?? fileSystem.getattr(caller, open.nodeid);
    open.created = undefined;
    copyToAddress(statAddressOf(request), encodeStat(attributes));
    return 0;
  };

  const access: Operation<[path: string, mask: number]> = (request, path, mask) => {
    fileSystem.access(caller, paths.nodeid(pathOf(request, path)), mask);
    return 0;
  };

  const statfs: Operation<[path: string]> = (request) => {
    copyToAddress(statvfsAddressOf(request), encodeStatvfs(fileSystem.statfs(caller)));
    return 0;
  };

  const readdir: Operation<[path: string]> = (request, path) => {
    const nodeid = paths.nodeid(pathOf(request, path));
    const { filler, context } = directoryFillerOf(request);
    fileSystem.opendir(caller, nodeid);
    fileSystem.readdir(caller, nodeid, 0, false, READDIR_BYTES_HINT, (entry) => {
      const name = Buffer.concat([entry.name, ZERO]);
      const stat = encodeEntryStat(entry.nodeid, entry.type);
      // Without an offset libfuse keeps the whole listing: a snapshot that can be sought in.
      return callEntryCallback(filler, context, name, stat, 0) === 0;
    });
    return 0;
  };

  const readlink: Operation<[path: string]> = (request, path) => {
    const target = fileSystem.readlink(caller, paths.nodeid(pathOf(request, path)));
    const { address, bytes } = linkBufferOf(request);
    copyToAddress(address, Buffer.concat([target.subarray(0, bytes - 1), ZERO]));
    return 0;
  };

  const mknod: Operation<[path: string, mode: number]> = (request, path, mode) => {
    const { parent, name } = paths.split(pathOf(request, path));
    const { major, minor } = decodeDevice(deviceOf(request));
    fileSystem.mknod(caller, parent, name, mode, major, minor);
    return 0;
  };

  const mkdir: Operation<[path: string, mode: number]> = (request, path, mode) => {
    const { parent, name } = paths.split(pathOf(request, path));
    fileSystem.mkdir(caller, parent, name, mode & PERMISSION_BITS);
    return 0;
  };

  const symlink: Operation<[target: string, path: string]> = (request, target, path) => {
    const { parent, name } = paths.split(destinationOf(request, path));
    fileSystem.symlink(caller, parent, name, bytesOf(pathOf(request, target)));
    return 0;
  };

  const link: Operation<[existing: string, path: string]> = (request, existing, path) => {
    const nodeid = paths.nodeid(pathOf(request, existing));
    const { parent, name } = paths.split(destinationOf(request, path));
    fileSystem.link(caller, nodeid, parent, name);
    return 0;
  };

  const unlink: Operation<[path: string]> = (request, path) => {
    const { parent, name } = paths.split(pathOf(request, path));
    fileSystem.unlink(caller, parent, name);
    return 0;
  };

  const rmdir: Operation<[path: string]> = (request, path) => {
    const gone = pathOf(request, path);
    const { parent, name } = paths.split(gone);
    fileSystem.rmdir(caller, parent, name);
    paths.forget(gone);
    return 0;
  };

  const rename: Operation<[from: string, to: string]> = (request, from, to) => {
    const source = pathOf(request, from);
    const target = destinationOf(request, to);
    const { parent, name } = paths.split(source);
    const { parent: newParent, name: newName } = paths.split(target);
    fileSystem.rename(caller, parent, name, newParent, newName, 0);
    paths.forget(source);
    paths.forget(target);
    return 0;
  };

  const chmod: Operation<[path: string, mode: number]> = (request, path, mode) =>
    change(pathOf(request, path), { mode: mode & PERMISSION_BITS });

  const chown: Operation<[path: string, uid: number, gid: number]> = (request, path, uid, gid) =>
    change(pathOf(request, path), {
      ...(uid === UNCHANGED_ID ? {} : { uid }),
      ...(gid === UNCHANGED_ID ? {} : { gid }),
    });

  const utimens: Operation<[path: string]> = (request, path) => {
    const { atimeMs, mtimeMs } = timesOf(request);
    return change(pathOf(request, path), { atime: timeOf(atimeMs), mtime: timeOf(mtimeMs) });
  };

  const truncate: Operation<[path: string, low: number, high: number]> = (
    request,
    path,
    low,
    high,
  ) => change(pathOf(request, path), { sizeBytes: wide(low, high) });

  const ftruncate: Operation<[path: string, file: number, low: number, high: number]> = (
    _request,
    _path,
    file,
    low,
    high,
  ) => {
    const { nodeid, fh } = openFiles.get(file);
    fileSystem.setattr(caller, nodeid, { sizeBytes: wide(low, high) }, fh);
    return 0;
  };

  const open: Operation<[path: string, flags: number]> = (request, path, flags) => {
    const nodeid = paths.nodeid(pathOf(request, path));
    const fh = fileSystem.open(caller, nodeid, flags);
    const append = (flags & constants.O_APPEND) !== 0;
    return openFiles.add({ nodeid, fh, append, created: undefined });
  };

  const create: Operation<[path: string, mode: number]> = (request, path, mode) => {
    const { parent, name } = paths.split(pathOf(request, path));
    const flags = createFlagsOf(request);
    const permissions = mode & ~S_IFMT;
    const { attributes, fh } = fileSystem.create(caller, parent, name, permissions, flags);
    const append = (flags & constants.O_APPEND) !== 0;
    return openFiles.add({ nodeid: attributes.nodeid, fh, append, created: attributes });
  };

  const read: Operation<TransferArguments> = (
    _request,
    _path,
    file,
    buffer,
    _length,
    low,
    high,
  ) => {
    const { nodeid, fh } = openFiles.get(file);
    return fileSystem.read(nodeid, fh, wide(low, high), buffer);
  };

  const write: Operation<TransferArguments> = (_request, _path, file, data, _length, low, high) => {
    const { nodeid, fh, append } = openFiles.get(file);
    return fileSystem.write(nodeid, fh, wide(low, high), data, append);
  };

  const fsync: Operation<[path: string, dataOnly: number, file: number]> = (
    _request,
    _path,
    dataOnly,
    file,
  ) => {
    const { nodeid, fh } = openFiles.get(file);
    fileSystem.fsync(nodeid, fh, dataOnly !== 0);
    return 0;
  };

  const fsyncdir: Operation<[path: string, dataOnly: number]> = (request, path, dataOnly) => {
    fileSystem.fsyncdir(paths.nodeid(pathOf(request, path)), dataOnly !== 0);
    return 0;
  };

  const release: Operation<[path: string, file: number]> = (_request, _path, file) => {
    const { nodeid, fh } = openFiles.remove(file);
    fileSystem.release(nodeid, fh);
    return 0;
  };

  return {
    ...{
      getattr,
      fgetattr,
      access,
      statfs,
      readdir,
      readlink,
      mknod,
      mkdir,
      symlink,
      link,
      unlink,
      rmdir,
    },
    ...{ rename, chmod, chown, utimens, truncate, ftruncate, open, create, read, write },
    ...{ fsync, fsyncdir, release },
  };
}

type TransferArguments = [
  path: string,
  file: number,
  buffer: Buffer,
  length: number,
  offsetLow: number,
  offsetHigh: number,
];

/** A readdir takes the whole directory, so entries may come in the largest portions there are. */
const READDIR_BYTES_HINT = 64 * 1024;

const ZERO = Buffer.alloc(1);

const bytesOf = (path: string): Uint8Array => Buffer.from(path, 'latin1');

const wide = (low: number, high: number): number => low + high * 2 ** 32;

function timeOf(milliseconds: number): TimeSpec {
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nseconds: (milliseconds - seconds * 1000) * 1_000_000 };
}
