import { Appends } from './appends.ts';
import { AttributeVerification } from './attribute-verification.ts';
import { undefinedIfNone } from './dafs-error.ts';
import { type DirectoryPage, type DirectoryPosition, DirectoryReader } from './directory-reader.ts';
import { ExportedCache } from './exported-cache.ts';
import { ExtendedAttributes } from './extended-attributes.ts';
import { FileSpace } from './file-space.ts';
import {
  attributesOf,
  FILE_SYSTEM_STATUS_BITMAP,
  type FileStatus,
  type FileSystemStatus,
  fileStatus,
  fileStatusBitmap,
  fileSystemStatus,
  type NewMode,
  type StatusChanges,
} from './file-status.ts';
import {
  type DeviceNumber,
  type NewObject,
  type NodeType,
  newDirectory,
  newLink,
  newNode,
} from './new-object.ts';
import {
  type Creation,
  claimOfHandle,
  claimOfName,
  claimOfUnnamed,
  type OpenAccess,
  Opener,
  type OpenFile,
} from './opening.ts';
import {
  ANONYMOUS_STATE_ID,
  type ArgumentsOf,
  type FileAttributes,
  type Filehandle,
  operations,
  RemoveModeExtension,
  StableHow,
  type StateId,
  type Verifier,
} from './protocol/index.ts';
import type { RegisteredBuffer } from './registration.ts';
import type { Request } from './request.ts';
import type { Session } from './session.ts';
import {
  type FileReference,
  type ReadResult,
  transferLimits,
  type WriteResult,
} from './transfer-requests.ts';
import { Transfers } from './transfers.ts';

/**
 * File operations by handle, over one session. Every method takes as its last argument the credential to
 * act with (Session.registerCredential; 0, the session's own, when left out), waits for the answer, and
 * throws DafsError.
 */
export class FileClient {
  readonly session: Session;
  /** The directory that everything lies in. */
  readonly root: Filehandle;
  /** The file system as it was when this client was made: its limits and its handle. */
  readonly fileSystem: FileSystemStatus;
  readonly extendedAttributes: ExtendedAttributes;
  readonly verification: AttributeVerification;
  /** The attributes that a status is made from. */
  readonly statusBitmap: number;
  /** Holes, allocation and copies: the extension SPACE. */
  readonly space: FileSpace;
  /** What of the server's memory needs no message. */
  readonly exported: ExportedCache;
  /** Reads and writes; the methods here are its shorthands. */
  readonly transfers: Transfers;
  /** Writing at the end of files that others write too. */
  readonly appends: Appends;
  readonly #directories: DirectoryReader;
  readonly opener: Opener;

  /** Asks the server for its root and its limits. */
  constructor(session: Session) {
    const take = (results: { rootHandle: Filehandle }) => copyHandle(results.rootHandle);
    this.session = session;
    this.root = session.callInPlace(operations.GET_ROOT_HANDLE, {}, 0, take);
    this.fileSystem = this.statfs(this.root);
    this.statusBitmap = fileStatusBitmap(session.extensions);
    this.extendedAttributes = new ExtendedAttributes(session);
    this.verification = new AttributeVerification(session);
    const limits = transferLimits(session, this.fileSystem);
    this.exported = new ExportedCache(session);
    this.transfers = new Transfers(session, limits, this.exported);
    this.appends = new Appends(session, this.transfers.requests, limits);
    this.#directories = new DirectoryReader(session);
    this.opener = new Opener(session);
    this.space = new FileSpace(session);
  }

  /** Finds `name` in a directory. Several names are followed one after the other, but no links. */
  lookup(
    directory: Filehandle,
    name: Uint8Array | readonly Uint8Array[],
    credential = 0,
  ): Filehandle {
    const path = name instanceof Uint8Array ? [name] : name;
    return this.session.callInPlace(operations.LOOKUP, { directory, path }, credential, takeHandle);
  }

  /** The same for one name; undefined when there is none. */
  find(directory: Filehandle, name: Uint8Array, credential = 0): Filehandle | undefined {
    return undefinedIfNone(() => this.lookup(directory, name, credential));
  }

  /** The directory above a directory; the root is above itself. */
  lookupParent(directory: Filehandle, credential = 0): Filehandle {
    const { session } = this;
    const call = () =>
      session.callInPlace(operations.LOOKUPP, { filehandle: directory }, credential, takeHandle);
    return undefinedIfNone(call) ?? this.root;
  }

  /** The directory of a file's named attributes: OPENATTR (section 6.5.25). */
  openAttributes(filehandle: Filehandle, credential = 0): Filehandle {
    return this.session.callInPlace(operations.OPENATTR, { filehandle }, credential, takeHandle);
  }

  getattr(filehandle: Filehandle, credential = 0): FileStatus {
    return this.session.callInPlace(
      operations.GETATTR_INLINE,
      { filehandle, attrRequestBitmap: this.statusBitmap },
      credential,
      takeStatus,
    );
  }

