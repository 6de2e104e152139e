/**
 * libfuse's operations over a FileSystem: one entry each, from the binding's arguments to calls.
 *
 * Each returns what libfuse wants: 0 or a count (negative errno is made of what is thrown); open and
 * create return the number of the open file.
 *
 * Not here, so that libfuse answers for us: `opendir` and `releasedir` (a listing is read at once),
 * `flush` (writes are at the server when they return, so the kernel may as well stop asking), the
 * extended attributes (which the server does not have).
 */

import { constants } from 'node:fs';
import { callEntryCallback, copyToAddress } from '../../../nic/system-calls-foreign.ts';
import type {
  AttributeChanges,
  Attributes,
  Caller,
  Fh,
  Nodeid,
  PathFileSystem,
  TimeSpec,
} from '../../file-system.ts';
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

/** What one mount works with. */
export interface OperationContext {
  fileSystem: PathFileSystem;
  /** The binding tells nothing of who asks: everything is done in this one's name. */
  caller: Caller;
  paths: PathResolver;
}

/** What a request left its file with. */
interface Outcome {
  path: string;
  attributes: Attributes;
}

/** The operations of one mount, by the binding's names for them. */
export class FuseOperations {
  readonly #fileSystem: PathFileSystem;
  readonly #caller: Caller;
  readonly #paths: PathResolver;
  readonly #openFiles = new OpenFiles();
  /**
   * libfuse follows each change with a getattr of the same file, on the same thread. The change has
   * brought the attributes along already, so they are kept for just that one call.
   */
  readonly #outcomes = new WeakMap<FuseRequest, Outcome>();
  #previous: Outcome | undefined;

  constructor({ fileSystem, caller, paths }: OperationContext) {
    this.#fileSystem = fileSystem;
    this.#caller = caller;
    this.#paths = paths;
  }

  /** To be called before each operation of a request. */
  begin(request: FuseRequest): void {
    this.#previous = this.#outcomes.get(request);
    this.#outcomes.delete(request);
  }

  getattr(request: FuseRequest, path: string): number {
    const wanted = pathOf(request, path);
    const previous = this.#previous?.path === wanted ? this.#previous : undefined;
    const attributes = previous?.attributes ?? this.#paths.attributes(wanted);
    copyToAddress(statAddressOf(request), encodeStat(attributes));
    return 0;
  }

  fgetattr(request: FuseRequest, _path: string, file: number): number {
    const { nodeid } = this.#openFiles.get(file);
    const previous = this.#previous?.attributes;
    const attributes =
      previous?.nodeid === nodeid ? previous : this.#fileSystem.getattr(this.#caller, nodeid);
    copyToAddress(statAddressOf(request), encodeStat(attributes));
    return 0;
  }

  access(request: FuseRequest, path: string, mask: number): number {
    this.#fileSystem.access(this.#caller, this.#nodeid(request, path), mask);
    return 0;
  }

  statfs(request: FuseRequest): number {
    const statistics = this.#fileSystem.statfs(this.#caller);
    copyToAddress(statvfsAddressOf(request), encodeStatvfs(statistics));
    return 0;
  }

