import type { FileStatus } from '../client/file-status.ts';
import type { FilesWithStatus } from '../client/files-with-status.ts';
import type { Request } from '../client/request.ts';
import type { Session } from '../client/session.ts';
import type { Attributes, AttributesForesight, Nodeid } from './file-system.ts';
import type { FilehandleMaker } from './filehandles.ts';

/** Attributes that are asked for along with a change, right behind it on the wire. */
export class ClientForesight implements AttributesForesight {
  readonly #session: Session;
  readonly #files: FilesWithStatus;
  readonly #attributes: (status: FileStatus) => Attributes;
  readonly #handles: FilehandleMaker;
  #expected: Nodeid | undefined;
  #request: Request<unknown, FileStatus> | undefined;

  /** @param handles nobody else's: a handle is kept until the request is sent */
  constructor(
    session: Session,
    files: FilesWithStatus,
    handles: FilehandleMaker,
    attributes: (status: FileStatus) => Attributes,
  ) {
    this.#session = session;
    this.#files = files;
    this.#attributes = attributes;
    this.#handles = handles;
  }

  /** What the server lets us look at needs no request. */
  expect(directory: Nodeid): void {
    this.#expected = this.#files.isExported ? undefined : directory;
    this.#request = undefined;
  }

  /** To be called right before the change is sent, as the next request of the session. */
  follow(credential: number): void {
    if (this.#expected === undefined) return;
    const handle = this.#handles.of(this.#expected);
    this.#expected = undefined;
    this.#request = this.#files.statusBehindNext(handle, credential);
  }

  take(): Attributes | undefined {
    const request = this.#request;
    this.#request = undefined;
    if (request === undefined) return undefined;
    this.#session.settle(request);
    if (request.hasFailed) return undefined;
    return this.#attributes(request.results);
  }
}