  /** Changes attributes. With the stateId of an open for writing the size needs no other right. */
  setattr(
    filehandle: Filehandle,
    changes: StatusChanges,
    stateId: StateId = ANONYMOUS_STATE_ID,
    credential = 0,
  ): void {
    const objAttributes = attributesOf(changes);
    const request = { filehandle, stateId, objAttributes };
    this.session.callInPlace(operations.SETATTR_INLINE, request, credential, nothing);
  }

  /**
   * Opens, and if need be creates, the regular file `name` of a directory.
   * @throws DafsError ELOOP when the name is a symbolic link, EISDIR, ENOENT, EEXIST, EACCES, …
   */
  open(
    directory: Filehandle,
    name: Uint8Array,
    access: OpenAccess,
    creation: Creation = { mode: 'never' },
    credential = 0,
  ): OpenFile {
    return this.opener.open(claimOfName(directory, name), access, creation, credential);
  }

  /**
   * Creates and opens a regular file without a name, in the file system that `directory` lies in.
   * link() may give it its first one; otherwise it ends with its last open.
   */
  openUnlinked(
    directory: Filehandle,
    access: OpenAccess,
    attributes: StatusChanges,
    credential = 0,
  ): OpenFile {
    const creation = { mode: 'unchecked', attributes } as const;
    return this.opener.open(claimOfUnnamed(directory), access, creation, credential);
  }

  /**
   * Opens a regular file, or for reading a directory, that is known by its handle (our extension
   * CLAIM_FH).
   */
  openHandle(filehandle: Filehandle, access: OpenAccess, credential = 0): OpenFile {
    return this.opener.open(claimOfHandle(filehandle), access, { mode: 'never' }, credential);
  }

  /** Gives up a part of the access that a file was opened for. */
  downgrade(file: OpenFile, access: OpenAccess, credential = 0): void {
    this.opener.downgrade(file, access, credential);
  }

  close(file: OpenFile, credential = 0): void {
    this.opener.close(file, credential);
  }

  /**
   * Closes without waiting for the answer: there is nothing to be done about a close that fails.
   * Whatever is asked for afterwards is done afterwards.
   */
  closeLater(file: OpenFile, credential = 0): void {
    // The handle may be another file's by the time that the request has to be sent again.
    const filehandle = file.handle.slice() as Filehandle;
    this.session.submit(operations.CLOSE, { filehandle, stateId: file.stateId }, credential);
  }

  /**
   * Reads from `offset` on into any memory.
   * @returns the bytes read: fewer than `into` holds only at the end of the file, or when an error
   * came after a part of a long read
   */
  read(file: FileReference, offset: number, into: Uint8Array, credential = 0): number {
    return into.length === 0 ? 0 : this.transfers.read(file, offset, into, credential);
  }

  /** Reads into registered memory, which the server fills without a copy on this side. */
  readRegistered(
    file: FileReference,
    offset: number,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
    credential = 0,
  ): number {
    return bytes === 0
      ? 0
      : this.transfers.readRegistered(file, offset, buffer, bufferOffset, bytes, credential);
  }

  /** Begins such a read of at most one direct transfer; Session.wait() gives its result. */
  submitRead(
    file: FileReference,
    offset: number,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
    credential = 0,
  ): Request<unknown, ReadResult> {
    const { requests } = this.transfers;
    return requests.readDirect(file, offset, buffer, bufferOffset, bytes, credential);
  }

  /**
   * Writes any memory from `offset` on. Unstable data is the server's to lose until commit(); the
   * verifiers of both tell whether it did.
   */
  write(
    file: FileReference,
    offset: number,
    data: Uint8Array,
    stability: StableHow = StableHow.UNSTABLE,
    credential = 0,
  ): WriteResult {
    return this.transfers.write(file, offset, data, stability, credential);
  }

  /** Writes registered memory, which the server fetches without a copy on this side. */
  writeRegistered(
    file: FileReference,
    offset: number,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
    stability: StableHow = StableHow.UNSTABLE,
    credential = 0,
  ): WriteResult {
    return this.transfers.writeRegistered(
      file,
      offset,
      buffer,
      bufferOffset,
      bytes,
      stability,
      credential,
    );
  }

  /** Begins such a write of at most one direct transfer; Session.wait() gives its result. */
  submitWrite(
    file: FileReference,
    offset: number,
    buffer: RegisteredBuffer,
    bufferOffset: number,
    bytes: number,
    stability: StableHow = StableHow.UNSTABLE,
    credential = 0,
  ): Request<unknown, WriteResult> {
    return this.transfers.requests.writeDirect(
      file,
      offset,
      buffer,
      bufferOffset,
      bytes,
      stability,
      credential,
    );
  }

