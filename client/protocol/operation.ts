/** What the table of operations says about each procedure. */

import { type Codec, codec } from './codec.ts';
import type { Extension } from './extensions.ts';
import { type Layout, structure } from './layout.ts';
import { Procedure, type ProcedureName } from './procedure.ts';
import type { DafsStatusName } from './status.ts';

/** The five categories of section 4.3.1, and the server's own requests of section 6.6. */
export type OperationCategory =
  | 'special'
  | 'bulk-fetch'
  | 'simple'
  | 'fs-state-modifying'
  | 'lock-state-modifying'
  | 'back-control';

/**
 * On which channel the requester sends it: the operations channel of a session, a fresh connection
 * that is about to become another channel of one, or the back-control channel.
 */
export type OperationChannel = 'operations' | 'new' | 'back-control';

/** How bulk data of a direct procedure moves. */
export interface DirectTransfer {
  /** The server writes into the client's memory, or reads from it. */
  readonly transfer: 'rdma-write' | 'rdma-read';
  /** The argument that names the client's memory. */
  readonly buffers: string;
  /** On which side the direct checksum travels: it is the side that has the data first. */
  readonly checksum: 'arguments' | 'results';
}

/**
 * What a request takes from and leaves to its chain (sections 4.1.3.1 and 4.3.2), as dotted
 * property names. Without `gives…` a request leaves the handle or State-id that it used.
 */
export interface ChainRules {
  /** The argument that DAFS_CHF_FH replaces by the chain's filehandle. */
  readonly takesFilehandle?: string;
  /** The result that becomes the chain's filehandle. */
  readonly givesFilehandle?: string;
  readonly takesStateId?: string;
  readonly givesStateId?: string;
}

/** Which error responses carry results behind the header. */
export type ResultsOnError = 'never' | 'always' | readonly DafsStatusName[];

export interface Operation<Arguments, Results> {
  /** The draft's name. */
  readonly name: `DAFS_PROC_${ProcedureName}`;
  readonly procedure: Procedure;
  readonly arguments: Codec<Arguments>;
  readonly results: Codec<Results>;
  readonly category: OperationCategory;
  /** Whether it changes the file system, so that the response must agree with stable storage. */
  readonly modifies: boolean;
  /**
   * Whether its response is always kept in the response cache (section 5.2.1): to do it twice would do
   * harm. A client asks for these after it has lost its session, and sends all others again.
   */
  readonly cached: boolean;
  /** Whether it may be part of a chain at all (section 4.3.1). */
  readonly chainable: boolean;
  readonly chain: ChainRules;
  readonly channel: OperationChannel;
  /** Whether a session serves it before its client is authenticated (section 6.2.2). */
  readonly beforeAuthentication: boolean;
  readonly direct: DirectTransfer | undefined;
  /** What a session must have been granted before it can be used; `undefined`: nothing. */
  readonly extension: Extension | undefined;
  readonly resultsOnError: ResultsOnError;
  /** Where the discriminator that `results.decode` needs is found, if it needs one. */
  readonly resultsDiscriminator: 'status' | 'authType' | undefined;
  /** The errors that the draft lists for it, DAFS_STATUS_OK left out. */
  readonly errors: readonly DafsStatusName[];
}

export interface OperationDescription<Arguments, Results> {
  readonly category: OperationCategory;
  /** Left out: what modifies the state of the file system or of locks is. */
  readonly cached?: boolean;
  readonly arguments: readonly [string, Layout<Arguments>];
  readonly results: readonly [string, Layout<Results>];
  readonly chain?: ChainRules;
  readonly channel?: OperationChannel;
  readonly beforeAuthentication?: boolean;
  readonly direct?: DirectTransfer;
  readonly extension?: Extension;
  readonly resultsOnError?: ResultsOnError;
  readonly resultsDiscriminator?: 'status' | 'authType';
  readonly errors: readonly DafsStatusName[];
}

type ShortName = DafsStatusName extends infer Name
  ? Name extends `DAFSERR_${infer Short}`
    ? Short
    : never
  : never;

/** Errors by their names without DAFSERR_. */
export const errors = (...names: readonly ShortName[]): readonly DafsStatusName[] =>
  names.map((name) => `DAFSERR_${name}` as const);

/** The layout of "None." */
export const none = structure({});

/** Completes a row of the table. */
export const operation = <Arguments, Results>(
  name: ProcedureName,
  description: OperationDescription<Arguments, Results>,
): Operation<Arguments, Results> => {
  const { category } = description;
  const modifies = category === 'fs-state-modifying';
  return {
    name: `DAFS_PROC_${name}`,
    procedure: Procedure[name],
    arguments: codec(...description.arguments),
    results: codec(...description.results),
    category,
    modifies,
    cached: description.cached ?? (modifies || category === 'lock-state-modifying'),
    chainable: category !== 'special' && category !== 'back-control',
    chain: description.chain ?? {},
    channel: description.channel ?? 'operations',
    beforeAuthentication: description.beforeAuthentication ?? false,
    direct: description.direct,
    extension: description.extension,
    resultsOnError: description.resultsOnError ?? 'never',
    resultsDiscriminator: description.resultsDiscriminator,
    errors: description.errors,
  };
};

/** An operation of which only the table's facts matter. */
// biome-ignore lint/suspicious/noExplicitAny: codecs are invariant in their values.
export type AnyOperation = Operation<any, any>;
