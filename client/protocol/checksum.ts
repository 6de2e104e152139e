/**
 * The DAFS checksum (section 3.2.5): Fletcher-32 over 16-bit words in the session's byte order,
 * modulo 65535, S1 starting at 0x0101 and S2 at 0.
 *
 * Sums modulo 65535 commute with swapping bytes, and 0x0101 reads the same in both orders: so the
 * words are summed as this machine reads them, and only the results are swapped.
 */

const hostIsLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** So many words keep both sums below 2^31 between two reductions. */
const blockWords = 240;

/** Folds a sum to 1..65535, as subtracting 65535 while it is larger would. */
const fold = (sum: number): number => {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
};

const swap = (word: number): number => ((word & 0xff) << 8) | (word >>> 8);

/** A checksum under way: data that lies in several buffers is added piece by piece. */
export class Fletcher32 {
  readonly #swapped: boolean;
  #s1 = 0x0101;
  #s2 = 0;
  /** The first byte of a word whose second byte has not come yet; -1 if there is none. */
  #pending = -1;

  constructor(littleEndian: boolean) {
    this.#swapped = littleEndian !== hostIsLittleEndian;
  }

  add(data: Uint8Array): this {
    let position = 0;
    if (this.#pending >= 0 && data.length > 0) {
      this.#addWord(this.#pending, data[0] as number);
      this.#pending = -1;
      position = 1;
    }
    const words = (data.length - position) >> 1;
    if ((data.byteOffset + position) % 2 === 0) {
      this.#addWords(new Uint16Array(data.buffer, data.byteOffset + position, words));
      position += words * 2;
    } else {
      for (const end = position + words * 2; position < end; position += 2) {
        this.#addWord(data[position] as number, data[position + 1] as number);
      }
    }
    if (position < data.length) this.#pending = data[position] as number;
    return this;
  }

  /** S2 * 65536 + S1; an odd last byte counts as if a zero followed it. */
  get value(): number {
    if (this.#pending >= 0) {
      this.#addWord(this.#pending, 0);
      this.#pending = -1;
    }
    const [s1, s2] = this.#swapped ? [swap(this.#s1), swap(this.#s2)] : [this.#s1, this.#s2];
    return s2 * 65536 + s1;
  }

  #addWord(first: number, second: number): void {
    const word = hostIsLittleEndian ? (second << 8) | first : (first << 8) | second;
    this.#s1 = fold(this.#s1 + word);
    this.#s2 = fold(this.#s2 + this.#s1);
  }

  #addWords(words: Uint16Array): void {
    let s1 = this.#s1;
    let s2 = this.#s2;
    for (let index = 0; index < words.length; ) {
      const blockEnd = Math.min(words.length, index + blockWords);
      for (; index < blockEnd; index++) {
        // Truncating is what keeps the compiler from checking each addition for overflow.
        s1 = (s1 + (words[index] as number)) | 0;
        s2 = (s2 + s1) | 0;
      }
      s1 = fold(s1);
      s2 = fold(s2);
    }
    this.#s1 = s1;
    this.#s2 = s2;
  }
}

/** The checksum of one piece of data, as the number S2 * 65536 + S1. */
export const fletcher32 = (data: Uint8Array, littleEndian: boolean): number =>
  new Fletcher32(littleEndian).add(data).value;
