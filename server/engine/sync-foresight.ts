import type { Exchange } from './exchange.ts';

/** So often in a row a file was synced after each of its changes, before that is expected again. */
const enoughRounds = 8;

/**
 * Whether who has just changed a file is about to have it synced: as after each of the last changes, which
 * came one at a time. Then the sync can begin while the client still learns that the change is done. One
 * that was expected in vain costs the disk a sync, once in so many rounds.
 */
export class SyncForesight {
  #file: Exchange['stableFile'];
  #rounds = 0;
  /** Since the file was synced last. */
  #changes = 0;
  #isExpected = false;

  /** A request was executed. */
  executed({ isModified, stableFile }: Exchange): void {
    if (stableFile !== undefined) {
      this.#rounds = stableFile === this.#file && this.#changes === 1 ? this.#rounds + 1 : 0;
      this.#file = stableFile;
      this.#changes = 0;
      this.#isExpected = false;
    } else if (isModified) {
      this.#changes++;
      if (this.#changes > 1) this.#rounds = 0;
      this.#isExpected = this.#rounds >= enoughRounds;
    }
  }

  /** The file that a sync is expected of, told once; undefined: none is. */
  take(): Exchange['stableFile'] {
    if (!this.#isExpected) return undefined;
    this.#isExpected = false;
    return this.#file;
  }
}
