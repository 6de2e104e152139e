/**
 * The FileSystem that a server's files make: each call is one or a few DAFS requests.
 */

import { constants } from 'node:fs';
import { DafsError } from '../client/dafs-error.ts';
import { FileClient } from '../client/file-client.ts';
import type { FileStatus, NewMode } from '../client/file-status.ts';
import { FilesWithStatus } from '../client/files-with-status.ts';
import { type NewObject, newDirectory, newLink, newMode, newNode } from '../client/new-object.ts';
import {
  type Claim,
  type Creation,
  claimOfHandle,
  claimOfName,
  claimOfUnnamed,
} from '../client/opening.ts';
import { Extension } from '../client/protocol/index.ts';
import { Session } from '../client/session.ts';
import type { SessionOptions } from '../client/session-options.ts';
import { CallerCredentials } from './caller-credentials.ts';
import { ClientData } from './client-data.ts';
import { extendedAttributesOf } from './client-extended-attributes.ts';
import { ClientForesight } from './client-foresight.ts';
import { ClientLocks } from './client-locks.ts';
import { DirectoryListing } from './directory-listing.ts';
import { ErrnoError } from './errno.ts';
import { attributesOf, nodeTypeOf, statisticsOf, statusChangesOf } from './file-attributes.ts';
import {
  type AttributeChanges,
  type Attributes,
  type Caller,
  type CreatedFile,
  type DirectoryVisitor,
  type ExtendedAttributes,
  type Fh,
  type FilePlace,
  type FileSystemStatistics,
  type Nodeid,
  type OpenedFile,
  type PathFileSystem,
  type PendingRequest,
  ROOT_NODEID,
} from './file-system.ts';
import { FilehandleMaker, fhOf, nodeidOf, stateIdOf } from './filehandles.ts';
import { contentOf, creationOf, openAccess, rightsOf, truncationOf } from './open-flags.ts';
import { makeSynchronous, type SynchronousChanges } from './synchronous-changes.ts';

/** Sessions of one mount share an identity. */
export interface FileSystemOptions
  extends Pick<SessionOptions, 'identity' | 'beforeSleep' | 'recovery'> {
  /** Whether other clients may change the files, so that the kernel's idea of a size may be old. */
  isShared: boolean;
  /** Whether to read the server's block cache without a message, if the server lets us. */
  ordma: boolean;
  /** Which changes are on stable storage when their calls return; none when left out. */
  synchronous?: SynchronousChanges | undefined;
  /** Of createLockedFiles(), where the server is to keep the locks; the kernel does when left out. */
  lockedFiles?: SharedArrayBuffer | undefined;
}

/**
 * Connects to a running server.
 *
 * @throws DafsError when it cannot be reached or refuses.
 */
export function connectFileSystem(serverName: string, options: FileSystemOptions): PathFileSystem {
  const { identity, ordma, synchronous, beforeSleep, recovery } = options;
  const extensions = ordma ? [...EXTENSIONS, Extension.ORDMA] : EXTENSIONS;
  const session = Session.connect(serverName, {
    extensions,
    ...(identity && { identity }),
    ...(beforeSleep && { beforeSleep }),
    ...(recovery && { recovery }),
  });
  try {
    const fileSystem = new ClientFileSystem(session, options);
    if (synchronous) makeSynchronous(fileSystem, synchronous);
    return fileSystem;
  } catch (error) {
    session.close();
    throw error;
  }
}

/** What goes beyond the draft and is of use to a mount. */
const EXTENSIONS: readonly Extension[] = [
  Extension.NAMES,
  Extension.SPACE,
  Extension.XATTR,
  Extension.LOCKS,
  Extension.CAPABILITIES,
];

const PERMISSION_BITS = 0o7777;
const SET_GROUP_ID = 0o2000;

