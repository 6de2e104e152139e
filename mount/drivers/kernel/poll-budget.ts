/**
 * How long a worker asks the device for the next request before it sleeps.
 *
 * A request that comes while the worker polls is answered some 20 microseconds sooner than one that
 * must wake it. Polling without effect takes the processor from those who would make requests. So
 * the budget follows what it brings: it doubles when a request came in time or would have come in
 * time with a little more patience, and it halves when polling was in vain.
 *
 * With more runnable threads than processors, a polling worker is put aside for milliseconds while
 * a sleeping one would be woken at once. A round that took far too long shows it: then the worker
 * abstains from polling for a number of sleeps, which doubles when the next try ends the same way.
 *
 * All times are in microseconds.
 */
export class PollBudget {
  /** Below this a round is not worth the look at the clock. */
  static readonly SMALLEST = 5;
  /** A round that took longer than this was interrupted by the scheduler. */
  static readonly PREEMPTED = 400;
  static readonly SHORTEST_ABSTENTION = 64;
  static readonly LONGEST_ABSTENTION = 16_384;

  readonly #largest: number;
  #budget: number;
  #abstain = 0;
  #nextAbstention = PollBudget.SHORTEST_ABSTENTION;

  /** @param largest the most that one round of polling may take; 0 never to poll */
  constructor(largest: number) {
    this.#largest = largest;
    this.#budget = largest;
  }

  /** How long to poll now; 0 for not at all. */
  get microseconds(): number {
    return this.#abstain > 0 ? 0 : this.#budget;
  }

  /** Polling brought a request after `elapsed`. */
  hit(elapsed: number): void {
    if (elapsed > PollBudget.PREEMPTED) {
      this.#preempted();
      return;
    }
    this.#grow();
    if (this.#nextAbstention > PollBudget.SHORTEST_ABSTENTION) this.#nextAbstention--;
  }

  /** Polling took `elapsed` and brought nothing. */
  miss(elapsed: number): void {
    if (elapsed > PollBudget.PREEMPTED) this.#preempted();
    else this.#budget = Math.max(Math.min(PollBudget.SMALLEST, this.#largest), this.#budget / 2);
  }

  /** A request came after the worker had slept for `slept`. */
  woke(slept: number): void {
    if (this.#abstain > 0) this.#abstain--;
    else if (slept < this.#largest) this.#grow();
  }

  #grow(): void {
    this.#budget = Math.min(this.#largest, this.#budget * 2);
  }

  #preempted(): void {
    this.#abstain = this.#nextAbstention;
    this.#nextAbstention = Math.min(PollBudget.LONGEST_ABSTENTION, this.#nextAbstention * 2);
  }
}
