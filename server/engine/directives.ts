import { PROTOCOL_VERSION } from '../../client/protocol/constants.ts';
import {
  decodeResponseHeader,
  encodeRequestHeader,
  RequestHeader,
  ResponseHeader,
  sealMessage,
  verifyMessage,
} from '../../client/protocol/headers.ts';
import type { Operation } from '../../client/protocol/operation.ts';
import { ProtocolError } from '../../client/protocol/protocol-error.ts';
import type { Channel } from './channel.ts';
import type { Exchange } from './exchange.ts';

/** Told how a directive ended: the client's status, or undefined when the channel was lost. */
export type DirectiveEnd = (status: number | undefined) => void;

interface Directive {
  readonly operation: Operation<object, unknown>;
  readonly args: object;
  readonly end: DirectiveEnd;
}

/**
 * The server's own requests to a client, on its back-control channel (sections 3.1.2.3.3 and 6.6).
 * They are sent in the order in which they are given, as far as the client takes them; results of
 * the client's are not looked at.
 */
export class Directives {
  /** How long a request may be, in bytes. */
  readonly maxRequestBytes: number;
  readonly #channel: Channel;
  /** What requests are encoded in: the NIC takes each over when it is sent. */
  readonly #message: Exchange;
  readonly #underWay: (DirectiveEnd | undefined)[];
  readonly #serials: Uint32Array;
  readonly #sequenceNumbers: Uint16Array;
  readonly #requestHeader = new RequestHeader();
  readonly #responseHeader = new ResponseHeader();
  #waiting: Directive[] = [];
  #serial = 0;

  /** @param capacity how many requests the client takes at a time */
  constructor(channel: Channel, capacity: number) {
    this.#channel = channel;
    this.#message = channel.port.take();
    this.#message.response.littleEndian = channel.littleEndian ?? true;
    this.maxRequestBytes = this.#message.response.bytes.length;
    this.#underWay = new Array(capacity).fill(undefined);
    this.#serials = new Uint32Array(capacity);
    this.#sequenceNumbers = new Uint16Array(capacity);
    this.#requestHeader.protocolVersion = PROTOCOL_VERSION;
    this.#requestHeader.desiredNreq = capacity;
    for (let posted = 0; posted < capacity; posted += 1) {
      channel.port.postReceive();
    }
  }

  /**
   * Sends a request, now or when the client has answered earlier ones. `end` is called once, never
   * before this returns.
   */
  send<Arguments extends object>(
    operation: Operation<Arguments, unknown>,
    args: Arguments,
    end: DirectiveEnd,
  ): void {
    const directive = { operation: operation as Operation<object, unknown>, args, end };
    const stream = this.#underWay.indexOf(undefined);
    if (stream < 0) {
      this.#waiting.push(directive);
    } else {
      this.#post(stream, directive);
    }
  }

  /** Takes the client's answer to a request of ours. One that makes no sense ends the channel. */
  receive(exchange: Exchange): void {
    const { port } = this.#channel;
    try {
      const stream = this.#readHeader(exchange);
      const { status } = this.#responseHeader;
      const end = this.#underWay[stream] as DirectiveEnd;
      this.#underWay[stream] = undefined;
      port.release(exchange);
      port.postReceive();
      const next = this.#waiting.shift();
      if (next !== undefined) {
        this.#post(stream, next);
      }
      end(status);
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        throw error;
      }
      this.#channel.close(`an answer on the back-control channel: ${error.message}`);
    }
  }

  /** The channel is lost: nothing will be answered any more. */
  fail(): void {
    const ends = [...this.#underWay, ...this.#waiting.map(({ end }) => end)];
    this.#underWay.fill(undefined);
    this.#waiting = [];
    for (const end of ends) {
      end?.(undefined);
    }
  }

  #post(stream: number, { operation, args, end }: Directive): void {
    const message = this.#message.response;
    operation.arguments.encode(message, args);
    this.#serial = (this.#serial + 1) >>> 0;
    this.#serials[stream] = this.#serial;
    const sequenceNumber = this.#sequenceNumbers[stream] as number;
    this.#sequenceNumbers[stream] = sequenceNumber + 1;
    const header = this.#requestHeader;
    header.streamId = stream;
    header.seqNumber = sequenceNumber;
    header.analyzerLow = stream;
    header.analyzerHigh = this.#serial;
    header.procedure = operation.procedure;
    encodeRequestHeader(message, header);
    if (this.#usesChecksums) {
      sealMessage(message);
    }
    this.#underWay[stream] = end;
    this.#channel.port.send(this.#message);
  }

  /** @returns the stream of the request that is answered. @throws ProtocolError */
  #readHeader({ request }: Exchange): number {
    const header = this.#responseHeader;
    request.littleEndian = this.#message.response.littleEndian;
    decodeResponseHeader(request, header);
    if (this.#usesChecksums) {
      verifyMessage(request);
    }
    const stream = header.analyzerLow;
    if (this.#underWay[stream] === undefined || this.#serials[stream] !== header.analyzerHigh) {
      throw new ProtocolError('MALFORMED', 'DAFS_Response_Header.analyzer', 'is of no request');
    }
    return stream;
  }

  get #usesChecksums(): boolean {
    return this.#channel.session?.parameters.useChecksums === true;
  }
}
