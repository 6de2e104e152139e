/** Bounds of the time that a wait polls before it sleeps. */
export interface PollBudgetOptions {
  minimumMicroseconds?: number;
  maximumMicroseconds?: number;
}

const DEFAULT_MAXIMUM_MICROSECONDS = 200;
const FIRST_GROWTH_MICROSECONDS = 10;

/**
 * How long to poll before sleeping. A sleep costs tens of microseconds, polling for nothing costs the
 * core, which the peer may need. So the budget grows while waits end soon enough that polling would
 * have caught them, and shrinks as soon as they take longer than it may ever become.
 */
export class PollBudget {
  readonly #minimumMs: number;
  readonly #maximumMs: number;
  /** What the next wait may spend polling. */
  currentMs: number;

  constructor(options: PollBudgetOptions = {}) {
    const minimum = options.minimumMicroseconds ?? 0;
    const maximum = options.maximumMicroseconds ?? DEFAULT_MAXIMUM_MICROSECONDS;
    this.#minimumMs = minimum / 1000;
    this.#maximumMs = Math.max(minimum, maximum) / 1000;
    this.currentMs = this.#maximumMs;
  }

  /** Learns from a wait that had to sleep and took this long in all. */
  slept(tookMs: number): void {
    const grows = tookMs <= this.#maximumMs;
    const next = grows
      ? Math.max(this.currentMs * 2, FIRST_GROWTH_MICROSECONDS / 1000)
      : this.currentMs / 2;
    const smallest = FIRST_GROWTH_MICROSECONDS / 1000 / 2;
    this.currentMs = Math.min(this.#maximumMs, next < smallest ? this.#minimumMs : next);
    if (this.currentMs < this.#minimumMs) this.currentMs = this.#minimumMs;
  }
}
