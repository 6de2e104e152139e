/**
 * The FileSystem that a server's files make: each call is one or a few DAFS requests.
 */

import { constants } from 'node:fs';
import { DafsError } from '../client/dafs-error.ts';
import { FileClient } from '../client/file-client.ts';
import type { Creation, OpenFile } from '../client/opening.ts';
import { Extension, type Filehandle, StableHow } from '../client/protocol/index.ts';
import type { RegisteredBuffer } from '../client/registration.ts';
import { Session } from '../client/session.ts';
import type { ClientIdentity } from '../client/session-options.ts';
import { CallerCredentials } from './caller-credentials.ts';
import { DirectoryListing } from './directory-listing.ts';
import { ErrnoError, type ErrnoName } from './errno.ts';
import { attributesOf, nodeTypeOf, statisticsOf, statusChangesOf } from './file-attributes.ts';
import {
  type AttributeChanges,
  type Attributes,
  type Caller,
  type CreatedFile,
  type DirectoryVisitor,
  type Fh,
  type FileSystemStatistics,
  type Nodeid,
  type OpenedFile,
  type PathFileSystem,
  ROOT_NODEID,
} from './file-system.ts';
import { FilehandleMaker, fhOf, nodeidOf, stateIdOf } from './filehandles.ts';
import { creationOf, openAccess, rightsOf } from './open-flags.ts';
import { posix } from './posix-errors.ts';

export interface FileSystemOptions {
  /** The client that the session belongs to; sessions of one mount share it. Fresh when left out. */
  identity?: ClientIdentity;
  /** Whether other clients may change the files, so that the kernel's idea of a size may be old. */
  isShared: boolean;
}

/**
 * Connects to a running server.
 *
 * @throws DafsError when it cannot be reached or refuses.
 */
export function connectFileSystem(serverName: string, options: FileSystemOptions): PathFileSystem {
  const { identity } = options;
  const session = Session.connect(serverName, { extensions, ...(identity && { identity }) });
  try {
    return new ClientFileSystem(session, options.isShared);
  } catch (error) {
    session.close();
    throw error;
  }
}

/** What goes beyond the draft and is of use to a mount. */
const extensions = [Extension.NAMES];

const PERMISSION_BITS = 0o7777;

class ClientFileSystem implements PathFileSystem {
  readonly #session: Session;
  readonly #client: FileClient;
  readonly #directories: DirectoryListing;
  readonly #isShared: boolean;
  readonly #credentials: CallerCredentials;
  readonly #handles: FilehandleMaker;
  /** For the second file of a request that names two. */
  readonly #otherHandles: FilehandleMaker;
  readonly #registered = new Map<ArrayBufferLike, RegisteredBuffer>();

  constructor(session: Session, isShared: boolean) {
    this.#session = session;
    this.#isShared = isShared;
    this.#client = new FileClient(session);
    this.#directories = new DirectoryListing(this.#client);
    this.#credentials = new CallerCredentials(session);
    this.#handles = new FilehandleMaker(this.#client.fileSystem.fileSystemHandle);
    this.#otherHandles = new FilehandleMaker(this.#client.fileSystem.fileSystemHandle);
  }

  lookup(caller: Caller, parent: Nodeid, name: Uint8Array): Attributes {
    return posix(() => {
      const credential = this.#credentials.of(caller);
      const handle = this.#client.lookup(this.#handles.of(parent), name, credential);
      return this.#status(handle, credential, 'ENOENT');
    });
  }

