import { expect, test } from 'vitest';
import type { AnyStructure } from '../../../mount/kernel-abi/layout.ts';
import * as structures from '../../../mount/kernel-abi/structures.ts';
import { bytesOfBlock, type GoldenBlock, readGolden } from './support/golden.ts';

const byName = new Map<string, AnyStructure>(
  Object.values(structures).map((structure) => [structure.name, structure]),
);

/** The object that holds the last word of a dotted path. */
function holder(cursor: object, path: string): [Record<string, unknown>, string] {
  const words = path.split('.');
  const last = words.pop() ?? '';
  let at = cursor as Record<string, unknown>;
  for (const word of words) at = at[word] as Record<string, unknown>;
  return [at, last];
}

function fill(cursor: object, block: GoldenBlock): void {
  for (const { name, value } of block.fields) {
    if (name === undefined) continue;
    const [at, field] = holder(cursor, name);
    at[field] = typeof at[field] === 'bigint' ? BigInt(value) : Number(value);
  }
}

const vectors = readGolden('structures.txt');

test('every structure has its golden vector', () => {
  expect([...byName.keys()].sort()).toEqual(vectors.map((block) => block.heading).sort());
});

test.each(vectors.map((block) => [block.heading, block] as const))('%s', (name, block) => {
  const structure = byName.get(name) as AnyStructure;
  const golden = bytesOfBlock(block);
  expect(structure.bytes).toBe(golden.byteLength);

  const decoded = structure.at(new DataView(golden.buffer, golden.byteOffset, golden.byteLength));
  for (const field of block.fields) {
    if (field.name === undefined) continue;
    const [at, last] = holder(decoded, field.name);
    expect(`${field.name} = ${at[last]}`).toBe(`${field.name} = ${field.value}`);
  }

  const memory = new Uint8Array(golden.byteLength + 16).fill(0xff);
  const encoded = structure.at(new DataView(memory.buffer));
  encoded.moveTo(8);
  encoded.clear();
  fill(encoded, block);
  expect(Buffer.from(memory.subarray(8, 8 + golden.byteLength))).toEqual(Buffer.from(golden));
  expect([...memory.subarray(0, 8), ...memory.subarray(-8)]).toEqual(Array(16).fill(0xff));
});