class ClientFileSystem implements PathFileSystem {
  readonly extendedAttributes: ExtendedAttributes | undefined;
  readonly locks?: ClientLocks;
  readonly #session: Session;
  readonly #client: FileClient;
  readonly #files: FilesWithStatus;
  readonly #directories: DirectoryListing;
  readonly #isShared: boolean;
  readonly #credentials: CallerCredentials;
  readonly #handles: FilehandleMaker;
  /** For the second file of a request that names two. */
  readonly #otherHandles: FilehandleMaker;
  readonly #data: ClientData;
  readonly foresight: ClientForesight;

  constructor(session: Session, { isShared, lockedFiles }: FileSystemOptions) {
    this.#session = session;
    this.#isShared = isShared;
    this.#client = new FileClient(session);
    this.#files = new FilesWithStatus(this.#client);
    this.#directories = new DirectoryListing(this.#client);
    this.#credentials = new CallerCredentials(session);
    this.#handles = new FilehandleMaker(this.#client.fileSystem.fileSystemHandle);
    this.#otherHandles = new FilehandleMaker(this.#client.fileSystem.fileSystemHandle);
    this.#data = new ClientData({
      session,
      client: this.#client,
      credentials: this.#credentials,
      handles: this.#handles,
      isShared,
    });
    this.foresight = new ClientForesight(
      session,
      this.#files,
      new FilehandleMaker(this.#client.fileSystem.fileSystemHandle),
      (status) => this.#attributes(status),
    );
    this.extendedAttributes = extendedAttributesOf(this.#client, this.#credentials, this.#handles);
    if (lockedFiles !== undefined && session.extensions.has(Extension.LOCKS)) {
      this.locks = new ClientLocks(session, this.#handles, lockedFiles);
    }
  }

  refreshCaller(caller: Caller): boolean {
    return this.#credentials.refresh(caller);
  }

  lookup(caller: Caller, parent: Nodeid, name: Uint8Array): Attributes {
    const { credential, searcher } = this.#credentials.identityOf(caller);
    const directory = this.#handles.of(parent);
    return this.#attributes(this.#files.lookup(directory, name, credential, searcher));
  }

  resolve(caller: Caller, parent: Nodeid, name: Uint8Array): Nodeid {
    const credential = this.#credentials.of(caller);
    return nodeidOf(this.#client.lookup(this.#handles.of(parent), name, credential));
  }

  getattr(caller: Caller, nodeid: Nodeid): Attributes {
    const credential = this.#credentials.of(caller);
    return this.#attributes(this.#files.getattr(this.#handles.of(nodeid), credential));
  }

  setattr(
    caller: Caller,
    nodeid: Nodeid,
    changes: AttributeChanges,
    fh: Fh | undefined,
  ): Attributes {
    this.#askGroups(caller, changes.mode ?? 0);
    const credential = this.#credentials.of(caller);
    if (changes.sizeBytes !== undefined) this.#data.assertSize(changes.sizeBytes);
    const handle = this.#handles.of(nodeid);
    const stateId = fh === undefined ? undefined : stateIdOf(fh);
    const status = this.#files.setattr(handle, statusChangesOf(changes), stateId, credential);
    return this.#attributes(status);
  }

  readlink(caller: Caller, nodeid: Nodeid): Uint8Array {
    return this.#client.readlink(this.#handles.of(nodeid), this.#credentials.of(caller));
  }

  mknod(
    caller: Caller,
    parent: Nodeid,
    name: Uint8Array,
    mode: number,
    rdevMajor: number,
    rdevMinor: number,
  ): Attributes {
    const type = nodeTypeOf(mode);
    if (type === undefined) return this.#makeFile(caller, parent, name, mode);
    const permissions = this.#newMode(caller, mode);
    const device = { major: rdevMajor, minor: rdevMinor };
    return this.#make(caller, parent, name, newNode(type, permissions, device));
  }

  mkdir(caller: Caller, parent: Nodeid, name: Uint8Array, mode: number): Attributes {
    return this.#make(caller, parent, name, newDirectory(this.#newMode(caller, mode)));
  }

  symlink(caller: Caller, parent: Nodeid, name: Uint8Array, target: Uint8Array): Attributes {
    return this.#make(caller, parent, name, newLink(target));
  }

  link(caller: Caller, nodeid: Nodeid, newParent: Nodeid, newName: Uint8Array): Attributes {
    const credential = this.#credentials.of(caller);
    const directory = this.#otherHandles.of(newParent);
    const handle = this.#handles.of(nodeid);
    return this.#attributes(this.#files.link(handle, directory, newName, credential));
  }

  unlink(caller: Caller, parent: Nodeid, name: Uint8Array): void {
    const credential = this.#credentials.of(caller);
    this.foresight.follow(credential);
    this.#client.unlink(this.#handles.of(parent), name, credential);
  }

  rmdir(caller: Caller, parent: Nodeid, name: Uint8Array): void {
    const credential = this.#credentials.of(caller);
    this.foresight.follow(credential);
    this.#client.rmdir(this.#handles.of(parent), name, credential);
  }

  rename(
    caller: Caller,
    parent: Nodeid,
    name: Uint8Array,
    newParent: Nodeid,
    newName: Uint8Array,
    flags: number,
  ): void {
    const source = this.#handles.of(parent);
    const target = this.#otherHandles.of(newParent);
    this.#client.rename(source, name, target, newName, this.#credentials.of(caller), flags);
  }

  open(caller: Caller, nodeid: Nodeid, flags: number): OpenedFile {
    const creation = truncationOf(flags);
    return this.#open(caller, claimOfHandle(this.#handles.of(nodeid)), flags, creation);
  }

  create(
    caller: Caller,
    parent: Nodeid,
    name: Uint8Array,
    mode: number,
    flags: number,
  ): CreatedFile {
    const creation = creationOf(this.#newMode(caller, mode), flags);
    return this.#open(caller, claimOfName(this.#handles.of(parent), name), flags, creation);
  }

  tmpfile(caller: Caller, directory: Nodeid, mode: number, flags: number): CreatedFile {
    const creation = creationOf(this.#newMode(caller, mode), 0);
    return this.#open(caller, claimOfUnnamed(this.#handles.of(directory)), flags, creation);
  }

  read(caller: Caller, nodeid: Nodeid, fh: Fh, offset: number, into: Uint8Array): number {
    return this.#data.read(caller, nodeid, fh, offset, into);
  }

  write(
    nodeid: Nodeid,
    fh: Fh,
    offset: number,
    data: Uint8Array,
    append: boolean,
    writer: Caller | undefined,
  ): number {
    return this.#data.write(nodeid, fh, offset, data, append, writer);
  }

  beginStableWrite(
    place: FilePlace,
    data: Uint8Array,
    append: boolean,
  ): PendingRequest | undefined {
    return this.#data.beginStableWrite(place, data, append);
  }

  lseek(nodeid: Nodeid, fh: Fh, offset: number, whence: number): number {
    const content = contentOf(whence);
    return this.#client.space.seek({ file: this.#data.file(nodeid, fh), offset }, content);
  }

  fallocate(caller: Caller, { nodeid, fh, offset }: FilePlace, length: number, mode: number): void {
    this.#data.assertSize(offset + length);
    const place = { file: this.#data.file(nodeid, fh), offset };
    this.#client.space.allocate(place, length, mode, this.#credentials.of(caller));
  }

  copyFileRange(caller: Caller, source: FilePlace, target: FilePlace, length: number): number {
    const from = { file: this.#data.file(source.nodeid, source.fh), offset: source.offset };
    const handle = this.#otherHandles.of(target.nodeid);
    const to = { file: { handle, stateId: stateIdOf(target.fh) }, offset: target.offset };
    return this.#client.space.copy(from, to, length, this.#credentials.of(caller));
  }

  fsync(nodeid: Nodeid): void {
    this.#client.commit(this.#handles.of(nodeid));
  }

  beginFsync(nodeid: Nodeid): PendingRequest {
    return this.#data.beginFsync(nodeid);
  }

  release(nodeid: Nodeid, fh: Fh): void {
    // Should the server go away, a close that nobody waits for is made up for by the next request of
    // this worker. Who waits for what was locked cannot wait for that.
    const isLater = this.locks?.mayBeLocked(nodeid) !== true;
    this.#client[isLater ? 'closeLater' : 'close'](this.#data.file(nodeid, fh));
  }

  releasedir(nodeid: Nodeid, fh: Fh): void {
    this.#client.closeLater(this.#data.file(nodeid, fh));
  }

  opendir(caller: Caller, nodeid: Nodeid): Fh {
    const handle = this.#handles.of(nodeid);
    return fhOf(this.#client.openHandle(handle, 'read', this.#credentials.of(caller)).stateId);
  }

  readdir(
    caller: Caller,
    nodeid: Nodeid,
    cookie: number,
    withAttributes: boolean,
    bytesHint: number,
    visit: DirectoryVisitor,
  ): boolean {
    const credential = this.#credentials.ofReader(caller);
    const start = { nodeid, cookie, withAttributes };
    return this.#directories.read(this.#handles.of(nodeid), start, bytesHint, credential, visit);
  }

  fsyncdir(nodeid: Nodeid): void {
    this.#client.commit(this.#handles.of(nodeid));
  }

  access(caller: Caller, nodeid: Nodeid, mask: number): void {
    const credential = this.#credentials.of(caller);
    const handle = this.#handles.of(nodeid);
    if (mask === constants.F_OK) {
      this.#client.getattr(handle, credential);
      return;
    }
    const wanted = rightsOf(mask);
    if (this.#client.access(handle, wanted, credential) !== wanted) throw new ErrnoError('EACCES');
  }

  statfs(caller: Caller): FileSystemStatistics {
    const root = this.#handles.of(ROOT_NODEID);
    return statisticsOf(this.#client.statfs(root, this.#credentials.of(caller)));
  }

  registeredBuffer(bytes: number): Uint8Array {
    return this.#data.registeredBuffer(bytes);
  }

  close(): void {
    try {
      // Of the root it means: the whole file system.
      if (this.#session.isAlive) this.#client.commit(this.#client.root);
    } catch (error) {
      if (!(error instanceof DafsError)) throw error;
    } finally {
      this.#session.close();
      this.#data.close();
    }
  }

  #attributes(status: FileStatus): Attributes {
    return attributesOf(status, this.#client.fileSystem.preferredTransferBytes);
  }

  #newMode(caller: Caller, mode: number): NewMode {
    this.#askGroups(caller, mode);
    return newMode(this.#session, mode & PERMISSION_BITS, caller.umask);
  }

  /** The server drops set-group-ID for who is not in the group: that is not told by stale groups. */
  #askGroups(caller: Caller, mode: number): void {
    if ((mode & SET_GROUP_ID) !== 0) this.#credentials.refresh(caller);
  }

  #open(caller: Caller, claim: Claim, flags: number, creation: Creation): CreatedFile {
    const credential = this.#credentials.of(caller);
    this.foresight.follow(credential);
    const opened = this.#files.open(claim, openAccess(flags), creation, credential);
    const { stateId, status, isCoherent, isNew } = opened;
    const attributes = this.#attributes(status);
    // The kernel would keep what is appended where it takes the end to be.
    const isUncached = this.#isShared && (flags & constants.O_APPEND) !== 0;
    return { attributes, fh: fhOf(stateId), isCoherent, isUncached, isNew };
  }

  #make(caller: Caller, parent: Nodeid, name: Uint8Array, object: NewObject): Attributes {
    const credential = this.#credentials.of(caller);
    const directory = this.#handles.of(parent);
    this.foresight.follow(credential);
    return this.#attributes(this.#files.create(directory, name, object, credential));
  }

  #makeFile(caller: Caller, parent: Nodeid, name: Uint8Array, mode: number): Attributes {
    const made = this.create(caller, parent, name, mode, constants.O_EXCL | constants.O_WRONLY);
    this.release(made.attributes.nodeid, made.fh);
    return made.attributes;
  }
}
