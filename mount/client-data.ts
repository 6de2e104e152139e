import type { FileClient } from '../client/file-client.ts';
import {
  ANONYMOUS_STATE_ID,
  type Filehandle,
  operations,
  StableHow,
} from '../client/protocol/index.ts';
import type { RegisteredBuffer } from '../client/registration.ts';
import { InPlaceRequest, type Requestable } from '../client/request.ts';
import type { Session } from '../client/session.ts';
import type { FileReference } from '../client/transfer-requests.ts';
import { type CallerCredentials, OWN_CREDENTIAL } from './caller-credentials.ts';
import { ErrnoError } from './errno.ts';
import type { Caller, Fh, FilePlace, Nodeid, PendingRequest } from './file-system.ts';
import { type FilehandleMaker, stateIdOf } from './filehandles.ts';

/** Nobody wants to know anything of the results. */
const nothing = (): undefined => undefined;

/** What a {@link ClientData} works with. */
interface ClientDataParts {
  readonly session: Session;
  readonly client: FileClient;
  readonly credentials: CallerCredentials;
  readonly handles: FilehandleMaker;
  /** Whether other clients may change the files, so that the kernel's idea of a size may be old. */
  readonly isShared: boolean;
}

/** What is in open files: how it is read, written, and put on stable storage. */
export class ClientData {
  readonly #session: Session;
  readonly #client: FileClient;
  readonly #credentials: CallerCredentials;
  readonly #handles: FilehandleMaker;
  readonly #isShared: boolean;
  /** What READ and WRITE are about: made once, so that they leave nothing behind. */
  readonly #named = { handle: new Uint8Array() as Filehandle, stateId: ANONYMOUS_STATE_ID };
  readonly #registered = new Map<ArrayBufferLike, RegisteredBuffer>();

  constructor({ session, client, credentials, handles, isShared }: ClientDataParts) {
    this.#session = session;
    this.#client = client;
    this.#credentials = credentials;
    this.#handles = handles;
    this.#isShared = isShared;
  }

  /** An open file as the client names it, until the next one is named. */
  file(nodeid: Nodeid, fh: Fh): FileReference {
    this.#named.handle = this.#handles.of(nodeid);
    this.#named.stateId = stateIdOf(fh);
    return this.#named;
  }

  /** Numbers beyond the server's limit may not even fit into a request. @throws ErrnoError EFBIG */
  assertSize(bytes: number): void {
    if (bytes > this.#client.fileSystem.maximumFileBytes) throw new ErrnoError('EFBIG');
  }

  read(caller: Caller, nodeid: Nodeid, fh: Fh, offset: number, into: Uint8Array): number {
    const file = this.file(nodeid, fh);
    const registered = this.#registered.get(into.buffer);
    // The open gives the right to read; who reads decides about the access time alone.
    const credential = caller.keepsAccessTimes
      ? this.#credentials.ofReader(caller)
      : OWN_CREDENTIAL;
    const { byteOffset, length } = into;
    return registered
      ? this.#client.readRegistered(file, offset, registered, byteOffset, length, credential)
      : this.#client.read(file, offset, into, credential);
  }

  write(
    nodeid: Nodeid,
    fh: Fh,
    offset: number,
    data: Uint8Array,
    append: boolean,
    writer: Caller | undefined,
  ): number {
    const file = this.file(nodeid, fh);
    const registered = this.#registered.get(data.buffer);
    // The open gives the right to write; who writes decides about set-ID bits alone.
    const credential = writer === undefined ? OWN_CREDENTIAL : this.#credentials.of(writer);
    const { byteOffset, length } = data;
    const { transfers, appends } = this.#client;
    const { UNSTABLE } = StableHow;
    if (this.#appends(append) && length > 0) {
      return registered
        ? appends.appendRegistered(file, registered, byteOffset, length, UNSTABLE, credential).bytes
        : appends.append(file, data, UNSTABLE, credential).bytes;
    }
    this.assertSize(offset + length);
    return registered
      ? transfers.writeUnstable(file, offset, registered, byteOffset, length, credential)
      : transfers.write(file, offset, data, UNSTABLE, credential).bytes;
  }

  beginStableWrite(
    { nodeid, fh, offset }: FilePlace,
    data: Uint8Array,
    append: boolean,
  ): PendingRequest | undefined {
    if (this.#appends(append)) return undefined;
    this.assertSize(offset + data.length);
    // The handle is its maker's, and another file's soon: a request may be sent again.
    const file = { handle: this.#handles.of(nodeid).slice() as Filehandle, stateId: stateIdOf(fh) };
    const { transfers } = this.#client;
    const chunk = transfers.beginStable(file, offset, data, OWN_CREDENTIAL);
    return chunk && pending(this.#session, chunk.request, () => transfers.takeStable(chunk));
  }

  beginFsync(nodeid: Nodeid): PendingRequest {
    const filehandle = this.#handles.of(nodeid).slice() as Filehandle;
    const range = { filehandle, offset: 0, count: 0 };
    const request = new InPlaceRequest(operations.COMMIT, range, OWN_CREDENTIAL, nothing);
    this.#session.send(request);
    return pending(this.#session, request, () => this.#session.wait(request));
  }

  registeredBuffer(bytes: number): Uint8Array {
    const buffer = this.#session.allocateBuffer(bytes, 'both');
    this.#registered.set(buffer.memory.buffer, buffer);
    return buffer.memory;
  }

  /** To be called once the session is closed. */
  close(): void {
    for (const buffer of this.#registered.values()) buffer.close();
  }

  /** The kernel sends what it takes for the end: when others write too, only the server knows it. */
  #appends(append: boolean): boolean {
    return append && this.#isShared;
  }
}

/** A request that is under way. The session is free for others meanwhile. */
const pending = (
  session: Session,
  request: Requestable,
  settle: () => number | undefined,
): PendingRequest => ({
  get hasEnded() {
    return request.isDone;
  },
  look() {
    session.poll();
  },
  settle,
});
