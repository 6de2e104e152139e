/** Names and directories: looking up, creating, linking, removing, renaming, reading (6.5). */

import { fileAttr } from '../attributes.ts';
import { codec } from '../codec.ts';
import { ObjectType } from '../constants.ts';
import { Extension } from '../extensions.ts';
import {
  array,
  boolean32,
  checksum,
  opaque,
  pathname,
  structure,
  u32,
  u53,
  union,
  type ValueOf,
} from '../layout.ts';
import { errors, none, operation } from '../operation.ts';
import {
  attrBitmap,
  changeInfo,
  component,
  directOpBuffer,
  filehandle,
  specdata,
  verifier,
} from '../types.ts';

/** struct direntry (section 6.5.29). */
const direntry = structure({ cookie: u53, attrs: fileAttr, name: component });
export type DirectoryEntry = ValueOf<typeof direntry>;

/** entries<> alone, as READDIR_DIRECT puts them into direct buffers. */
export const directoryEntriesCodec = codec('direntries', array(direntry));

/** dafs_utf8string alone, as READLINK_DIRECT puts it into a direct buffer. */
export const linkContentsCodec = codec('linkcontents', opaque);

const readdirArguments = {
  filehandle,
  cookie: u53,
  cookieverf: verifier,
  dircount: u32,
  maxcount: u32,
  attrRequestBitmap: attrBitmap,
};

const readdirErrors = errors(
  'ACCES',
  'BADHANDLE',
  'BAD_COOKIE',
  'CHAIN_FORM',
  'CHAIN_BROKEN',
  'DELAY',
  'FHEXPIRED',
  'INVAL',
  'IO',
  'MOVED',
  'NOTDIR',
  'NOTSUPP',
  'READDIR_NOSPC',
  'RESOURCE',
  'SERVERFAULT',
  'STALE',
  'TOOSMALL',
);

const readlinkErrors = errors(
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
  'SERVERFAULT',
  'STALE',
);

const renameArguments = {
  sourcedir: filehandle,
  targetdir: filehandle,
  oldname: component,
  newname: component,
};

const renameResults = structure({ source: changeInfo, target: changeInfo });

const renameErrors = errors(
  'ACCES',
  'BADHANDLE',
  'CHAIN_FORM',
  'CHAIN_BROKEN',
  'DELAY',
  'DQUOT',
  'EXIST',
  'FHEXPIRED',
  'INVAL',
  'IO',
  'ISDIR',
  'MOVED',
  'NAMETOOLONG',
  'NOENT',
  'NOSPC',
  'NOTDIR',
  'NOTEMPTY',
  'NOTSUPP',
  'RESOURCE',
  'SERVERFAULT',
  'STALE',
  'XDEV',
);

const chain = { takesFilehandle: 'filehandle' } as const;

