import type { Searcher } from './exported-status.ts';
import type { FileClient } from './file-client.ts';
import { attributesOf, type FileStatus, fileStatus, type StatusChanges } from './file-status.ts';
import type { NewObject } from './new-object.ts';
import type { Claim, Creation, OpenAccess } from './opening.ts';
import {
  ANONYMOUS_STATE_ID,
  Extension,
  type FileAttributes,
  type Filehandle,
  OPEN_COHERENT,
  type Operation,
  operations,
  type StateId,
} from './protocol/index.ts';
import { InPlaceRequest, type Request } from './request.ts';

/** What a row of with-attributes.ts takes and gives, made from the row that it is based on. */
type WithAttributes<Arguments, Results> = Operation<
  { request: Arguments; attrRequestBitmap: number },
  { response: Results; objAttributes: FileAttributes }
>;

/** A file that was opened, and what it then was. */
export interface OpenedFile {
  readonly stateId: StateId;
  readonly status: FileStatus;
  /** What this client has cached of it is right: it has been told of every change (NOTIFY). */
  readonly isCoherent: boolean;
  /** The call has made it. */
  readonly isNew: boolean;
}

/**
 * Operations of FileClient that find, make or change a file, and tell its status as well: in one
 * round trip where the session has the extension NAMES, in two elsewhere. The file's handle follows
 * from its `fileId` (filehandleOf).
 */
export class FilesWithStatus {
  readonly #files: FileClient;
  readonly #isOneRequest: boolean;

  constructor(files: FileClient) {
    this.#files = files;
    this.#isOneRequest = files.session.extensions.has(Extension.NAMES);
  }

  /**
   * Finds one name in a directory.
   * @param searcher whom `credential` stands for, if he may be let into the directory without asking
   */
  lookup(directory: Filehandle, name: Uint8Array, credential = 0, searcher?: Searcher): FileStatus {
    const { status } = this.#files.exported;
    const found = searcher && status?.lookup(directory, name, searcher);
    if (found !== undefined) {
      return found;
    }
    return this.#perform(
      operations.LOOKUP,
      operations.LOOKUP_GETATTR,
      { directory, path: [name] },
      credential,
      filehandleIn,
      onlyStatus,
    );
  }

  /** The status of a file that is known by its handle. */
  getattr(filehandle: Filehandle, credential = 0): FileStatus {
    const found = this.#files.exported.status?.of(filehandle);
    return found ?? this.#files.getattr(filehandle, credential);
  }

  /** Whether what has changed can be looked at without asking the server. */
  get isExported(): boolean {
    return this.#files.exported.status !== undefined;
  }

  /** Opens, and if need be creates, the file that `claim` names. */
  open(claim: Claim, access: OpenAccess, creation: Creation, credential = 0): OpenedFile {
    return this.#perform(
      operations.OPEN,
      operations.OPEN_GETATTR,
      this.#files.opener.request(claim, access, creation),
      credential,
      filehandleIn,
      ({ stateId, resultFlags, changeInfo }, status) => {
        const isCoherent = (resultFlags & OPEN_COHERENT) !== 0;
        const isNew = changeInfo.atomic && changeInfo.before !== changeInfo.after;
        return { stateId, status, isCoherent, isNew };
      },
    );
  }

  /** Makes a directory, a link or a special file. */
  create(directory: Filehandle, name: Uint8Array, object: NewObject, credential = 0): FileStatus {
    return this.#perform(
      operations.CREATE,
      operations.CREATE_GETATTR,
      { filehandle: directory, component: name, ...object },
      credential,
      filehandleIn,
      onlyStatus,
    );
  }

  /** Gives a file one more name, or its first one. */
  link(file: Filehandle, directory: Filehandle, name: Uint8Array, credential = 0): FileStatus {
    return this.#perform(
      operations.LINK,
      operations.LINK_GETATTR,
      { sourceObject: file, destinationObject: directory, newname: name },
      credential,
      () => file,
      onlyStatus,
    );
  }

  /** Changes attributes. With the stateId of an open for writing the size needs no other right. */
  setattr(
    filehandle: Filehandle,
    changes: StatusChanges,
    stateId: StateId = ANONYMOUS_STATE_ID,
    credential = 0,
  ): FileStatus {
    return this.#perform(
      operations.SETATTR_INLINE,
      operations.SETATTR_GETATTR,
      { filehandle, stateId, objAttributes: attributesOf(changes) },
      credential,
      () => filehandle,
      onlyStatus,
    );
  }

  /** Asks for a file's status right behind the next request of the session: Session.sendBehindNext(). */
  statusBehindNext(filehandle: Filehandle, credential = 0): Request<unknown, FileStatus> {
    const request = new InPlaceRequest(
      operations.GETATTR_INLINE,
      { filehandle, attrRequestBitmap: this.#files.statusBitmap },
      credential,
      ({ objAttributes }) => fileStatus(objAttributes),
    );
    this.#files.session.sendBehindNext(request);
    return request;
  }

  #perform<Arguments, Results, Taken>(
    alone: Operation<Arguments, Results>,
    together: WithAttributes<Arguments, Results>,
    request: Arguments,
    credential: number,
    fileOf: (results: Results) => Filehandle,
    take: (results: Results, status: FileStatus) => Taken,
  ): Taken {
    const { session } = this.#files;
    if (this.#isOneRequest) {
      return session.callInPlace(
        together,
        { request, attrRequestBitmap: this.#files.statusBitmap },
        credential,
        ({ response, objAttributes }) => take(response, fileStatus(objAttributes)),
      );
    }
    const results = session.call(alone, request, credential);
    return take(results, this.#files.getattr(fileOf(results), credential));
  }
}

function filehandleIn({ filehandle }: { filehandle: Filehandle }): Filehandle {
  return filehandle;
}

function onlyStatus(_results: unknown, status: FileStatus): FileStatus {
  return status;
}
