/** The user-level DAFS library. README.md shows how it is used. */

export type { AttributeVerification } from './attribute-verification.ts';
export type { Directive, DirectiveHandler, DirectiveName } from './back-control.ts';
export { type ClientErrorCode, DafsError, hasStatus } from './dafs-error.ts';
export type { DirectoryEntry, DirectoryPage, DirectoryPosition } from './directory-reader.ts';
export type { ExtendedAttributes, SetOption } from './extended-attributes.ts';
export { FileClient } from './file-client.ts';
export type { FilePlace, FileSpace } from './file-space.ts';
export type { FileStatus, FileSystemStatus, StatusChanges, TimeChange } from './file-status.ts';
export { FilesWithStatus, type OpenedFile } from './files-with-status.ts';
export type { SessionTerms } from './negotiation.ts';
export {
  type DeviceNumber,
  type NewObject,
  type NodeType,
  newDirectory,
  newLink,
  newNode,
} from './new-object.ts';
export type { NamedFile, Whence } from './open-description.ts';
export {
  type Creation,
  claimOfHandle,
  claimOfName,
  claimOfUnnamed,
  type OpenAccess,
  type OpenFile,
} from './opening.ts';
export type { PathAttributes, PathOrDescriptor } from './path-attributes.ts';
export { PathFiles, type PathFilesOptions } from './path-files.ts';
export type { Path } from './path-walk.ts';
export type { Permission } from './permission.ts';
export {
  AccessRight,
  Content,
  Extension,
  FallocateMode,
  type Filehandle,
  ObjectType,
  operations,
  RenameFlag,
  StableHow,
  type StateId,
  type Time,
  type Verifier,
} from './protocol/index.ts';
export type { BufferUse, RegisteredBuffer, TransferArena, TransferSlot } from './registration.ts';
export { InPlaceRequest, type Request } from './request.ts';
export {
  claimServerName,
  isSocketAlive,
  listServers,
  RuntimeDirectoryError,
  releaseServerName,
  removeDeadServers,
  runtimeDirectory,
  type ServerSockets,
  serverSockets,
} from './runtime-directory.ts';
export { Session } from './session.ts';
export {
  type Authentication,
  type ClientIdentity,
  createClientIdentity,
  type SessionOptions,
} from './session-options.ts';
export type { FileReference, ReadResult, WriteResult } from './transfer-requests.ts';
