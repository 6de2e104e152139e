import { CredType } from '../../client/protocol/constants.ts';
import { FILE_CAPABILITIES } from '../../client/protocol/extensions.ts';
import type { ArgumentsOf, ResultsOf } from '../../client/protocol/operations.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { CredHandle } from '../../client/protocol/types.ts';
import type { Credential } from '../access-control.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import type { Limits } from '../sessions/limits.ts';
import { askerOf } from '../sessions/session.ts';

/** Registering credentials and releasing them (sections 6.2.8 and 6.2.9; EXTENSIONS.md). */
export const credentialHandlers = {
  REGISTER_CRED(service, exchange, args) {
    requireTrust(exchange);
    return register(service, exchange, credentialOf(args.cred, exchange, service.limits));
  },

  REGISTER_CRED2(service, exchange, args) {
    requireTrust(exchange);
    const user = userOf(args, service.limits);
    // Those that have nothing to do with files are nobody's: there is nothing to ask them for.
    const capabilities = (args.capabilities & FILE_CAPABILITIES) >>> 0;
    const { keepsAccessTimes } = args;
    return register(service, exchange, { ...user, capabilities, keepsAccessTimes });
  },

  RELEASE_CRED(service, exchange, { credHandle }) {
    requireTrust(exchange);
    const { client } = exchange;
    const credential = client.credentials.find(credHandle);
    client.credentials.release(credHandle);
    service.sessions.credentialChanged(client, credHandle, undefined);
    exchange.isModified = true;
    exchange.undo = () => client.credentials.restore(credHandle, credential);
    return undefined;
  },
} satisfies Handlers;

function requireTrust(exchange: Exchange): void {
  if (exchange.session.principal?.isTrusted !== true) {
    refuse(DafsStatus.DAFSERR_NOT_AUTHORIZED);
  }
}

function register(
  service: Service,
  exchange: Exchange,
  credential: Credential,
): ResultsOf<'REGISTER_CRED'> {
  const { client } = exchange;
  if (client.credentials.isFull) {
    service.rations.refuse(askerOf(client), 'maxCredentialsPerClient', client.credentials.capacity);
  }
  const credHandle = client.credentials.register(credential) as CredHandle;
  service.sessions.credentialChanged(client, credHandle, credential);
  exchange.isModified = true;
  exchange.undo = () => client.credentials.release(credHandle);
  return { credHandle };
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
