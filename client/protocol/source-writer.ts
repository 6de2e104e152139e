/** What the generators of decoders and encoders share. */

import type { JoinMember, Node, ValueNode } from './layout.ts';

export const quote = (text: string): string => JSON.stringify(text);

/** The source of `base + offset`. */
export const at = (base: string, offset: number): string =>
  offset === 0 ? base : `${base} + ${offset}`;

/** Whether a node occupies an offset and a place in the heap. */
export const isVariable = (node: Node): boolean =>
  node.kind === 'opaque' ||
  node.kind === 'text' ||
  node.kind === 'pathname' ||
  node.kind === 'array' ||
  node.kind === 'join';

/** Bytes between the start of a counted array and its first element (section 6.1.1.3.1). */
export const arrayHeaderBytes = (element: ValueNode): number => (element.alignment === 8 ? 8 : 4);

/** The source of a bitmap's two words. */
export interface Words {
  readonly low: string;
  readonly high: string;
}

/** An expression that is not 0 if the attribute's bit is set. */
export const attributeTest = ({ low, high }: Words, number: number): string =>
  number <= 32 ? `${low} & ${1 << (number - 1)}` : `${high} & ${1 << (number - 33)}`;

/** An expression that is true if a bitmap has bits that no member of the join stands for. */
export const hasUnknown = ({ low, high }: Words, members: readonly JoinMember[]): string => {
  let knownLow = 0;
  let knownHigh = 0;
  for (const { number } of members) {
    if (number <= 32) knownLow |= 1 << (number - 1);
    else knownHigh |= 1 << (number - 33);
  }
  return `(${low} & ${~knownLow}) !== 0 || (${high} & ${~knownHigh}) !== 0`;
};

/** Lines of source under way, for one byte order. */
export class SourceWriter {
  readonly order: 'true' | 'false';
  readonly #lines: string[] = [];
  readonly #highOffset: number;
  #variables = 0;

  constructor(littleEndian: boolean) {
    this.order = littleEndian ? 'true' : 'false';
    this.#highOffset = littleEndian ? 4 : 0;
  }

  line(text: string): void {
    this.#lines.push(text);
  }

  /** A name that no other variable of this source has. */
  fresh(stem: string): string {
    this.#variables += 1;
    return `${stem}${this.#variables}`;
  }

  /** Declares a constant and returns its name. */
  constant(stem: string, value: string): string {
    const name = this.fresh(stem);
    this.line(`const ${name} = ${value};`);
    return name;
  }

  getUint32(position: string): string {
    return `view.getUint32(${position}, ${this.order})`;
  }

  putUint32(position: string, value: string): void {
    this.line(`view.setUint32(${position}, ${value}, ${this.order});`);
  }

  /** The positions of the low and the high word of 8 bytes at `base + offset`. */
  wordsAt(base: string, offset: number): Words {
    return {
      low: at(base, offset + 4 - this.#highOffset),
      high: at(base, offset + this.#highOffset),
    };
  }

  text(): string {
    return this.#lines.join('\n');
  }
}
