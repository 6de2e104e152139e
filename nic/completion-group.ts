import type { CompletionQueue } from './completion-queue.ts';
import type { Context } from './context.ts';
import { NicError } from './error.ts';
import { yieldProcessor } from './system-calls.ts';
import type { WorkCompletion } from './work-request.ts';

/** Longest sleep at a go: after each, the sockets are asked who has died. */
const SLEEP_SLICE_MS = 50;
/** Polls between two looks at the clock. */
const POLLS_PER_LOOK = 8;

/** Waits on any of many completion queues: the aggregate of the VI and DAFS days. */
export class CompletionGroup {
  readonly #context: Context;
  readonly #queues: CompletionQueue[] = [];
  /** Where the next poll begins, so that a busy queue does not starve the others. */
  #first = 0;
  #evented: CompletionQueue | undefined;
  /** The wait before was over without anything: who waits on goes on asleep, and polls for what comes after. */
  #wasInVain = false;

  /** @internal Made by Context.createCompletionGroup. */
  constructor(context: Context) {
    this.#context = context;
  }

  /** @throws NicError INVALID_ARGUMENT for a queue of another context. */
  add(queue: CompletionQueue): void {
    if (queue.context !== this.#context) {
      throw new NicError('INVALID_ARGUMENT', 'a completion queue of another context');
    }
    if (!this.#queues.includes(queue)) this.#queues.push(queue);
  }

  remove(queue: CompletionQueue): void {
    const index = this.#queues.indexOf(queue);
    if (index >= 0) this.#queues.splice(index, 1);
  }

  /**
   * Takes completions of any of the queues, without waiting; the objects are overwritten.
   * @returns how many.
   * @throws NicError CQ_OVERRUN for a queue that has overflowed, which is removed from the group.
   */
  poll(completions: WorkCompletion[]): number {
    const found = this.#collect(completions);
    if (found === 0) this.#context.idlePoll();
    return found;
  }

  #collect(completions: WorkCompletion[]): number {
    const queues = this.#queues;
    const count = queues.length;
    const room = completions.length;
    if (this.#first >= count) this.#first = 0;
    let found = 0;
    for (let index = this.#first; index < count && found < room; index++) {
      found += this.#harvest(queues[index] as CompletionQueue, completions, found);
    }
    for (let index = 0; index < this.#first && found < room; index++) {
      found += this.#harvest(queues[index] as CompletionQueue, completions, found);
    }
    if (found > 0) this.#first++;
    return found;
  }

  #harvest(queue: CompletionQueue, completions: WorkCompletion[], from: number): number {
    // The exception waits until no completions of other queues would be lost with it.
    if (queue.isDead && from === 0) this.remove(queue);
    return queue.harvest(completions, from, completions.length);
  }

  /** Finds a queue whose event has come; 1 or 0. */
  #findEvent(): number {
    for (let index = 0; index < this.#queues.length; index++) {
      const queue = this.#queues[index] as CompletionQueue;
      if (!queue.takeEvent()) continue;
      this.#evented = queue;
      return 1;
    }
    return 0;
  }

  /**
   * Takes completions, waiting for the first: polls for a while that adapts to what polling brings,
   * then sleeps.
   * @returns how many; 0 when the time is over or a Waker woke the context.
   * @throws NicError as poll does.
   */
  wait(completions: WorkCompletion[], timeoutMs: number): number {
    return this.#await(completions, timeoutMs);
  }

  /**
   * Waits for the event of an armed queue and leaves the completions where they are.
   * @returns the queue, which is no longer armed; undefined when the time is over or a Waker woke the
   *   context.
   */
  waitEvent(timeoutMs: number): CompletionQueue | undefined {
    return this.#await(undefined, timeoutMs) > 0 ? this.#evented : undefined;
  }

  /** Looks for completions, or for an event when there is nothing to put completions into. */
  #look(completions: WorkCompletion[] | undefined): number {
    return completions === undefined ? this.#findEvent() : this.#collect(completions);
  }

  #await(completions: WorkCompletion[] | undefined, timeoutMs: number): number {
    const context = this.#context;
    let found = this.#look(completions);
    const wasInVain = this.#wasInVain;
    this.#wasInVain = false;
    if (found > 0 || timeoutMs <= 0 || context.isWakePending) return found;
    if (!wasInVain && context.pollBudget.begin()) {
      found = this.#poll(completions);
      if (found > 0 || context.isWakePending) return found;
    }
    context.serviceIfDue();
    found = this.#sleep(completions, timeoutMs);
    this.#wasInVain = found === 0 && !context.isWakePending;
    return found;
  }

  /**
   * One round of polling. Between looks it gives way: what it waits for may come from a thread that
   * waits for this very processor.
   */
  #poll(completions: WorkCompletion[] | undefined): number {
    const context = this.#context;
    let found = 0;
    do {
      for (let count = 0; count < POLLS_PER_LOOK && found === 0; count++) {
        found = this.#look(completions);
        if (context.isWakePending) break;
      }
      if (found === 0) yieldProcessor();
    } while (found === 0 && !context.isWakePending && !context.pollBudget.isOver());
    context.pollBudget.end(found > 0);
    return found;
  }

  #sleep(completions: WorkCompletion[] | undefined, timeoutMs: number): number {
    const beganMs = performance.now();
    const context = this.#context;
    const { doorbell } = context;
    for (;;) {
      const sleptMs = performance.now() - beganMs;
      const leftMs = timeoutMs - sleptMs;
      if (leftMs <= 0) return 0;
      const allowedMs = context.beforeSleep?.(sleptMs) ?? SLEEP_SLICE_MS;
      const expected = doorbell.prepare();
      let found = this.#look(completions);
      if (found === 0 && !context.isWakePending) {
        doorbell.sleep(expected, Math.min(leftMs, allowedMs, SLEEP_SLICE_MS));
      }
      doorbell.awake();
      if (found === 0) {
        context.serviceIfDue();
        found = this.#look(completions);
      }
      if (found > 0 || context.isWakePending) return found;
    }
  }
}
