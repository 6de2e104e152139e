/** The client's side of a back-control channel: takes the server's requests and answers them. */
import { AuthType, ChannelUse, PROTOCOL_VERSION } from '../../../../client/protocol/constants.ts';
import {
  decodeRequestHeader,
  encodeHeaderOnly,
  encodeResponseHeader,
  RequestHeader,
  ResponseHeader,
  sealMessage,
  verifyMessage,
} from '../../../../client/protocol/headers.ts';
import type { MessageBuffer } from '../../../../client/protocol/message-buffer.ts';
import { operationByProcedure } from '../../../../client/protocol/operations.ts';
import type { SessionId } from '../../../../client/protocol/types.ts';
import type { PeerIdentity } from '../../../../server/engine/channel.ts';
import type { TestConnection, TestServer } from './test-server.ts';

export interface ReceivedDirective {
  readonly procedure: number;
  readonly header: RequestHeader;
  readonly args: unknown;
}

export class TestBackControl {
  readonly connection: TestConnection;
  readonly #checksums: boolean;
  #taken: number;

  /** Binds a channel on which the server may have `maxRequests` requests under way. */
  constructor(
    server: TestServer,
    sessionId: SessionId,
    options: {
      maxRequests?: number;
      checksums?: boolean;
      messageBytes?: number;
      peer?: Partial<PeerIdentity>;
    } = {},
  ) {
    this.#checksums = options.checksums ?? false;
    this.connection = server.connection(options.peer);
    const { status } = this.connection.call('CONNECT_BIND', {
      sessionId,
      channelUse: ChannelUse.DAFS_BACK_CONTROL_CHANNEL,
      maxRequestSize: 4096,
      maxResponseSize: 4096,
      maxRequests: options.maxRequests ?? 2,
      authReq: { authType: AuthType.DAFS_AUTH_NONE },
    });
    if (status !== 'OK') {
      throw new Error(`CONNECT_BIND: ${status}`);
    }
    this.#taken = this.connection.sent.length;
  }

  /** The server's requests since the last call, in their order. */
  take(): ReceivedDirective[] {
    const messages = this.connection.sent.slice(this.#taken);
    this.#taken += messages.length;
    return messages.map((message) => this.#decode(message));
  }

  /** Answers a request; what the server does upon it happens before this returns. */
  answer({ header }: ReceivedDirective, status = 0): void {
    this.connection.deliverWritten((message) => {
      encodeHeaderOnly(message);
      encodeResponseHeader(message, {
        ...new ResponseHeader(),
        protocolVersion: PROTOCOL_VERSION,
        targetNreq: header.desiredNreq,
        streamId: header.streamId,
        seqNumber: header.seqNumber,
        analyzerLow: header.analyzerLow,
        analyzerHigh: header.analyzerHigh,
        status,
      });
      if (this.#checksums) {
        sealMessage(message);
      }
    });
    this.connection.server.engine.finish();
  }

  #decode(message: MessageBuffer): ReceivedDirective {
    const header = new RequestHeader();
    decodeRequestHeader(message, header);
    if (this.#checksums) {
      verifyMessage(message);
    }
    const operation = operationByProcedure.get(header.procedure);
    const { procedure } = header;
    return { procedure, header, args: operation?.arguments.decode(message) };
  }
}
