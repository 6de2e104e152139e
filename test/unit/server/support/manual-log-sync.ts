import type { LogSync } from '../../../../server/store/index.ts';

/** A disk that is as slow as the test wants: each sync lasts until it is ended. */
export class ManualLogSync implements LogSync {
  /** Syncs that were begun. */
  begun = 0;
  /** Whether it was said of the last one that nobody else waits. */
  wasAlone = false;
  isClosed = false;
  #isUnderWay = false;
  #error: Error | undefined;

  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** Ends the sync that is under way. */
  end(error?: Error): void {
    if (!this.#isUnderWay) {
      throw new Error('no sync is under way');
    }
    this.#isUnderWay = false;
    this.#error = error;
  }

  begin(_files: readonly number[], isAlone = false): void {
    this.wasAlone = isAlone;
    if (this.#isUnderWay) {
      throw new Error('a sync is under way already');
    }
    this.#isUnderWay = true;
    this.#error = undefined;
    this.begun += 1;
  }

  /** Never: it could not last. */
  writeAtOnce(): boolean {
    return false;
  }

  hasEnded(): boolean {
    if (this.#error !== undefined) {
      throw this.#error;
    }
    return !this.#isUnderWay;
  }

  /** Nobody but the test can end it, so what waits here has it ended. */
  await(): void {
    this.#isUnderWay = false;
  }

  close(): void {
    this.isClosed = true;
  }
}
