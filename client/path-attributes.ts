import type { ExtendedAttributes, SetOption } from './extended-attributes.ts';
import type { FileClient } from './file-client.ts';
import { type Path, pathBytes, posixError } from './path-walk.ts';
import type { Filehandle } from './protocol/index.ts';

/** Longest name of an extended attribute, in bytes. */
const MAXIMUM_NAME_BYTES = 255;

/** A file by its path, or by a descriptor. */
export type PathOrDescriptor = Path | number;

/** How PathFiles tells which file is meant, and who acts. */
export interface AttributeContext {
  /** The file at a path or behind a descriptor. @throws DafsError ENOENT, EBADF, … */
  handleOf(operation: string, file: PathOrDescriptor, follows: boolean): Filehandle;
  credential(): number;
}

/**
 * Extended attributes as POSIX programs know them (xattr(7)), and chattr(1)'s, by path or descriptor. `follows` says
 * whether a symbolic link at the end of a path stands for what it leads to.
 */
export class PathAttributes {
  readonly #files: FileClient;
  readonly #attributes: ExtendedAttributes;
  readonly #context: AttributeContext;

  constructor(files: FileClient, context: AttributeContext) {
    this.#files = files;
    this.#attributes = files.extendedAttributes;
    this.#context = context;
  }

  /** @throws DafsError ENODATA, EACCES, EOPNOTSUPP, ERANGE, … */
  get(file: PathOrDescriptor, name: Path, follows = true): Uint8Array {
    const bytes = nameBytes('getxattr', name);
    const handle = this.#context.handleOf('getxattr', file, follows);
    return this.#attributes.get(handle, bytes, this.#context.credential());
  }

  /** @throws DafsError EEXIST, ENODATA, E2BIG, EACCES, EPERM, ENOSPC, EOPNOTSUPP, ERANGE, … */
  set(
    file: PathOrDescriptor,
    name: Path,
    value: Uint8Array,
    option: SetOption = 'either',
    follows = true,
  ): void {
    const bytes = nameBytes('setxattr', name);
    const handle = this.#context.handleOf('setxattr', file, follows);
    this.#attributes.set(handle, bytes, value, option, this.#context.credential());
  }

  list(file: PathOrDescriptor, follows = true): Uint8Array[] {
    const handle = this.#context.handleOf('listxattr', file, follows);
    return this.#attributes.list(handle, this.#context.credential());
  }

  /** @throws DafsError ENODATA, EACCES, EPERM, EOPNOTSUPP, ERANGE, … */
  remove(file: PathOrDescriptor, name: Path, follows = true): void {
    const bytes = nameBytes('removexattr', name);
    const handle = this.#context.handleOf('removexattr', file, follows);
    this.#attributes.remove(handle, bytes, this.#context.credential());
  }

  /** What chattr(1) set of a file, in the numbers of FS_IOC_GETFLAGS. */
  flags(file: PathOrDescriptor): number {
    const handle = this.#context.handleOf('getflags', file, true);
    return this.#files.getattr(handle, this.#context.credential()).flags;
  }

  /** Sets all of these flags and takes all others off. @throws DafsError EPERM, EOPNOTSUPP, … */
  setFlags(file: PathOrDescriptor, flags: number): void {
    const handle = this.#context.handleOf('setflags', file, true);
    this.#files.setattr(handle, { flags }, undefined, this.#context.credential());
  }
}

function nameBytes(operation: string, name: Path): Uint8Array {
  const bytes = pathBytes(name);
  if (bytes.length === 0 || bytes.length > MAXIMUM_NAME_BYTES) {
    throw posixError(operation, 'ERANGE', `a name of ${bytes.length} bytes`);
  }
  return bytes;
}
