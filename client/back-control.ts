import type { Channel } from './channel.ts';
import {
  type AnyOperation,
  type ArgumentsOf,
  DafsStatus,
  decodeRequestHeader,
  encodeHeaderOnly,
  encodeResponseHeader,
  type OperationName,
  operationByProcedure,
  PROTOCOL_VERSION,
  RequestHeader,
  ResponseHeader,
  type ResultsOf,
  sealMessage,
  verifyMessage,
} from './protocol/index.ts';

/** The server's requests that a program answers; BC_NULL is answered by the library. */
export type DirectiveName = Extract<OperationName, `BC_${string}`>;

/** A request of the server (6.6). Byte strings in the arguments are valid only during the call. */
export type Directive = {
  [Name in Exclude<DirectiveName, 'BC_NULL'>]: {
    readonly name: Name;
    readonly arguments: ArgumentsOf<Name>;
    /** Answers with results; for directives without results, `{}`. */
    answer(results: ResultsOf<Name>): void;
    /** Answers with an error. */
    refuse(status: DafsStatus): void;
  };
}[Exclude<DirectiveName, 'BC_NULL'>];

/**
 * Takes one request of the server and answers it before it returns. It must not use the session it
 * belongs to: what a recall asks for is done after the answer (6.6.4).
 */
export type DirectiveHandler = (directive: Directive) => void;

/** What the server gets for a directive that its handler did not answer. */
const UNANSWERED = DafsStatus.DAFSERR_SERVERFAULT;

/** The responding side of a session's back-control channel (3.1.2.3.3). */
export class BackControl {
  readonly channel: Channel;
  readonly #handler: DirectiveHandler;
  readonly #useChecksums: boolean;
  readonly #requestHeader = new RequestHeader();
  readonly #responseHeader = new ResponseHeader();

  constructor(channel: Channel, handler: DirectiveHandler, useChecksums: boolean) {
    this.channel = channel;
    this.#handler = handler;
    this.#useChecksums = useChecksums;
    this.#responseHeader.protocolVersion = PROTOCOL_VERSION;
    this.#responseHeader.targetNreq = channel.capacity;
  }

  /**
   * Answers the request that arrived in receive slot `slot`.
   * @throws ProtocolError when it is no DAFS request of this session
   */
  receive(slot: number, byteLength: number): void {
    const request = this.channel.receiveSlot(slot);
    const response = this.channel.sendSlot(slot);
    request.length = byteLength;
    const header = this.#requestHeader;
    decodeRequestHeader(request, header);
    if (this.#useChecksums) {
      verifyMessage(request);
    }
    const operation = operationByProcedure.get(header.procedure);
    encodeHeaderOnly(response);
    const status =
      operation?.channel === 'back-control'
        ? this.#perform(operation, slot)
        : DafsStatus.DAFSERR_NOTSUPP;
    this.#respond(slot, status);
  }

  #perform(operation: AnyOperation, slot: number): DafsStatus {
    const name = operation.name.slice('DAFS_PROC_'.length) as DirectiveName;
    if (name === 'BC_NULL') {
      return DafsStatus.DAFS_STATUS_OK;
    }
    let status: DafsStatus = UNANSWERED;
    try {
      this.#handler({
        name,
        arguments: operation.arguments.decode(this.channel.receiveSlot(slot)),
        answer: (results: unknown) => {
          operation.results.encode(this.channel.sendSlot(slot), results);
          status = DafsStatus.DAFS_STATUS_OK;
        },
        refuse: (refusal: DafsStatus) => {
          status = refusal;
        },
      } as Directive);
    } catch {
      // A malformed directive, or a handler that failed: the server learns that much and no more.
      encodeHeaderOnly(this.channel.sendSlot(slot));
      status = UNANSWERED;
    }
    return status;
  }

  #respond(slot: number, status: DafsStatus): void {
    const response = this.channel.sendSlot(slot);
    const header = this.#responseHeader;
    header.streamId = this.#requestHeader.streamId;
    header.seqNumber = this.#requestHeader.seqNumber;
    header.analyzerLow = this.#requestHeader.analyzerLow;
    header.analyzerHigh = this.#requestHeader.analyzerHigh;
    header.status = status;
    encodeResponseHeader(response, header);
    if (this.#useChecksums) {
      sealMessage(response);
    }
    // The receive is posted first: the response is the server's leave to send the next request.
    this.channel.postReceive(slot);
    this.channel.send(slot);
  }
}
