import { type Limits, MINIMUM_MESSAGE_BYTES } from './limits.ts';

/** What CLIENT_CONNECT asks for (section 6.2.1); 0 leaves a number to the server. */
export interface ParameterWishes {
  readonly useChecksums: boolean;
  readonly useResponseCache: boolean;
  readonly maxCredentials: number;
  readonly maxRequestSize: number;
  readonly maxResponseSize: number;
  readonly maxRequests: number;
  readonly inlineWriteHeaderSize: number;
  readonly useBackControlChannel: boolean;
  readonly useRdmaReadChannel: boolean;
}

/** What a session obeys for all of its life. */
export interface SessionParameters {
  readonly useChecksums: boolean;
  readonly useResponseCache: boolean;
  readonly maxRequestSize: number;
  readonly maxResponseSize: number;
  readonly maxRequests: number;
  readonly inlineWriteHeaderSize: number;
  readonly useBackControlChannel: boolean;
  readonly useRdmaReadChannel: boolean;
}

const DEFAULT_MESSAGE_BYTES = 8192;
const DEFAULT_REQUESTS = 16;
const DEFAULT_CREDENTIALS = 256;
/** Messages start on 8 bytes, and buffers lie one behind the other. */
const ALIGNMENT_BYTES = 8;

/**
 * The parameters of a new session. Wishes are granted as far as the limits go; of the number of
 * requests, only as many as have buffers of these sizes within the memory of one session.
 *
 * @param unpaddedWriteHeaderBytes where inline data begins without padding
 */
export function negotiate(
  wishes: ParameterWishes,
  limits: Limits,
  unpaddedWriteHeaderBytes: number,
): SessionParameters {
  const maxRequestSize = messageBytes(wishes.maxRequestSize, limits.maxRequestBytes);
  const maxResponseSize = messageBytes(wishes.maxResponseSize, limits.maxResponseBytes);
  const affordable = Math.floor(limits.maxMessageMemoryBytes / (maxRequestSize + maxResponseSize));
  const wanted = wishes.maxRequests || DEFAULT_REQUESTS;
  return {
    useChecksums: wishes.useChecksums,
    useResponseCache: wishes.useResponseCache,
    maxRequestSize,
    maxResponseSize,
    maxRequests: Math.max(1, Math.min(wanted, limits.maxRequests, affordable)),
    inlineWriteHeaderSize: aligned(
      clamp(wishes.inlineWriteHeaderSize, unpaddedWriteHeaderBytes, maxRequestSize),
    ),
    // A server that can use both channels for direct transfers does what the client asks for
    // (section 3.1.2.3.5, case 1).
    useBackControlChannel: wishes.useBackControlChannel,
    useRdmaReadChannel: wishes.useRdmaReadChannel,
  };
}

/** Message buffers that a channel of these parameters has. */
export const messageMemoryBytes = ({
  maxRequests,
  maxRequestSize,
  maxResponseSize,
}: Pick<SessionParameters, 'maxRequests' | 'maxRequestSize' | 'maxResponseSize'>): number =>
  maxRequests * (maxRequestSize + maxResponseSize);

/** How many credentials a client may register; its first session decides (section 6.2.1). */
export const credentialCapacity = (wish: number, limits: Limits): number =>
  Math.min(wish || DEFAULT_CREDENTIALS, limits.maxCredentialsPerClient);

const messageBytes = (wish: number, limit: number): number =>
  aligned(clamp(wish || DEFAULT_MESSAGE_BYTES, MINIMUM_MESSAGE_BYTES, limit));

const clamp = (value: number, minimum: number, maximum: number): number =>
  Math.max(minimum, Math.min(value, maximum));

/** Never rounds above a limit, because limits are multiples of the alignment themselves. */
const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
