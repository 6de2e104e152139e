/** How long a wait polls at most before it sleeps, where nobody says otherwise. */
export const DEFAULT_POLL_MICROSECONDS = 100;

/** How many fruitless rounds an account that is full pays for. */
const ROUNDS_IN_STORE = 10;
/** Fruitless polling may take one part in so many of the time. */
const TIME_PER_FRUITLESS_TIME = 64;
/** The largest debt: a thread that was stopped in a round, by a debugger or a laptop's lid, gets over it. */
const LONGEST_BAR_MS = 1000;

/**
 * Whether a wait shall poll before it sleeps. A wake-up costs tens of microseconds, which polling
 * saves; polling in vain costs the processor, which those who are waited for may need.
 *
 * So polling is paid out of an account. A round that brings something pays in the length of a whole
 * round; one that brings nothing is charged the time it took, and so is one that took far longer
 * than it should have: the scheduler has put the thread aside meanwhile, which it does to those who
 * poll and not to those who sleep. With the account overdrawn, waits sleep at once. Time pays in,
 * slowly, so that a debt bars polling for a while that is in proportion to what was lost, and then
 * polling is tried again: no state is for ever, and what the tries cost is bounded.
 *
 * Two sides that poll for one another both hit. Two that both sleep find back to polling, because a
 * round is longer than a wake-up takes: whoever tries, hits. Where the peer needs the processor that
 * polls, or others do, nobody hits, or hits late, and both sleep.
 *
 * All times are in milliseconds, of one clock.
 */
export class PollBudget {
  readonly #roundMs: number;
  readonly #mostMs: number;
  #balanceMs: number;
  #countedMs = 0;

  /** @param microseconds the longest round of polling; 0 never to poll */
  constructor(microseconds: number = DEFAULT_POLL_MICROSECONDS) {
    this.#roundMs = microseconds / 1000;
    this.#mostMs = ROUNDS_IN_STORE * this.#roundMs;
    this.#balanceMs = this.#mostMs;
  }

  /** How long a wait that begins now may poll; 0 for not at all. */
  roundMs(nowMs: number): number {
    const earnedMs = (nowMs - this.#countedMs) / TIME_PER_FRUITLESS_TIME;
    this.#countedMs = nowMs;
    this.#balanceMs = Math.min(this.#mostMs, this.#balanceMs + earnedMs);
    return this.#balanceMs >= 0 ? this.#roundMs : 0;
  }

  /** The round of polling that the last call allowed has ended. */
  polled(tookMs: number, hasFound: boolean): void {
    this.#countedMs += tookMs;
    const isTimely = hasFound && tookMs <= 2 * this.#roundMs;
    const change = isTimely ? this.#roundMs : -tookMs;
    this.#balanceMs = Math.max(this.#balanceMs + change, -LONGEST_BAR_MS / TIME_PER_FRUITLESS_TIME);
  }
}
