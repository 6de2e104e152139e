/** A client over a raw connection: it asks for what it likes, and hears what it is answered. */
import {
  decodeResponseHeader,
  encodeRequestHeader,
  RequestHeader,
  ResponseHeader,
} from '../../client/protocol/headers.ts';
import { MessageBuffer } from '../../client/protocol/message-buffer.ts';
import type { AnyOperation } from '../../client/protocol/operation.ts';
import {
  type ArgumentsOf,
  type OperationName,
  operations,
  type ResultsOf,
} from '../../client/protocol/operations.ts';
import { statusName } from '../../client/protocol/status.ts';
import { RawChannel, type RawFabric } from '../unit/server/support/raw-channel.ts';
import { connectArguments } from '../unit/server/support/test-server.ts';

export interface Answer<Results> {
  /** The draft's name of the status. */
  readonly status: string;
  /** Of a success. */
  readonly results: Results;
}

export class RawClient {
  readonly channel: RawChannel;
  readonly #request = MessageBuffer.allocate(65_536, { littleEndian: true });

  /** @throws NicError when the server does not take the connection. */
  constructor(fabric: RawFabric, path: string) {
    this.channel = new RawChannel(fabric, path);
  }

  /** Opens a session. */
  connect(change: Partial<ArgumentsOf<'CLIENT_CONNECT_AUTH'>> = {}) {
    return this.call('CLIENT_CONNECT_AUTH', { ...connectArguments, ...change });
  }

  /** The message of a request. */
  encode<Name extends OperationName>(
    name: Name,
    args: ArgumentsOf<Name>,
    header: Partial<RequestHeader> = {},
  ): Uint8Array {
    const operation: AnyOperation = operations[name];
    operation.arguments.encode(this.#request, args);
    encodeRequestHeader(this.#request, {
      ...new RequestHeader(),
      protocolVersion: 1,
      procedure: operation.procedure,
      ...header,
    });
    return this.#request.bytes.subarray(0, this.#request.length);
  }

  /** Asks, and waits for the answer. @throws ChannelLost */
  call<Name extends OperationName>(
    name: Name,
    args: ArgumentsOf<Name>,
    header: Partial<RequestHeader> = {},
  ): Answer<ResultsOf<Name>> {
    this.channel.send(this.encode(name, args, header));
    const bytes = this.channel.receive();
    const response = MessageBuffer.allocate(bytes.length, { littleEndian: true });
    response.bytes.set(bytes);
    response.length = bytes.length;
    const answer = new ResponseHeader();
    decodeResponseHeader(response, answer);
    const results = answer.status === 0 ? operations[name].results.decode(response) : undefined;
    return {
      status: statusName(answer.status) ?? `status ${answer.status}`,
      results: results as ResultsOf<Name>,
    };
  }

  close(): void {
    this.channel.close();
  }
}
