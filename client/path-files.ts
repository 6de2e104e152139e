import { constants } from 'node:fs';
import { hasStatus } from './dafs-error.ts';
import type { FileClient } from './file-client.ts';
import type { FileStatus, FileSystemStatus, StatusChanges, TimeChange } from './file-status.ts';
import { type NodeType, newMode } from './new-object.ts';
import {
  type NamedFile,
  type OpenDescription,
  requireFileSize,
  type Whence,
} from './open-description.ts';
import { PathAttributes } from './path-attributes.ts';
import { PathOpener } from './path-open.ts';
import {
  type Found,
  isDirectory,
  type LastStep,
  type Path,
  PathWalk,
  pathBytes,
  posixError,
} from './path-walk.ts';
import { type Permission, rightFor } from './permission.ts';
import { AccessRight, DafsStatus, type Filehandle, ObjectType } from './protocol/index.ts';

/** The longest target that a symbolic link can have, in bytes. */
const TARGET_BYTES = 4095;
/** How much of a directory readdir() asks for at a time. */
const PAGE_BYTES = 262_144;
const SUPERFLUOUS_NAMES = new Set(['.', '..']);
/** Descriptors begin where a process's do behind standard input, output and error. */
const FIRST_DESCRIPTOR = 3;

/** How to use a file system by paths. */
export interface PathFilesOptions {
  /** Who acts: a handle of Session.registerCredential(). The session's own when left out. */
  readonly credential?: number;
  /** Permission bits that new files do not get. 0o022 when left out. */
  readonly umask?: number;
}

/**
 * Files by path and descriptor, as POSIX programs know them. Errors are DafsError whose errno is
 * the one that a local directory gives. Paths without a slash in front are relative to the working
 * directory, which is the root until chdir().
 */
export class PathFiles {
  readonly files: FileClient;
  /** Extended attributes, by path or descriptor. */
  readonly attributes: PathAttributes;
  #credential: number;
  #umask: number;
  #workingDirectory: Filehandle;
  readonly #descriptors: (OpenDescription | undefined)[] = [];

  constructor(files: FileClient, options: PathFilesOptions = {}) {
    this.files = files;
    this.#credential = options.credential ?? 0;
    this.#umask = options.umask ?? 0o022;
    this.#workingDirectory = files.root;
    this.attributes = new PathAttributes(files, {
      handleOf: (operation, file, follows) =>
        typeof file === 'number'
          ? this.#description(file).file.handle
          : this.#existing(operation, file, follows).handle,
      credential: () => this.#credential,
    });
  }

  /** Sets the bits that new files do not get. @returns those before */
  umask(mask: number): number {
    const before = this.#umask;
    this.#umask = mask & 0o777;
    return before;
  }

