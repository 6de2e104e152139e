/** Extended attributes by their names, in one round trip (EXTENSIONS.md, extension XATTR). */

import { Extension, SetxattrOption } from '../extensions.ts';
import { array, boolean32, checksum, enumeration, opaque, structure, u32, u53 } from '../layout.ts';
import { errors, operation } from '../operation.ts';
import { changeInfo, directOpBuffer, filehandle } from '../types.ts';

const extension = Extension.XATTR;
const chain = { takesFilehandle: 'filehandle' } as const;

const readErrors = errors(
  'ACCES',
  'BADHANDLE',
  'CHAIN_BROKEN',
  'CHAIN_FORM',
  'INVAL',
  'IO',
  'NAMETOOLONG',
  'NOTSUPP',
  'NOXATTR',
  'RESOURCE',
  'SERVERFAULT',
  'STALE',
  'TOOSMALL',
);

const writeErrors = errors(
  'ACCES',
  'BADHANDLE',
  'CHAIN_BROKEN',
  'CHAIN_FORM',
  'CHKSUM',
  'DQUOT',
  'EXIST',
  'INVAL',
  'IO',
  'NAMETOOLONG',
  'NOSPC',
  'NOTSUPP',
  'NOXATTR',
  'PERM',
  'RESOURCE',
  'ROFS',
  'SERVERFAULT',
  'STALE',
  'XATTR2BIG',
);

const setArguments = { filehandle, option: enumeration(SetxattrOption), name: opaque };

export const extendedAttributeOperations = {
  GETXATTR_INLINE: operation('GETXATTR_INLINE', {
    extension,
    category: 'bulk-fetch',
    chain,
    arguments: ['DAFS_Getxattr_Inline_Args', structure({ filehandle, name: opaque })],
    results: ['DAFS_Getxattr_Inline_Res', structure({ value: opaque })],
    errors: readErrors,
  }),
  GETXATTR_DIRECT: operation('GETXATTR_DIRECT', {
    extension,
    category: 'bulk-fetch',
    chain,
    direct: { transfer: 'rdma-write', buffers: 'valueBuffer', checksum: 'results' },
    arguments: [
      'DAFS_Getxattr_Direct_Args',
      structure({ filehandle, valueBuffer: directOpBuffer, name: opaque }),
    ],
    results: ['DAFS_Getxattr_Direct_Res', structure({ byteCount: u32, directChecksum: checksum })],
    errors: readErrors,
  }),
  SETXATTR_INLINE: operation('SETXATTR_INLINE', {
    extension,
    category: 'fs-state-modifying',
    chain,
    arguments: ['DAFS_Setxattr_Inline_Args', structure({ ...setArguments, value: opaque })],
    results: ['DAFS_Setxattr_Inline_Res', structure({ changeInfo })],
    errors: writeErrors,
  }),
  SETXATTR_DIRECT: operation('SETXATTR_DIRECT', {
    extension,
    category: 'fs-state-modifying',
    chain,
    direct: { transfer: 'rdma-read', buffers: 'valueBuffer', checksum: 'arguments' },
    arguments: [
      'DAFS_Setxattr_Direct_Args',
      structure({ ...setArguments, valueBuffer: directOpBuffer, directChecksum: checksum }),
    ],
    results: ['DAFS_Setxattr_Direct_Res', structure({ changeInfo })],
    errors: writeErrors,
  }),
  LISTXATTRS: operation('LISTXATTRS', {
    extension,
    category: 'bulk-fetch',
    chain,
    arguments: ['DAFS_Listxattrs_Args', structure({ filehandle, cookie: u53, maxcount: u32 })],
    results: [
      'DAFS_Listxattrs_Res',
      structure({ cookie: u53, eof: boolean32, names: array(opaque) }),
    ],
    errors: readErrors,
  }),
  REMOVEXATTR: operation('REMOVEXATTR', {
    extension,
    category: 'fs-state-modifying',
    chain,
    arguments: ['DAFS_Removexattr_Args', structure({ filehandle, name: opaque })],
    results: ['DAFS_Removexattr_Res', structure({ changeInfo })],
    errors: writeErrors,
  }),
};
