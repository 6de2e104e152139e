import { LockType } from '../../client/protocol/constants.ts';
import type { ResultsOf } from '../../client/protocol/operations.ts';
import { DafsStatus } from '../../client/protocol/status.ts';
import type { ClientId, Filehandle } from '../../client/protocol/types.ts';
import type { Exchange } from '../engine/exchange.ts';
import type { Handlers } from '../engine/handler.ts';
import { refuse } from '../engine/refusal.ts';
import type { Service } from '../engine/service.ts';
import type { ByteRange, LockedRange, LockMode } from '../state/lock-ranges.ts';
import type { LockConflict } from '../state/lock-space.ts';
import { lockOwnerBytes, lockOwnerKey, type Open, Share } from '../state/opens.ts';
import { FileType, type Inode } from '../store/index.ts';

/** Modes of locks; the types that wait are asked for again and again until they are granted (8.3). */
const modeOfType: ReadonlyMap<number, LockMode> = new Map([
  [LockType.READ_LT, 'read'],
  [LockType.READW_LT, 'read'],
  [LockType.WRITE_LT, 'write'],
  [LockType.WRITEW_LT, 'write'],
]);

const typeOfMode: Readonly<Record<LockMode, LockType>> = {
  read: LockType.READ_LT,
  write: LockType.WRITE_LT,
};

const shareOfMode: Readonly<Record<LockMode, number>> = { read: Share.READ, write: Share.WRITE };

/** A length of all ones: to the end of the file, wherever that is. */
const TO_THE_END = 0xffff_ffff_ffff_ffffn;

/** The owner of such a lock is the open: it names no process. */
const NO_PROCESS = 0;

/**
 * Locks of ranges whose owner is an open (sections 6.5.18 to 6.5.20). DAFSERR_NOTSUPP for the options
 * (reclaiming, PERSIST, AUTORECOVERY, REPAIR) and for ABORT_LT.
 */
export const lockHandlers = {
  LOCK(service, exchange, args) {
    if (args.options !== 0) {
      refuse(DafsStatus.DAFSERR_NOTSUPP);
    }
    const open = openOf(service, exchange, args.filehandle, args.stateId);
    const mode = requireMode(args.lockType);
    requireAccess(open, mode);
    const wanted = { ...requireRange(args), mode, pid: NO_PROCESS };
    const conflict = service.locks.lock(open, { kind: 'record', ownerKey: open.ownerKey }, wanted);
    return { lockRes: lockResult(exchange, conflict) };
  },

  LOCKT(service, exchange, args) {
    const inode = requireLockable(service, args.filehandle);
    const ownerKey = lockOwnerKey(exchange.client, args.owner);
    const mode = requireMode(args.lockType);
    const subject = { kind: 'record', ownerKey } as const;
    const conflict = service.locks.test(inode.id, subject, requireRange(args), mode);
    return { results: lockResult(exchange, conflict) };
  },

  LOCKU(service, exchange, args) {
    const open = openOf(service, exchange, args.filehandle, args.stateId);
    const subject = { kind: 'record', ownerKey: open.ownerKey } as const;
    service.locks.unlock(open.fileId, subject, requireRange(args));
    return undefined;
  },
} satisfies Handlers;

function lockResult(
  exchange: Exchange,
  conflict: LockConflict | undefined,
): ResultsOf<'LOCK'>['lockRes'] {
  if (conflict === undefined) {
    return { status: DafsStatus.DAFS_STATUS_OK };
  }
  exchange.status = DafsStatus.DAFSERR_DENIED;
  return { status: DafsStatus.DAFSERR_DENIED, ...describeConflict(conflict) };
}

/** A lock that is in the way, as the protocol tells of it. */
export const describeConflict = ({ owner, range }: LockConflict) => ({
  ownerClientid: owner.holder.clientId as ClientId,
  owner: lockOwnerBytes(owner.key),
  ...describeRange(range),
});

/** A range that is locked, as the protocol tells of it. */
export const describeRange = ({ first, last, mode }: LockedRange) => ({
  offset: first,
  length: last === TO_THE_END ? TO_THE_END : last - first + 1n,
  lockType: typeOfMode[mode],
});

/** @throws Refusal DAFSERR_ISDIR, DAFSERR_INVAL for other special files, DAFSERR_STALE, … */
export function requireLockable(service: Service, handle: Filehandle): Inode {
  const inode = service.filehandles.inode(handle);
  if (inode.type !== FileType.REGULAR) {
    refuse(inode.type === FileType.DIRECTORY ? DafsStatus.DAFSERR_ISDIR : DafsStatus.DAFSERR_INVAL);
  }
  return inode;
}

/** The open that a lock is set by. @throws what requireLockable() and OpenTable.find() throw */
export function openOf(
  service: Service,
  exchange: Exchange,
  handle: Filehandle,
  stateId: bigint,
): Open {
  const inode = requireLockable(service, handle);
  return service.opens.find(stateId, exchange.client, inode.id);
}

/** @throws Refusal DAFSERR_NOTSUPP for ABORT_LT: there are no AUTORECOVERY locks */
export function requireMode(lockType: LockType): LockMode {
  return modeOfType.get(lockType) ?? refuse(DafsStatus.DAFSERR_NOTSUPP);
}

/** A range must be open for what it is locked for (fcntl(2)). @throws Refusal DAFSERR_ACCES */
export function requireAccess(open: Open, mode: LockMode): void {
  if ((open.access & shareOfMode[mode]) === 0) {
    refuse(DafsStatus.DAFSERR_ACCES);
  }
}

/** @throws Refusal DAFSERR_INVAL for a length of 0, or a range that ends beyond 2^64 - 1 */
export function requireRange({ offset, length }: { offset: bigint; length: bigint }): ByteRange {
  const last = length === TO_THE_END ? TO_THE_END : offset + length - 1n;
  if (length === 0n || last > TO_THE_END) {
    refuse(DafsStatus.DAFSERR_INVAL);
  }
  return { first: offset, last };
}
