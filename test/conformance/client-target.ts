/** The client library as a conformance target: every call goes to a server, without a mount. */
import {
  Extension,
  FileClient,
  PathFiles,
  Session,
  type SetOption,
  type Whence,
} from '../../client/index.ts';
import { C } from '../support/libc.ts';
import { kindOf, SECTOR_BYTES, statusOf, timesToSet } from './client-status.ts';
import type {
  Device,
  DirectoryEntry,
  FileKind,
  FileStatus,
  FileSystemStatistics,
  Identity,
  Mapping,
  Path,
  TimeToSet,
} from './target.ts';
import type { PendingCall, RemoteTarget } from './target-locks.ts';

const SLASH = 0x2f;
const WHENCES = new Map<number, Whence>([
  [C.SEEK_SET, 'start'],
  [C.SEEK_CUR, 'current'],
  [C.SEEK_END, 'end'],
  [C.SEEK_DATA, 'data'],
  [C.SEEK_HOLE, 'hole'],
]);
const SET_OPTIONS = new Map<number, SetOption>([
  [0, 'either'],
  [C.XATTR_CREATE, 'create'],
  [C.XATTR_REPLACE, 'replace'],
]);
const PERMISSIONS = [
  [4, 'read'],
  [2, 'write'],
  [1, 'execute'],
] as const;

/** The library gives a value as long as it is; a call with a buffer has room for so much. */
function fitting(value: Uint8Array, bytes: number): Uint8Array {
  if (value.length > bytes) {
    throw Object.assign(new Error('the buffer is too short'), { code: 'ERANGE' });
  }
  return value;
}

/** What the library has no call for. */
function unsupported(name: string): never {
  throw Object.assign(new Error(`the client library has no ${name}`), { code: 'EOPNOTSUPP' });
}

/** Calls the library, and turns its errors into those that cases expect. */
function translate<Result>(body: () => Result): Result {
  try {
    return body();
  } catch (error) {
    const { errno } = error as { errno?: string };
    throw errno === undefined ? error : Object.assign(error as Error, { code: errno });
  }
}

export class ClientTarget implements RemoteTarget {
  readonly paths: PathFiles;
  readonly #session: Session;
  readonly #address: string;
  readonly #credentials = new Map<string, number>();
  readonly #others: ClientTarget[] = [];
  #directory: readonly Path[] = [];

