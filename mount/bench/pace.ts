/** How far something long has come, and how long it will still take. */
export class Pace {
  readonly #totalSeconds: number;
  readonly #startedMs = performance.now();
  #doneSeconds = 0;

  /** @param totalSeconds how long all steps are expected to take, in the unit in which each is */
  constructor(totalSeconds: number) {
    this.#totalSeconds = totalSeconds;
  }

  /** A step is done, of which so many seconds were expected. */
  done(seconds: number): void {
    this.#doneSeconds += seconds;
  }

  /** 0 to 1. */
  get part(): number {
    return Math.min(1, this.#doneSeconds / this.#totalSeconds);
  }

  /** As minutes and seconds. What is left takes as much longer than expected as what is done took. */
  describeTimeLeft(): string {
    const leftSeconds = Math.max(0, this.#totalSeconds - this.#doneSeconds);
    const tookSeconds = (performance.now() - this.#startedMs) / 1000;
    const pace = this.#doneSeconds === 0 ? 1 : tookSeconds / this.#doneSeconds;
    const seconds = Math.ceil(leftSeconds * pace);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  }
}
