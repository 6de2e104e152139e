/** A client that asks for the responses of sessions that it has lost. */
import {
  type ArgumentsOf,
  type OperationName,
  operations,
} from '../../../../client/protocol/operations.ts';
import type { Filehandle, SessionId } from '../../../../client/protocol/types.ts';
import { Files } from './files.ts';
import { bytes, type TestConnection, type TestServer } from './test-server.ts';

/** A session whose requests are told apart by stream and sequence number. */
export class RecoveringClient {
  readonly #server: TestServer;
  readonly connection: TestConnection;
  readonly sessionId: SessionId;
  readonly root: Filehandle;

  constructor(
    server: TestServer,
    name = 'client',
    rest: Partial<ArgumentsOf<'CLIENT_CONNECT_AUTH'>> = {},
    uid = 0,
  ) {
    this.#server = server;
    this.connection = server.connection({ uid, gid: uid });
    const connect = { useResponseCache: true, clientIdString: bytes(name), ...rest };
    this.sessionId = this.connection.connect({ connect }).sessionId;
    this.root = new Files(this.connection).root;
  }

  mkdir(name: string, seqNumber: number, streamId = 0) {
    return this.connection.call('CREATE', this.directory(name), { streamId, seqNumber });
  }

  /** The server gets the request, and is killed, or the connection lost, before it answers. */
  submitMkdir(name: string, seqNumber: number, streamId = 0): void {
    this.connection.submit('CREATE', this.directory(name), { streamId, seqNumber });
  }

  directory(name: string): ArgumentsOf<'CREATE'> {
    const create = { objType: 2 } as const;
    return { filehandle: this.root, component: bytes(name), create, attr: { mode: 0o755 } };
  }

  check(sessionId: SessionId, xidSeq: number, name: OperationName = 'CREATE', xidStream = 0) {
    return this.connection.call('CHECK_RESPONSE', requestOf(sessionId, xidSeq, name, xidStream))
      .status;
  }

  /** The whole response as it came. */
  fetch<Name extends OperationName>(
    sessionId: SessionId,
    xidSeq: number,
    name: Name,
    xidStream = 0,
  ) {
    const { connection } = this;
    const count = connection.sent.length;
    connection.submit('FETCH_RESPONSE', requestOf(sessionId, xidSeq, name, xidStream));
    this.#server.engine.finish();
    const message = connection.sent[count];
    if (message === undefined) {
      throw new Error('FETCH_RESPONSE was not answered');
    }
    return connection.decode(name, message);
  }

  discard(sessionId: SessionId) {
    return this.connection.call('DISCARD_RESPONSES', { sessionId }).status;
  }

  has(name: string): boolean {
    return new Files(this.connection).lookup(name).status === 'OK';
  }
}

export const requestOf = (
  sessionId: SessionId,
  xidSeq: number,
  name: OperationName,
  xidStream: number,
) => ({ sessionId, xidStream, xidSeq, procedure: operations[name].procedure });

/** What a client is made with besides its server. */
export type ClientOptions =
  ConstructorParameters<typeof RecoveringClient> extends [TestServer, ...infer Rest] ? Rest : never;
