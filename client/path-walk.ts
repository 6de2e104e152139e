import { DafsError } from './dafs-error.ts';
import type { FileClient } from './file-client.ts';
import type { FileStatus } from './file-status.ts';
import { AccessRight, type Filehandle, ObjectType } from './protocol/index.ts';

/** A path: text is UTF-8; bytes are taken as they are. */
export type Path = string | Uint8Array;

/** The longest path with its terminating zero byte, and the longest name, as on Linux. */
const PATH_BYTES = 4096;
const NAME_BYTES = 255;
const MAXIMUM_LINKS = 40;
const SLASH = 0x2f;
const DOT = 0x2e;

/** A file that a path leads to. */
export interface Found {
  readonly handle: Filehandle;
  readonly status: FileStatus;
}

/** Where the last name of a path is to be looked up. */
export interface LastStep {
  readonly directory: Filehandle;
  /** `name` is an ordinary one; the others lead to directories that have no name there. */
  readonly kind: 'name' | 'root' | 'dot' | 'dotdot';
  readonly name: Uint8Array;
  /** The path ends in a slash: its last name must be a directory. */
  readonly mustBeDirectory: boolean;
}

/** An error that POSIX asks for and the client finds by itself; its code is the errno's name. */
export function posixError(operation: string, errno: string, reason: string): DafsError {
  return new DafsError(operation, errno, errno, reason);
}

/** The bytes of a path or of what a symbolic link is to hold. */
export function pathBytes(path: Path): Uint8Array {
  return typeof path === 'string' ? new TextEncoder().encode(path) : path;
}

/**
 * One walk along a path, as POSIX resolves pathnames: links in the middle are followed, `..` leads
 * to the directory above the one that was reached, and the root is above itself.
 */
export class PathWalk {
  readonly #files: FileClient;
  readonly #operation: string;
  readonly #credential: number;
  #links = 0;

  constructor(files: FileClient, operation: string, credential: number) {
    this.#files = files;
    this.#operation = operation;
    this.#credential = credential;
  }

  /** Walks to the last name of `path`, without looking that up. `start` is where relative paths begin. */
  toLast(path: Path, start: Filehandle): LastStep {
    const bytes = pathBytes(path);
    if (bytes.length === 0) {
      throw this.#error('ENOENT', 'the path is empty');
    }
    if (bytes.length >= PATH_BYTES || bytes.includes(0)) {
      const isLong = bytes.length >= PATH_BYTES;
      throw this.#error(isLong ? 'ENAMETOOLONG' : 'EINVAL', 'no such path is possible');
    }
    const names = split(bytes);
    const directory = bytes[0] === SLASH ? this.#files.root : start;
    const name = names.pop();
    const mustBeDirectory = bytes.at(-1) === SLASH;
    if (name === undefined) {
      return { directory, kind: 'root', name: new Uint8Array(), mustBeDirectory };
    }
    return {
      directory: this.#enterAll(directory, names),
      kind: kindOf(name),
      name,
      mustBeDirectory,
    };
  }

  /**
   * What the last step leads to; undefined when there is no such name. Symbolic links are followed
   * if `follows` is set or the path ends in a slash.
   */
  find(step: LastStep, follows: boolean): Found | undefined {
    const { found, step: last } = this.findNext(step, follows);
    if (found !== undefined && last.mustBeDirectory && !isDirectory(found)) {
      throw this.#error('ENOTDIR', 'the path ends in a slash, but not at a directory');
    }
    return found;
  }

  /** The same, and the step that it took after following links: where a missing file would be. */
  findNext(step: LastStep, follows: boolean): { found: Found | undefined; step: LastStep } {
    let last = step;
    for (;;) {
      const found = this.#take(last);
      const isLink = found?.status.type === ObjectType.DAFS_TYPE_LNK;
      if (found === undefined || !isLink || !(follows || last.mustBeDirectory)) {
        return { found, step: last };
      }
      const target = this.#linkTarget(found.handle);
      const next = this.toLast(target, last.directory);
      last = { ...next, mustBeDirectory: next.mustBeDirectory || last.mustBeDirectory };
    }
  }

