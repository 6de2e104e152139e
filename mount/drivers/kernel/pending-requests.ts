/**
 * What a worker has begun and not answered: fsyncs, and writes that are to be stable. The server lets all
 * that come while it syncs share its next sync, so a worker takes what else the kernel asks for before it
 * waits for one.
 */

import { constants } from 'node:os';
import { PollBudget } from '../../../nic/poll-budget.ts';
import { errnoOf } from '../../errno.ts';
import type { PendingRequest } from '../../file-system.ts';
import type { Exchange } from './exchange.ts';

const { EIO } = constants.errno;

/**
 * How long it polls for the only one there is, before it sleeps: a fast disk takes as long as two
 * wake-ups.
 */
const POLL_MICROSECONDS = 400;

/** How often it looks for the request's end before it looks for other requests once. */
const LOOKS_PER_PIECE = 16;

/** Answers earlier requests: {@link Exchange}. */
type Answers = Pick<Exchange, 'answerEarlier' | 'answerWritten'>;

/** The request that asks for it. */
type Asked = Pick<Exchange, 'unique'> & { readonly caller: Pick<Exchange['caller'], 'pid'> };

interface Pending {
  readonly request: PendingRequest;
  /** The process that asked for it. */
  readonly pid: number;
  readonly succeeded: () => void;
}

const nothing = (): void => {};

export class PendingRequests {
  readonly #answers: Answers;
  /** By the request that asked for each, in the order in which they came. */
  readonly #pending = new Map<number, Pending>();
  readonly #budget: PollBudget;
  /** A round of polling has begun and not ended. */
  #isPolling = false;

  constructor(answers: Answers, budget = new PollBudget(POLL_MICROSECONDS)) {
    this.#answers = answers;
    this.#budget = budget;
  }

  /** @param succeeded is called when it was done, before it is answered */
  add({ unique, caller: { pid } }: Asked, request: PendingRequest, succeeded = nothing): void {
    this.#pending.set(unique, { request, pid, succeeded });
  }

  /** The process that alone waits for one of them; 0: none does, or several do. */
  get loneWaiter(): number {
    const [first, ...others] = this.#pending.values();
    return first !== undefined && others.length === 0 ? first.pid : 0;
  }

  /** Whether all have been answered. */
  get isEmpty(): boolean {
    return this.#pending.size === 0;
  }

  /** Answers all that have ended, without waiting for any. */
  answerEnded(): void {
    // Asked after each request: nearly always there is none.
    if (this.isEmpty) return;
    const [oldest] = this.#pending.values();
    oldest?.request.look();
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
    if (this.#pending.size === 1 && this.#poll(oldest[1].request)) return true;
    this.#settle(...oldest);
    this.#answerKnown();
    return true;
  }

  /** A piece of a round of polling. @returns false: the budget has no round, or this one is over */
  #poll(request: PendingRequest): boolean {
    this.#isPolling ||= this.#budget.begin();
    if (!this.#isPolling) return false;
    for (let looks = 0; looks < LOOKS_PER_PIECE && !request.hasEnded; looks++) request.look();
    if (!request.hasEnded && this.#budget.isOver()) {
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
    for (const [unique, pending] of this.#pending) {
      if (pending.request.hasEnded) this.#settle(unique, pending);
    }
  }

  #settle(unique: number, { request, succeeded }: Pending): void {
    this.#pending.delete(unique);
    this.#endRound(true);
    let written: number | undefined;
    try {
      written = request.settle();
      succeeded();
    } catch (error) {
      this.#answers.answerEarlier(unique, errnoOf(error) ?? EIO);
      return;
    }
    if (written === undefined) this.#answers.answerEarlier(unique, 0);
    else this.#answers.answerWritten(unique, written);
  }
}
