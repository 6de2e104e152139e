import Database from 'better-sqlite3';
import { BlockCache, type BlockCacheOptions } from '../../../../server/block-cache.ts';
import type { FileId, Store } from '../../../../server/store/index.ts';

/** A cache with memory of its own, used as a program would: with bytes in and out. */
export class TestCache {
  readonly memory: Uint8Array;
  readonly cache: BlockCache;

  constructor(store: Store, slots: number, options?: BlockCacheOptions, memory?: Uint8Array) {
    this.memory = memory ?? options?.exported?.blocks ?? new Uint8Array(slots * store.blockBytes);
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

/**
 * Bytes that a file's rows hold in a closed database, and those that its allocated blocks are
 * promised beyond that: counted afresh, block by block.
 */
export function usedIn(path: string, id: FileId, blockBytes: number): number {
  const database = new Database(path, { readonly: true });
  const content = database.prepare('SELECT content FROM inode WHERE id = ?').pluck().get(id);
  const rows = new Map(
    database
      .prepare<unknown[], [number, number]>(
        'SELECT number, length(data) FROM block WHERE content = ?',
      )
      .raw()
      .all(content),
  );
  const allocations = database
    .prepare<unknown[], [number, number]>('SELECT first, last FROM allocation WHERE inode = ?')
    .raw()
    .all(id);
  database.close();
  for (const [first, last] of allocations) {
    for (let number = first; number <= last; number++) {
      rows.set(number, blockBytes);
    }
  }
  return [...rows.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** Bytes that tell where they belong. */
export function pattern(length: number, seed = 1): Buffer {
  const data = Buffer.alloc(length);
  for (let index = 0; index < length; index++) {
    data[index] = ((index * 31 + seed * 7) % 251) + 1;
  }
  return data;
}