  chdir(path: Path): void {
    const found = this.#existing('chdir', path);
    if (!isDirectory(found)) {
      throw posixError('chdir', 'ENOTDIR', 'not a directory');
    }
    const right = AccessRight.ACCESS_LOOKUP;
    if ((this.files.access(found.handle, right, this.#credential) & right) === 0) {
      throw posixError('chdir', 'EACCES', 'the directory may not be searched');
    }
    this.#workingDirectory = found.handle;
  }

  /** Does `body` with another credential. */
  actAs<Result>(credential: number, body: () => Result): Result {
    const before = this.#credential;
    this.#credential = credential;
    try {
      return body();
    } finally {
      this.#credential = before;
    }
  }

  /**
   * Opens a file with the flags of open(2) (node:fs constants).
   * @param directory a descriptor of the directory that a relative path begins in
   * @returns a descriptor
   */
  open(path: Path, flags: number, mode = 0o666, directory?: number): number {
    const walk = this.#walk('open');
    const start =
      directory === undefined ? this.#workingDirectory : this.#directoryHandle(directory);
    const opener = new PathOpener(this.files, walk, flags, this.#newMode(mode), this.#credential);
    try {
      return this.#enter(opener.open(walk.toLast(path, start)));
    } catch (error) {
      throw directory === undefined ? error : missingIfStale(error);
    }
  }

  close(descriptor: number): void {
    const description = this.#description(descriptor);
    this.#descriptors[descriptor - FIRST_DESCRIPTOR] = undefined;
    description.references -= 1;
    if (description.references === 0) {
      description.end();
    }
  }

  /** Closes every descriptor. */
  closeAll(): void {
    for (const [index, description] of this.#descriptors.entries()) {
      if (description !== undefined) {
        this.close(index + FIRST_DESCRIPTOR);
      }
    }
  }

  /** Another descriptor of the same open file: they share the offset. */
  duplicate(descriptor: number): number {
    const description = this.#description(descriptor);
    description.references += 1;
    return this.#enter(description);
  }

  /** Reads at `position`, or on from the last read. @returns the bytes read; 0 at the end */
  read(descriptor: number, into: Uint8Array, position?: number): number {
    return this.#description(descriptor).read(into, position);
  }

  /** Writes at `position`, or on from the last write. @returns the bytes written */
  write(descriptor: number, data: Uint8Array, position?: number): number {
    return this.#description(descriptor).write(data, position);
  }

  seek(descriptor: number, offset: number, whence: Whence): number {
    return this.#description(descriptor).seek(offset, whence);
  }

  fstat(descriptor: number): FileStatus {
    return this.#description(descriptor).status();
  }

  ftruncate(descriptor: number, sizeBytes: number): void {
    this.#description(descriptor).truncate(sizeBytes);
  }

  /** fallocate(2), with a `mode` of FallocateMode; needs the extension SPACE. */
  fallocate(descriptor: number, mode: number, offset: number, length: number): void {
    this.#description(descriptor).allocate(mode, offset, length);
  }

  /** Copies on the server (extension SPACE). @returns the bytes copied; 0 at the source's end */
  copyRange(source: number, from: number, target: number, to: number, length: number): number {
    return this.#description(target).copyFrom(this.#description(source), from, to, length);
  }

  /** Puts what was written to the file on stable storage. */
  fsync(descriptor: number): void {
    this.#description(descriptor).sync();
  }

  fchmod(descriptor: number, mode: number): void {
    this.#description(descriptor).change({ mode });
  }

  /** -1 leaves the owner or the group as it is. */
  fchown(descriptor: number, uid: number, gid: number): void {
    this.#description(descriptor).change(ownership(uid, gid));
  }

  futimes(descriptor: number, times: { accessTime?: TimeChange; modifyTime?: TimeChange }): void {
    this.#description(descriptor).change(times);
  }

  /** The next entries of an open directory, `.` and `..` among them; none at the end. */
  readEntries(descriptor: number, maximumBytes = PAGE_BYTES): NamedFile[] {
    return this.#description(descriptor).readEntries(maximumBytes);
  }

  stat(path: Path): FileStatus {
    return this.#existing('stat', path).status;
  }

  /** Of a symbolic link itself. */
  lstat(path: Path): FileStatus {
    return this.#existing('lstat', path, false).status;
  }

  statfs(path: Path): FileSystemStatus {
    return this.files.statfs(this.#existing('statfs', path).handle, this.#credential);
  }

  /** Whether the file exists and all of `permissions` are given. @throws DafsError EACCES, ENOENT */
  access(path: Path, ...permissions: readonly Permission[]): void {
    const found = this.#existing('access', path);
    const rights = permissions.reduce((sum, name) => sum | rightFor(name, found), 0);
    if ((this.files.access(found.handle, rights, this.#credential) & rights) !== rights) {
      throw posixError('access', 'EACCES', `no permission to ${permissions.join(' and ')}`);
    }
  }

  chmod(path: Path, mode: number): void {
    this.#change('chmod', path, { mode });
  }

  /** -1 leaves the owner or the group as it is. */
  chown(path: Path, uid: number, gid: number): void {
    this.#change('chown', path, ownership(uid, gid));
  }

  lchown(path: Path, uid: number, gid: number): void {
    this.#change('lchown', path, ownership(uid, gid), false);
  }

  utimes(path: Path, times: { accessTime?: TimeChange; modifyTime?: TimeChange }): void {
    this.#change('utimes', path, times);
  }

  lutimes(path: Path, times: { accessTime?: TimeChange; modifyTime?: TimeChange }): void {
    this.#change('lutimes', path, times, false);
  }

  truncate(path: Path, sizeBytes: number): void {
    if (sizeBytes < 0) {
      throw posixError('truncate', 'EINVAL', 'a negative size');
    }
    const found = this.#existing('truncate', path);
    if (found.status.type !== ObjectType.DAFS_TYPE_REG) {
      const errno = isDirectory(found) ? 'EISDIR' : 'EINVAL';
      throw posixError('truncate', errno, 'not a regular file');
    }
    requireFileSize('truncate', sizeBytes, this.files);
    this.files.setattr(found.handle, { sizeBytes }, undefined, this.#credential);
  }

  mkdir(path: Path, mode = 0o777): void {
    const step = this.#newName('mkdir', path, true);
    const bits = this.#newMode(mode & 0o1777);
    this.files.mkdir(step.directory, step.name, bits, this.#credential);
  }

  /** Makes a special file, or an empty regular one. */
  mknod(
    path: Path,
    type: NodeType | 'file',
    mode: number,
    device?: { readonly major: number; readonly minor: number },
  ): void {
    const { directory, name } = this.#newName('mknod', path, false);
    const bits = this.#newMode(mode);
    if (type !== 'file') {
      this.files.makeNode(directory, name, type, bits, device, this.#credential);
      return;
    }
    const creation = { mode: 'guarded', attributes: { mode: bits } } as const;
    const file = this.files.open(directory, name, 'read', creation, this.#credential);
    this.files.close(file, this.#credential);
  }

  symlink(content: Path, path: Path): void {
    const target = pathBytes(content);
    if (target.length === 0 || target.length > TARGET_BYTES) {
      const errno = target.length === 0 ? 'ENOENT' : 'ENAMETOOLONG';
      throw posixError('symlink', errno, `a target of ${target.length} bytes`);
    }
    const { directory, name } = this.#newName('symlink', path, false);
    this.files.symlink(directory, name, target, this.#credential);
  }

  readlink(path: Path): Uint8Array {
    const { handle, status } = this.#existing('readlink', path, false);
    if (status.type !== ObjectType.DAFS_TYPE_LNK) {
      throw posixError('readlink', 'EINVAL', 'not a symbolic link');
    }
    return this.files.readlink(handle, this.#credential);
  }

  /**
   * Gives `source` one more name.
   * @param follows whether a symbolic link stands for what it leads to, and not for itself
   */
  link(source: Path, target: Path, follows = false): void {
    const { handle, status } = this.#existing('link', source, follows);
    const { directory, name } = this.#newName('link', target, false);
    if (status.type === ObjectType.DAFS_TYPE_DIR) {
      throw posixError('link', 'EPERM', 'a directory has one name');
    }
    this.files.link(handle, directory, name, this.#credential);
  }

  /** Gives an open file one more name, or the first to one that was opened by O_TMPFILE. */
  linkOpen(descriptor: number, target: Path): void {
    const { directory, name } = this.#newName('link', target, false);
    const { file, mode } = this.#description(descriptor);
    if (!mode.mayBeLinked) {
      throw posixError('link', 'ENOENT', 'the file was opened never to get a name');
    }
    this.files.link(file.handle, directory, name, this.#credential);
  }

  unlink(path: Path): void {
    const walk = this.#walk('unlink');
    const step = walk.toLast(path, this.#workingDirectory);
    if (step.kind !== 'name') {
      throw posixError('unlink', 'EISDIR', 'a directory');
    }
    if (step.mustBeDirectory) {
      const found = walk.findNext({ ...step, mustBeDirectory: false }, false).found;
      const errno = found === undefined ? 'ENOENT' : isDirectory(found) ? 'EISDIR' : 'ENOTDIR';
      throw posixError('unlink', errno, 'the path ends in a slash');
    }
    this.files.unlink(step.directory, step.name, this.#credential);
  }

  rmdir(path: Path): void {
    const step = this.#walk('rmdir').toLast(path, this.#workingDirectory);
    if (step.kind !== 'name') {
      const errnos = { root: 'EBUSY', dot: 'EINVAL', dotdot: 'ENOTEMPTY' } as const;
      throw posixError('rmdir', errnos[step.kind], 'a directory that cannot be removed so');
    }
    this.files.rmdir(step.directory, step.name, this.#credential);
  }

  /** @param flags RenameFlag's; they need the extension NAMES of the session */
  rename(source: Path, target: Path, flags = 0): void {
    const walk = this.#walk('rename');
    const from = walk.toLast(source, this.#workingDirectory);
    const to = walk.toLast(target, this.#workingDirectory);
    if (from.kind !== 'name' || to.kind !== 'name') {
      throw posixError('rename', 'EBUSY', 'a directory that has no name there');
    }
    if (from.mustBeDirectory || to.mustBeDirectory) {
      const found = walk.findNext({ ...from, mustBeDirectory: false }, false).found;
      if (found !== undefined && !isDirectory(found)) {
        throw posixError('rename', 'ENOTDIR', 'a path ends in a slash, but not at a directory');
      }
    }
    const { files } = this;
    files.rename(from.directory, from.name, to.directory, to.name, this.#credential, flags);
  }

  /** The names in a directory, without `.` and `..`. */
  readdir(path: Path): NamedFile[] {
    const descriptor = this.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      const all: NamedFile[] = [];
      for (;;) {
        const some = this.readEntries(descriptor);
        if (some.length === 0) {
          return all.filter(({ name }) => !SUPERFLUOUS_NAMES.has(Buffer.from(name).toString()));
        }
        all.push(...some);
      }
    } finally {
      this.close(descriptor);
    }
  }

  #newMode = (mode: number) => newMode(this.files.session, mode, this.#umask);

  #walk(operation: string): PathWalk {
    return new PathWalk(this.files, operation, this.#credential);
  }

  #existing(operation: string, path: Path, follows = true): Found {
    return this.#walk(operation).existing(path, this.#workingDirectory, follows);
  }

  #change(operation: string, path: Path, changes: StatusChanges, follows = true): void {
    const { handle } = this.#existing(operation, path, follows);
    this.files.setattr(handle, changes, undefined, this.#credential);
  }

  /** Where a file is to be made. @throws DafsError EEXIST when something is there already */
  #newName(operation: string, path: Path, isDirectory: boolean): LastStep {
    const walk = this.#walk(operation);
    const step = walk.toLast(path, this.#workingDirectory);
    const plain = { ...step, mustBeDirectory: false };
    if (step.kind !== 'name' || walk.findNext(plain, false).found !== undefined) {
      throw posixError(operation, 'EEXIST', 'there is such a name already');
    }
    if (step.mustBeDirectory && !isDirectory) {
      throw posixError(operation, 'ENOENT', 'only directories can be made with a slash at the end');
    }
    return plain;
  }

  #directoryHandle(descriptor: number): Filehandle {
    const description = this.#description(descriptor);
    if (!description.isDirectory) {
      throw posixError('open', 'ENOTDIR', 'the descriptor is not one of a directory');
    }
    return description.file.handle;
  }

  #description(descriptor: number): OpenDescription {
    const description = this.#descriptors[descriptor - FIRST_DESCRIPTOR];
    if (description === undefined) {
      throw posixError('descriptor', 'EBADF', `${descriptor} is not open`);
    }
    return description;
  }

  #enter(description: OpenDescription): number {
    const free = this.#descriptors.indexOf(undefined);
    const index = free < 0 ? this.#descriptors.length : free;
    this.#descriptors[index] = description;
    return index + FIRST_DESCRIPTOR;
  }
}

function ownership(uid: number, gid: number): StatusChanges {
  return { uid: uid < 0 ? undefined : uid, gid: gid < 0 ? undefined : gid };
}

/** Nothing can be in a directory that was removed while a descriptor of it was open. */
function missingIfStale(error: unknown): unknown {
  return hasStatus(error, DafsStatus.DAFSERR_STALE)
    ? posixError('open', 'ENOENT', 'the directory was removed')
    : error;
}
