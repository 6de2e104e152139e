import { LockType } from '../../client/protocol/constants.ts';
import { LockKind as WireKind } from '../../client/protocol/extensions.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { StateId } from '../../client/protocol/types.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import { directivesTo } from '../sessions/lock-grants.ts';
import type { Loss } from '../sessions/session.ts';
import type { LockKind } from '../state/lock-space.ts';
import type { LockSubject } from '../state/locks.ts';
import { lockOwnerKey } from '../state/opens.ts';
import type { FileId } from '../store/index.ts';
import {
  describeConflict,
  describeRange,
  openOf,
  requireAccess,
  requireLockable,
  requireMode,
  requireRange,
} from './lock.ts';

const kindOfWire: Readonly<Record<WireKind, LockKind>> = {
  [WireKind.RECORD]: 'record',
  [WireKind.FLOCK]: 'flock',
};

const waitingTypes: ReadonlySet<number> = new Set([LockType.READW_LT, LockType.WRITEW_LT]);

/** As many fit into the smallest response. */
const LOSSES_PER_ANSWER = 64;

/** Locks of owners that are not opens, and waiting for them (extension LOCKS). */
export const ownerLockHandlers = {
  OWNER_LOCK(service, exchange, args) {
    const open = openOf(service, exchange, args.filehandle, args.stateId);
    const mode = requireMode(args.lockType);
    const subject = subjectOf(service, exchange, args);
    if (subject.kind === 'record') {
      requireAccess(open, mode);
    }
    const wanted = { ...requireRange(args), mode, pid: args.pid };
    const { waitId } = args;
    if (waitingTypes.has(args.lockType)) {
      requireGrantsToArrive(exchange);
      const isLocked = service.locks.lockOrWait(open, subject, wanted, waitId);
      return { isGranted: isLocked && isTold(service, exchange, open.fileId, waitId) };
    }
    if (service.locks.lock(open, subject, wanted) !== undefined) {
      refuse(DafsStatus.DAFSERR_DENIED);
    }
    return { isGranted: isTold(service, exchange, open.fileId, waitId) };
  },

  OWNER_LOCKT(service, exchange, args) {
    const inode = requireLockable(service, args.filehandle);
    const mode = requireMode(args.lockType);
    const subject = subjectOf(service, exchange, args);
    const conflict = service.locks.test(inode.id, subject, requireRange(args), mode);
    if (conflict === undefined) {
      return { results: { status: DafsStatus.DAFS_STATUS_OK } };
    }
    const { pid } = conflict.range;
    const status = DafsStatus.DAFSERR_DENIED;
    exchange.status = status;
    return { results: { status, ...describeConflict(conflict), pid } };
  },

  OWNER_LOCKU(service, exchange, args) {
    const { fileId } = openOf(service, exchange, args.filehandle, args.stateId);
    service.locks.unlock(fileId, subjectOf(service, exchange, args), requireRange(args));
    return undefined;
  },

  CANCEL_LOCK(service, exchange, { waitId }) {
    return { isCancelled: service.locks.cancel(exchange.client, waitId) };
  },

  RENEW_LEASE({ leases, limits }, { client }, { known }) {
    leases.learnt(client, known);
    const losses = client.losses.slice(0, LOSSES_PER_ANSWER);
    return {
      leaseMs: limits.leaseMs,
      last: losses.at(-1)?.number ?? known,
      locks: losses.flatMap((loss) => ('range' in loss ? describeLostLock(loss) : [])),
      opens: losses.flatMap((loss) =>
        'stateId' in loss ? { fileId: loss.fileId, stateId: loss.stateId as StateId } : [],
      ),
    };
  },
} satisfies Handlers;

/**
 * Whether the client may be told of its lock at once. Otherwise it has yet to act upon what others
 * have done to the file, and is told when it has.
 */
function isTold(service: Service, { client }: Exchange, id: FileId, waitId: bigint): boolean {
  if (!service.notifications.owes(client, id)) {
    return true;
  }
  service.lockGrants.tell(client, id, waitId);
  return false;
}

function describeLostLock({ fileId, kind, range }: Extract<Loss, { kind: LockKind }>) {
  return {
    fileId,
    kind: kind === 'record' ? WireKind.RECORD : WireKind.FLOCK,
    ...describeRange(range),
    pid: range.pid,
  };
}

/** @throws Refusal DAFSERR_INVAL for an owner with too long a name */
function subjectOf(
  service: Service,
  exchange: Exchange,
  { kind, owner }: { readonly kind: WireKind; readonly owner: Uint8Array },
): LockSubject {
  if (owner.length > service.limits.maxIdentifierBytes) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
  return { kind: kindOfWire[kind], ownerKey: lockOwnerKey(exchange.client, owner) };
}

/**
 * A client that finds its server restarted may get its back-control channel later than others: what it
 * could not be told by then it learns when it asks again.
 * @throws Refusal DAFSERR_BACK_CHANNEL_UNUSABLE when nothing could tell the client of a grant
 */
function requireGrantsToArrive({ client }: Exchange): void {
  if (!client.isDurable && directivesTo(client) === undefined) {
    refuse(DafsStatus.DAFSERR_BACK_CHANNEL_UNUSABLE);
  }
}
