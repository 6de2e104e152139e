/**
 * The fsyncs that a worker has begun and not answered. The server lets all that come while it syncs
 * share its next sync, so a worker takes what else the kernel asks for before it waits for one.
 */

import { constants } from 'node:os';
import { PollBudget } from '../../../nic/poll-budget.ts';
import { errnoOf } from '../../errno.ts';
import type { PendingSync } from '../../file-system.ts';

const { EIO } = constants.errno;

/**
 * How long it polls for the only sync there is, before it sleeps: a fast disk takes as long as two
 * wake-ups.
 */
const POLL_MICROSECONDS = 400;

/** How often it looks for the sync's end before it looks for other requests once. */
const LOOKS_PER_PIECE = 16;

/** Answers an earlier request. @param errno 0 when it was done */
type AnswerEarlier = (unique: number, errno: number) => void;

export class PendingSyncs {
  readonly #answer: AnswerEarlier;
  /** By the request that asked for each, in the order in which they came. */
  readonly #pending = new Map<number, PendingSync>();
  readonly #budget: PollBudget;
  /** A round of polling has begun and not ended. */
  #isPolling = false;

  constructor(answer: AnswerEarlier, budget = new PollBudget(POLL_MICROSECONDS)) {
    this.#answer = answer;
    this.#budget = budget;
  }

  add(unique: number, sync: PendingSync): void {
    this.#pending.set(unique, sync);
  }

  /** Whether all have been answered. */
  get isEmpty(): boolean {
    return this.#pending.size === 0;
  }

  /** Answers all that have ended, without waiting for any. */
  answerEnded(): void {
    // Asked after each request: nearly always there is none.
    if (this.isEmpty) return;
    const [sync] = this.#pending.values();
    sync?.look();
    this.#answerKnown();
  }

  /**
   * Waits for the oldest and answers all that have ended then; or waits a moment only, for there may be
   * other requests again.
   * @returns false: there is none
   */
  awaitOne(): boolean {
    const [oldest] = this.#pending;
    if (oldest === undefined) return false;
    if (this.#pending.size === 1 && this.#poll(oldest[1])) return true;
    this.#settle(...oldest);
    this.#answerKnown();
    return true;
  }

  /** A piece of a round of polling. @returns false: the budget has no round, or this one is over */
  #poll(sync: PendingSync): boolean {
    this.#isPolling ||= this.#budget.begin();
    if (!this.#isPolling) return false;
    for (let looks = 0; looks < LOOKS_PER_PIECE && !sync.hasEnded; looks++) sync.look();
    if (!sync.hasEnded && this.#budget.isOver()) {
      this.#endRound(false);
      return false;
    }
    this.#answerKnown();
    return true;
  }

  #endRound(hasEnded: boolean): void {
    if (this.#isPolling) this.#budget.end(hasEnded);
    this.#isPolling = false;
  }

  #answerKnown(): void {
    for (const [unique, sync] of this.#pending) {
      if (sync.hasEnded) this.#settle(unique, sync);
    }
  }

  #settle(unique: number, sync: PendingSync): void {
    this.#pending.delete(unique);
    this.#endRound(true);
    let errno = 0;
    try {
      sync.settle();
    } catch (error) {
      errno = errnoOf(error) ?? EIO;
    }
    this.#answer(unique, errno);
  }
}