  /** What the path leads to. @throws DafsError ENOENT and all that resolving a path can meet */
  existing(path: Path, start: Filehandle, follows: boolean): Found {
    const found = this.find(this.toLast(path, start), follows);
    if (found === undefined) {
      throw this.#error('ENOENT', 'there is no such file');
    }
    return found;
  }

  #take(step: LastStep): Found | undefined {
    const { directory, kind, name } = step;
    if (kind === 'name') {
      return this.#lookUp(directory, name);
    }
    const handle = kind === 'root' ? this.#files.root : this.#enterDots(directory, kind);
    return { handle, status: this.#files.getattr(handle, this.#credential) };
  }

  #lookUp(directory: Filehandle, name: Uint8Array): Found | undefined {
    if (name.length > NAME_BYTES) {
      // Asked for all the same: whether the directory may be searched comes first.
      this.#requireSearch(directory);
      throw this.#error('ENAMETOOLONG', `a name of ${name.length} bytes`);
    }
    const handle = this.#files.find(directory, name, this.#credential);
    return handle && { handle, status: this.#files.getattr(handle, this.#credential) };
  }

  #enterAll(start: Filehandle, names: readonly Uint8Array[]): Filehandle {
    let directory = start;
    let searched: Filehandle | undefined;
    for (const name of names) {
      const kind = kindOf(name);
      if (kind === 'name') {
        directory = this.#enter(directory, name);
      } else if (kind === 'dotdot' || searched !== directory) {
        directory = this.#enterDots(directory, kind);
        searched = directory;
      }
    }
    return directory;
  }

  /** The directory `name` of `directory`, through symbolic links. */
  #enter(directory: Filehandle, name: Uint8Array): Filehandle {
    const step: LastStep = { directory, kind: 'name', name, mustBeDirectory: false };
    const { found } = this.findNext(step, true);
    if (found === undefined) {
      throw this.#error('ENOENT', 'a directory of the path is missing');
    }
    if (!isDirectory(found)) {
      throw this.#error('ENOTDIR', 'the path goes through a file');
    }
    return found.handle;
  }

  #enterDots(directory: Filehandle, kind: 'dot' | 'dotdot'): Filehandle {
    this.#requireSearch(directory);
    return kind === 'dot' ? directory : this.#files.lookupParent(directory, this.#credential);
  }

  #requireSearch(directory: Filehandle): void {
    const right = AccessRight.ACCESS_LOOKUP;
    if ((this.#files.access(directory, right, this.#credential) & right) === 0) {
      throw this.#error('EACCES', 'a directory of the path may not be searched');
    }
  }

  #linkTarget(handle: Filehandle): Uint8Array {
    this.#links += 1;
    if (this.#links > MAXIMUM_LINKS) {
      throw this.#error('ELOOP', `more than ${MAXIMUM_LINKS} symbolic links`);
    }
    return this.#files.readlink(handle, this.#credential);
  }

  #error(errno: string, reason: string): DafsError {
    return posixError(this.#operation, errno, reason);
  }
}

export function isDirectory({ status }: Found): boolean {
  return status.type === ObjectType.DAFS_TYPE_DIR;
}

function split(path: Uint8Array): Uint8Array[] {
  const names: Uint8Array[] = [];
  let start = 0;
  while (start < path.length) {
    const slash = path.indexOf(SLASH, start);
    const end = slash < 0 ? path.length : slash;
    if (end > start) {
      names.push(path.subarray(start, end));
    }
    start = end + 1;
  }
  return names;
}

function kindOf(name: Uint8Array): 'name' | 'dot' | 'dotdot' {
  if (name[0] !== DOT || name.length > 2) {
    return 'name';
  }
  if (name.length === 1) {
    return 'dot';
  }
  return name[1] === DOT ? 'dotdot' : 'name';
}
