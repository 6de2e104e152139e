import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { FaultInjector } from '../nic/index.ts';
import type { DirectiveHandler } from './back-control.ts';
import type { Extension, Verifier } from './protocol/index.ts';

/**
 * Who a session belongs to (3.1.1.3). Sessions of one identity are one client to the server: they
 * share credentials and open files. Plain data, so it can be handed to worker threads. A new
 * verifier under an old name tells the server that the client restarted and holds nothing any more.
 */
export interface ClientIdentity {
  readonly name: Uint8Array;
  readonly verifier: Verifier;
}

/** An identity that nobody else has. */
export function createClientIdentity(): ClientIdentity {
  const name = `${hostname()}/${process.pid}/${randomBytes(8).toString('hex')}`;
  return { name: new TextEncoder().encode(name), verifier: randomVerifier() };
}

export function randomVerifier(): Verifier {
  return randomBytes(8).readBigUInt64LE() as Verifier;
}

/** How the client proves who it is: nothing, the server's defaults, or a name and a password. */
export type Authentication =
  | { readonly type: 'none' }
  | { readonly type: 'default' }
  | { readonly type: 'text'; readonly name: string; readonly password: string };

/** How long a session looks for its server. */
export interface RecoveryOptions {
  /** After that calls fail, in milliseconds; Infinity: they wait as long as it takes. */
  readonly timeoutMs: number;
  /** Asked before each pause: whether nobody waits any more. Calls fail then, too. */
  readonly isGivenUp?: (awayMs: number) => boolean;
}

export interface SessionOptions {
  /** A fresh one when left out. */
  readonly identity?: ClientIdentity;
  /** When left out: `none` where the server trusts this user anyway, `default` elsewhere. */
  readonly authentication?: Authentication;
  /** Whether every message and all direct data carry Fletcher-32 checksums. False when left out. */
  readonly checksums?: boolean;
  /** The byte order of the session; the client chooses. Little when left out. */
  readonly endianness?: 'little' | 'big';
  /** How many requests may be outstanding; the server may grant fewer. 32 when left out. */
  readonly maximumRequests?: number;
  /** Size of a request message, in bytes; the server may grant less. 8192 when left out. */
  readonly maximumRequestBytes?: number;
  /** Size of a response message, in bytes; the server may grant less. 16384 when left out. */
  readonly maximumResponseBytes?: number;
  /** Slots of the transfer arena: how many transfers of unregistered memory overlap. 4 when left out. */
  readonly transferSlots?: number;
  /** Size of such a slot, in bytes: the longest direct transfer. 1 MiB when left out. */
  readonly transferSlotBytes?: number;
  /** Whether to ask for a channel of its own for the server's RDMA reads. False when left out. */
  readonly rdmaReadChannel?: boolean;
  /** Answers the server's own requests. When given, a back-control channel is asked for. */
  readonly onDirective?: DirectiveHandler;
  /** Extensions of the protocol to ask for; the server may grant fewer. None when left out. */
  readonly extensions?: readonly Extension[];
  /** The fencing id of the session (4.4.5). Empty when left out. */
  readonly fenceId?: string;
  /**
   * What to do when the connection is lost: connect anew to the server that comes in its place, as the
   * same client. When left out, the session ends.
   */
  readonly recovery?: RecoveryOptions;
  /** How long connecting may take, in milliseconds. 10,000 when left out. */
  readonly timeoutMs?: number;
  /** How long waiting polls at most before it sleeps; see ContextOptions. */
  readonly pollMicroseconds?: number;
  /** Called each time before waiting sleeps; see ContextOptions. */
  readonly beforeSleep?: (sleptMs: number) => number;
  /** Breaks connections, for tests; see ContextOptions. */
  readonly faults?: FaultInjector;
}

/** The options with everything filled in that has a fixed default. */
export function withDefaults(options: SessionOptions) {
  return {
    identity: options.identity ?? createClientIdentity(),
    checksums: options.checksums ?? false,
    littleEndian: (options.endianness ?? 'little') === 'little',
    maximumRequests: options.maximumRequests ?? 32,
    maximumRequestBytes: options.maximumRequestBytes ?? 8192,
    maximumResponseBytes: options.maximumResponseBytes ?? 16_384,
    transferSlots: options.transferSlots ?? 4,
    transferSlotBytes: options.transferSlotBytes ?? 1_048_576,
    rdmaReadChannel: options.rdmaReadChannel ?? false,
    extensions: options.extensions ?? [],
    fenceId: options.fenceId ?? '',
    timeoutMs: options.timeoutMs ?? 10_000,
    usesResponseCache: options.recovery !== undefined,
  };
}

export type CompleteOptions = ReturnType<typeof withDefaults>;
