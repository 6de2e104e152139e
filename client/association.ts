import type { PeerCredentials } from '../nic/index.ts';
import { BackControl } from './back-control.ts';
import type { Channel, ChannelOptions } from './channel.ts';
import { DafsError, hasStatus } from './dafs-error.ts';
import type { Endpoint } from './endpoint.ts';
import {
  agreedTerms,
  authenticationFor,
  bindArguments,
  connectArguments,
  type SessionTerms,
} from './negotiation.ts';
import {
  type AuthRequest,
  ChannelUse,
  DafsStatus,
  type Extension,
  FIRST_EXCHANGE_BYTES,
  operations,
} from './protocol/index.ts';
import { badResponse, operationName, Request } from './request.ts';
import { Requester } from './requester.ts';
import type { CompleteOptions, SessionOptions } from './session-options.ts';

/** Directives that the server may have outstanding. */
const BACK_CONTROL_REQUESTS = 8;

/** What the channels of an association can have under way, for the endpoint that they share. */
export const channelCapacities = (maximumRequests: number): readonly number[] => [
  maximumRequests,
  BACK_CONTROL_REQUESTS,
  1,
];

/** A DAFS session in the draft's sense: channels to one server process, and what it agreed to. */
export class Association {
  /** What was agreed with the server. */
  readonly terms: SessionTerms;
  /** The extensions that the server granted. */
  readonly extensions: ReadonlySet<Extension>;
  /** The process at the other end, as the kernel says. */
  readonly server: PeerCredentials | undefined;
  readonly requester: Requester;
  readonly #endpoint: Endpoint;
  readonly #path: string;
  readonly #options: CompleteOptions;
  readonly #given: SessionOptions;
  readonly #deadline: number;

  /**
   * Connects over an endpoint that has no channels.
   * @param deadline until when, on the clock of performance.now()
   * @throws DafsError CONNECT_FAILED, NEGOTIATION_FAILED, or the server's refusal; the endpoint then
   * has channels that are of no use
   */
  constructor(
    endpoint: Endpoint,
    path: string,
    options: CompleteOptions,
    given: SessionOptions,
    deadline: number,
  ) {
    this.#endpoint = endpoint;
    this.#path = path;
    this.#options = options;
    this.#given = given;
    this.#deadline = deadline;
    const channel = endpoint.openChannel(path, channelOptions(options), this.#leftMs());
    this.server = channel.queuePair.peer;
    this.requester = new Requester(channel, options.maximumRequests);
    endpoint.attach(this.requester);
    const auth = authenticationFor(given, this.server?.uid);
    this.terms = this.#negotiate(auth);
    this.extensions = this.#agreeOnExtensions(options.extensions);
    this.#bindChannels(auth);
  }

  #leftMs(): number {
    return Math.max(1, Math.ceil(this.#deadline - performance.now()));
  }

  #negotiate(auth: AuthRequest): SessionTerms {
    const wantsBackControl = this.#given.onDirective !== undefined;
    const connect = connectArguments(this.#options, wantsBackControl, auth);
    const results = this.#exchange(
      this.requester,
      new Request(operations.CLIENT_CONNECT_AUTH, connect, 0),
    );
    const terms = agreedTerms(this.#options, results);
    this.requester.credits.grant(terms.maximumRequests);
    this.requester.useChecksums = terms.usesChecksums;
    return terms;
  }

  #agreeOnExtensions(wanted: readonly Extension[]): ReadonlySet<Extension> {
    if (wanted.length === 0) {
      return new Set();
    }
    try {
      const request = new Request(operations.EXTENSIONS, { wanted }, 0);
      return new Set(this.#exchange(this.requester, request).granted);
    } catch (error) {
      // A server of the draft alone does not know the procedure.
      if (hasStatus(error, DafsStatus.DAFSERR_NOTSUPP)) {
        return new Set();
      }
      throw error;
    }
  }

  #bindChannels(auth: AuthRequest): void {
    const { onDirective } = this.#given;
    if (this.terms.usesBackControlChannel && onDirective !== undefined) {
      const channel = this.#bind(ChannelUse.DAFS_BACK_CONTROL_CHANNEL, auth);
      this.#endpoint.attach(new BackControl(channel, onDirective, this.terms.usesChecksums));
    }
    if (this.terms.usesRdmaReadChannel) {
      this.#bind(ChannelUse.DAFS_RDMA_READ_CHANNEL, auth);
    }
  }

  /** Opens one more channel of this session (CONNECT_BIND). */
  #bind(use: (typeof ChannelUse)[keyof typeof ChannelUse], auth: AuthRequest): Channel {
    const capacity = use === ChannelUse.DAFS_BACK_CONTROL_CHANNEL ? BACK_CONTROL_REQUESTS : 1;
    const channel = this.#endpoint.openChannel(
      this.#path,
      {
        capacity,
        maximumSendBytes: FIRST_EXCHANGE_BYTES,
        maximumReceiveBytes: FIRST_EXCHANGE_BYTES,
        littleEndian: this.#options.littleEndian,
      },
      this.#leftMs(),
    );
    // No checksums yet: the server learns only from this request which session the channel joins.
    const requester = new Requester(channel, capacity);
    this.#endpoint.attach(requester);
    const bind = bindArguments(this.terms, use, capacity, auth);
    this.#exchange(requester, new Request(operations.CONNECT_BIND, bind, 0));
    return channel;
  }

  /** One request and its response while the session is being set up. */
  #exchange<Arguments, Results>(
    requester: Requester,
    request: Request<Arguments, Results>,
  ): Results {
    const name = operationName(request.operation);
    try {
      requester.trySend(request);
      while (!request.isDone) {
        if (performance.now() >= this.#deadline) {
          throw DafsError.local(name, 'CONNECT_FAILED', 'ETIMEDOUT', 'the server does not answer');
        }
        this.#endpoint.progress(this.#leftMs());
      }
    } catch (error) {
      throw error instanceof DafsError ? error : badResponse(name, error);
    }
    return request.results;
  }
}

function channelOptions(options: CompleteOptions): ChannelOptions {
  return {
    capacity: options.maximumRequests,
    maximumSendBytes: Math.max(options.maximumRequestBytes, FIRST_EXCHANGE_BYTES),
    maximumReceiveBytes: Math.max(options.maximumResponseBytes, FIRST_EXCHANGE_BYTES),
    littleEndian: options.littleEndian,
  };
}
