/** The DAFS 1.0 wire. README.md describes it. */

export * from './attributes.ts';
export * from './checksum.ts';
export * from './codec.ts';
export * from './constants.ts';
export * from './errno.ts';
export * from './exported-cache.ts';
export * from './extensions.ts';
export * from './filehandle.ts';
export * from './headers.ts';
export * from './message-buffer.ts';
export * from './operation.ts';
export {
  APPEND_INLINE_DATA_OFFSET,
  READ_INLINE_DATA_OFFSET,
  WRITE_INLINE_DATA_OFFSET,
} from './operations/io.ts';
export {
  type DirectoryEntry,
  directoryEntriesCodec,
  linkContentsCodec,
} from './operations/name.ts';
export type { AuthRequest, AuthResult } from './operations/session.ts';
export * from './operations.ts';
export * from './procedure.ts';
export * from './protocol-error.ts';
export * from './status.ts';
export * from './types.ts';
