import type { Time } from './types.ts';

/** Wall clock minus monotonic clock, in milliseconds. */
let origin = Date.now() - performance.now();

/**
 * The time now, finer than Date.now() gives it: the monotonic clock counts the fractions, and it
 * is set anew whenever the wall clock has been moved.
 */
export function currentTime(): Time {
  const elapsed = performance.now();
  const wall = Date.now();
  let milliseconds = origin + elapsed;
  if (milliseconds < wall - 2 || milliseconds > wall + 2) {
    origin = wall - elapsed;
    milliseconds = wall;
  }
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nseconds: Math.floor((milliseconds - seconds * 1000) * 1e6) };
}

/**
 * The change counter's next value. It follows the clock in microseconds, so that a counter whose
 * last values died with unwritten data does not take them a second time for other data.
 */
export function nextChange(previous: number, now: Time): number {
  const candidate = now.seconds * 1e6 + Math.floor(now.nseconds / 1000);
  return candidate > previous ? candidate : previous + 1;
}
