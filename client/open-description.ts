import { DafsError, hasStatus } from './dafs-error.ts';
import type { DirectoryPage } from './directory-reader.ts';
import type { FileClient } from './file-client.ts';
import type { FileStatus, StatusChanges } from './file-status.ts';
import type { OpenFile } from './opening.ts';
import { posixError } from './path-walk.ts';
import { Content, DafsStatus, ObjectType, StableHow, type Verifier } from './protocol/index.ts';
import type { AppendResult, WriteResult } from './transfer-requests.ts';

/** Where seek() counts from, or what it looks for (extension SPACE). */
export type Whence = 'start' | 'current' | 'end' | 'data' | 'hole';

/** A name in a directory, `.` and `..` among them. */
export interface NamedFile {
  readonly name: Uint8Array;
  readonly fileId: number;
  readonly type: ObjectType;
  /** Where seek() goes on behind this entry. */
  readonly cookie: number;
}

/** How a file was opened. */
export interface OpenMode {
  readonly reads: boolean;
  readonly writes: boolean;
  readonly appends: boolean;
  readonly stability: StableHow;
  /** Whether the file may get names by this descriptor: not with O_TMPFILE and O_EXCL. */
  readonly mayBeLinked: boolean;
}

/** The client's own cookies for the two entries that servers do not tell (6.5.29). */
const DOT_COOKIE = 1;
const DOTDOT_COOKIE = 2;
/** A page smaller than this might not hold an entry of the longest name. */
const LEAST_PAGE_BYTES = 1024;

/**
 * What descriptors stand for: a file that is open, with its offset. Files that cannot be opened at
 * the server (directories, and whatever is opened for its status only) have `isOpen` false.
 */
export class OpenDescription {
  readonly file: OpenFile;
  readonly mode: OpenMode;
  readonly credential: number;
  /** How many descriptors share it. */
  references = 1;
  readonly #files: FileClient;
  readonly #isOpen: boolean;
  #status: FileStatus;
  #offset = 0;
  /** Of unstable data that was written and not committed yet. */
  #verifier: Verifier | undefined;
  /** Goes with the cookies of the directory, once a page has told it. */
  #directoryVerifier: Verifier | undefined;

  constructor(
    files: FileClient,
    file: OpenFile,
    isOpen: boolean,
    status: FileStatus,
    mode: OpenMode,
    credential: number,
  ) {
    this.#files = files;
    this.file = file;
    this.#isOpen = isOpen;
    this.#status = status;
    this.mode = mode;
    this.credential = credential;
  }

  get isDirectory(): boolean {
    return this.#status.type === ObjectType.DAFS_TYPE_DIR;
  }

  /** Reads at `position`, or at the offset, which then moves. @returns the bytes read */
  read(into: Uint8Array, position?: number): number {
    this.#requireData('read', this.mode.reads);
    const bytes = this.#files.read(
      this.file,
      requirePosition('read', position ?? this.#offset),
      into,
      this.credential,
    );
    if (position === undefined) {
      this.#offset += bytes;
    }
    return bytes;
  }

  /**
   * Writes at `position`, or at the offset, which then moves; a file opened for appending at its
   * end, wherever others have moved that to.
   * @returns the bytes written
   */
  write(data: Uint8Array, position?: number): number {
    this.#requireData('write', this.mode.writes);
    const offset = requirePosition('write', position ?? this.#offset);
    if (data.length === 0) {
      return 0;
    }
    const { bytes, endOffset } = this.mode.appends
      ? this.#append(data)
      : this.#writeAt(offset, data);
    if (position === undefined) {
      this.#offset = endOffset;
    }
    return bytes;
  }

  /** Moves the offset; in a directory, to the cookie of an entry. @returns the new offset */
  seek(offset: number, whence: Whence): number {
    const bases: Readonly<Record<Whence, () => number>> = {
      start: () => 0,
      current: () => this.#offset,
      end: () => this.status().sizeBytes,
      data: () => this.#next(Content.DATA, offset) - offset,
      hole: () => this.#next(Content.HOLE, offset) - offset,
    };
    const target = bases[whence]() + offset;
    this.#offset = requirePosition('seek', target);
    return target;
  }

  /** The status now; of a directory that was removed meanwhile, the last one with no links. */
  status(): FileStatus {
    try {
      this.#status = this.#files.getattr(this.file.handle, this.credential);
    } catch (error) {
      if (!this.#isRemovedDirectory(error)) {
        throw error;
      }
      this.#status = { ...this.#status, links: 0 };
    }
    return this.#status;
  }

  change(changes: StatusChanges): void {
    this.#files.setattr(this.file.handle, changes, this.file.stateId, this.credential);
  }

  truncate(sizeBytes: number): void {
    if (!this.mode.writes || sizeBytes < 0) {
      throw posixError('ftruncate', 'EINVAL', 'not open for writing, or a negative size');
    }
    requireFileSize('ftruncate', sizeBytes, this.#files);
    this.change({ sizeBytes });
  }

  /**
   * Puts everything written to the file on stable storage.
   * @throws DafsError EIO, WRITE_VERIFIER_CHANGED when the server restarted and may have lost a part
   */
  sync(): void {
    const verifier = this.#files.commit(this.file.handle, 0, 0, this.credential);
    const written = this.#verifier;
    this.#verifier = undefined;
    if (written !== undefined && written !== verifier) {
      const reason = 'the server restarted and may have lost what was written';
      throw DafsError.local('fsync', 'WRITE_VERIFIER_CHANGED', 'EIO', reason);
    }
  }

  /** The next entries of a directory, about `maximumBytes` of them; none at the end. */
  readEntries(maximumBytes: number): NamedFile[] {
    if (!this.isDirectory) {
      throw posixError('readdir', 'ENOTDIR', 'not a directory');
    }
    try {
      return [...this.#dots(), ...this.#page(maximumBytes)];
    } catch (error) {
      if (this.#isRemovedDirectory(error)) {
        throw posixError('readdir', 'ENOENT', 'the directory was removed');
      }
      throw error;
    }
  }

  /** Ends the open at the server. */
  end(): void {
    if (this.#isOpen) {
      this.#files.close(this.file, this.credential);
    }
  }

  #writeAt(offset: number, data: Uint8Array): AppendResult {
    requireFileSize('write', offset + data.length, this.#files);
    const { stability } = this.mode;
    const result = this.#files.write(this.file, offset, data, stability, this.credential);
    this.#noteUnstable(result);
    return { ...result, endOffset: offset + result.bytes };
  }

  #append(data: Uint8Array): AppendResult {
    const { appends } = this.#files;
    const result = appends.append(this.file, data, this.mode.stability, this.credential);
    this.#noteUnstable(result);
    return result;
  }

  #noteUnstable({ committed, verifier }: WriteResult): void {
    if (committed === StableHow.UNSTABLE) {
      this.#verifier ??= verifier;
    }
  }

  /** What is left of the two entries that servers do not tell. */
  #dots(): NamedFile[] {
    if (this.#offset >= DOTDOT_COOKIE) {
      return [];
    }
    const type = ObjectType.DAFS_TYPE_DIR;
    const own = this.#files.getattr(this.file.handle, this.credential).fileId;
    const dots = [
      { name: Uint8Array.of(0x2e), fileId: own, type, cookie: DOT_COOKIE },
      {
        name: Uint8Array.of(0x2e, 0x2e),
        fileId: this.#parentId() ?? own,
        type,
        cookie: DOTDOT_COOKIE,
      },
    ].slice(this.#offset);
    this.#offset = DOTDOT_COOKIE;
    return dots;
  }

  /** The file id of the directory above; undefined when this one may be read but not left. */
  #parentId(): number | undefined {
    try {
      const parent = this.#files.lookupParent(this.file.handle, this.credential);
      return this.#files.getattr(parent, this.credential).fileId;
    } catch (error) {
      if (hasStatus(error, DafsStatus.DAFSERR_ACCES)) {
        return undefined;
      }
      throw error;
    }
  }

