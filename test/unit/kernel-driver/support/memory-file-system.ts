/**
 * A whole file system in the memory of one thread, to exercise a driver with: names, links, types,
 * times, sparse growth, files that live on unlinked. It checks no permissions; mount it with
 * `default_permissions` to have the kernel do that.
 */

import { constants } from 'node:fs';
import type { CreateFileSystem } from '../../../../mount/drivers/kernel/worker.ts';
import { ErrnoError } from '../../../../mount/errno.ts';
import {
  type AttributeChanges,
  type Attributes,
  type Caller,
  type CreatedFile,
  type DirectoryVisitor,
  type Fh,
  type FilePlace,
  type FileSystem,
  type FileSystemStatistics,
  type Nodeid,
  type OpenedFile,
  RenameFlag,
  ROOT_NODEID,
  type TimeChange,
  type TimeSpec,
} from '../../../../mount/file-system.ts';
import { MemoryLocks } from './memory-locks.ts';

const { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, O_EXCL, O_TRUNC } = constants;
const SEEK_DATA = 3;
const FALLOC_FL_KEEP_SIZE = 1;

interface Entry {
  name: Uint8Array;
  nodeid: Nodeid;
  cookie: number;
}

interface MemoryFile {
  attributes: Attributes;
  content: Uint8Array;
  entries: Map<string, Entry>;
  parent: Nodeid;
  opens: number;
}

function now(): TimeSpec {
  const milliseconds = performance.timeOrigin + performance.now();
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nseconds: Math.floor((milliseconds - seconds * 1000) * 1e6) };
}

function keyOf(name: Uint8Array): string {
  return Buffer.from(name.buffer, name.byteOffset, name.byteLength).toString('latin1');
}

export class MemoryFileSystem implements FileSystem {
  readonly locks?: MemoryLocks;
  readonly #files = new Map<Nodeid, MemoryFile>();
  #lastNodeid = 0;
  #lastCookie = 2;
  #lastFh = 0n;

  constructor(locks?: MemoryLocks) {
    if (locks !== undefined) this.locks = locks;
    const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
    const owner = { uid, gid, pid: 0, umask: 0, keepsAccessTimes: false };
    this.#make(owner, S_IFDIR | 0o777, 0, 0).parent = ROOT_NODEID;
  }

