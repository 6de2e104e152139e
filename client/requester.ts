import type { Channel } from './channel.ts';
import { Credits } from './credits.ts';
import { DafsError } from './dafs-error.ts';
import {
  decodeResponseHeader,
  encodeRequestHeader,
  PROTOCOL_VERSION,
  RequestHeader,
  ResponseHeader,
  sealMessage,
  verifyMessage,
} from './protocol/index.ts';
import { operationName, type Requestable } from './request.ts';

/** A request without its response, and what it is called on its channel (5.2.1). */
export interface Unanswered {
  readonly request: Requestable;
  readonly stream: number;
  readonly sequenceNumber: number;
}

/**
 * The requesting side of a channel: gives each request a stream, a sequence number and an analyzer,
 * sends it while there are credits, and finds the request that a response belongs to.
 *
 * It waits for nothing; whoever owns the completion queue calls receive() for what arrives.
 */
export class Requester {
  readonly channel: Channel;
  readonly credits: Credits;
  /** From the exchange after the one that negotiated them (3.2.5). */
  useChecksums = false;
  readonly #byStream: (Requestable | undefined)[];
  readonly #serials: Uint32Array;
  #serial = 0;
  readonly #requestHeader = new RequestHeader();
  readonly #responseHeader = new ResponseHeader();

  /** A requester that may send one request, until the first exchange has granted more. */
  constructor(channel: Channel, desiredRequests: number) {
    this.channel = channel;
    this.credits = new Credits(channel.capacity, 1);
    this.#byStream = new Array(channel.capacity).fill(undefined);
    this.#serials = new Uint32Array(channel.capacity);
    this.#requestHeader.protocolVersion = PROTOCOL_VERSION;
    this.#requestHeader.desiredNreq = desiredRequests;
  }

  /**
   * Sends `request`, unless there is no credit for it.
   * @returns whether it was sent
   * @throws DafsError when its arguments cannot be encoded; NicError when the connection takes nothing
   */
  trySend(request: Requestable): boolean {
    const stream = this.credits.acquire();
    if (stream < 0) {
      return false;
    }
    const message = this.channel.sendSlot(stream);
    try {
      request.operation.arguments.encode(message, request.arguments);
    } catch (error) {
      this.credits.cancel(stream);
      throw unencodable(request, error);
    }
    this.#serial = (this.#serial + 1) >>> 0;
    const header = this.#requestHeader;
    header.streamId = stream;
    header.seqNumber = this.credits.nextSequenceNumber(stream);
    header.analyzerLow = stream;
    header.analyzerHigh = this.#serial;
    header.credHandle = request.credential;
    header.procedure = request.operation.procedure;
    encodeRequestHeader(message, header);
    if (this.useChecksums) {
      sealMessage(message);
    }
    this.#serials[stream] = this.#serial;
    this.#byStream[stream] = request;
    this.channel.send(stream);
    return true;
  }

  /**
   * Takes the response that arrived in receive slot `slot` and gives the slot back.
   * @throws ProtocolError or DafsError when it answers nothing that was asked: nothing that this
   * channel says can be trusted any more
   */
  receive(slot: number, byteLength: number): void {
    const message = this.channel.receiveSlot(slot);
    message.length = byteLength;
    const header = this.#responseHeader;
    decodeResponseHeader(message, header);
    if (this.useChecksums) {
      verifyMessage(message);
    }
    const stream = header.analyzerLow;
    const request = this.#byStream[stream];
    if (request === undefined || header.analyzerHigh !== this.#serials[stream]) {
      throw DafsError.local('receive', 'BAD_RESPONSE', 'EIO', 'a response that answers no request');
    }
    this.#byStream[stream] = undefined;
    this.credits.release(stream, header.targetNreq);
    request.complete(header.status, message);
    this.channel.postReceive(slot);
  }

  /** Takes back every request that waits for a response, in the order in which they were sent. */
  takeUnanswered(): Unanswered[] {
    const taken: (Unanswered & { readonly serial: number })[] = [];
    for (const [stream, request] of this.#byStream.entries()) {
      if (request !== undefined) {
        const sequenceNumber = this.credits.lastSequenceNumber(stream);
        taken.push({ request, stream, sequenceNumber, serial: this.#serials[stream] as number });
      }
      this.#byStream[stream] = undefined;
    }
    return taken.sort((a, b) => (a.serial - b.serial) | 0);
  }

  /** Ends every request that waits for a response. */
  failAll(failure: (operation: string) => DafsError): void {
    for (const [stream, request] of this.#byStream.entries()) {
      this.#byStream[stream] = undefined;
      request?.fail(failure(operationName(request.operation)));
    }
  }
}

function unencodable(request: Requestable, error: unknown): DafsError {
  const isTooLarge = (error as { code?: string }).code === 'TOO_LARGE';
  return DafsError.local(
    operationName(request.operation),
    'INVALID_ARGUMENT',
    isTooLarge ? 'ENAMETOOLONG' : 'EINVAL',
    (error as Error).message,
    { cause: error },
  );
}
