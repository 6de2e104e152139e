import { constants } from 'node:fs';
import type { FileClient } from './file-client.ts';
import type { NewMode } from './file-status.ts';
import { OpenDescription, type OpenMode } from './open-description.ts';
import type { OpenAccess } from './opening.ts';
import { type Found, isDirectory, type LastStep, type PathWalk, posixError } from './path-walk.ts';
import { AccessRight, ANONYMOUS_STATE_ID, ObjectType, StableHow } from './protocol/index.ts';

/** Linux's flag for opening a file for its status only; node:fs does not name it. */
const O_PATH = 0o10_000_000;
/** Linux's O_TMPFILE without the O_DIRECTORY that it includes. */
const O_TMPFILE = 0o20_000_000;

/** How often opening begins anew because another client changed the name meanwhile. */
const ATTEMPTS = 10;

const ACCESS_MODES: Readonly<Record<number, OpenAccess>> = {
  [constants.O_RDONLY]: 'read',
  [constants.O_WRONLY]: 'write',
  [constants.O_RDWR]: 'both',
  [constants.O_WRONLY | constants.O_APPEND]: 'append',
  [constants.O_RDWR | constants.O_APPEND]: 'read and append',
  [constants.O_RDONLY | constants.O_APPEND]: 'read',
};

/** Opens files by path, with the flags of open(2). */
export class PathOpener {
  readonly #files: FileClient;
  readonly #walk: PathWalk;
  readonly #credential: number;
  readonly #flags: number;
  readonly #access: OpenAccess;
  readonly #createMode: NewMode;

  /** @param createMode permission bits of a file that is made */
  constructor(
    files: FileClient,
    walk: PathWalk,
    flags: number,
    createMode: NewMode,
    credential: number,
  ) {
    this.#files = files;
    this.#walk = walk;
    this.#credential = credential;
    this.#flags = flags;
    this.#createMode = createMode;
    const access =
      ACCESS_MODES[flags & (constants.O_WRONLY | constants.O_RDWR | constants.O_APPEND)];
    const isUnnamedForReading = this.#has(O_TMPFILE) && access === 'read';
    if (access === undefined || isUnnamedForReading) {
      throw posixError('open', 'EINVAL', 'these flags make no sense together');
    }
    this.#access = access;
  }

