/** How long a wait polls at most before it sleeps, where nobody says otherwise. */
export const DEFAULT_POLL_MICROSECONDS = 200;

/**
 * No round of this process is longer, whoever asks for one: DAFS_POLL_MICROSECONDS of the environment.
 * With 0 every wait sleeps at once, of the adapter, and of whoever else waits by these rules.
 */
const MOST_POLL_MICROSECONDS = Number(
  process.env.DAFS_POLL_MICROSECONDS ?? Number.POSITIVE_INFINITY,
);

/** How many fruitless rounds an account that is full pays for. */
const ROUNDS_IN_STORE = 10;
/** Fruitless polling may take one part in so many of the time. */
const TIME_PER_FRUITLESS_TIME = 64;
/** A thread that was stopped in a round, by a debugger or a laptop's lid, gets over it in a second. */
const LOWEST_BALANCE_MS = -1000 / TIME_PER_FRUITLESS_TIME;

// What an account holds: the balance, up to when time has paid in, and when the round began.
const BALANCE = 0;
const COUNTED = 1;
const STARTED = 2;

/** One function for all budgets, so that the compiler sees through it. */
const systemClock = (): number => performance.now();

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
 */
export class PollBudget {
  readonly #now: () => number;
  readonly #roundMs: number;
  readonly #mostMs: number;
  /** In milliseconds. Numbers with a fraction lie in an array: as fields each would be an object. */
  readonly #account = new Float64Array(3);

  /**
   * @param microseconds the longest round of polling; 0 never to poll
   * @param now a clock, in milliseconds
   */
  constructor(microseconds: number = DEFAULT_POLL_MICROSECONDS, now = systemClock) {
    this.#now = now;
    this.#roundMs = Math.min(microseconds, MOST_POLL_MICROSECONDS) / 1000;
    this.#mostMs = ROUNDS_IN_STORE * this.#roundMs;
    this.#account[BALANCE] = this.#mostMs;
    this.#account[COUNTED] = now();
  }

  /** Begins a round of polling, if the wait at hand may have one. */
  begin(): boolean {
    if (this.#roundMs === 0) return false;
    const account = this.#account;
    const now = this.#now();
    const earned = (now - (account[COUNTED] as number)) / TIME_PER_FRUITLESS_TIME;
    const balance = Math.min(this.#mostMs, (account[BALANCE] as number) + earned);
    account[BALANCE] = balance;
    account[COUNTED] = now;
    account[STARTED] = now;
    return balance >= 0;
  }

  /** Whether the round has lasted as long as it may; a look at the clock, dearer than a poll. */
  isOver(): boolean {
    return this.#now() - (this.#account[STARTED] as number) >= this.#roundMs;
  }

  /** Ends the round. @param hasFound whether it brought what was waited for */
  end(hasFound: boolean): void {
    const account = this.#account;
    const now = this.#now();
    const took = now - (account[STARTED] as number);
    const isTimely = hasFound && took <= 2 * this.#roundMs;
    const change = isTimely ? this.#roundMs : -took;
    account[BALANCE] = Math.max((account[BALANCE] as number) + change, LOWEST_BALANCE_MS);
    account[COUNTED] = now;
  }
}
