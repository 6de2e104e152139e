/** Locks of owners that are not opens, and waiting for locks (EXTENSIONS.md). */

import { LockType } from '../constants.ts';
import { Extension, LockKind } from '../extensions.ts';
import {
  array,
  boolean32,
  enumeration,
  externalUnion,
  pad,
  structure,
  u32,
  u53,
  u64,
} from '../layout.ts';
import { errors, none, operation } from '../operation.ts';
import { DafsStatus } from '../status.ts';
import { clientId, filehandle, lockOwner, stateId } from '../types.ts';

const extension = Extension.LOCKS;

/** As in LOCK: a length of all ones means "to the end of the file". */
const range = { offset: u64, length: u64 };
const kind = enumeration(LockKind);
const lockType = enumeration(LockType);

const lostLock = structure({ fileId: u53, ...range, kind, lockType, pid: u32, pad: pad(4) });
const lostOpen = structure({ fileId: u53, stateId });

const lockErrors = errors(
  'BADHANDLE',
  'BAD_STATEID',
  'CHAIN_FORM',
  'CHAIN_BROKEN',
  'INVAL',
  'ISDIR',
  'NOTSUPP',
  'RESOURCE',
  'STALE',
  'STALE_STATEID',
);

export const ownerLockOperations = {
  OWNER_LOCK: operation('OWNER_LOCK', {
    category: 'lock-state-modifying',
    chain: { takesFilehandle: 'filehandle', takesStateId: 'stateId' },
    extension,
    arguments: [
      'DAFS_Owner_Lock_Args',
      structure({
        filehandle,
        stateId,
        kind,
        lockType,
        ...range,
        owner: lockOwner,
        pid: u32,
        waitId: u64,
      }),
    ],
    results: ['DAFS_Owner_Lock_Res', structure({ isGranted: boolean32 })],
    errors: [...lockErrors, ...errors('ACCES', 'BACK_CHANNEL_UNUSABLE', 'DEADLOCK', 'DENIED')],
  }),
  OWNER_LOCKT: operation('OWNER_LOCKT', {
    category: 'lock-state-modifying',
    cached: false,
    chain: { takesFilehandle: 'filehandle' },
    extension,
    arguments: [
      'DAFS_Owner_LockT_Args',
      structure({ filehandle, kind, lockType, ...range, owner: lockOwner }),
    ],
    results: [
      'DAFS_Owner_LockT_Res',
      structure({
        results: externalUnion('status', {
          [DafsStatus.DAFS_STATUS_OK]: {},
          [DafsStatus.DAFSERR_DENIED]: {
            ownerClientid: clientId,
            owner: lockOwner,
            ...range,
            lockType,
            pid: u32,
          },
        }),
      }),
    ],
    resultsOnError: ['DAFSERR_DENIED'],
    resultsDiscriminator: 'status',
    errors: [...lockErrors, ...errors('DENIED')],
  }),
  OWNER_LOCKU: operation('OWNER_LOCKU', {
    category: 'lock-state-modifying',
    chain: { takesFilehandle: 'filehandle', takesStateId: 'stateId' },
    extension,
    arguments: [
      'DAFS_Owner_LockU_Args',
      structure({ filehandle, stateId, kind, ...range, owner: lockOwner }),
    ],
    results: ['DAFS_Owner_LockU_Res', none],
    errors: lockErrors,
  }),
  CANCEL_LOCK: operation('CANCEL_LOCK', {
    category: 'lock-state-modifying',
    extension,
    arguments: ['DAFS_Cancel_Lock_Args', structure({ waitId: u64 })],
    results: ['DAFS_Cancel_Lock_Res', structure({ isCancelled: boolean32 })],
    errors: errors('CHAIN_FORM', 'CHAIN_BROKEN'),
  }),
  BC_LOCK_GRANTED: operation('BC_LOCK_GRANTED', {
    category: 'back-control',
    channel: 'back-control',
    extension,
    arguments: ['DAFS_BC_Lock_Granted_Args', structure({ waitIds: array(u64) })],
    results: ['DAFS_BC_Lock_Granted_Res', none],
    errors: [],
  }),
  RENEW_LEASE: operation('RENEW_LEASE', {
    category: 'lock-state-modifying',
    cached: false,
    extension,
    arguments: ['DAFS_Renew_Lease_Args', structure({ known: u53 })],
    results: [
      'DAFS_Renew_Lease_Res',
      structure({ last: u53, leaseMs: u32, locks: array(lostLock), opens: array(lostOpen) }),
    ],
    errors: errors('CHAIN_FORM', 'CHAIN_BROKEN'),
  }),
};
