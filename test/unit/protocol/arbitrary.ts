/** Arbitrary values of any layout, for fast-check: what encoders must be able to write. */

import fc from 'fast-check';
import type {
  Layout,
  Node,
  ScalarNode,
  ScalarType,
  StructureNode,
  VariableNode,
} from '../../../client/protocol/layout.ts';

type Value = fc.Arbitrary<unknown>;

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

const scalars: Readonly<Record<Exclude<ScalarType, 'enumeration'>, Value>> = {
  u16: fc.integer({ min: 0, max: 0xffff }),
  u32: uint32,
  i32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  u53: fc.maxSafeNat(),
  i53: fc.maxSafeInteger(),
  u64: uint64,
  opaque32: uint32,
  opaque64: uint64,
  boolean8: fc.boolean(),
  boolean32: fc.boolean(),
  checksum: uint32,
};

const octets = (length?: number): Value =>
  fc.uint8Array(
    length === undefined ? { maxLength: 40 } : { minLength: length, maxLength: length },
  );

const enumerated = ({ allowed }: ScalarNode): Value => {
  const below32 = Array.from({ length: 32 }, (_, value) => value);
  return fc.constantFrom(...below32.filter((value) => (allowed >>> value) & 1));
};

const joinOf = (node: Extract<VariableNode, { kind: 'join' }>): Value =>
  fc
    .tuple(
      fc.record(
        Object.fromEntries(node.members.map((member) => [member.name, valueFor(member.node)])),
        { requiredKeys: [] },
      ),
      fc.subarray(node.members.map(({ number }) => number)),
    )
    .map(([values, emptyRooms]) => {
      const bit = (number: number): number => 2 ** (number - 1);
      const defined = node.members.filter(({ name }) => name in values).map(({ number }) => number);
      const sum = (numbers: Iterable<number>): number =>
        [...numbers].reduce((total, number) => total + bit(number), 0);
      return {
        ...values,
        included: sum(new Set([...defined, ...emptyRooms])),
        valid: sum(defined),
      };
    });

const structureOf = (node: StructureNode): Value =>
  fc.record(
    Object.fromEntries(
      node.members
        .filter((member) => member.node.kind !== 'pad' && member.node.kind !== 'count')
        .map((member) => [member.name, valueFor(member.node)]),
    ),
  );

const valueFor = (node: Node): Value => {
  switch (node.kind) {
    case 'scalar':
      return node.type === 'enumeration' ? enumerated(node) : scalars[node.type];
    case 'bytes':
      return octets(node.size);
    case 'opaque':
    case 'trailing':
      return octets();
    case 'text':
      return fc.string({ unit: 'grapheme', maxLength: 30 }).filter((text) => text.isWellFormed());
    case 'pathname':
      return fc.array(octets(), { maxLength: 5 });
    case 'array':
      return fc.array(valueFor(node.element), { maxLength: 4 });
    case 'join':
      return joinOf(node);
    case 'structure':
      return structureOf(node);
    case 'union':
      return fc.oneof(
        ...[...node.arms].map(([key, arm]) =>
          structureOf(arm).map((value) => ({ [node.tag]: key, ...(value as object) })),
        ),
      );
    case 'pad':
    case 'count':
      throw new Error(`A ${node.kind} has no value.`);
  }
};

export const arbitraryOf = <T>(layout: Layout<T>): fc.Arbitrary<T> =>
  valueFor(layout.node) as fc.Arbitrary<T>;

/** The discriminator of the external union in a value, as the other side learns it elsewhere. */
export const externalOf = (layout: Layout<unknown>, value: unknown): number | undefined => {
  if (layout.node.kind !== 'structure') return undefined;
  for (const { name, node } of layout.node.members) {
    if (node.kind !== 'union' || !node.external) continue;
    const union = (value as Record<string, Record<string, number>>)[name];
    return union?.[node.tag];
  }
  return undefined;
};
