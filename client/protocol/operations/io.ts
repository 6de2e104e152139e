/** Reading, writing, appending, committing, cache hints and batches (section 6.5). */

import { AccessPattern, StableHow } from '../constants.ts';
import {
  array,
  boolean8,
  boolean32,
  checksum,
  countOf,
  enumeration,
  structure,
  trailing,
  u32,
  u53,
  u64,
} from '../layout.ts';
import { errors, none, operation } from '../operation.ts';
import {
  completionNotification,
  directOpBuffer,
  filehandle,
  readWriteRequest,
  stateId,
  verifier,
} from '../types.ts';

/** Bytes from the start of a READ_INLINE response to its data: header, eof and bytes_read. */
export const READ_INLINE_DATA_OFFSET = 48;
/** Bytes from the start of a WRITE_INLINE request to data that is not padded. */
export const WRITE_INLINE_DATA_OFFSET = 136;
/** Bytes from the start of an APPEND_INLINE request to data that is not padded. */
export const APPEND_INLINE_DATA_OFFSET = 128;

const chain = { takesFilehandle: 'filehandle', takesStateId: 'stateId' } as const;

const readErrors = errors(
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
  'IO',
  'LOCKED',
  'LEASE_MOVED',
  'MOVED',
  'NXIO',
  'OLD_STATEID',
  'RESOURCE',
  'SERVERFAULT',
  'STALE',
  'STALE_STATEID',
);

const writeErrors = errors(
  'ACCES',
  'BADHANDLE',
  'BAD_STATEID',
  'CHAIN_FORM',
  'CHAIN_BROKEN',
  'DELAY',
  'DENIED',
  'DQUOT',
  'EXPIRED',
  'FBIG',
  'FHEXPIRED',
  'GRACE',
  'INVAL',
  'IO',
  'LEASE_MOVED',
  'LOCKED',
  'MOVED',
  'NOSPC',
  'OLD_STATEID',
  'RESOURCE',
  'ROFS',
  'SERVERFAULT',
  'STALE',
  'STALE_STATEID',
  'WRITE_TOOBIG',
);

const readArguments = { filehandle, stateId, offset: u53, byteCount: u32, cacheHint: u32 };

const writeResults = structure({ count: u32, committed: enumeration(StableHow), verifier });
// UNSTABLE is ours (DECISIONS.md): the draft's appends are all stable.
const appendResults = structure({ offset: u53, verifier, committed: enumeration(StableHow) });

