import { CredType } from '../../client/protocol/constants.ts';
import type { ArgumentsOf } from '../../client/protocol/operations.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { CredHandle } from '../../client/protocol/types.ts';
import type { Credential } from '../access-control.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Limits } from '../sessions/limits.ts';

/** Registering credentials and releasing them (sections 6.2.8 and 6.2.9). */
export const credentialHandlers = {
  REGISTER_CRED(service, exchange, args) {
    const { credentials } = requireTrust(exchange);
    const credential = credentialOf(args.cred, exchange, service.limits);
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
      if (wanted.groups.length > limits.maxGroupsPerCredential) {
        refuse(DafsStatus.DAFSERR_INVAL);
      }
      return {
        uid: unsigned(wanted.uid),
        gid: unsigned(wanted.gid),
        groups: wanted.groups.map(unsigned),
      };
    case CredType.DAFS_CRED_DEFAULT:
      return exchange.client.principal.credential;
    default:
      refuse(DafsStatus.DAFSERR_NOTSUPP);
  }
}

/** The draft has ids as signed integers, Linux as unsigned ones. */
const unsigned = (id: number): number => id >>> 0;
