/** Opening and closing files, and delegations (section 6.5). */

import { fileAttr } from '../attributes.ts';
import {
  ClaimType,
  CreateMode,
  DelegationType,
  DeleteDisposition,
  LimitBy,
  OpenType,
} from '../constants.ts';
import { CLAIM_FH } from '../extensions.ts';
import {
  boolean32,
  enumeration,
  pad,
  pathname,
  structure,
  text,
  u32,
  u53,
  u64,
  union,
} from '../layout.ts';
import { errors, none, operation } from '../operation.ts';
import { changeInfo, filehandle, lockOwner, stateId, verifier } from '../types.ts';

const share = {
  shareAccess: u32,
  shareDeny: u32,
  shareKeyType: u32,
  pad: pad(4),
  shareKey: u64,
};

const permissions = { permissionsAcetype: u32, permissionsAceflag: u32, permissionsAcemask: u32 };

export const openOperations = {
  OPEN: operation('OPEN', {
    category: 'fs-state-modifying',
    chain: {
      takesFilehandle: 'claim.dirHandle',
      givesFilehandle: 'filehandle',
      givesStateId: 'stateId',
    },
    arguments: [
      'DAFS_Open_Args',
      structure({
        claim: union('claimType', {
          [ClaimType.CLAIM_NULL]: { dirHandle: filehandle, pathname },
          [ClaimType.CLAIM_PREVIOUS]: { filehandle, delegateType: enumeration(DelegationType) },
          [ClaimType.CLAIM_DELEGATE_CUR]: { dirHandle: filehandle, pathname, stateId },
          [ClaimType.CLAIM_DELEGATE_PREV]: { dirHandle: filehandle, pathname },
          [ClaimType.CLAIM_CREATE_UNLINKED]: { dirHandle: filehandle },
          [CLAIM_FH]: { filehandle },
        }),
        open: union('openType', {
          [OpenType.OPEN_NOCREATE]: {},
          [OpenType.OPEN_CREATE]: {
            how: union('createMode', {
              [CreateMode.UNCHECKED]: { createAttrs: fileAttr },
              [CreateMode.GUARDED]: { createAttrs: fileAttr },
              [CreateMode.EXCLUSIVE]: { createVerifier: verifier },
            }),
          },
        }),
        deleteDisp: enumeration(DeleteDisposition),
        owner: lockOwner,
        ...share,
      }),
    ],
    results: [
      'DAFS_Open_Res',
      structure({
        filehandle,
        stateId,
        changeInfo,
        componentCount: u32,
        resultFlags: u32,
        delegation: union('delegationType', {
          [DelegationType.OPEN_DELEGATE_NONE]: {},
          [DelegationType.OPEN_DELEGATE_READ]: {
            stateId,
            recall: boolean32,
            ...permissions,
            readdelWho: text,
          },
          [DelegationType.OPEN_DELEGATE_WRITE]: {
            stateId,
            recall: boolean32,
            spaceLimit: union('limitBy', {
              [LimitBy.DAFS_LIMIT_SIZE]: { filesize: u53 },
              [LimitBy.DAFS_LIMIT_BLOCKS]: { numBlocks: u32, bytesPerBlock: u32 },
            }),
            ...permissions,
            writedelWho: text,
          },
        }),
      }),
    ],
    resultsOnError: 'always',
    errors: errors(
      'ACCES',
      'BADHANDLE',
      'CHAIN_BROKEN',
      'CHAIN_FORM',
      'DELAY',
      'DENYDISP_NOTSUPP',
      'EXIST',
      'FHEXPIRED',
      'INVAL',
      'IO',
      'ISDIR',
      'MOVED',
      'NOENT',
      'NOTDIR',
      'NOTSUPP',
      'NO_PARTIAL_INFO',
      'RESOURCE',
      'SERVERFAULT',
      'STALE',
      'SYMLINK',
    ),
  }),
  OPEN_DOWNGRADE: operation('OPEN_DOWNGRADE', {
    category: 'lock-state-modifying',
    chain: { takesFilehandle: 'filehandle', takesStateId: 'stateId' },
    arguments: ['DAFS_Open_Downgrade_Args', structure({ filehandle, stateId, ...share })],
    results: ['DAFS_Open_Downgrade_Res', none],
    errors: errors(
      'BADHANDLE',
      'BAD_STATEID',
      'CHAIN_BROKEN',
      'CHAIN_FORM',
      'EXPIRED',
      'FHEXPIRED',
      'INVAL',
      'MOVED',
      'OLD_STATEID',
      'RESOURCE',
      'SERVERFAULT',
      'STALE',
      'STALE_STATEID',
    ),
  }),
  CLOSE: operation('CLOSE', {
    category: 'fs-state-modifying',
    chain: { takesFilehandle: 'filehandle', takesStateId: 'stateId' },
    arguments: ['DAFS_Close_Args', structure({ filehandle, stateId })],
    results: ['DAFS_Close_Res', none],
    errors: errors(
      'BADHANDLE',
      'BAD_STATEID',
      'CHAIN_FORM',
      'CHAIN_BROKEN',
      'DELAY',
      'EXPIRED',
      'FHEXPIRED',
      'GRACE',
      'INVAL',
      'ISDIR',
      'LEASE_MOVED',
      'MOVED',
      'OLD_STATEID',
      'RESOURCE',
      'SERVERFAULT',
      'STALE',
      'STALE_STATEID',
    ),
  }),
  DELEGPURGE: operation('DELEGPURGE', {
    category: 'fs-state-modifying',
    arguments: ['DAFS_DelegPurge_Args', none],
    results: ['DAFS_DelegPurge_Res', none],
    errors: errors('CHAIN_FORM', 'CHAIN_BROKEN', 'RESOURCE', 'SERVERFAULT', 'STALE_CLIENTID'),
  }),
  DELEGRETURN: operation('DELEGRETURN', {
    category: 'fs-state-modifying',
    chain: { takesStateId: 'stateId' },
    arguments: ['DAFS_DelegReturn_Args', structure({ stateId })],
    results: ['DAFS_DelegReturn_Res', none],
    errors: errors('BAD_STATEID', 'OLD_STATEID', 'RESOURCE', 'SERVERFAULT', 'STALE_STATEID'),
  }),
};
