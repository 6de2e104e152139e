/** Reads the golden vectors of test/golden/fuse: labelled lines of bytes. */

import { readFileSync } from 'node:fs';

/** One line: bytes, and what they are. Padding has no name. */
export interface GoldenField {
  readonly bytes: Uint8Array;
  readonly name: string | undefined;
  readonly value: string;
}

/** Lines under a heading. */
export interface GoldenBlock {
  readonly heading: string;
  readonly fields: readonly GoldenField[];
}

const LINE = /^((?:[0-9a-f]{2} )*[0-9a-f]{2}|00\*\d+) +(?:\(padding\)|(.+?) = (.*))$/;

function bytesOf(text: string): Uint8Array {
  if (text.startsWith('00*')) return new Uint8Array(Number(text.slice(3)));
  return Uint8Array.from(text.split(' '), (word) => Number.parseInt(word, 16));
}

function parseLine(line: string): GoldenField {
  const found = LINE.exec(line.trim());
  if (found === null) throw new Error(`not a golden line: '${line}'`);
  return { bytes: bytesOf(found[1] ?? ''), name: found[2], value: found[3] ?? '' };
}

/** The blocks of a file: headings begin a line, fields are indented, `#` begins a comment. */
export function readGolden(name: string): GoldenBlock[] {
  const url = new URL(`../../../golden/fuse/${name}`, import.meta.url);
  const blocks: { heading: string; fields: GoldenField[] }[] = [];
  for (const line of readFileSync(url, 'utf8').split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    if (!line.startsWith(' ')) blocks.push({ heading: line, fields: [] });
    else blocks.at(-1)?.fields.push(parseLine(line));
  }
  return blocks;
}

/** All bytes of a block. */
export function bytesOfBlock(block: GoldenBlock): Uint8Array {
  return Buffer.concat(block.fields.map((field) => field.bytes));
}
