/** Attributes, access rights and the null procedure (section 6.5). */

import { fileAttr, fileSystemAttr } from '../attributes.ts';
import { checksum, structure, u32 } from '../layout.ts';
import { errors, none, operation } from '../operation.ts';
import { attrBitmap, directOpBuffer, filehandle, stateId } from '../types.ts';

const getattrErrors = errors(
  'ACCES',
  'BADHANDLE',
  'CHAIN_FORM',
  'CHAIN_BROKEN',
  'DELAY',
  'FHEXPIRED',
  'INVAL',
  'IO',
  'MOVED',
  'RESOURCE',
  'SERVERFAULT',
  'STALE',
);

const setattrErrors = errors(
  'ACCES',
  'BADHANDLE',
  'BAD_STATEID',
  'CHAIN_BROKEN',
  'CHAIN_FORM',
  'DELAY',
  'DENIED',
  'DQUOT',
  'EXPIRED',
  'FBIG',
  'FHEXPIRED',
  'GRACE',
  'INVAL',
  'IO',
  'MOVED',
  'NOSPC',
  'NOTSUPP',
  'OLD_STATEID',
  'PERM',
  'RESOURCE',
  'ROFS',
  'SERVERFAULT',
  'STALE',
  'STALE_STATEID',
);

const chain = { takesFilehandle: 'filehandle' } as const;
const getattrArguments = { filehandle, attrRequestBitmap: attrBitmap };
const verifyArguments = structure({ filehandle, objAttributes: fileAttr });

export const attributeOperations = {
  NULL: operation('NULL', {
    category: 'simple',
    arguments: ['DAFS_Null_Args', none],
    results: ['DAFS_Null_Res', none],
    errors: [],
  }),
  ACCESS: operation('ACCESS', {
    category: 'simple',
    chain,
    arguments: ['DAFS_Access_Args', structure({ filehandle, access: u32 })],
    results: ['DAFS_Access_Res', structure({ supported: u32, access: u32 })],
    errors: getattrErrors,
  }),
  GETATTR_INLINE: operation('GETATTR_INLINE', {
    category: 'bulk-fetch',
    chain,
    arguments: ['DAFS_GetAttr_Inline_Args', structure(getattrArguments)],
    results: ['DAFS_GetAttrInline_Res', structure({ objAttributes: fileAttr })],
    errors: getattrErrors,
  }),
  GETATTR_DIRECT: operation('GETATTR_DIRECT', {
    category: 'bulk-fetch',
    chain,
    direct: { transfer: 'rdma-write', buffers: 'dataBuffer', checksum: 'results' },
    arguments: [
      'DAFS_GetAttr_Direct_Args',
      structure({ ...getattrArguments, dataBuffer: directOpBuffer }),
    ],
    results: ['DAFS_GetAttr_Direct_Res', structure({ directChecksum: checksum })],
    errors: getattrErrors,
  }),
  GET_FSATTR: operation('GET_FSATTR', {
    category: 'bulk-fetch',
    chain,
    arguments: ['DAFS_Get_FSAttr_Args', structure(getattrArguments)],
    results: ['DAFS_Get_FSAttr_Res', structure({ objAttributes: fileSystemAttr })],
    errors: getattrErrors,
  }),
  SETATTR_INLINE: operation('SETATTR_INLINE', {
    category: 'fs-state-modifying',
    chain: { ...chain, takesStateId: 'stateId' },
    arguments: [
      'DAFS_Setattr_Inline_Args',
      structure({ filehandle, stateId, objAttributes: fileAttr }),
    ],
    results: ['DAFS_Setattr_Inline_Res', structure({ attrRequestBitmap: attrBitmap })],
    resultsOnError: 'always',
    errors: setattrErrors,
  }),
  SETATTR_DIRECT: operation('SETATTR_DIRECT', {
    category: 'fs-state-modifying',
    chain: { ...chain, takesStateId: 'stateId' },
    direct: { transfer: 'rdma-read', buffers: 'objAttributes', checksum: 'arguments' },
    arguments: [
      'DAFS_Setattr_Direct_Args',
      structure({ filehandle, stateId, directChecksum: checksum, objAttributes: directOpBuffer }),
    ],
    results: ['DAFS_Setattr_Direct_Res', structure({ attrRequestBitmap: attrBitmap })],
    resultsOnError: 'always',
    errors: setattrErrors,
  }),
  VERIFY: operation('VERIFY', {
    category: 'simple',
    chain,
    arguments: ['DAFS_Verify_Args', verifyArguments],
    results: ['DAFS_Verify_Res', none],
    errors: errors(
      'ACCES',
      'BADHANDLE',
      'CHAIN_FORM',
      'CHAIN_BROKEN',
      'DELAY',
      'FHEXPIRED',
      'INVAL',
      'MOVED',
      'NOTSUPP',
      'NOT_SAME',
      'RESOURCE',
      'SERVERFAULT',
      'STALE',
    ),
  }),
  NVERIFY: operation('NVERIFY', {
    category: 'simple',
    chain,
    arguments: ['DAFS_Nverify_Args', verifyArguments],
    results: ['DAFS_Nverify_Res', none],
    errors: errors(
      'ACCES',
      'BADHANDLE',
      'CHAIN_FORM',
      'CHAIN_BROKEN',
      'DELAY',
      'FHEXPIRED',
      'INVAL',
      'IO',
      'MOVED',
      'NOTSUPP',
      'RESOURCE',
      'SAME',
      'SERVERFAULT',
      'STALE',
    ),
  }),
};
