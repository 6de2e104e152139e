import type { ExportedCache } from '../exported-cache/exported-cache.ts';
import type { UnstableRecord } from './unstable-record.ts';

/** What the cache needs of memory that survives the process, or is seen by others. */
export interface SlotOptions {
  /** Given when clients may read the cache by themselves; the memory is its blocks. */
  readonly exported?: ExportedCache | undefined;
  /** Given when the memory survives the process: tells of what is in it. */
  readonly unstable?: UnstableRecord | undefined;
  /** Whether the slot has memory: asked before it is used, while there are fewer than slots. */
  readonly reserve?: ((slot: number) => boolean) | undefined;
}