  /** @param socket path of the server's fabric socket */
  constructor(socket: string) {
    this.#address = socket;
    const extensions = [Extension.NAMES, Extension.SPACE, Extension.XATTR, Extension.CAPABILITIES];
    this.#session = Session.connect(socket, { extensions });
    this.paths = new PathFiles(new FileClient(this.#session));
  }

  open(path: Path, flags: number, mode?: number): number {
    return translate(() => this.paths.open(path, flags, mode));
  }

  openAt(directory: number, path: Path, flags: number, mode?: number): number {
    return translate(() => this.paths.open(path, flags, mode, directory));
  }

  close(fd: number): void {
    translate(() => this.paths.close(fd));
  }

  duplicate(fd: number): number {
    return translate(() => this.paths.duplicate(fd));
  }

  read(fd: number, bytes: number): Uint8Array {
    const into = new Uint8Array(bytes);
    return into.subarray(
      0,
      translate(() => this.paths.read(fd, into)),
    );
  }

  readAt(fd: number, bytes: number, offset: number | bigint): Uint8Array {
    const into = new Uint8Array(bytes);
    return into.subarray(
      0,
      translate(() => this.paths.read(fd, into, Number(offset))),
    );
  }

  write(fd: number, data: Uint8Array): number {
    return translate(() => this.paths.write(fd, data));
  }

  writeAt(fd: number, data: Uint8Array, offset: number | bigint): number {
    return translate(() => this.paths.write(fd, data, Number(offset)));
  }

  seek(fd: number, offset: number | bigint, whence: number): number {
    const from = WHENCES.get(whence) ?? unsupported(`seek from ${whence}`);
    return translate(() => this.paths.seek(fd, Number(offset), from));
  }

  truncate(path: Path, size: number | bigint): void {
    translate(() => this.paths.truncate(path, Number(size)));
  }

  truncateOpen(fd: number, size: number | bigint): void {
    translate(() => this.paths.ftruncate(fd, Number(size)));
  }

  allocate(fd: number, mode: number, offset: number, bytes: number): void {
    translate(() => this.paths.fallocate(fd, mode, offset, bytes));
  }

  copyRange(source: number, offset: number, target: number, to: number, bytes: number): number {
    return translate(() => this.paths.copyRange(source, offset, target, to, bytes));
  }

  sync(fd: number): void {
    translate(() => this.paths.fsync(fd));
  }

  syncData(fd: number): void {
    this.sync(fd);
  }

  syncFileSystem(): void {
    unsupported('syncfs');
  }

  poll(): number {
    return unsupported('poll');
  }

  map(): Mapping {
    return unsupported('mmap');
  }

  stat(path: Path): FileStatus {
    return statusOf(translate(() => this.paths.stat(path)));
  }

  statLink(path: Path): FileStatus {
    return statusOf(translate(() => this.paths.lstat(path)));
  }

  statOpen(fd: number): FileStatus {
    return statusOf(translate(() => this.paths.fstat(fd)));
  }

  statistics(path: Path): FileSystemStatistics {
    const found = translate(() => this.paths.statfs(path));
    const blocks = (bytes: number) => Math.floor(bytes / SECTOR_BYTES);
    return {
      blockSize: SECTOR_BYTES,
      blocks: blocks(found.totalBytes),
      freeBlocks: blocks(found.freeBytes),
      availableBlocks: blocks(found.availableBytes),
      files: found.totalFiles,
      freeFiles: found.freeFiles,
      maxNameBytes: found.maximumNameBytes,
    };
  }

  access(path: Path, mode: number): void {
    const wanted = PERMISSIONS.filter(([bit]) => (mode & bit) !== 0).map(([, name]) => name);
    translate(() => this.paths.access(path, ...wanted));
  }

  chmod(path: Path, mode: number): void {
    translate(() => this.paths.chmod(path, mode));
  }

  chmodOpen(fd: number, mode: number): void {
    translate(() => this.paths.fchmod(fd, mode));
  }

  chown(path: Path, uid: number, gid: number): void {
    translate(() => this.paths.chown(path, uid, gid));
  }

  chownLink(path: Path, uid: number, gid: number): void {
    translate(() => this.paths.lchown(path, uid, gid));
  }

  chownOpen(fd: number, uid: number, gid: number): void {
    translate(() => this.paths.fchown(fd, uid, gid));
  }

  setTimes(path: Path, atime: TimeToSet, mtime: TimeToSet): void {
    translate(() => this.paths.utimes(path, timesToSet(atime, mtime)));
  }

  setTimesLink(path: Path, atime: TimeToSet, mtime: TimeToSet): void {
    translate(() => this.paths.lutimes(path, timesToSet(atime, mtime)));
  }

  setTimesOpen(fd: number, atime: TimeToSet, mtime: TimeToSet): void {
    translate(() => this.paths.futimes(fd, timesToSet(atime, mtime)));
  }

  mkdir(path: Path, mode?: number): void {
    translate(() => this.paths.mkdir(path, mode));
  }

  rmdir(path: Path): void {
    translate(() => this.paths.rmdir(path));
  }

  unlink(path: Path): void {
    translate(() => this.paths.unlink(path));
  }

  link(source: Path, target: Path): void {
    translate(() => this.paths.link(source, target));
  }

  linkFollowing(source: Path, target: Path): void {
    translate(() => this.paths.link(source, target, true));
  }

  linkOpen(fd: number, target: Path): void {
    translate(() => this.paths.linkOpen(fd, target));
  }

  symlink(content: Path, path: Path): void {
    translate(() => this.paths.symlink(content, path));
  }

  readlink(path: Path, bytes?: number): Uint8Array {
    return translate(() => this.paths.readlink(path)).subarray(0, bytes);
  }

  rename(source: Path, target: Path): void {
    translate(() => this.paths.rename(source, target));
  }

  renameWith(source: Path, target: Path, flags: number): void {
    translate(() => this.paths.rename(source, target, flags));
  }

  makeNode(path: Path, kind: FileKind, mode: number, device?: Device): void {
    if (kind === 'directory' || kind === 'symlink') {
      throw new TypeError(`mknod makes no ${kind}`);
    }
    translate(() => this.paths.mknod(path, kind, mode, device));
  }

  getXattr(file: Path | number, name: Path, bytes = 65_536, follows = true): Uint8Array {
    const value = translate(() => this.paths.attributes.get(file, name, follows));
    return fitting(value, bytes);
  }

  xattrBytes(path: Path, name: Path): number {
    return this.getXattr(path, name).length;
  }

  setXattr(file: Path | number, name: Path, value: Uint8Array, flags = 0, follows = true): void {
    const option = SET_OPTIONS.get(flags) ?? unsupported(`setxattr with flags ${flags}`);
    translate(() => this.paths.attributes.set(file, name, value, option, follows));
  }

  listXattr(file: Path | number, bytes = 65_536, follows = true): Uint8Array {
    const names = translate(() => this.paths.attributes.list(file, follows));
    return fitting(Buffer.concat(names.flatMap((name) => [name, Uint8Array.of(0)])), bytes);
  }

  removeXattr(file: Path | number, name: Path, follows = true): void {
    translate(() => this.paths.attributes.remove(file, name, follows));
  }

  getInodeFlags(path: Path): number {
    return translate(() => this.paths.attributes.flags(path));
  }

  setInodeFlags(path: Path, flags: number): void {
    translate(() => this.paths.attributes.setFlags(path, flags));
  }

  readEntries(fd: number, bytes?: number): DirectoryEntry[] {
    return translate(() => this.paths.readEntries(fd, bytes)).map((entry) => ({
      name: entry.name,
      kind: kindOf(entry.type) ?? 'unknown',
      ino: BigInt(entry.fileId),
      cookie: BigInt(entry.cookie),
    }));
  }

  umask(mask: number): number {
    return this.paths.umask(mask);
  }

  chdir(path: Path): void {
    translate(() => this.paths.chdir(path));
    const isAbsolute = Buffer.from(path)[0] === SLASH;
    this.#directory = isAbsolute ? [path] : [...this.#directory, path];
  }

  as<Result>({ uid, gid, groups, capabilities }: Identity, body: () => Result): Result {
    const key = `${uid}:${gid}:${capabilities}:${groups}`;
    let credential = this.#credentials.get(key);
    if (credential === undefined) {
      credential = this.#session.registerCredential(uid, gid, groups, capabilities);
      this.#credentials.set(key, credential);
    }
    return this.paths.actAs(credential, body);
  }

  execute(): number {
    return unsupported('exec');
  }

  setLock(): void {
    unsupported('lock of a process');
  }

  waitForLock(): void {
    unsupported('lock of a process');
  }

  testLock(): undefined {
    unsupported('lock of a process');
  }

  flock(): void {
    unsupported('flock');
  }

  setFlags(): void {
    unsupported('change of flags');
  }

  processId(): number {
    return process.pid;
  }

  catchSignal(): void {
    unsupported('signal');
  }

  begin(): PendingCall {
    return unsupported('process of its own');
  }

  signal(): void {
    unsupported('process of its own');
  }

  /** Another client: what a process of its own would be to the server. */
  otherProcess(): RemoteTarget {
    const other = new ClientTarget(this.#address);
    for (const step of this.#directory) {
      other.chdir(step);
    }
    this.#others.push(other);
    return other;
  }

  /** Closes what a case left open, so that the next one finds the session as it was. */
  release(): void {
    this.paths.closeAll();
    for (const other of this.#others.splice(0)) {
      other.paths.closeAll();
      other.end();
    }
  }

  end(): void {
    this.#session.close();
  }
}
