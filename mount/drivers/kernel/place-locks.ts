/** Locks of places in memory that the workers of a mount share: a word each, 0 while nobody holds it. */

/** Who holds a place does so for less than so many looks take, unless he is without a processor. */
const LOOKS = 100;
const SLEEP_MS = 0.05;

/** Waits until nobody holds the place, and takes it. */
export function takePlace(locks: Int32Array, place: number): void {
  for (let looks = 1; Atomics.compareExchange(locks, place, 0, 1) !== 0; looks++) {
    if (looks >= LOOKS) Atomics.wait(locks, place, 1, SLEEP_MS);
  }
}

/** Gives back a place that was taken. */
export function releasePlace(locks: Int32Array, place: number): void {
  Atomics.store(locks, place, 0);
}