  readdir(request: FuseRequest, path: string): number {
    const nodeid = this.#nodeid(request, path);
    const { filler, context } = directoryFillerOf(request);
    this.#fileSystem.access(this.#caller, nodeid, constants.R_OK);
    this.#fileSystem.readdir(this.#caller, nodeid, 0, false, READDIR_BYTES_HINT, (entry) => {
      const name = Buffer.concat([entry.name, ZERO]);
      const stat = encodeEntryStat(entry.nodeid, entry.type);
      // Without an offset libfuse keeps the whole listing: a snapshot that can be sought in.
      return callEntryCallback(filler, context, name, stat, 0) === 0;
    });
    return 0;
  }

  readlink(request: FuseRequest, path: string): number {
    const target = this.#fileSystem.readlink(this.#caller, this.#nodeid(request, path));
    const { address, bytes } = linkBufferOf(request);
    copyToAddress(address, Buffer.concat([target.subarray(0, bytes - 1), ZERO]));
    return 0;
  }

  mknod(request: FuseRequest, path: string, mode: number): number {
    const made = pathOf(request, path);
    const { parent, name } = this.#paths.split(made);
    const { major, minor } = decodeDevice(deviceOf(request));
    const attributes = this.#fileSystem.mknod(this.#caller, parent, name, mode, major, minor);
    return this.#done(request, made, attributes);
  }

  mkdir(request: FuseRequest, path: string, mode: number): number {
    const made = pathOf(request, path);
    const { parent, name } = this.#paths.split(made);
    const permissions = mode & PERMISSION_BITS;
    const attributes = this.#fileSystem.mkdir(this.#caller, parent, name, permissions);
    return this.#done(request, made, attributes);
  }

  symlink(request: FuseRequest, target: string, path: string): number {
    const made = destinationOf(request, path);
    const { parent, name } = this.#paths.split(made);
    const bytes = Buffer.from(pathOf(request, target), 'latin1');
    return this.#done(request, made, this.#fileSystem.symlink(this.#caller, parent, name, bytes));
  }

  link(request: FuseRequest, existing: string, path: string): number {
    const nodeid = this.#nodeid(request, existing);
    const made = destinationOf(request, path);
    const { parent, name } = this.#paths.split(made);
    return this.#done(request, made, this.#fileSystem.link(this.#caller, nodeid, parent, name));
  }

  unlink(request: FuseRequest, path: string): number {
    const { parent, name } = this.#paths.split(pathOf(request, path));
    this.#fileSystem.unlink(this.#caller, parent, name);
    return 0;
  }

  rmdir(request: FuseRequest, path: string): number {
    const gone = pathOf(request, path);
    const { parent, name } = this.#paths.split(gone);
    this.#fileSystem.rmdir(this.#caller, parent, name);
    this.#paths.forget(gone);
    return 0;
  }

  rename(request: FuseRequest, from: string, to: string): number {
    const source = pathOf(request, from);
    const target = destinationOf(request, to);
    const { parent, name } = this.#paths.split(source);
    const { parent: newParent, name: newName } = this.#paths.split(target);
    this.#fileSystem.rename(this.#caller, parent, name, newParent, newName, 0);
    this.#paths.forget(source);
    this.#paths.forget(target);
    return 0;
  }

  chmod(request: FuseRequest, path: string, mode: number): number {
    return this.#change(request, path, { mode: mode & PERMISSION_BITS });
  }

  chown(request: FuseRequest, path: string, uid: number, gid: number): number {
    return this.#change(request, path, {
      ...(uid === UNCHANGED_ID ? {} : { uid }),
      ...(gid === UNCHANGED_ID ? {} : { gid }),
    });
  }

  utimens(request: FuseRequest, path: string): number {
    const { atimeMs, mtimeMs } = timesOf(request);
    return this.#change(request, path, { atime: timeOf(atimeMs), mtime: timeOf(mtimeMs) });
  }

  truncate(request: FuseRequest, path: string, low: number, high: number): number {
    return this.#change(request, path, { sizeBytes: wide(low, high) });
  }

  ftruncate(request: FuseRequest, path: string, file: number, low: number, high: number): number {
    const { nodeid, fh } = this.#openFiles.get(file);
    const changes = { sizeBytes: wide(low, high) };
    const attributes = this.#fileSystem.setattr(this.#caller, nodeid, changes, fh);
    return this.#done(request, pathOf(request, path), attributes);
  }

  open(request: FuseRequest, path: string, flags: number): number {
    const nodeid = this.#nodeid(request, path);
    const { fh } = this.#fileSystem.open(this.#caller, nodeid, flags);
    return this.#add(nodeid, fh, flags);
  }

  create(request: FuseRequest, path: string, mode: number): number {
    const made = pathOf(request, path);
    const { parent, name } = this.#paths.split(made);
    const flags = createFlagsOf(request);
    const permissions = mode & PERMISSION_BITS;
    const { attributes, fh } = this.#fileSystem.create(
      this.#caller,
      parent,
      name,
      permissions,
      flags,
    );
    this.#done(request, made, attributes);
    return this.#add(attributes.nodeid, fh, flags);
  }

  read(_request: FuseRequest, ...[, file, buffer, , low, high]: TransferArguments): number {
    const { nodeid, fh, reader } = this.#openFiles.get(file);
    return this.#fileSystem.read(reader, nodeid, fh, wide(low, high), buffer);
  }

  write(_request: FuseRequest, ...[, file, data, , low, high]: TransferArguments): number {
    const { nodeid, fh, append } = this.#openFiles.get(file);
    return this.#fileSystem.write(nodeid, fh, wide(low, high), data, append, undefined);
  }

  fsync(_request: FuseRequest, _path: string, dataOnly: number, file: number): number {
    const { nodeid, fh } = this.#openFiles.get(file);
    this.#fileSystem.fsync(nodeid, fh, dataOnly !== 0);
    return 0;
  }

  fsyncdir(request: FuseRequest, path: string, dataOnly: number): number {
    this.#fileSystem.fsyncdir(this.#nodeid(request, path), dataOnly !== 0);
    return 0;
  }

  release(_request: FuseRequest, _path: string, file: number): number {
    const { nodeid, fh } = this.#openFiles.remove(file);
    this.#fileSystem.release(nodeid, fh);
    return 0;
  }

  #add(nodeid: Nodeid, fh: Fh, flags: number): number {
    const append = (flags & constants.O_APPEND) !== 0;
    const keepsAccessTimes = (flags & constants.O_NOATIME) !== 0;
    const reader = { ...this.#caller, keepsAccessTimes };
    return this.#openFiles.add({ nodeid, fh, append, reader });
  }

  #nodeid(request: FuseRequest, path: string): Nodeid {
    return this.#paths.nodeid(pathOf(request, path));
  }

  #change(request: FuseRequest, path: string, changes: AttributeChanges): number {
    const changed = pathOf(request, path);
    const nodeid = this.#paths.nodeid(changed);
    const attributes = this.#fileSystem.setattr(this.#caller, nodeid, changes, undefined);
    return this.#done(request, changed, attributes);
  }

  #done(request: FuseRequest, path: string, attributes: Attributes): number {
    this.#outcomes.set(request, { path, attributes });
    return 0;
  }
}

/** The names of the operations, as the binding has them too. */
export const operationNames = [
  ...(['getattr', 'fgetattr', 'access', 'statfs', 'readdir', 'readlink', 'mknod'] as const),
  ...(['mkdir', 'symlink', 'link', 'unlink', 'rmdir', 'rename', 'chmod', 'chown'] as const),
  ...(['utimens', 'truncate', 'ftruncate', 'open', 'create', 'read', 'write'] as const),
  ...(['fsync', 'fsyncdir', 'release'] as const),
] satisfies readonly (keyof FuseOperations)[];

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

const wide = (low: number, high: number): number => low + high * 2 ** 32;

function timeOf(milliseconds: number): TimeSpec {
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nseconds: (milliseconds - seconds * 1000) * 1_000_000 };
}