export const ioOperations = {
  READ_INLINE: operation('READ_INLINE', {
    category: 'bulk-fetch',
    chain,
    arguments: ['DAFS_Read_Inline_Args', structure(readArguments)],
    results: [
      'DAFS_Read_Inline_Res',
      structure({ eof: boolean32, bytesRead: countOf('readData'), readData: trailing() }),
    ],
    errors: readErrors,
  }),
  READ_DIRECT: operation('READ_DIRECT', {
    category: 'bulk-fetch',
    chain,
    direct: { transfer: 'rdma-write', buffers: 'readDataBuffers', checksum: 'results' },
    arguments: [
      'DAFS_Read_Direct_Args',
      structure({ ...readArguments, readDataBuffers: array(directOpBuffer) }),
    ],
    results: [
      'DAFS_Read_Direct_Res',
      structure({ eof: boolean32, bytesRead: u32, directChecksum: checksum }),
    ],
    errors: readErrors,
  }),
  WRITE_INLINE: operation('WRITE_INLINE', {
    category: 'fs-state-modifying',
    cached: false,
    chain,
    arguments: [
      'DAFS_Write_Inline_Args',
      structure({
        filehandle,
        stateId,
        offset: u53,
        byteCount: countOf('data'),
        stableHow: enumeration(StableHow),
        writePadded: boolean32,
        cacheHint: u32,
        data: trailing('writePadded'),
      }),
    ],
    results: ['DAFS_Write_Inline_Res', writeResults],
    errors: writeErrors,
  }),
  WRITE_DIRECT: operation('WRITE_DIRECT', {
    category: 'fs-state-modifying',
    cached: false,
    chain,
    direct: { transfer: 'rdma-read', buffers: 'writeDataBuffers', checksum: 'arguments' },
    arguments: [
      'DAFS_Write_Direct_Args',
      structure({
        filehandle,
        stateId,
        offset: u53,
        byteCount: u32,
        stableHow: enumeration(StableHow),
        cacheHint: u32,
        directChecksum: checksum,
        writeDataBuffers: array(directOpBuffer),
      }),
    ],
    results: ['DAFS_Write_Direct_Res', writeResults],
    errors: writeErrors,
  }),
  APPEND_INLINE: operation('APPEND_INLINE', {
    category: 'fs-state-modifying',
    chain,
    arguments: [
      'DAFS_Append_Inline_Args',
      structure({
        filehandle,
        stateId,
        stableHow: enumeration(StableHow),
        byteCount: countOf('data'),
        writePadded: boolean32,
        cacheHint: u32,
        data: trailing('writePadded'),
      }),
    ],
    results: ['DAFS_Append_Inline_Res', appendResults],
    errors: writeErrors,
  }),
  APPEND_DIRECT: operation('APPEND_DIRECT', {
    category: 'fs-state-modifying',
    chain,
    direct: { transfer: 'rdma-read', buffers: 'writeDataBuffer', checksum: 'arguments' },
    arguments: [
      'DAFS_Append_Direct_Args',
      structure({
        filehandle,
        stateId,
        stableHow: enumeration(StableHow),
        byteCount: u32,
        cacheHint: u32,
        directChecksum: checksum,
        writeDataBuffer: directOpBuffer,
      }),
    ],
    results: ['DAFS_Append_Direct_Res', appendResults],
    errors: [...writeErrors, 'DAFSERR_RDMA_READ_CHANNEL_UNUSABLE'],
  }),
  COMMIT: operation('COMMIT', {
    category: 'fs-state-modifying',
    cached: false,
    chain: { takesFilehandle: 'filehandle' },
    arguments: ['DAFS_Commit_Args', structure({ filehandle, offset: u53, count: u32 })],
    results: ['DAFS_Commit_Res', structure({ writeverf: verifier })],
    errors: errors(
      'ACCES',
      'BADHANDLE',
      'CHAIN_FORM',
      'CHAIN_BROKEN',
      'FHEXPIRED',
      'INVAL',
      'IO',
      'ISDIR',
      'LOCKED',
      'MOVED',
      'RESOURCE',
      'ROFS',
      'SERVERFAULT',
      'STALE',
    ),
  }),
  CACHE_HINT: operation('CACHE_HINT', {
    category: 'simple',
    chain: { takesFilehandle: 'filehandle' },
    arguments: [
      'DAFS_Cache_Hint_Args',
      structure({
        filehandle,
        offset: u53,
        count: u32,
        accessPattern: enumeration(AccessPattern),
        cacheHint: u32,
      }),
    ],
    results: ['DAFS_Cache_Hint_Res', none],
    errors: errors('CHAIN_BROKEN', 'CHAIN_FORM', 'PREFETCH_NOT_SUPPORTED'),
  }),
  BATCH_SUBMIT: operation('BATCH_SUBMIT', {
    category: 'fs-state-modifying',
    cached: false,
    arguments: [
      'DAFS_Batch_Submit_Args',
      structure({
        requests: array(readWriteRequest),
        usecWindow: u32,
        numCompletions: u32,
        synchronous: boolean8,
      }),
    ],
    results: ['DAFS_Batch_Submit_Res', structure({ completions: array(completionNotification) })],
    errors: [...writeErrors, ...errors('RDMA_READ_CHANNEL_UNUSABLE', 'WHOA_COWBOY')],
  }),
  HURRY_UP: operation('HURRY_UP', {
    category: 'fs-state-modifying',
    cached: false,
    arguments: ['DAFS_Hurry_Up_Args', structure({ requestId: u64 })],
    results: ['DAFS_Hurry_Up_Res', none],
    errors: errors('BATCH_REQUEST_NOT_FOUND', 'CHAIN_FORM', 'CHAIN_BROKEN', 'NOTSUPP'),
  }),
};
