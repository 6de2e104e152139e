/**
 * The fsyncs that a worker has begun and not answered. The server lets all that come while it syncs
 * share its next sync, so a worker takes what else the kernel asks for before it waits for one.
 */

import { constants } from 'node:os';
import { errnoOf } from '../../errno.ts';
import type { PendingSync } from '../../file-system.ts';

const { EIO } = constants.errno;

/** Answers an earlier request. @param errno 0 when it was done */
type AnswerEarlier = (unique: number, errno: number) => void;

export class PendingSyncs {
  readonly #answer: AnswerEarlier;
  /** By the request that asked for each, in the order in which they came. */
  readonly #pending = new Map<number, PendingSync>();

  constructor(answer: AnswerEarlier) {
    this.#answer = answer;
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

  /** Waits for the oldest and answers all that have ended then. @returns false: there is none */
  awaitOne(): boolean {
    const [oldest] = this.#pending;
    if (oldest === undefined) return false;
    this.#settle(...oldest);
    this.#answerKnown();
    return true;
  }

  #answerKnown(): void {
    for (const [unique, sync] of this.#pending) {
      if (sync.hasEnded) this.#settle(unique, sync);
    }
  }

  #settle(unique: number, sync: PendingSync): void {
    this.#pending.delete(unique);
    let errno = 0;
    try {
      sync.settle();
    } catch (error) {
      errno = errnoOf(error) ?? EIO;
    }
    this.#answer(unique, errno);
  }
}