export const nameOperations = {
  GET_ROOT_HANDLE: operation('GET_ROOT_HANDLE', {
    category: 'simple',
    chain: { givesFilehandle: 'rootHandle' },
    arguments: ['DAFS_Get_Root_Handle_Args', none],
    results: ['DAFS_Get_Root_Handle_Res', structure({ rootHandle: filehandle })],
    errors: errors('CHAIN_FORM', 'CHAIN_BROKEN'),
  }),
  LOOKUP: operation('LOOKUP', {
    category: 'simple',
    chain: { takesFilehandle: 'directory', givesFilehandle: 'filehandle' },
    arguments: ['DAFS_Lookup_Args', structure({ directory: filehandle, path: pathname })],
    results: ['DAFS_Lookup_Res', structure({ filehandle, componentCount: u32 })],
    resultsOnError: 'always',
    errors: errors(
      'ACCES',
      'BADHANDLE',
      'CHAIN_FORM',
      'CHAIN_BROKEN',
      'FHEXPIRED',
      'INVAL',
      'IO',
      'MOVED',
      'NAMETOOLONG',
      'NOENT',
      'NOTDIR',
      'NO_PARTIAL_INFO',
      'RESOURCE',
      'SERVERFAULT',
      'STALE',
      'SYMLINK',
    ),
  }),
  LOOKUPP: operation('LOOKUPP', {
    category: 'simple',
    chain: { takesFilehandle: 'filehandle', givesFilehandle: 'filehandle' },
    arguments: ['DAFS_Lookupp_Args', structure({ filehandle })],
    results: ['DAFS_Lookupp_Res', structure({ filehandle })],
    errors: errors(
      'ACCES',
      'BADHANDLE',
      'CHAIN_FORM',
      'CHAIN_BROKEN',
      'FHEXPIRED',
      'INVAL',
      'IO',
      'MOVED',
      'NOENT',
      'NOTDIR',
      'RESOURCE',
      'SERVERFAULT',
      'STALE',
    ),
  }),
  OPENATTR: operation('OPENATTR', {
    category: 'simple',
    chain: { takesFilehandle: 'filehandle', givesFilehandle: 'filehandle' },
    arguments: ['DAFS_OpenAttr_Args', structure({ filehandle })],
    results: ['DAFS_OpenAttr_Res', structure({ filehandle })],
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
      'NOENT',
      'NOTSUPP',
      'RESOURCE',
      'SERVERFAULT',
      'STALE',
    ),
  }),
  CREATE: operation('CREATE', {
    category: 'fs-state-modifying',
    chain: { takesFilehandle: 'filehandle', givesFilehandle: 'filehandle' },
    arguments: [
      'DAFS_Create_Args',
      structure({
        filehandle,
        component,
        create: union('objType', {
          [ObjectType.DAFS_TYPE_LNK]: { linkdata: opaque },
          [ObjectType.DAFS_TYPE_BLK]: { specdata },
          [ObjectType.DAFS_TYPE_CHR]: { specdata },
          [ObjectType.DAFS_TYPE_SOCK]: {},
          [ObjectType.DAFS_TYPE_FIFO]: {},
          [ObjectType.DAFS_TYPE_DIR]: {},
          // No object of these types can be created: they decode for the sake of BADTYPE.
          [ObjectType.DAFS_TYPE_INVALID]: {},
          [ObjectType.DAFS_TYPE_REG]: {},
          [ObjectType.DAFS_TYPE_ATTRDIR]: {},
          [ObjectType.DAFS_TYPE_NAMEDATTR]: {},
        }),
        attr: fileAttr,
      }),
    ],
    results: ['DAFS_Create_Res', structure({ filehandle, changeInfo })],
    errors: errors(
      'ACCES',
      'BADHANDLE',
      'BADTYPE',
      'CHAIN_FORM',
      'CHAIN_BROKEN',
      'DQUOT',
      'EXIST',
      'FHEXPIRED',
      'INVAL',
      'IO',
      'MOVED',
      'NAMETOOLONG',
      'NOSPC',
      'NOTDIR',
      'NOTSUPP',
      'RESOURCE',
      'ROFS',
      'SERVERFAULT',
      'STALE',
    ),
  }),
  LINK: operation('LINK', {
    category: 'fs-state-modifying',
    chain: { takesFilehandle: 'destinationObject' },
    arguments: [
      'DAFS_Link_Args',
      structure({ sourceObject: filehandle, destinationObject: filehandle, newname: component }),
    ],
    results: ['DAFS_Link_Res', structure({ changeInfo })],
    errors: errors(
      'ACCES',
      'CHAIN_FORM',
      'CHAIN_BROKEN',
      'DELAY',
      'DQUOT',
      'EXIST',
      'FHEXPIRED',
      'INVAL',
      'IO',
      'ISDIR',
      'MLINK',
      'MOVED',
      'NAMETOOLONG',
      'NOSPC',
      'NOTDIR',
      'NOTSUPP',
      'RESOURCE',
      'ROFS',
      'SERVERFAULT',
      'STALE',
      'XDEV',
    ),
  }),
  REMOVE: operation('REMOVE', {
    category: 'fs-state-modifying',
    chain,
    arguments: [
      'DAFS_Remove_Args',
      // The mode is a RemoveMode or a RemoveModeExtension: which of them it serves, a server says.
      structure({ filehandle, target: component, removeMode: u32 }),
    ],
    results: ['DAFS_Remove_Res', structure({ changeInfo })],
    errors: errors(
      'ACCES',
      'BADHANDLE',
      'CHAIN_FORM',
      'CHAIN_BROKEN',
      'DELAY',
      'DENYDISP_CONFLICT',
      'DENYDISP_NOTSUPP',
      'FHEXPIRED',
      'INVAL',
      'IO',
      'MOVED',
      'NAMETOOLONG',
      'NOENT',
      'NOTDIR',
      'NOTEMPTY',
      'NOTSUPP',
      'RESOURCE',
      'ROFS',
      'SERVERFAULT',
      'STALE',
    ),
  }),
  RENAME: operation('RENAME', {
    category: 'fs-state-modifying',
    chain: { takesFilehandle: 'targetdir' },
    arguments: ['DAFS_Rename_Args', structure(renameArguments)],
    results: ['DAFS_Rename_Res', renameResults],
    errors: renameErrors,
  }),
  RENAME2: operation('RENAME2', {
    category: 'fs-state-modifying',
    extension: Extension.NAMES,
    chain: { takesFilehandle: 'targetdir' },
    arguments: ['DAFS_Rename2_Args', structure({ ...renameArguments, flags: u32 })],
    results: ['DAFS_Rename2_Res', renameResults],
    errors: renameErrors,
  }),
  READDIR_INLINE: operation('READDIR_INLINE', {
    category: 'bulk-fetch',
    chain,
    arguments: ['DAFS_Readdir_Inline_args', structure(readdirArguments)],
    results: [
      'DAFS_Readdir_Inline_Res',
      structure({ cookieverf: verifier, eof: boolean32, entries: array(direntry) }),
    ],
    errors: readdirErrors,
  }),
  READDIR_DIRECT: operation('READDIR_DIRECT', {
    category: 'bulk-fetch',
    chain,
    direct: { transfer: 'rdma-write', buffers: 'readdirDataBuffers', checksum: 'results' },
    arguments: [
      'DAFS_Readdir_Direct_args',
      structure({ ...readdirArguments, readdirDataBuffers: array(directOpBuffer) }),
    ],
    results: [
      'DAFS_Readdir_Direct_Res',
      structure({ cookieverf: verifier, eof: boolean32, directChecksum: checksum }),
    ],
    errors: readdirErrors,
  }),
  READLINK_INLINE: operation('READLINK_INLINE', {
    category: 'bulk-fetch',
    chain,
    arguments: ['DAFS_Readlink_Inline_Args', structure({ filehandle })],
    results: ['DAFS_Readlink_Inline_Res', structure({ link: opaque })],
    errors: readlinkErrors,
  }),
  READLINK_DIRECT: operation('READLINK_DIRECT', {
    category: 'bulk-fetch',
    chain,
    direct: { transfer: 'rdma-write', buffers: 'buffer', checksum: 'results' },
    arguments: ['DAFS_Readlink_Direct_Args', structure({ filehandle, buffer: directOpBuffer })],
    results: ['DAFS_Readlink_Direct_Res', structure({ directChecksum: checksum })],
    errors: readlinkErrors,
  }),
};