  resolve(caller: Caller, parent: Nodeid, name: Uint8Array): Nodeid {
    return posix(() => {
      const credential = this.#credentials.of(caller);
      return nodeidOf(this.#client.lookup(this.#handles.of(parent), name, credential));
    });
  }

  getattr(caller: Caller, nodeid: Nodeid): Attributes {
    return posix(() => this.#status(this.#handles.of(nodeid), this.#credentials.of(caller)));
  }

  setattr(
    caller: Caller,
    nodeid: Nodeid,
    changes: AttributeChanges,
    fh: Fh | undefined,
  ): Attributes {
    return posix(() => {
      const credential = this.#credentials.of(caller);
      if (changes.sizeBytes !== undefined) this.#assertSize(changes.sizeBytes);
      const handle = this.#handles.of(nodeid);
      const stateId = fh === undefined ? undefined : stateIdOf(fh);
      this.#client.setattr(handle, statusChangesOf(changes), stateId, credential);
      return this.#status(handle, credential);
    });
  }

  readlink(caller: Caller, nodeid: Nodeid): Uint8Array {
    return posix(() =>
      this.#client.readlink(this.#handles.of(nodeid), this.#credentials.of(caller)),
    );
  }

  mknod(
    caller: Caller,
    parent: Nodeid,
    name: Uint8Array,
    mode: number,
    rdevMajor: number,
    rdevMinor: number,
  ): Attributes {
    return posix(() => {
      const credential = this.#credentials.of(caller);
      const directory = this.#handles.of(parent);
      const permissions = mode & PERMISSION_BITS;
      const type = nodeTypeOf(mode);
      if (type === undefined) return this.#makeFile(directory, name, permissions, credential);
      const device = { major: rdevMajor, minor: rdevMinor };
      const client = this.#client;
      const handle = client.makeNode(directory, name, type, permissions, device, credential);
      return this.#status(handle, credential);
    });
  }

  mkdir(caller: Caller, parent: Nodeid, name: Uint8Array, mode: number): Attributes {
    return posix(() => {
      const credential = this.#credentials.of(caller);
      const permissions = mode & PERMISSION_BITS;
      const directory = this.#handles.of(parent);
      return this.#status(this.#client.mkdir(directory, name, permissions, credential), credential);
    });
  }

  symlink(caller: Caller, parent: Nodeid, name: Uint8Array, target: Uint8Array): Attributes {
    return posix(() => {
      const credential = this.#credentials.of(caller);
      const directory = this.#handles.of(parent);
      return this.#status(this.#client.symlink(directory, name, target, credential), credential);
    });
  }

  link(caller: Caller, nodeid: Nodeid, newParent: Nodeid, newName: Uint8Array): Attributes {
    return posix(() => {
      const credential = this.#credentials.of(caller);
      const handle = this.#handles.of(nodeid);
      this.#client.link(handle, this.#otherHandles.of(newParent), newName, credential);
      return this.#status(handle, credential);
    });
  }

  unlink(caller: Caller, parent: Nodeid, name: Uint8Array): void {
    posix(() => this.#client.unlink(this.#handles.of(parent), name, this.#credentials.of(caller)));
  }

  rmdir(caller: Caller, parent: Nodeid, name: Uint8Array): void {
    posix(() => this.#client.rmdir(this.#handles.of(parent), name, this.#credentials.of(caller)));
  }

  rename(
    caller: Caller,
    parent: Nodeid,
    name: Uint8Array,
    newParent: Nodeid,
    newName: Uint8Array,
    flags: number,
  ): void {
    posix(() => {
      const source = this.#handles.of(parent);
      const target = this.#otherHandles.of(newParent);
      this.#client.rename(source, name, target, newName, this.#credentials.of(caller), flags);
    });
  }

  open(caller: Caller, nodeid: Nodeid, flags: number): OpenedFile {
    return posix(() => {
      const credential = this.#credentials.of(caller);
      const handle = this.#handles.of(nodeid);
      const access = openAccess(flags);
      const file = this.#client.openHandle(handle, access, credential);
      if ((flags & constants.O_TRUNC) !== 0) {
        // An open for reading carries no right to change the size: then the file's mode must.
        const stateId = access === 'read' ? undefined : file.stateId;
        try {
          this.#client.setattr(handle, { sizeBytes: 0 }, stateId, credential);
        } catch (error) {
          this.#client.close(file, credential);
          throw error;
        }
      }
      return openedFile(file);
    });
  }

  create(
    caller: Caller,
    parent: Nodeid,
    name: Uint8Array,
    mode: number,
    flags: number,
  ): CreatedFile {
    return posix(() => {
      const credential = this.#credentials.of(caller);
      const access = openAccess(flags);
      const creation = creationOf(mode & PERMISSION_BITS, flags);
      const directory = this.#handles.of(parent);
      const file = this.#client.open(directory, name, access, creation, credential);
      return { ...openedFile(file), attributes: this.#status(file.handle, credential) };
    });
  }

  tmpfile(caller: Caller, directory: Nodeid, mode: number, flags: number): CreatedFile {
    return posix(() => {
      const credential = this.#credentials.of(caller);
      const handle = this.#handles.of(directory);
      const attributes = { mode: mode & PERMISSION_BITS };
      const file = this.#client.openUnlinked(handle, openAccess(flags), attributes, credential);
      return { ...openedFile(file), attributes: this.#status(file.handle, credential) };
    });
  }

  read(nodeid: Nodeid, fh: Fh, offset: number, into: Uint8Array): number {
    const file = { handle: this.#handles.of(nodeid), stateId: stateIdOf(fh) };
    const registered = this.#registered.get(into.buffer);
    return posix(() =>
      registered
        ? this.#client.readRegistered(file, offset, registered, into.byteOffset, into.length)
        : this.#client.read(file, offset, into),
    );
  }

  write(nodeid: Nodeid, fh: Fh, offset: number, data: Uint8Array, append: boolean): number {
    const file = { handle: this.#handles.of(nodeid), stateId: stateIdOf(fh) };
    const registered = this.#registered.get(data.buffer);
    const stability = StableHow.UNSTABLE;
    return posix(() => {
      // The kernel sends what it takes for the end; when others write too, it may be behind.
      const position =
        append && this.#isShared ? this.#client.getattr(file.handle).sizeBytes : offset;
      this.#assertSize(position + data.length);
      const { bytes } = registered
        ? this.#client.writeRegistered(
            file,
            position,
            registered,
            data.byteOffset,
            data.length,
            stability,
          )
        : this.#client.write(file, position, data, stability);
      return bytes;
    });
  }

  flush(): void {
    // The server has taken every write by the time it returned: nothing is left to report.
  }

  fsync(nodeid: Nodeid): void {
    posix(() => this.#client.commit(this.#handles.of(nodeid)));
  }

  release(nodeid: Nodeid, fh: Fh): void {
    posix(() => this.#client.close({ handle: this.#handles.of(nodeid), stateId: stateIdOf(fh) }));
  }

  opendir(caller: Caller, nodeid: Nodeid): void {
    this.access(caller, nodeid, constants.R_OK);
  }

  readdir(
    caller: Caller,
    nodeid: Nodeid,
    cookie: number,
    withAttributes: boolean,
    bytesHint: number,
    visit: DirectoryVisitor,
  ): boolean {
    return posix(() => {
      const credential = this.#credentials.of(caller);
      const start = { nodeid, cookie, withAttributes };
      return this.#directories.read(this.#handles.of(nodeid), start, bytesHint, credential, visit);
    });
  }

  fsyncdir(nodeid: Nodeid): void {
    posix(() => this.#client.commit(this.#handles.of(nodeid)));
  }

  access(caller: Caller, nodeid: Nodeid, mask: number): void {
    posix(() => {
      const credential = this.#credentials.of(caller);
      const handle = this.#handles.of(nodeid);
      if (mask === constants.F_OK) {
        this.#client.getattr(handle, credential);
        return;
      }
      const wanted = rightsOf(mask);
      if (this.#client.access(handle, wanted, credential) !== wanted) {
        throw new ErrnoError('EACCES');
      }
    });
  }

  statfs(caller: Caller): FileSystemStatistics {
    return posix(() => {
      const root = this.#handles.of(ROOT_NODEID);
      return statisticsOf(this.#client.statfs(root, this.#credentials.of(caller)));
    });
  }

  registeredBuffer(bytes: number): Uint8Array {
    const buffer = this.#session.allocateBuffer(bytes, 'both');
    this.#registered.set(buffer.memory.buffer, buffer);
    return buffer.memory;
  }

  close(): void {
    try {
      // Of the root it means: the whole file system.
      if (this.#session.isAlive) this.#client.commit(this.#client.root);
    } catch (error) {
      if (!(error instanceof DafsError)) throw error;
    } finally {
      this.#session.close();
      for (const buffer of this.#registered.values()) buffer.close();
    }
  }

  /** Numbers beyond the server's limit may not even fit into a request. */
  #assertSize(bytes: number): void {
    if (bytes > this.#client.fileSystem.maximumFileBytes) throw new ErrnoError('EFBIG');
  }

  /** `whenGone` is what it means that the file is there no longer. */
  #status(handle: Filehandle, credential: number, whenGone: ErrnoName = 'ESTALE'): Attributes {
    try {
      const status = this.#client.getattr(handle, credential);
      return attributesOf(status, this.#client.fileSystem.preferredTransferBytes);
    } catch (error) {
      const isGone = error instanceof DafsError && error.errno === 'ESTALE';
      throw isGone ? new ErrnoError(whenGone, undefined, { cause: error }) : error;
    }
  }

  #makeFile(directory: Filehandle, name: Uint8Array, mode: number, credential: number): Attributes {
    const creation: Creation = { mode: 'guarded', attributes: { mode } };
    const file = this.#client.open(directory, name, 'write', creation, credential);
    this.#client.close(file, credential);
    return this.#status(file.handle, credential);
  }
}

function openedFile({ stateId, isCoherent }: OpenFile): OpenedFile {
  return { fh: fhOf(stateId), isCoherent };
}
