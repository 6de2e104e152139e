/** Byte-range locks (sections 6.5.18 to 6.5.20). */

import { LockType } from '../constants.ts';
import { enumeration, externalUnion, structure, u32, u64 } from '../layout.ts';
import { errors, none, operation } from '../operation.ts';
import { DafsStatus } from '../status.ts';
import { clientId, filehandle, lockOwner, stateId } from '../types.ts';

/** A range whose length of all ones means "to the end of the file", so it needs all 64 bits. */
const range = { offset: u64, length: u64 };

const conflict = {
  ownerClientid: clientId,
  owner: lockOwner,
  ...range,
  lockType: enumeration(LockType),
};

/** The conflicting lock, selected by the status in the response header. */
const lockResult = externalUnion('status', {
  [DafsStatus.DAFS_STATUS_OK]: {},
  [DafsStatus.DAFSERR_DENIED]: conflict,
  [DafsStatus.DAFSERR_LOCK_BROKEN]: conflict,
});

const conflictStatuses = ['DAFSERR_DENIED', 'DAFSERR_LOCK_BROKEN'] as const;

export const lockOperations = {
  LOCK: operation('LOCK', {
    category: 'lock-state-modifying',
    chain: { takesFilehandle: 'filehandle', takesStateId: 'stateId' },
    arguments: [
      'DAFS_Lock_Args',
      structure({ filehandle, lockType: enumeration(LockType), options: u32, stateId, ...range }),
    ],
    results: ['DAFS_Lock_Res', structure({ lockRes: lockResult })],
    resultsOnError: conflictStatuses,
    resultsDiscriminator: 'status',
    errors: errors(
      'ACCES',
      'BADHANDLE',
      'BAD_STATEID',
      'CHAIN_FORM',
      'CHAIN_BROKEN',
      'DELAY',
      'DENIED',
      'EXPIRED',
      'FHEXPIRED',
      'GRACE',
      'INVAL',
      'ISDIR',
      'LEASE_MOVED',
      'LOCK_BROKEN',
      'LOCK_RANGE',
      'MOVED',
      'NOTSUPP',
      'OLD_STATEID',
      'RESOURCE',
      'SERVERFAULT',
      'STALE',
      'STALE_CLIENTID',
      'STALE_STATEID',
    ),
  }),
  LOCKT: operation('LOCKT', {
    category: 'lock-state-modifying',
    cached: false,
    chain: { takesFilehandle: 'filehandle' },
    arguments: [
      'DAFS_LockT_Args',
      structure({ filehandle, lockType: enumeration(LockType), owner: lockOwner, ...range }),
    ],
    results: ['DAFS_LockT_Res', structure({ results: lockResult })],
    resultsOnError: conflictStatuses,
    resultsDiscriminator: 'status',
    errors: errors(
      'ACCES',
      'BADHANDLE',
      'CHAIN_FORM',
      'CHAIN_BROKEN',
      'DELAY',
      'DENIED',
      'FHEXPIRED',
      'GRACE',
      'INVAL',
      'ISDIR',
      'LEASE_MOVED',
      'LOCK_BROKEN',
      'LOCK_RANGE',
      'MOVED',
      'RESOURCE',
      'SERVERFAULT',
      'STALE',
      'STALE_CLIENTID',
    ),
  }),
  LOCKU: operation('LOCKU', {
    category: 'lock-state-modifying',
    chain: { takesFilehandle: 'filehandle', takesStateId: 'stateId' },
    arguments: [
      'DAFS_LOCKU_Arg',
      structure({ filehandle, lockType: enumeration(LockType), stateId, ...range }),
    ],
    results: ['DAFS_LockU_Res', none],
    errors: errors(
      'ACCES',
      'BAD_STATEID',
      'CHAIN_FORM',
      'CHAIN_BROKEN',
      'EXPIRED',
      'FHEXPIRED',
      'GRACE',
      'INVAL',
      'LOCK_RANGE',
      'LEASE_MOVED',
      'MOVED',
      'OLD_STATEID',
      'RESOURCE',
      'SERVERFAULT',
      'STALE',
      'STALE_CLIENTID',
      'STALE_STATEID',
    ),
  }),
};
