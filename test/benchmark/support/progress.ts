/** Tells on standard error what is being measured, and how long all of it will still take. */
export class Progress {
  readonly #totalSeconds: number;
  readonly #startedMs = performance.now();
  #doneSeconds = 0;

  /** @param totalSeconds how long all steps are expected to take, in the unit in which each is */
  constructor(totalSeconds: number) {
    this.#totalSeconds = totalSeconds;
  }

  /** Runs one step, of which so many seconds were expected. */
  async step<Result>(what: string, seconds: number, run: () => Promise<Result>): Promise<Result> {
    const share = Math.floor((100 * this.#doneSeconds) / this.#totalSeconds);
    const left = this.#describeTimeLeft();
    process.stderr.write(`${String(share).padStart(3)} %, ${left} left: ${what}\n`);
    const result = await run();
    this.#doneSeconds += seconds;
    return result;
  }

  /** What is left takes as much longer than expected as what is done took. */
  #describeTimeLeft(): string {
    const leftSeconds = this.#totalSeconds - this.#doneSeconds;
    const tookSeconds = (performance.now() - this.#startedMs) / 1000;
    const pace = this.#doneSeconds === 0 ? 1 : tookSeconds / this.#doneSeconds;
    const seconds = Math.ceil(leftSeconds * pace);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  }
}
