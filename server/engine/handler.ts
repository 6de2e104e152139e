import type { ArgumentsOf, OperationName, ResultsOf } from '../../client/protocol/operations.ts';
import type { Exchange } from './exchange.ts';
import type { ENCODED, PARKED, Service } from './service.ts';

/**
 * Executes one procedure. It returns the results, or nothing where there are none, or throws a
 * Refusal. One that answers an error together with results (section 6.5.21) sets `exchange.status`
 * and returns them.
 */
export type Handler<Name extends OperationName> = (
  service: Service,
  exchange: Exchange,
  args: ArgumentsOf<Name>,
) => ResultsOf<Name> | undefined | typeof PARKED | typeof ENCODED;

/** Handlers of some procedures, by their names. */
export type Handlers = { readonly [Name in OperationName]?: Handler<Name> };
