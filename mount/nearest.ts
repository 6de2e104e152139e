import { closest, distance } from 'fastest-levenshtein';

/** The known word that a mistyped one most likely stands for, if any is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const candidate = closest(word, known);
  const tolerance = Math.max(2, Math.floor(candidate.length / 3));
  return distance(word, candidate) <= tolerance ? candidate : undefined;
}
