import type { Time } from '../store/index.ts';

/** The time, handed in so that tests and simulations own it. */
export interface Clock {
  /** The time of day, for file times. */
  now(): Time;
  /** Milliseconds that never go back, for time limits. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now() {
    const milliseconds = performance.timeOrigin + performance.now();
    const seconds = Math.floor(milliseconds / 1000);
    return { seconds, nseconds: Math.floor((milliseconds - seconds * 1000) * 1e6) };
  },
  monotonicMs: () => performance.now(),
};
