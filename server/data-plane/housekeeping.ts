import { Heap } from '../../nic/index.ts';
import type { BlockCache } from '../block-cache.ts';
import type { Store } from '../store/index.ts';

/** How old something becomes before it goes into the database: between requests, or whether there are some or not. */
interface Age {
  readonly agedMs: number;
  readonly overdueMs: number;
}

const intents: Age = { agedMs: 1000, overdueMs: 2000 };
/** What is written again and again meanwhile is stored once. A killed server leaves it to the next one. */
const data: Age = { agedMs: 5000, overdueMs: 7000 };
/** When nobody has asked for anything for so long, everything goes into the database. */
const IDLE_MS = 100;
/** When nobody has asked for anything for so long, memory goes back to the kernel. */
const REST_MS = 300;
/** Written at a go: a request that comes in the meantime waits no longer than this takes. */
const FLUSH_BYTES = 512 << 10;
/**
 * The same for small files: each is a row or two in pages of their own, and the more of them a commit
 * takes, the fewer times the pages are written that they share.
 */
const FLUSH_BLOCKS = 64;
/** After a failure to write back (a full disk) the data is left alone for this time. */
const PAUSE_AFTER_FAILURE_MS = 1000;
/** How often the log is looked after that has to become shorter first. */
const LOG_LOOK_MS = 5;

/**
 * What the data plane does between requests: writing data back, taking intents over into the
 * database, freeing what large files left, and giving memory back that it needed for the requests.
 */
export class Housekeeping {
  readonly #store: Store;
  readonly #cache: BlockCache;
  readonly #reportFault: (error: unknown) => void;
  /** There is more to free at once. */
  #isReclaiming = false;
  #lastRequestMs = 0;
  readonly #heap = new Heap();
  /** Memory has been given back since the last request. */
  #hasRested = true;
  #pausedUntilMs = 0;

  constructor(store: Store, cache: BlockCache, reportFault: (error: unknown) => void) {
    this.#store = store;
    this.#cache = cache;
    this.#reportFault = reportFault;
  }

  /** How long the data plane may sleep before there is work here. */
  idleMs(longestMs: number): number {
    if (this.#store.breakdown !== undefined) {
      return longestMs;
    }
    const now = performance.now();
    if (now < this.#pausedUntilMs) {
      return Math.min(longestMs, this.#pausedUntilMs - now);
    }
    if (this.#isReclaiming) {
      return 0;
    }
    if (this.#cache.dirtyBytes === 0 && !this.#store.durability.hasChangedRows) {
      return this.#hasRested ? longestMs : Math.min(longestMs, this.#untilRestMs(now));
    }
    const untilDueMs = Math.min(
      IDLE_MS - (now - this.#lastRequestMs),
      data.agedMs - this.#cache.unloggedAgeMs,
      this.#untilIntentsAgeMs,
    );
    const dueMs = this.#cache.isCrowded ? 0 : Math.max(0, untilDueMs);
    return Math.min(
      longestMs,
      this.#store.durability.isLogCrowded ? Math.max(dueMs, LOG_LOOK_MS) : dueMs,
    );
  }

  /** Does one piece of the work that is due. @param isBusy whether there are requests right now */
  work(isBusy: boolean): void {
    const now = performance.now();
    if (isBusy) {
      this.#lastRequestMs = now;
      this.#hasRested = false;
    }
    const isFlushDue = this.#isFlushDue(now, isBusy);
    const isApplyDue = this.#isApplyDue(now, isBusy);
    const isBarred = now < this.#pausedUntilMs || this.#store.breakdown !== undefined;
    if ((!isFlushDue && !isApplyDue && isBusy) || isBarred) {
      return;
    }
    try {
      if (isFlushDue) {
        this.#cache.flushSome(FLUSH_BYTES, FLUSH_BLOCKS);
        this.#store.commit();
      } else if (isApplyDue) {
        this.#store.durability.applyIntents();
      } else {
        this.#isReclaiming = this.#store.reclaimSome();
        this.#store.commit();
        this.#rest(now);
      }
      if (this.#store.durability.isLogCrowded) {
        this.#store.durability.advanceLog();
      }
    } catch (error) {
      this.#pausedUntilMs = performance.now() + PAUSE_AFTER_FAILURE_MS;
      this.#reportFault(error);
    }
  }

  #rest(now: number): void {
    if (!this.#hasRested && !this.#isReclaiming && this.#untilRestMs(now) === 0) {
      this.#heap.giveBack();
      this.#hasRested = true;
    }
  }

  #untilRestMs(now: number): number {
    return Math.max(0, REST_MS - (now - this.#lastRequestMs));
  }

  #isFlushDue(now: number, isBusy: boolean): boolean {
    const { dirtyBytes, unloggedAgeMs, isCrowded } = this.#cache;
    if (dirtyBytes === 0) {
      return false;
    }
    if (unloggedAgeMs >= data.overdueMs) {
      return true;
    }
    return (
      !isBusy &&
      !this.#store.durability.isLogCrowded &&
      (isCrowded || this.#isIdle(now) || unloggedAgeMs >= data.agedMs)
    );
  }

  #isApplyDue(now: number, isBusy: boolean): boolean {
    const untilMs = this.#untilIntentsAgeMs;
    const isAged = untilMs <= (isBusy ? intents.agedMs - intents.overdueMs : 0);
    return isAged || (untilMs < Number.POSITIVE_INFINITY && this.#isIdle(now));
  }

  /** Infinity: there are none for the database to commit. */
  get #untilIntentsAgeMs(): number {
    const { hasChangedRows, hasLoggedData, intentAgeMs } = this.#store.durability;
    if (!hasChangedRows && !hasLoggedData) {
      return Number.POSITIVE_INFINITY;
    }
    return intents.agedMs - intentAgeMs;
  }

  #isIdle(now: number): boolean {
    return now - this.#lastRequestMs >= IDLE_MS;
  }
}
