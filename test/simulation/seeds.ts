/**
 * Seeds that have found something. Each draws another world whenever what is drawn has changed: what they
 * found then stands in planted-bugs.ts.
 */
export const knownSeeds: readonly number[] = [
  // The disk failed while an append brought a block in: done, never answered, and done again.
  121,
];