  open(step: LastStep): OpenDescription {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return this.#tryOpen(step);
      } catch (error) {
        if (attempt === ATTEMPTS || !this.#wasOvertaken(error)) {
          throw error;
        }
      }
    }
  }

  /** Whether another client removed or made the file between looking it up and opening it. */
  #wasOvertaken(error: unknown): boolean {
    const { errno } = error as { errno?: string };
    const isExclusive = this.#has(constants.O_EXCL);
    return errno === 'ESTALE' || (errno === 'EEXIST' && !isExclusive);
  }

  #tryOpen(step: LastStep): OpenDescription {
    if (this.#has(O_TMPFILE)) {
      return this.#createUnnamed(step);
    }
    const creates = this.#has(constants.O_CREAT);
    if (creates && this.#has(constants.O_EXCL) && step.kind === 'name' && !step.mustBeDirectory) {
      return this.#create(step);
    }
    const follows = !this.#has(constants.O_NOFOLLOW) && !(creates && this.#has(constants.O_EXCL));
    const { found, step: last } = this.#walk.findNext(step, follows);
    if (creates && last.mustBeDirectory) {
      throw posixError('open', 'EISDIR', 'no regular file has a name that ends in a slash');
    }
    if (found === undefined) {
      if (!creates) {
        throw posixError('open', 'ENOENT', 'there is no such file');
      }
      return this.#create(last);
    }
    return this.#openFound(found, last);
  }

  /** Makes a regular file; one that appeared meanwhile makes this fail with EEXIST. */
  #create({ directory, name }: LastStep): OpenDescription {
    if (this.#has(constants.O_DIRECTORY)) {
      throw posixError('open', 'EINVAL', 'directories are made by mkdir');
    }
    const file = this.#files.open(
      directory,
      name,
      this.#access,
      { mode: 'guarded', attributes: { mode: this.#createMode } },
      this.#credential,
    );
    const status = this.#files.getattr(file.handle, this.#credential);
    return this.#description(file, true, { handle: file.handle, status });
  }

  /** Makes a file without a name in the file system of the directory that the path leads to. */
  #createUnnamed(step: LastStep): OpenDescription {
    const directory = this.#walk.find(step, true);
    if (directory === undefined || !isDirectory(directory)) {
      throw posixError('open', directory ? 'ENOTDIR' : 'ENOENT', 'there is no such directory');
    }
    const attributes = { mode: this.#createMode };
    const credential = this.#credential;
    const { handle } = directory;
    const file = this.#files.openUnlinked(handle, this.#access, attributes, credential);
    const status = this.#files.getattr(file.handle, credential);
    return this.#description(file, true, { handle: file.handle, status });
  }

  #openFound(found: Found, step: LastStep): OpenDescription {
    const { handle, status } = found;
    const closed = { handle, stateId: ANONYMOUS_STATE_ID };
    const wantsDirectory = this.#has(constants.O_DIRECTORY) || step.mustBeDirectory;
    if (wantsDirectory && !isDirectory(found)) {
      throw posixError('open', 'ENOTDIR', 'not a directory');
    }
    if (this.#has(O_PATH)) {
      return this.#description(closed, false, found);
    }
    if (isDirectory(found)) {
      this.#requireDirectoryAccess(found);
      return this.#description(closed, false, found);
    }
    if (status.type === ObjectType.DAFS_TYPE_LNK) {
      throw posixError('open', 'ELOOP', 'a symbolic link that is not to be followed');
    }
    if (status.type !== ObjectType.DAFS_TYPE_REG) {
      throw posixError('open', 'ENXIO', 'a special file has nothing behind it at the server');
    }
    return this.#openRegular(found);
  }

  #openRegular(found: Found): OpenDescription {
    const { handle } = found;
    const file = this.#files.openHandle(handle, this.#access, this.#credential);
    if (this.#has(constants.O_TRUNC)) {
      const right = this.#access === 'read' ? ANONYMOUS_STATE_ID : file.stateId;
      try {
        this.#files.setattr(handle, { sizeBytes: 0 }, right, this.#credential);
      } catch (error) {
        this.#files.close(file, this.#credential);
        throw error;
      }
    }
    return this.#description(file, true, found);
  }

  #requireDirectoryAccess({ handle }: Found): void {
    const changes = this.#has(constants.O_CREAT) || this.#has(constants.O_TRUNC);
    if (changes || this.#access !== 'read') {
      throw posixError('open', 'EISDIR', 'a directory is not opened for writing');
    }
    const right = AccessRight.ACCESS_READ;
    if ((this.#files.access(handle, right, this.#credential) & right) === 0) {
      throw posixError('open', 'EACCES', 'the directory may not be read');
    }
  }

  #description(file: OpenDescription['file'], isOpen: boolean, found: Found): OpenDescription {
    const isForStatus = this.#has(O_PATH);
    const mode: OpenMode = {
      reads: !isForStatus && this.#access !== 'write' && this.#access !== 'append',
      writes: !isForStatus && this.#access !== 'read',
      appends: this.#has(constants.O_APPEND),
      stability: this.#stability(),
      mayBeLinked: !(this.#has(O_TMPFILE) && this.#has(constants.O_EXCL)),
    };
    return new OpenDescription(this.#files, file, isOpen, found.status, mode, this.#credential);
  }

  #stability(): StableHow {
    if (this.#has(constants.O_SYNC)) {
      return StableHow.FILE_SYNC;
    }
    return this.#has(constants.O_DSYNC) ? StableHow.DATA_SYNC : StableHow.UNSTABLE;
  }

  #has(flag: number): boolean {
    return (this.#flags & flag) === flag;
  }
}
