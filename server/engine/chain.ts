import { ChainFlag } from '../../client/protocol/constants.ts';
import type { AnyOperation } from '../../client/protocol/operation.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { Filehandle, StateId } from '../../client/protocol/types.ts';
import { refuse } from './refusal.ts';

/** What the previous request of a channel leaves to the next one (section 4.3). */
export interface ChainState {
  /** The previous request announced a successor. */
  readonly isOpen: boolean;
  /** A request of the chain failed: the rest is not executed. */
  readonly isBroken: boolean;
  /** A bulk fetch was among them: nothing may be modified any more. */
  readonly hasBulkFetch: boolean;
  readonly filehandle: Filehandle | undefined;
  readonly stateId: StateId | undefined;
}

/** Between chains. */
export const emptyChain: ChainState = {
  isOpen: false,
  isBroken: false,
  hasBulkFetch: false,
  filehandle: undefined,
  stateId: undefined,
};

const KNOWN_FLAGS = Object.values(ChainFlag).reduce((all, flag) => all | flag, 0);

/**
 * Checks a request against the chain that it is part of and puts the chain's filehandle and State-id
 * into its arguments (section 4.3.2).
 *
 * @throws Refusal DAFSERR_CHAIN_FORM or DAFSERR_CHAIN_BROKEN.
 */
export function enterChain(state: ChainState, flags: number, operation: AnyOperation): void {
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const continues = has(ChainFlag.DAFS_CHF_BACK);
  const inherits = has(ChainFlag.DAFS_CHF_FH) || has(ChainFlag.DAFS_CHF_STATEID);
  const isMalformed =
    (flags & ~KNOWN_FLAGS) !== 0 ||
    continues !== state.isOpen ||
    (flags !== 0 && !operation.chainable) ||
    (has(ChainFlag.DAFS_CHF_SAVE) &&
      !(operation.category === 'simple' && has(ChainFlag.DAFS_CHF_FORW))) ||
    (inherits && !continues) ||
    (state.hasBulkFetch && operation.modifies);
  if (isMalformed) {
    refuse(DafsStatus.DAFSERR_CHAIN_FORM);
  }
  if (state.isBroken) {
    refuse(DafsStatus.DAFSERR_CHAIN_BROKEN);
  }
}

/** Replaces what the flags say is to be taken from the chain. @throws Refusal DAFSERR_CHAIN_FORM */
export function inheritFromChain(
  state: ChainState,
  flags: number,
  operation: AnyOperation,
  args: object,
): void {
  if ((flags & ChainFlag.DAFS_CHF_FH) !== 0) {
    replace(args, operation.chain.takesFilehandle, state.filehandle);
  }
  if ((flags & ChainFlag.DAFS_CHF_STATEID) !== 0) {
    replace(args, operation.chain.takesStateId, state.stateId);
  }
}

/** What the channel's next request finds. */
export function leaveChain(
  state: ChainState,
  flags: number,
  operation: AnyOperation | undefined,
  status: DafsStatus,
  args: object | undefined,
  results: object | undefined,
): ChainState {
  if ((flags & ChainFlag.DAFS_CHF_FORW) === 0) {
    return emptyChain;
  }
  if (status !== DafsStatus.DAFS_STATUS_OK || operation === undefined) {
    return { ...state, isOpen: true, isBroken: true };
  }
  const { chain } = operation;
  const filehandle =
    find(results, chain.givesFilehandle) ?? find(args, chain.takesFilehandle) ?? state.filehandle;
  const stateId =
    find(results, chain.givesStateId) ?? find(args, chain.takesStateId) ?? state.stateId;
  return {
    isOpen: true,
    isBroken: false,
    hasBulkFetch: state.hasBulkFetch || operation.category === 'bulk-fetch',
    // Byte strings are views of messages, which are gone by the time of the next request.
    filehandle: filehandle instanceof Uint8Array ? (filehandle.slice() as Filehandle) : undefined,
    stateId: typeof stateId === 'bigint' ? (stateId as StateId) : undefined,
  };
}

type Properties = Record<string, unknown>;

const find = (value: object | undefined, path: string | undefined): unknown =>
  path === undefined
    ? undefined
    : path
        .split('.')
        .reduce<unknown>((part, name) => (part as Properties | undefined)?.[name], value);

function replace(args: object, path: string | undefined, value: unknown): void {
  const names = path?.split('.') ?? [];
  const last = names.pop();
  const owner = find(args, names.length === 0 ? undefined : names.join('.')) ?? args;
  if (last === undefined || value === undefined) {
    refuse(DafsStatus.DAFSERR_CHAIN_FORM);
  }
  (owner as Properties)[last] = value;
}