  #page(maximumBytes: number): NamedFile[] {
    const isBeginning = this.#offset <= DOTDOT_COOKIE;
    if (!isBeginning && this.#directoryVerifier === undefined) {
      // Somebody else's cookie: the verifier that goes with it comes with any page.
      this.#pageFrom(0, LEAST_PAGE_BYTES);
    }
    const page = this.#pageFrom(isBeginning ? 0 : this.#offset, maximumBytes);
    this.#offset = page.entries.at(-1)?.cookie ?? this.#offset;
    return [...page.entries];
  }

  #pageFrom(cookie: number, maximumBytes: number): DirectoryPage {
    const verifier = (cookie > 0 && this.#directoryVerifier) || (0n as Verifier);
    const position = { cookie, verifier, withStatus: false };
    const bytes = Math.max(maximumBytes, LEAST_PAGE_BYTES);
    const page = this.#files.readdir(this.file.handle, position, bytes, this.credential);
    this.#directoryVerifier = page.verifier;
    return page;
  }

  /** fallocate(2). */
  allocate(mode: number, offset: number, length: number): void {
    this.#requireData('fallocate', this.mode.writes);
    if (offset < 0 || length <= 0) {
      throw posixError('fallocate', 'EINVAL', 'no range');
    }
    requireFileSize('fallocate', offset + length, this.#files);
    this.#files.space.allocate({ file: this.file, offset }, length, mode, this.credential);
  }

  /** copy_file_range(2). @returns the bytes copied */
  copyFrom(source: OpenDescription, from: number, to: number, length: number): number {
    source.#requireData('copy_file_range', source.mode.reads);
    this.#requireData('copy_file_range', this.mode.writes && !this.mode.appends);
    const places = [
      { file: source.file, offset: requirePosition('copy_file_range', from) },
      { file: this.file, offset: requirePosition('copy_file_range', to) },
    ] as const;
    return this.#files.space.copy(...places, length, this.credential);
  }

  #next(content: Content, offset: number): number {
    if (offset < 0) {
      throw posixError('seek', 'ENXIO', 'there is nothing before the beginning');
    }
    return this.#files.space.seek({ file: this.file, offset }, content, this.credential);
  }

  #requireData(operation: string, isAllowed: boolean): void {
    if (this.isDirectory && this.mode.reads) {
      throw posixError(operation, 'EISDIR', 'a directory holds no data');
    }
    if (!isAllowed) {
      throw posixError(operation, 'EBADF', 'the descriptor was not opened for this');
    }
  }

  #isRemovedDirectory(error: unknown): boolean {
    return this.isDirectory && hasStatus(error, DafsStatus.DAFSERR_STALE);
  }
}

/** @throws DafsError EFBIG when no file can be that large */
export function requireFileSize(operation: string, sizeBytes: number, files: FileClient): void {
  if (sizeBytes > files.fileSystem.maximumFileBytes) {
    throw posixError(operation, 'EFBIG', 'no file can be that large');
  }
}

function requirePosition(operation: string, position: number): number {
  if (!(position >= 0)) {
    throw posixError(operation, 'EINVAL', 'a negative offset');
  }
  return position;
}
