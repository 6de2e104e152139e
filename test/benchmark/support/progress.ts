import { Pace } from '../../../mount/bench/pace.ts';

/** Tells on standard error what is being measured, and how long all of it will still take. */
export class Progress {
  readonly #pace: Pace;

  /** @param totalSeconds how long all steps are expected to take, in the unit in which each is */
  constructor(totalSeconds: number) {
    this.#pace = new Pace(totalSeconds);
  }

  /** Runs one step, of which so many seconds were expected. */
  async step<Result>(what: string, seconds: number, run: () => Promise<Result>): Promise<Result> {
    const share = Math.floor(100 * this.#pace.part);
    const left = this.#pace.describeTimeLeft();
    process.stderr.write(`${String(share).padStart(3)} %, ${left} left: ${what}\n`);
    const result = await run();
    this.#pace.done(seconds);
    return result;
  }
}
