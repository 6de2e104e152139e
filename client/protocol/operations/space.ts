/** Holes, allocation and copying on the server (EXTENSIONS.md). */

import { Content, Extension } from '../extensions.ts';
import { enumeration, structure, u32, u53 } from '../layout.ts';
import { errors, none, operation } from '../operation.ts';
import { filehandle, stateId } from '../types.ts';

const extension = Extension.SPACE;

const rangeErrors = [
  'ACCES',
  'BADHANDLE',
  'BAD_STATEID',
  'CHAIN_FORM',
  'CHAIN_BROKEN',
  'INVAL',
  'IO',
  'ISDIR',
  'LOCKED',
  'NOTSUPP',
  'SERVERFAULT',
  'STALE',
  'STALE_STATEID',
] as const;

const chain = { takesFilehandle: 'filehandle', takesStateId: 'stateId' } as const;

export const spaceOperations = {
  SEEK: operation('SEEK', {
    category: 'simple',
    chain,
    extension,
    arguments: [
      'DAFS_Seek_Args',
      structure({ filehandle, stateId, offset: u53, content: enumeration(Content) }),
    ],
    results: ['DAFS_Seek_Res', structure({ offset: u53 })],
    errors: errors(...rangeErrors, 'NXIO'),
  }),
  FALLOCATE: operation('FALLOCATE', {
    category: 'fs-state-modifying',
    chain,
    extension,
    arguments: [
      'DAFS_Fallocate_Args',
      structure({ filehandle, stateId, offset: u53, length: u53, mode: u32 }),
    ],
    results: ['DAFS_Fallocate_Res', none],
    errors: errors(...rangeErrors, 'DQUOT', 'FBIG', 'NOSPC', 'ROFS'),
  }),
  COPY: operation('COPY', {
    category: 'fs-state-modifying',
    chain,
    extension,
    arguments: [
      'DAFS_Copy_Args',
      structure({
        sourceFilehandle: filehandle,
        filehandle,
        sourceStateId: stateId,
        stateId,
        sourceOffset: u53,
        offset: u53,
        length: u53,
      }),
    ],
    results: ['DAFS_Copy_Res', structure({ count: u53 })],
    errors: errors(...rangeErrors, 'DQUOT', 'FBIG', 'NOSPC', 'ROFS'),
  }),
};
