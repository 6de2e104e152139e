/**
 * The DAFS checksum (section 3.2.5): Fletcher-32 over 16-bit words in the session's byte order,
 * modulo 65535, S1 starting at 0x0101 and S2 at 0. Since 0x0101 reads the same in both orders,
 * the bytes of the result do not depend on the order either.
 */

/** So many words keep both sums below 2^31 between two reductions. */
const blockWords = 240;

/** Folds a sum to 1..65535: as subtracting 65535 while it is larger would. */
const fold = (sum: number): number => {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
};

/** A checksum under way: data that lies in several buffers is added piece by piece. */
export class Fletcher32 {
  readonly #littleEndian: boolean;
  #s1 = 0x0101;
  #s2 = 0;
  /** The first byte of a word whose second byte has not come yet; -1 if there is none. */
  #pending = -1;

  constructor(littleEndian: boolean) {
    this.#littleEndian = littleEndian;
  }

  add(data: Uint8Array): this {
    let position = 0;
    if (this.#pending >= 0 && data.length > 0) {
      this.#addWord(this.#pending, data[0] as number);
      this.#pending = -1;
      position = 1;
    }
    position = this.#addWords(data, position);
    if (position < data.length) this.#pending = data[position] as number;
    return this;
  }

  /** S2 * 65536 + S1, with an odd last byte padded by a zero. */
  get value(): number {
    if (this.#pending >= 0) {
      this.#addWord(this.#pending, 0);
      this.#pending = -1;
    }
    return this.#s2 * 65536 + this.#s1;
  }

  #addWord(first: number, second: number): void {
    const word = this.#littleEndian ? (second << 8) | first : (first << 8) | second;
    this.#s1 = fold(this.#s1 + word);
    this.#s2 = fold(this.#s2 + this.#s1);
  }

  /** Adds whole words and returns the position behind them. */
  #addWords(data: Uint8Array, start: number): number {
    const shift1 = this.#littleEndian ? 0 : 8;
    const shift2 = 8 - shift1;
    const end = start + (((data.length - start) >> 1) << 1);
    let s1 = this.#s1;
    let s2 = this.#s2;
    let position = start;
    while (position < end) {
      const blockEnd = Math.min(end, position + blockWords * 2);
      for (; position < blockEnd; position += 2) {
        s1 += ((data[position] as number) << shift1) | ((data[position + 1] as number) << shift2);
        s2 += s1;
      }
      s1 = fold(s1);
      s2 = fold(s2);
    }
    this.#s1 = s1;
    this.#s2 = s2;
    return position;
  }
}

/** The checksum of one piece of data, as the number S2 * 65536 + S1. */
export const fletcher32 = (data: Uint8Array, littleEndian: boolean): number =>
  new Fletcher32(littleEndian).add(data).value;
