import type { BlockCache } from '../block-cache.ts';
import type { Store } from '../store/index.ts';

/** Unstable data is written back when it is so old, busy or not. */
const MAX_DIRTY_AGE_MS = 1000;
/** When nobody asks for anything, data that is so old is written back. */
const IDLE_DIRTY_AGE_MS = 100;
/** Written at a go: a request that comes in the meantime waits no longer than this takes. */
const FLUSH_BYTES = 1 << 20;
/** After a failure to write back (a full disk) the data is left alone for this time. */
const PAUSE_AFTER_FAILURE_MS = 1000;

/** What the data plane does between requests: writing back, and freeing what large files left. */
export class Housekeeping {
  readonly #store: Store;
  readonly #cache: BlockCache;
  readonly #reportFault: (error: unknown) => void;
  /** There is more to free at once. */
  #isReclaiming = false;
  #pausedUntilMs = 0;

  constructor(store: Store, cache: BlockCache, reportFault: (error: unknown) => void) {
    this.#store = store;
    this.#cache = cache;
    this.#reportFault = reportFault;
  }

  /** How long the data plane may sleep before there is work here. */
  idleMs(longestMs: number): number {
    const pauseMs = this.#pausedUntilMs - performance.now();
    if (pauseMs > 0) {
      return Math.min(longestMs, pauseMs);
    }
    if (this.#isReclaiming) {
      return 0;
    }
    const { dirtyBytes, dirtyAgeMs } = this.#cache;
    return dirtyBytes === 0
      ? longestMs
      : Math.min(longestMs, Math.max(0, IDLE_DIRTY_AGE_MS - dirtyAgeMs));
  }

  /** Does one piece of the work that is due. @param isIdle whether nobody asked for anything */
  work(isIdle: boolean): void {
    const { dirtyBytes, dirtyAgeMs } = this.#cache;
    const limitMs = isIdle ? IDLE_DIRTY_AGE_MS : MAX_DIRTY_AGE_MS;
    const isDirty = dirtyBytes > 0 && dirtyAgeMs >= limitMs;
    if ((!isDirty && !isIdle) || performance.now() < this.#pausedUntilMs) {
      return;
    }
    try {
      if (isDirty) {
        this.#cache.flushSome(FLUSH_BYTES);
      } else {
        this.#isReclaiming = this.#store.reclaimSome();
      }
      if (this.#store.inTransaction) {
        this.#store.commit();
      }
    } catch (error) {
      this.#pausedUntilMs = performance.now() + PAUSE_AFTER_FAILURE_MS;
      this.#reportFault(error);
    }
  }
}
