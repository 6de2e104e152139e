import { type BlockTable, lastBlock } from './block-table.ts';
import type { InodeRecord } from './inode-record.ts';

/** Bytes of the new contents from `from` to before `to`, which lie `distance` further in the old ones. */
interface Segment {
  readonly from: number;
  readonly to: number;
  readonly distance: number;
}

/**
 * Moves what a file holds behind a place, by any number of bytes: rows are put together anew from
 * their predecessors, one after the other, in an order in which nothing is overwritten before it was
 * read. Holes cost nothing. The transaction that this belongs to holds all of it or nothing.
 *
 * What is allocated behind the place is no longer.
 */
export class BlockShift {
  readonly #blocks: BlockTable;
  readonly #blockBytes: number;

  constructor(blocks: BlockTable, blockBytes: number) {
    this.#blocks = blocks;
    this.#blockBytes = blockBytes;
  }

  /** Takes `length` bytes at `start` out; they all lie inside of the file. */
  collapse(record: InodeRecord, start: number, length: number): void {
    const size = record.size - length;
    this.#run(record, start, size, [
      { from: 0, to: start, distance: 0 },
      { from: start, to: size, distance: length },
    ]);
  }

  /** Puts a hole of `length` bytes in at `start`, which lies inside of the file. */
  insert(record: InodeRecord, start: number, length: number): void {
    const size = record.size + length;
    this.#run(record, start, size, [
      { from: 0, to: start, distance: 0 },
      { from: start + length, to: size, distance: -length },
    ]);
  }

  /** Looks at all that would be moved, before any of it is. @throws {DamagedBlock} */
  requireWhole(record: InodeRecord, start: number): void {
    for (const number of this.#blocks.numbers(record, Math.floor(start / this.#blockBytes))) {
      this.#blocks.read(record, number, number);
    }
  }

  #run(record: InodeRecord, start: number, size: number, segments: readonly Segment[]): void {
    const first = Math.floor(start / this.#blockBytes);
    this.#blocks.deallocate(record, first, lastBlock);
    const numbers = this.#concerned(record, first, segments);
    if (size > record.size) {
      numbers.reverse();
    }
    record.size = Math.max(record.size, size);
    record.storedSize = record.size;
    record.resized = true;
    for (const number of numbers) {
      const data = this.#assemble(record, number, size, segments);
      if (data === undefined) {
        this.#blocks.clear(record, number, number);
      } else {
        this.#blocks.write(record, number, data);
      }
    }
    record.size = size;
    record.storedSize = size;
  }

  /** The blocks that have a row or get one, in order. */
  #concerned(record: InodeRecord, first: number, segments: readonly Segment[]): number[] {
    const blockBytes = this.#blockBytes;
    const numbers = new Set<number>();
    for (const number of this.#blocks.numbers(record, first)) {
      numbers.add(number);
      for (const { from, to, distance } of segments) {
        const start = Math.max(from, number * blockBytes - distance);
        const end = Math.min(to, (number + 1) * blockBytes - distance);
        if (start < end && start >= first * blockBytes) {
          numbers.add(Math.floor(start / blockBytes));
          numbers.add(Math.floor((end - 1) / blockBytes));
        }
      }
    }
    return [...numbers].sort((one, other) => one - other);
  }

  /** The new bytes of a block; undefined: a hole. */
  #assemble(
    record: InodeRecord,
    number: number,
    size: number,
    segments: readonly Segment[],
  ): Uint8Array | undefined {
    const start = number * this.#blockBytes;
    const length = Math.min(this.#blockBytes, size - start);
    const data = new Uint8Array(Math.max(0, length));
    let isHole = true;
    for (const { from, to, distance } of segments) {
      const begin = Math.max(from, start);
      const end = Math.min(to, start + length);
      for (const [oldNumber, row] of this.#rows(record, begin + distance, end + distance)) {
        // The row's bytes that belong here, and where.
        const oldStart = oldNumber * this.#blockBytes;
        const skipped = Math.max(0, begin + distance - oldStart);
        const place = oldStart + skipped - distance - start;
        data.set(row.subarray(skipped, Math.max(skipped, end + distance - oldStart)), place);
        isHole = false;
      }
    }
    return isHole ? undefined : data;
  }

  #rows(record: InodeRecord, begin: number, end: number) {
    const last = Math.floor((end - 1) / this.#blockBytes);
    return begin < end ? this.#blocks.read(record, Math.floor(begin / this.#blockBytes), last) : [];
  }
}
