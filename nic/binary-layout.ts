/**
 * Layouts of the structures that two processes share: every byte is named, padding too, and size and
 * alignment are checked when the module is loaded, so that a slip shows at once and not as garbage.
 */

import { loadAcquire } from './memory-order.ts';

/** i32: one word. u53: an unsigned integer below 2^53 in two words. f64: a number. A number: padding. */
export type FieldType = 'i32' | 'u53' | 'f64' | number;

const fieldBytes = { i32: 4, u53: 8, f64: 8 } as const;

export interface Layout<Fields extends string> {
  readonly bytes: number;
  /** Offset of each field in 32-bit words. */
  readonly word: { readonly [Field in Fields]: number };
}

/**
 * Describes a structure of exactly `bytes` bytes.
 * @throws Error when the fields do not fill it exactly or one is not naturally aligned.
 */
export function defineLayout<Fields extends string>(
  name: string,
  bytes: number,
  fields: { readonly [Field in Fields]: FieldType },
): Layout<Fields> {
  const word: Record<string, number> = {};
  let offset = 0;
  for (const [field, type] of Object.entries<FieldType>(fields)) {
    const alignment = typeof type === 'number' ? 4 : fieldBytes[type];
    if (offset % alignment !== 0) {
      throw new Error(
        `${name}.${field} lies at ${offset}, which is not a multiple of ${alignment}`,
      );
    }
    word[field] = offset / 4;
    offset += typeof type === 'number' ? type : fieldBytes[type];
  }
  if (offset !== bytes) throw new Error(`${name} declares ${bytes} bytes and has ${offset}`);
  return { bytes, word: word as { [Field in Fields]: number } };
}

const TWO_TO_THE_32 = 0x1_0000_0000;
const U53_HIGH_LIMIT = 0x20_0000;

/** Writes a number below 2^53 as two words, the low one first. */
export function writeU53(words: Int32Array, word: number, value: number): void {
  words[word] = value | 0;
  words[word + 1] = Math.floor(value / TWO_TO_THE_32);
}

/** Reads what writeU53 wrote; -1 when the words hold 2^53 or more, as a hostile peer's may. */
export function readU53(words: Int32Array, word: number): number {
  const high = loadAcquire(words, word + 1) >>> 0;
  if (high >= U53_HIGH_LIMIT) return -1;
  return high * TWO_TO_THE_32 + (loadAcquire(words, word) >>> 0);
}
