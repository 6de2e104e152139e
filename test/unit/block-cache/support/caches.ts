import { BlockCache, type BlockCacheOptions } from '../../../../server/block-cache.ts';
import type { FileId, Store } from '../../../../server/store/index.ts';

/** A cache with memory of its own, used as a program would: with bytes in and out. */
export class TestCache {
  readonly memory: Uint8Array;
  readonly cache: BlockCache;

  constructor(store: Store, slots: number, options?: BlockCacheOptions) {
    this.memory = new Uint8Array(slots * store.blockBytes).fill(0xee);
    this.cache = new BlockCache(store, this.memory, options);
  }

  write(id: FileId, offset: number, data: Uint8Array): void {
    for (let from = 0; from < data.length; ) {
      const length = Math.min(this.cache.maxTransferBytes, data.length - from);
      let at = from;
      this.cache.write(id, offset + from, length, (start, bytes) => {
        this.memory.set(data.subarray(at, at + bytes), start);
        at += bytes;
      });
      from += length;
    }
  }

  read(id: FileId, offset: number, length: number): Buffer {
    const pieces: Buffer[] = [];
    for (let from = 0; from < length; from += this.cache.maxTransferBytes) {
      const wanted = Math.min(this.cache.maxTransferBytes, length - from);
      this.cache.read(id, offset + from, wanted, (start, bytes) => {
        const piece =
          start < 0 ? new Uint8Array(bytes) : this.memory.subarray(start, start + bytes);
        pieces.push(Buffer.from(piece));
      });
    }
    return Buffer.concat(pieces);
  }

  /** Length of what is read of each piece, holes negative. */
  pieces(id: FileId, offset: number, length: number): number[] {
    const pieces: number[] = [];
    this.cache.read(id, offset, length, (start, bytes) => pieces.push(start < 0 ? -bytes : bytes));
    return pieces;
  }
}

/** Bytes that tell where they belong. */
export function pattern(length: number, seed = 1): Buffer {
  return Buffer.from(
    Uint8Array.from({ length }, (_, index) => ((index * 31 + seed * 7) % 251) + 1),
  );
}
