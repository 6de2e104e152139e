import { ChainFlag } from '../../client/protocol/constants.ts';
import type { DafsStatus } from '../../client/protocol/status.ts';
import type { BlockCache } from '../block-cache.ts';
import type { Store } from '../store/index.ts';
import type { Exchange } from './exchange.ts';

/** Answers that go out together, in their order. */
export interface AnswerGroup {
  readonly exchanges: Exchange[];
  /** They have gone out. */
  isSent: boolean;
}

/** Sends an answer. @param failure stands for why it cannot promise stable storage, if so */
type SendAnswer = (exchange: Exchange, failure: DafsStatus | undefined) => void;

/** Takes note of an error of the storage. @returns what it is answered with */
type NoteFailure = (error: unknown) => DafsStatus;

/**
 * Answers that promise stable storage, until that is true: group commit. All that gather while the
 * store brings data onto the disk share the next time it does so: their data goes into the store's
 * logs together then, and one sync covers it. Requests are executed meanwhile, and other answers go out.
 */
export class StableAnswers {
  readonly #store: Store;
  readonly #cache: BlockCache;
  readonly #send: SendAnswer;
  readonly #noteFailure: NoteFailure;
  /** Those for which nothing has been done yet. */
  #gathering: AnswerGroup = newGroup();
  /** Those for which a sync has begun. */
  #syncing: AnswerGroup | undefined;
  /** What a sync ahead has failed with, for who asks for it. */
  #failureAhead: DafsStatus | undefined;

  constructor(store: Store, cache: BlockCache, send: SendAnswer, noteFailure: NoteFailure) {
    this.#store = store;
    this.#cache = cache;
    this.#send = send;
    this.#noteFailure = noteFailure;
  }

  /**
   * Keeps an answer that has to wait: for stable storage, or for answers before it in its chain.
   * @returns false: it may go out at once
   */
  hold(exchange: Exchange): boolean {
    const { channel, header, stableFile } = exchange;
    const isChained = (header.chainFlags & ChainFlag.DAFS_CHF_BACK) !== 0;
    const previous = isChained && !channel.held?.isSent ? channel.held : undefined;
    const group = stableFile === undefined ? previous : this.#gathering;
    channel.held = group;
    group?.exchanges.push(exchange);
    return group !== undefined;
  }

  /**
   * Sends what has become stable, and begins what is next. To be called after each round of requests.
   * @param isAlone nobody else waits meanwhile: a sync may be waited for, if it is short
   */
  advance(isAlone: boolean): void {
    while (this.#settle() && this.#gathering.exchanges.length > 0) {
      const group = this.#gathering;
      this.#gathering = newGroup();
      this.#begin(
        group,
        group.exchanges.map(({ stableFile }) => stableFile),
        isAlone,
      );
    }
  }

  /** Begins a sync of a file that somebody alone is expected to ask for, unless one is under way. */
  syncAhead(file: Exchange['stableFile']): void {
    if (this.#settle()) {
      this.#begin(newGroup(), [file], true);
    }
  }

  /** @returns whether no sync is under way (any more). */
  #settle(): boolean {
    const group = this.#syncing;
    if (group === undefined) {
      return true;
    }
    try {
      if (!this.#store.durability.syncHasEnded()) {
        return false;
      }
      this.#release(group, undefined);
    } catch (error) {
      const failure = this.#noteFailure(error);
      if (group.exchanges.length === 0) {
        this.#failureAhead = failure;
      }
      this.#release(group, failure);
    }
    return true;
  }

  /** @param files to be made stable for the answers of the group; undefined: none for that answer */
  #begin(group: AnswerGroup, files: readonly Exchange['stableFile'][], isAlone: boolean): void {
    try {
      for (const file of files) {
        if (file !== undefined) {
          this.#cache.secure(file === 'all' ? undefined : file);
        }
      }
      this.#store.durability.beginSync(isAlone);
      this.#syncing = group;
    } catch (error) {
      // All that the transaction holds is data of these answers, which waits in the cache again.
      this.#store.rollback();
      this.#release(group, this.#noteFailure(error));
    }
  }

  #release(group: AnswerGroup, failure: DafsStatus | undefined): void {
    this.#syncing = undefined;
    group.isSent = true;
    const cause = failure && (this.#failureAhead ?? failure);
    if (group.exchanges.length > 0) {
      this.#failureAhead = undefined;
    }
    for (const exchange of group.exchanges) {
      this.#send(exchange, exchange.stableFile === undefined ? undefined : cause);
    }
  }
}

const newGroup = (): AnswerGroup => ({ exchanges: [], isSent: false });
