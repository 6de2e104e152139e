import type { BlockRange } from '../store/block-ranges.ts';
import type { FileId } from '../store/index.ts';

/** Blocks that the open transaction cut out of a file. */
export interface Cut {
  readonly id: FileId;
  readonly blocks: BlockRange;
}

/** What the open transaction cut out of files: what is there now rests on that. */
export class OpenCuts {
  #cuts: Cut[] = [];

  add(id: FileId, blocks: BlockRange): void {
    this.#cuts.push({ id, blocks });
  }

  /** Whether the block was cut out. */
  cover(id: FileId, number: number): boolean {
    for (const cut of this.#cuts) {
      const [first, last] = cut.blocks;
      if (cut.id === id && number >= first && number <= last) {
        return true;
      }
    }
    return false;
  }

  /** All of them: the transaction is over. */
  take(): readonly Cut[] {
    const cuts = this.#cuts;
    if (cuts.length > 0) {
      this.#cuts = [];
    }
    return cuts;
  }
}