  #file(nodeid: Nodeid): MemoryFile {
    const file = this.#files.get(nodeid);
    if (file === undefined) throw new ErrnoError('ESTALE');
    return file;
  }

  #directory(nodeid: Nodeid): MemoryFile {
    const file = this.#file(nodeid);
    if ((file.attributes.mode & S_IFMT) !== S_IFDIR) throw new ErrnoError('ENOTDIR');
    return file;
  }

  #child(parent: Nodeid, name: Uint8Array): MemoryFile {
    const entry = this.#directory(parent).entries.get(keyOf(name));
    if (entry === undefined) throw new ErrnoError('ENOENT');
    return this.#file(entry.nodeid);
  }

  #make(caller: Caller, mode: number, rdevMajor: number, rdevMinor: number): MemoryFile {
    const nodeid = ++this.#lastNodeid as Nodeid;
    const time = now();
    const attributes: Attributes = {
      nodeid,
      mode,
      nlink: (mode & S_IFMT) === S_IFDIR ? 2 : 1,
      uid: caller.uid,
      gid: caller.gid,
      rdevMajor,
      rdevMinor,
      sizeBytes: 0,
      blocks: 0,
      blockBytes: 4096,
      atime: time,
      mtime: time,
      ctime: time,
      btime: time,
      change: 0n,
      flags: 0,
    };
    const file: MemoryFile = {
      attributes,
      content: new Uint8Array(0),
      entries: new Map(),
      parent: nodeid,
      opens: 0,
    };
    this.#files.set(nodeid, file);
    return file;
  }

  #enter(parent: Nodeid, name: Uint8Array, file: MemoryFile): void {
    const directory = this.#directory(parent);
    const { nodeid } = file.attributes;
    if ((file.attributes.mode & S_IFMT) === S_IFDIR) {
      directory.attributes.nlink++;
      file.parent = parent;
    }
    const cookie = ++this.#lastCookie;
    directory.entries.set(keyOf(name), { name: name.slice(), nodeid, cookie });
    this.#touch(directory);
  }

  #leave(parent: Nodeid, name: Uint8Array, file: MemoryFile): void {
    const directory = this.#directory(parent);
    directory.entries.delete(keyOf(name));
    if ((file.attributes.mode & S_IFMT) === S_IFDIR) directory.attributes.nlink--;
    this.#touch(directory);
  }

  #create(caller: Caller, parent: Nodeid, name: Uint8Array, mode: number, major = 0, minor = 0) {
    const directory = this.#directory(parent);
    if (name.byteLength > 255) throw new ErrnoError('ENAMETOOLONG');
    if (directory.entries.has(keyOf(name))) throw new ErrnoError('EEXIST');
    const file = this.#make(caller, mode, major, minor);
    this.#enter(parent, name, file);
    return file;
  }

  #touch(file: MemoryFile): void {
    const time = now();
    file.attributes.mtime = time;
    file.attributes.ctime = time;
    file.attributes.change++;
  }

  #resize(file: MemoryFile, sizeBytes: number): void {
    if (sizeBytes > file.content.byteLength) {
      const grown = new Uint8Array(Math.max(sizeBytes, file.content.byteLength * 2));
      grown.set(file.content.subarray(0, file.attributes.sizeBytes));
      file.content = grown;
    } else {
      file.content.fill(0, sizeBytes, file.attributes.sizeBytes);
    }
    file.attributes.sizeBytes = sizeBytes;
    file.attributes.blocks = Math.ceil(sizeBytes / 512);
  }

  #drop(file: MemoryFile): void {
    if (file.attributes.nlink === 0 && file.opens === 0) {
      this.#files.delete(file.attributes.nodeid);
    }
  }

  lookup(_caller: Caller, parent: Nodeid, name: Uint8Array): Attributes {
    return this.#child(parent, name).attributes;
  }

  getattr(_caller: Caller, nodeid: Nodeid): Attributes {
    return this.#file(nodeid).attributes;
  }

  setattr(_caller: Caller, nodeid: Nodeid, changes: AttributeChanges): Attributes {
    const file = this.#file(nodeid);
    const { attributes } = file;
    const time = (change: TimeChange): TimeSpec => (change === 'now' ? now() : change);
    if (changes.sizeBytes !== undefined) {
      this.#resize(file, changes.sizeBytes);
      this.#touch(file);
    }
    if (changes.mode !== undefined) attributes.mode = (attributes.mode & S_IFMT) | changes.mode;
    if (changes.uid !== undefined) attributes.uid = changes.uid;
    if (changes.gid !== undefined) attributes.gid = changes.gid;
    if (changes.atime !== undefined) attributes.atime = time(changes.atime);
    if (changes.mtime !== undefined) attributes.mtime = time(changes.mtime);
    attributes.ctime = now();
    return attributes;
  }

  readlink(_caller: Caller, nodeid: Nodeid): Uint8Array {
    return this.#file(nodeid).content;
  }

  mknod(
    caller: Caller,
    parent: Nodeid,
    name: Uint8Array,
    mode: number,
    rdevMajor: number,
    rdevMinor: number,
  ): Attributes {
    return this.#create(caller, parent, name, mode, rdevMajor, rdevMinor).attributes;
  }

  mkdir(caller: Caller, parent: Nodeid, name: Uint8Array, mode: number): Attributes {
    return this.#create(caller, parent, name, S_IFDIR | (mode & 0o7777)).attributes;
  }

  symlink(caller: Caller, parent: Nodeid, name: Uint8Array, target: Uint8Array): Attributes {
    const file = this.#create(caller, parent, name, S_IFLNK | 0o777);
    file.content = target.slice();
    file.attributes.sizeBytes = target.byteLength;
    return file.attributes;
  }

  link(_caller: Caller, nodeid: Nodeid, newParent: Nodeid, newName: Uint8Array): Attributes {
    const file = this.#file(nodeid);
    if ((file.attributes.mode & S_IFMT) === S_IFDIR) throw new ErrnoError('EPERM');
    if (this.#directory(newParent).entries.has(keyOf(newName))) throw new ErrnoError('EEXIST');
    this.#enter(newParent, newName, file);
    file.attributes.nlink++;
    file.attributes.ctime = now();
    return file.attributes;
  }

  unlink(_caller: Caller, parent: Nodeid, name: Uint8Array): void {
    const file = this.#child(parent, name);
    if ((file.attributes.mode & S_IFMT) === S_IFDIR) throw new ErrnoError('EISDIR');
    this.#leave(parent, name, file);
    file.attributes.nlink--;
    file.attributes.ctime = now();
    this.#drop(file);
  }

  rmdir(_caller: Caller, parent: Nodeid, name: Uint8Array): void {
    const file = this.#child(parent, name);
    if ((file.attributes.mode & S_IFMT) !== S_IFDIR) throw new ErrnoError('ENOTDIR');
    if (file.entries.size > 0) throw new ErrnoError('ENOTEMPTY');
    this.#leave(parent, name, file);
    file.attributes.nlink = 0;
    this.#drop(file);
  }

  rename(
    caller: Caller,
    parent: Nodeid,
    name: Uint8Array,
    newParent: Nodeid,
    newName: Uint8Array,
    flags: number,
  ): void {
    const file = this.#child(parent, name);
    const replaced = this.#directory(newParent).entries.get(keyOf(newName));
    if ((flags & ~(RenameFlag.NOREPLACE | RenameFlag.EXCHANGE)) !== 0)
      throw new ErrnoError('EINVAL');
    if ((flags & RenameFlag.NOREPLACE) !== 0 && replaced) throw new ErrnoError('EEXIST');
    if ((flags & RenameFlag.EXCHANGE) !== 0) {
      const other = this.#child(newParent, newName);
      this.#leave(parent, name, file);
      this.#leave(newParent, newName, other);
      this.#enter(parent, name, other);
      this.#enter(newParent, newName, file);
      return;
    }
    if (replaced?.nodeid === file.attributes.nodeid) return;
    if (replaced !== undefined) {
      const isDirectory = (this.#file(replaced.nodeid).attributes.mode & S_IFMT) === S_IFDIR;
      if (isDirectory) this.rmdir(caller, newParent, newName);
      else this.unlink(caller, newParent, newName);
    }
    this.#leave(parent, name, file);
    this.#enter(newParent, newName, file);
    file.attributes.ctime = now();
  }

  open(_caller: Caller, nodeid: Nodeid, flags: number): OpenedFile {
    const file = this.#file(nodeid);
    if ((flags & O_TRUNC) !== 0) {
      this.#resize(file, 0);
      this.#touch(file);
    }
    file.opens++;
    return { fh: ++this.#lastFh as Fh, isCoherent: true };
  }

  tmpfile(caller: Caller, _directory: Nodeid, mode: number, flags: number): CreatedFile {
    const { attributes } = this.#make(caller, S_IFREG | (mode & 0o7777), 0, 0);
    attributes.nlink = 0;
    return { ...this.open(caller, attributes.nodeid, flags), attributes, isNew: true };
  }

  create(
    caller: Caller,
    parent: Nodeid,
    name: Uint8Array,
    mode: number,
    flags: number,
  ): CreatedFile {
    const existing = this.#directory(parent).entries.get(keyOf(name));
    if (existing !== undefined && (flags & O_EXCL) !== 0) throw new ErrnoError('EEXIST');
    const { attributes } = existing
      ? this.#file(existing.nodeid)
      : this.#create(caller, parent, name, S_IFREG | (mode & 0o7777));
    return { ...this.open(caller, attributes.nodeid, flags), attributes, isNew: !existing };
  }

  read(_caller: Caller, nodeid: Nodeid, _fh: Fh, offset: number, into: Uint8Array): number {
    const { content, attributes } = this.#file(nodeid);
    const bytes = Math.max(0, Math.min(into.byteLength, attributes.sizeBytes - offset));
    into.set(content.subarray(offset, offset + bytes));
    return bytes;
  }

  write(nodeid: Nodeid, _fh: Fh, offset: number, data: Uint8Array, append: boolean): number {
    const file = this.#file(nodeid);
    const start = append ? file.attributes.sizeBytes : offset;
    const end = start + data.byteLength;
    if (end > 2 ** 32) throw new ErrnoError('EFBIG');
    if (end > file.attributes.sizeBytes) this.#resize(file, end);
    file.content.set(data, start);
    this.#touch(file);
    return data.byteLength;
  }

  fsync(): void {}

  release(nodeid: Nodeid, fh: Fh): void {
    this.locks?.release(nodeid, fh);
    const file = this.#file(nodeid);
    file.opens--;
    this.#drop(file);
  }

  opendir(_caller: Caller, nodeid: Nodeid): Fh {
    this.#directory(nodeid);
    return 0n as Fh;
  }

  releasedir(): void {}

  readdir(
    _caller: Caller,
    nodeid: Nodeid,
    cookie: number,
    withAttributes: boolean,
    _bytesHint: number,
    visit: DirectoryVisitor,
  ): boolean {
    const directory = this.#directory(nodeid);
    const dots: [string, Nodeid, number][] = [
      ['.', nodeid, 1],
      ['..', directory.parent, 2],
    ];
    for (const [text, target, own] of dots) {
      const entry = { nodeid: target, type: S_IFDIR, cookie: own, attributes: undefined };
      if (own > cookie && !visit({ name: Buffer.from(text), ...entry })) return false;
    }
    for (const entry of directory.entries.values()) {
      if (entry.cookie <= cookie) continue;
      const { attributes } = this.#file(entry.nodeid);
      const type = attributes.mode & S_IFMT;
      if (!visit({ ...entry, type, attributes: withAttributes ? attributes : undefined })) {
        return false;
      }
    }
    return true;
  }

  lseek(nodeid: Nodeid, _fh: Fh, offset: number, whence: number): number {
    const { sizeBytes } = this.#file(nodeid).attributes;
    if (offset >= sizeBytes) throw new ErrnoError('ENXIO');
    return whence === SEEK_DATA ? offset : sizeBytes;
  }

  fallocate(_caller: Caller, { nodeid, offset }: FilePlace, length: number, mode: number): void {
    const file = this.#file(nodeid);
    if ((mode & ~FALLOC_FL_KEEP_SIZE) !== 0) throw new ErrnoError('EOPNOTSUPP');
    if (mode === 0) this.#resize(file, Math.max(file.attributes.sizeBytes, offset + length));
  }

  copyFileRange(caller: Caller, source: FilePlace, target: FilePlace, length: number): number {
    const data = new Uint8Array(length);
    const bytes = this.read(caller, source.nodeid, source.fh, source.offset, data);
    return this.write(target.nodeid, target.fh, target.offset, data.subarray(0, bytes), false);
  }

  fsyncdir(): void {}

  access(_caller: Caller, nodeid: Nodeid): void {
    this.#file(nodeid);
  }

  statfs(): FileSystemStatistics {
    return {
      blockBytes: 4096,
      blocks: 1 << 20,
      blocksFree: 1 << 19,
      blocksAvailable: 1 << 19,
      files: 1 << 20,
      filesFree: (1 << 20) - this.#files.size,
      nameBytes: 255,
    };
  }

  registeredBuffer(bytes: number): Uint8Array {
    return new Uint8Array(bytes);
  }

  close(): void {}
}

/** What a file system in memory does beyond the ordinary. */
export type MemoryTrait = 'ordinary' | 'locking' | 'dying';

/** Ends its thread when it is asked for its statistics. */
class DyingFileSystem extends MemoryFileSystem {
  override statfs(): FileSystemStatistics {
    process.exit(3);
  }
}

/** @param data a {@link MemoryTrait} */
export const createFileSystem: CreateFileSystem = (data, { parked }) => {
  const make: Record<MemoryTrait, () => FileSystem> = {
    ordinary: () => new MemoryFileSystem(),
    locking: () => new MemoryFileSystem(new MemoryLocks(({ unique }) => parked.grant(unique))),
    dying: () => new DyingFileSystem(),
  };
  return make[data as MemoryTrait]();
};
