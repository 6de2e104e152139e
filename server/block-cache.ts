import type { FileId, Store } from './store/index.ts';

export interface BlockCacheOptions {
  /** Above this many unwritten bytes a write first writes older ones back. Default: half of the memory. */
  readonly dirtyLimitBytes?: number;
}

/** Takes a piece of the memory: `cacheOffset` bytes from its start, -1 for a hole (zeros). */
export type EmitRead = (cacheOffset: number, length: number) => void;
/** Must fill the piece of the memory before it returns. */
export type EmitWrite = (cacheOffset: number, length: number) => void;

/** The signatures; bodies follow. */
export declare class BlockCache {
  constructor(store: Store, memory: Uint8Array, options?: BlockCacheOptions);
  /** Largest length of one read or write. */
  readonly maxTransferBytes: number;
  readonly dirtyBytes: number;
  /** Milliseconds since the oldest unwritten byte was written; 0 when all is written back. */
  readonly dirtyAgeMs: number;
  read(id: FileId, offset: number, length: number, emit: EmitRead): number;
  write(id: FileId, offset: number, length: number, emit: EmitWrite): void;
  truncate(id: FileId, size: number): void;
  flush(id?: FileId): void;
  flushSome(maxBytes: number): void;
  forget(id: FileId): void;
}
