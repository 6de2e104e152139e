/** Seeds that have found something, once: what it was stays mended. */
export const knownSeeds: readonly number[] = [
  // The disk fails while an append brings a block in: done, never answered, and done again.
  121,
];
