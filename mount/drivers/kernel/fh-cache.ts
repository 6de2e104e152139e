import type { Fh } from '../../file-system.ts';

/** A power of two, so that the low bits of an fh choose its place. */
const PLACES = 256;

/**
 * Remembers the bigints of open files. Making one for each READ and WRITE would be the only thing
 * that these allocate; an fh that was seen lately is found by its two halves instead.
 */
export class FhCache {
  readonly #lows = new Uint32Array(PLACES);
  readonly #highs = new Uint32Array(PLACES);
  readonly #fhs = new Array<Fh>(PLACES).fill(0n as Fh);

  /** The fh whose halves are `low` and `high`. */
  get(low: number, high: number): Fh {
    const place = (low ^ high) & (PLACES - 1);
    if (this.#lows[place] === low && this.#highs[place] === high) return this.#fhs[place] as Fh;
    const fh = ((BigInt(high) << 32n) | BigInt(low)) as Fh;
    this.#lows[place] = low;
    this.#highs[place] = high;
    this.#fhs[place] = fh;
    return fh;
  }
}
