import { CredType } from '../../client/protocol/constants.ts';
import { FILE_CAPABILITIES } from '../../client/protocol/extensions.ts';
import type { ArgumentsOf } from '../../client/protocol/operations.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { CredHandle } from '../../client/protocol/types.ts';
import type { Credential } from '../access-control.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Limits } from '../sessions/limits.ts';

/** Registering credentials and releasing them (sections 6.2.8 and 6.2.9; EXTENSIONS.md). */
export const credentialHandlers = {
  REGISTER_CRED(service, exchange, args) {
    const { credentials } = requireTrust(exchange);
    const credential = credentialOf(args.cred, exchange, service.limits);
    return { credHandle: credentials.register(credential) as CredHandle };
  },

  REGISTER_CRED2(service, exchange, args) {
    const { credentials } = requireTrust(exchange);
    const user = userOf(args, service.limits);
    // Those that have nothing to do with files are nobody's: there is nothing to ask them for.
    const capabilities = (args.capabilities & FILE_CAPABILITIES) >>> 0;
    const { keepsAccessTimes } = args;
    const credential = { ...user, capabilities, keepsAccessTimes };
    return { credHandle: credentials.register(credential) as CredHandle };
  },

  RELEASE_CRED(_service, exchange, args) {
    requireTrust(exchange).credentials.release(args.credHandle);
    return undefined;
  },
} satisfies Handlers;

function requireTrust(exchange: Exchange) {
  if (exchange.session.principal?.isTrusted !== true) {
    refuse(DafsStatus.DAFSERR_NOT_AUTHORIZED);
  }
  return exchange.client;
}

function credentialOf(
  wanted: ArgumentsOf<'REGISTER_CRED'>['cred'],
  exchange: Exchange,
  limits: Limits,
): Credential {
  switch (wanted.credType) {
    case CredType.DAFS_CRED_ID:
      return userOf(wanted, limits);
    case CredType.DAFS_CRED_DEFAULT:
      return exchange.client.principal.credential;
    default:
      refuse(DafsStatus.DAFSERR_NOTSUPP);
  }
}

interface SignedIds {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** @throws Refusal DAFSERR_INVAL for somebody in too many groups. */
function userOf({ uid, gid, groups }: SignedIds, limits: Limits): Credential {
  if (groups.length > limits.maxGroupsPerCredential) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
  return { uid: unsigned(uid), gid: unsigned(gid), groups: groups.map(unsigned) };
}

/** The draft has ids as signed integers, Linux as unsigned ones. */
const unsigned = (id: number): number => id >>> 0;