  /** Puts what was written to a file (0 bytes: all from `offset` on) on stable storage. */
  commit(filehandle: Filehandle, offset = 0, bytes = 0, credential = 0): Verifier {
    const request = { filehandle, offset, count: bytes };
    return this.session.callInPlace(operations.COMMIT, request, credential, takeVerifier);
  }

  mkdir(directory: Filehandle, name: Uint8Array, mode: NewMode, credential = 0): Filehandle {
    return this.#create(directory, name, newDirectory(mode), credential);
  }

  symlink(directory: Filehandle, name: Uint8Array, target: Uint8Array, credential = 0): Filehandle {
    return this.#create(directory, name, newLink(target), credential);
  }

  /** Makes a special file; `device` is for the two kinds of devices. */
  makeNode(
    directory: Filehandle,
    name: Uint8Array,
    type: NodeType,
    mode: NewMode,
    device?: DeviceNumber,
    credential = 0,
  ): Filehandle {
    return this.#create(directory, name, newNode(type, mode, device), credential);
  }

  /** Gives a file one more name, or its first one. */
  link(filehandle: Filehandle, directory: Filehandle, name: Uint8Array, credential = 0): void {
    const request = { sourceObject: filehandle, destinationObject: directory, newname: name };
    this.session.callInPlace(operations.LINK, request, credential, nothing);
  }

  /** Removes a name of anything but a directory. @throws DafsError EISDIR */
  unlink(directory: Filehandle, name: Uint8Array, credential = 0): void {
    this.#remove(directory, name, RemoveModeExtension.REMOVE_FILE, credential);
  }

  /** Removes an empty directory. @throws DafsError ENOTDIR, ENOTEMPTY */
  rmdir(directory: Filehandle, name: Uint8Array, credential = 0): void {
    this.#remove(directory, name, RemoveModeExtension.REMOVE_DIRECTORY, credential);
  }

  /** @param flags of RenameFlag: they need the extension NAMES. */
  rename(
    sourceDirectory: Filehandle,
    sourceName: Uint8Array,
    targetDirectory: Filehandle,
    targetName: Uint8Array,
    credential = 0,
    flags = 0,
  ): void {
    const request = {
      sourcedir: sourceDirectory,
      targetdir: targetDirectory,
      oldname: sourceName,
      newname: targetName,
    };
    if (flags === 0) {
      this.session.callInPlace(operations.RENAME, request, credential, nothing);
    } else {
      this.session.callInPlace(operations.RENAME2, { ...request, flags }, credential, nothing);
    }
  }

  /**
   * Reads a part of a directory, from `position` on (the beginning when left out), in about
   * `maximumBytes` of protocol; a page that is not the last one has at least one entry.
   */
  readdir(
    directory: Filehandle,
    position?: DirectoryPosition,
    maximumBytes?: number,
    credential = 0,
  ): DirectoryPage {
    return this.#directories.page(directory, position, maximumBytes, credential);
  }

  readlink(filehandle: Filehandle, credential = 0): Uint8Array {
    return this.session.callInPlace(
      operations.READLINK_INLINE,
      { filehandle },
      credential,
      ({ link }) => link.slice(),
    );
  }

  /** The state of the file system that a file lies in. */
  statfs(filehandle: Filehandle, credential = 0): FileSystemStatus {
    return this.session.callInPlace(
      operations.GET_FSATTR,
      { filehandle, attrRequestBitmap: FILE_SYSTEM_STATUS_BITMAP },
      credential,
      ({ objAttributes }) => fileSystemStatus(objAttributes),
    );
  }

  /** Which of the rights in `rights` (AccessRight) the credential has. */
  access(filehandle: Filehandle, rights: number, credential = 0): number {
    const request = { filehandle, access: rights };
    return this.session.callInPlace(operations.ACCESS, request, credential, takeAccess);
  }

  #create(
    filehandle: Filehandle,
    component: Uint8Array,
    object: NewObject,
    credential: number,
  ): Filehandle {
    const request = { filehandle, component, ...object };
    return this.session.callInPlace(operations.CREATE, request, credential, takeHandle);
  }

  #remove(
    filehandle: Filehandle,
    target: Uint8Array,
    removeMode: ArgumentsOf<'REMOVE'>['removeMode'],
    credential: number,
  ): void {
    const request = { filehandle, target, removeMode };
    this.session.callInPlace(operations.REMOVE, request, credential, nothing);
  }
}

function copyHandle(handle: Filehandle): Filehandle {
  return handle.slice() as Filehandle;
}

function takeHandle({ filehandle }: { filehandle: Filehandle }): Filehandle {
  return copyHandle(filehandle);
}

function takeStatus({ objAttributes }: { objAttributes: FileAttributes }): FileStatus {
  return fileStatus(objAttributes);
}

const takeVerifier = ({ writeverf }: { writeverf: Verifier }): Verifier => writeverf;

const takeAccess = ({ access }: { access: number }): number => access;

function nothing(): void {}
