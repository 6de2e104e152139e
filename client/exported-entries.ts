import type { RemoteRegion } from '../nic/index.ts';
import { ENTRY_OWNER, WAYS } from './protocol/index.ts';

/** Where there is no entry. */
export const NO_ENTRY = -1;

/**
 * Index of the first word of the entry that `owner` has in a set, or NO_ENTRY.
 * @param setWord where the set begins
 * @param words of an entry
 */
export function entryOf(
  region: RemoteRegion,
  setWord: number,
  words: number,
  owner: number,
): number {
  let at = setWord;
  for (let way = 0; way < WAYS; way += 1) {
    if (region.float(at / 2 + ENTRY_OWNER) === owner) {
      return at;
    }
    at += words;
  }
  return NO_ENTRY;
}
