import { DafsError } from './dafs-error.ts';
import {
  type AnyOperation,
  DafsStatus,
  type FieldsReader,
  fieldsReader,
  HEADER_BYTES,
  MessageBuffer,
  type Operation,
  ProtocolError,
  statusName,
} from './protocol/index.ts';

const PENDING = -1;

/** What the requester needs of a request. */
export interface Requestable {
  readonly operation: AnyOperation;
  readonly arguments: unknown;
  readonly credential: number;
  /** Whether the response has arrived, or the session has ended without one. */
  readonly isDone: boolean;
  /** Takes the response; `message` is valid only during the call. */
  complete(status: number, message: MessageBuffer): void;
  /** Ends the request without a response. */
  fail(failure: DafsError): void;
}

/**
 * One request of a session, from submit() until its response has arrived. The results that it keeps
 * are the program's own: they hold no views of the session's buffers.
 */
export class Request<Arguments, Results> implements Requestable {
  readonly operation: Operation<Arguments, Results>;
  readonly arguments: Arguments;
  readonly credential: number;
  /** The server's status once the response has arrived. */
  #status = PENDING;
  #results: Results | undefined;
  #failure: DafsError | undefined;

  constructor(
    operation: Operation<Arguments, Results>,
    requestArguments: Arguments,
    credential: number,
  ) {
    this.operation = operation;
    this.arguments = requestArguments;
    this.credential = credential;
  }

  get isDone(): boolean {
    return this.#status !== PENDING;
  }

  /** Of a request that is done: there are no results. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** The results of a request that is done. @throws DafsError when it failed. */
  get results(): Results {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    return this.#results as Results;
  }

  complete(status: number, message: MessageBuffer): void {
    this.#status = status;
    try {
      if (status === DafsStatus.DAFS_STATUS_OK) {
        this.#results = this.decode(message, status);
      } else {
        const results = carriesResults(this.operation, status, message)
          ? this.decode(message, status)
          : undefined;
        this.#failure = DafsError.fromStatus(operationName(this.operation), status, results);
      }
    } catch (error) {
      this.#failure =
        error instanceof DafsError ? error : badResponse(operationName(this.operation), error);
    }
  }

  fail(failure: DafsError): void {
    this.#status = DafsStatus.DAFSERR_IO;
    this.#failure = failure;
  }

  /** Reads the results from a copy, because byte strings are decoded as views. */
  protected decode(message: MessageBuffer, status: number): Results {
    const copy = MessageBuffer.allocate(message.length, message);
    copy.bytes.set(message.bytes.subarray(0, message.length));
    copy.length = message.length;
    return this.operation.results.decode(
      copy,
      discriminator(this.operation, this.arguments, status),
    );
  }
}

/**
 * A request whose results are taken over where they arrived, without a copy: `take` gets the decoded
 * results while their byte strings are still views of the session's buffer, copies what is to
 * outlive it, and gives what the program sees as the results.
 */
export class InPlaceRequest<Arguments, Results, Taken> extends Request<Arguments, Taken> {
  readonly #take: (results: Results) => Taken;

  constructor(
    operation: Operation<Arguments, Results>,
    requestArguments: Arguments,
    credential: number,
    take: (results: Results) => Taken,
  ) {
    super(operation as unknown as Operation<Arguments, Taken>, requestArguments, credential);
    this.#take = take;
  }

  protected override decode(message: MessageBuffer): Taken {
    const codec = this.operation.results as unknown as Operation<Arguments, Results>['results'];
    return this.#take(codec.decode(message));
  }
}

/**
 * A request that is made again and again, one at a time, and allocates nothing: `arguments` are
 * filled anew each time, and what is wanted of the results is read into `results`.
 */
export class RepeatedRequest<Arguments, Results, Name extends keyof Results & string>
  implements Requestable
{
  readonly operation: Operation<Arguments, Results>;
  readonly arguments: Arguments;
  /** Of the last request that succeeded. */
  readonly results: Pick<Results, Name>;
  credential = 0;
  isDone = true;
  readonly #read: FieldsReader<Pick<Results, Name>>;
  #failure: DafsError | undefined;

  /** @param results the object that is to hold them, with the fields that are wanted */
  constructor(
    operation: Operation<Arguments, Results>,
    requestArguments: Arguments,
    results: Pick<Results, Name>,
  ) {
    this.operation = operation;
    this.arguments = requestArguments;
    this.results = results;
    this.#read = fieldsReader(operation.results, Object.keys(results) as Name[]);
  }

  /** To be called each time before it is sent. */
  begin(credential: number): void {
    this.credential = credential;
    this.isDone = false;
    this.#failure = undefined;
  }

  /** @throws DafsError when the request, which is done, has failed */
  assertSucceeded(): void {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }

  complete(status: number, message: MessageBuffer): void {
    this.isDone = true;
    if (status !== DafsStatus.DAFS_STATUS_OK) {
      this.#failure = DafsError.fromStatus(operationName(this.operation), status);
      return;
    }
    try {
      this.#read(message, this.results);
    } catch (error) {
      this.#failure = badResponse(operationName(this.operation), error);
    }
  }

  fail(failure: DafsError): void {
    this.isDone = true;
    this.#failure = failure;
  }
}

/** The procedure's name as errors show it, without the draft's prefix. */
export function operationName(operation: AnyOperation): string {
  return operation.name.slice('DAFS_PROC_'.length);
}

export function badResponse(operation: string, cause: unknown): DafsError {
  const reason = cause instanceof ProtocolError ? cause.message : String(cause);
  return DafsError.local(operation, 'BAD_RESPONSE', 'EIO', `malformed response: ${reason}`, {
    cause,
  });
}

function carriesResults(operation: AnyOperation, status: number, message: MessageBuffer): boolean {
  const { resultsOnError } = operation;
  if (message.length <= HEADER_BYTES || resultsOnError === 'never') {
    return false;
  }
  const name = statusName(status);
  return resultsOnError === 'always' || (name !== undefined && resultsOnError.includes(name));
}

/** What selects the arm of results whose discriminator is not among their bytes. */
function discriminator(
  operation: AnyOperation,
  requestArguments: unknown,
  status: number,
): number | undefined {
  const rules = {
    status,
    authType: (requestArguments as { authType?: number } | undefined)?.authType,
  };
  return operation.resultsDiscriminator && rules[operation.resultsDiscriminator];
}
