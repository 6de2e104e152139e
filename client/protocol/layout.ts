/**
 * Descriptions of DAFS wire structures (section 6.1.1). A layout says where each field lies and
 * what its value is; codec.ts generates an encoder and a decoder from it, once, and TypeScript
 * infers the type of the values from it.
 *
 * Structures are laid out as C compilers do: natural alignment, and a size that is a multiple of
 * the alignment. A field of variable size occupies a 4-byte offset in the fixed section and lies
 * in the heap behind it, at that many bytes from the start of the innermost scope.
 */

declare const layoutValue: unique symbol;
declare const hidden: unique symbol;

/** A layout whose values are of type `Value`. */
export interface Layout<Value> {
  readonly node: Node;
  readonly [layoutValue]?: Value;
}

/** A field that lies on the wire but does not appear in the value. */
export interface HiddenLayout extends Layout<undefined> {
  readonly [hidden]: true;
}

/** The type of the values that a layout describes. */
export type ValueOf<L> = L extends Layout<infer Value> ? Value : never;

export type ScalarType =
  | 'u16'
  | 'u32'
  | 'i32'
  | 'u53'
  | 'i53'
  | 'u64'
  | 'opaque32'
  | 'opaque64'
  | 'boolean8'
  | 'boolean32'
  | 'enumeration'
  | 'checksum';

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly type: ScalarType;
  readonly size: number;
  readonly alignment: number;
  /** The values below 32 that an enumeration admits, as a bitmap. */
  readonly allowed: number;
}

export interface BytesNode {
  readonly kind: 'bytes';
  readonly size: number;
  readonly alignment: number;
}

/** A field of variable size: a 4-byte offset in the fixed section, the contents in the heap. */
export type VariableNode = { readonly size: 4; readonly alignment: 4 } & (
  | { readonly kind: 'opaque' | 'text' | 'pathname' }
  | { readonly kind: 'array'; readonly element: ValueNode }
  | { readonly kind: 'join'; readonly members: readonly JoinMember[] }
);

/** What can be an element of an array or a member of a join. */
export type ValueNode = ScalarNode | BytesNode | StructureNode | VariableNode;

/** What can be a member of a structure. */
export type Node =
  | ValueNode
  | UnionNode
  | { readonly kind: 'pad'; readonly size: number; readonly alignment: number }
  | { readonly kind: 'count'; readonly of: string; readonly size: 4; readonly alignment: 4 }
  | { readonly kind: 'trailing'; readonly paddedBy: string | undefined };

export interface JoinMember {
  /** The attribute's number: 1 is the least significant bit of the bitmaps. */
  readonly number: number;
  readonly name: string;
  readonly node: ValueNode;
}

export interface StructureNode {
  readonly kind: 'structure';
  readonly members: readonly Member[];
  /** End of the last field; `size` rounds it up to the alignment. */
  readonly usedSize: number;
  readonly size: number;
  readonly alignment: number;
}

export interface Member {
  readonly name: string;
  readonly offset: number;
  /** Where a union's discriminator lies; -1 if it is external or this is no union. */
  readonly tagOffset: number;
  readonly node: Node;
}

export interface UnionNode {
  readonly kind: 'union';
  /** The discriminator's name in the value. */
  readonly tag: string;
  /** Whether the discriminator lies outside: in the header, or in the request's arguments. */
  readonly external: boolean;
  readonly arms: ReadonlyMap<number, StructureNode>;
  /** Size and alignment of the largest arm, without the discriminator. */
  readonly size: number;
  readonly alignment: number;
}

export const align = (position: number, alignment: number): number =>
  Math.ceil(position / alignment) * alignment;

const scalar = <Value>(type: ScalarType, size: number): Layout<Value> => ({
  node: { kind: 'scalar', type, size, alignment: size, allowed: 0 },
});

export const u16: Layout<number> = scalar('u16', 2);
export const u32: Layout<number> = scalar('u32', 4);
export const i32: Layout<number> = scalar('i32', 4);
/** A 64-bit quantity that must not exceed 2^53 - 1: offsets, sizes, counts. */
export const u53: Layout<number> = scalar('u53', 8);
/** A signed 64-bit quantity of at most 53 bits: seconds. */
export const i53: Layout<number> = scalar('i53', 8);
export const u64: Layout<bigint> = scalar('u64', 8);
/** A 1-byte boolean that is exactly 0 or 1 (section 6.1.1.4). */
export const boolean8: Layout<boolean> = scalar('boolean8', 1);
/** A 4-byte field that the draft speaks of as TRUE or FALSE; exactly 0 or 1. */
export const boolean32: Layout<boolean> = scalar('boolean32', 4);
/** S2 and S1 of a Fletcher-32 checksum, as the number S2 * 65536 + S1 (section 6.1.4). */
export const checksum: Layout<number> = {
  node: { kind: 'scalar', type: 'checksum', size: 4, alignment: 2, allowed: 0 },
};

/** 4 bytes that are never swapped. */
export const opaque32 = <Value extends number>(): Layout<Value> => scalar('opaque32', 4);
/** 8 bytes that are never swapped. */
export const opaque64 = <Value extends bigint>(): Layout<Value> => scalar('opaque64', 8);

/**
 * A 4-byte enumeration; any other number is malformed.
 * @throws Error at load when a value is 32 or more, as none of the draft's is
 */
export const enumeration = <Value extends number>(
  values: Readonly<Record<string, Value>>,
): Layout<Value> => {
  let allowed = 0;
  for (const value of Object.values(values)) {
    if (value > 31) throw new Error(`An enumeration cannot hold ${value}.`);
    allowed |= 1 << value;
  }
  return { node: { kind: 'scalar', type: 'enumeration', size: 4, alignment: 4, allowed } };
};

/** A fixed number of bytes that are never swapped; decoded as a view of the message. */
export const bytes = <Value extends Uint8Array>(
  size: number,
  alignment: number,
): Layout<Value> => ({
  node: { kind: 'bytes', size, alignment },
});

/** Bytes that the draft names `pad`: written as zero, ignored when read. */
export const pad = (size: number): HiddenLayout =>
  ({ node: { kind: 'pad', size, alignment: size } }) as HiddenLayout;

const variable = <Value>(kind: 'opaque' | 'text' | 'pathname'): Layout<Value> => ({
  node: { kind, size: 4, alignment: 4 },
});

/** A counted array of bytes; decoded as a view of the message. */
export const opaque: Layout<Uint8Array> = variable('opaque');
/** A counted array of bytes that is UTF-8; decoded as a string. */
export const text: Layout<string> = variable('text');
/** A counted array of names, encoded in place rather than through offsets (section 6.1.1.3.1). */
export const pathname: Layout<readonly Uint8Array[]> = variable('pathname');

/** @throws Error at load when a layout nests what the draft never nests */
const valueNode = (node: Node): ValueNode => {
  if (node.kind === 'union' || node.kind === 'pad' || node.kind === 'count') {
    throw new Error(`A ${node.kind} can only be a member of a structure.`);
  }
  if (node.kind === 'trailing') throw new Error('A traditional array can only end a structure.');
  return node;
};

/** A counted array of anything else. */
export const array = <Element>(element: Layout<Element>): Layout<readonly Element[]> => ({
  node: { kind: 'array', element: valueNode(element.node), size: 4, alignment: 4 },
});

/** The count of the traditional array `of`, which ends the structure. */
export const countOf = (of: string): HiddenLayout =>
  ({ node: { kind: 'count', of, size: 4, alignment: 4 } }) as HiddenLayout;

/**
 * A traditional array of bytes right behind the fixed section or, when the boolean field
 * `paddedBy` is set, at the session's inline_write_header_size. Its count is a `countOf` field.
 */
export const trailing = (paddedBy?: string): Layout<Uint8Array> => ({
  node: { kind: 'trailing', paddedBy },
});

type Fields = Readonly<Record<string, Layout<unknown>>>;

type Simplify<T> = { [K in keyof T]: T[K] };

/** The value of a structure with these fields. */
export type ValueOfFields<F extends Fields> = {
  [K in keyof F as F[K] extends HiddenLayout ? never : K]: ValueOf<F[K]>;
};

type ValueOfUnion<Tag extends string, Arms extends Readonly<Record<number, Fields>>> = {
  [K in keyof Arms]: Arms[K] extends Fields
    ? Simplify<{ [T in Tag]: K } & ValueOfFields<Arms[K]>>
    : never;
}[keyof Arms];

const structureNode = (fields: Fields): StructureNode => {
  const members: Member[] = [];
  let end = 0;
  let alignment = 1;
  for (const [name, { node }] of Object.entries(fields)) {
    let tagOffset = -1;
    if (node.kind === 'union' && !node.external) {
      // The discriminator is a field of its own: it does not share the alignment of the arms.
      tagOffset = align(end, 4);
      end = tagOffset + 4;
      alignment = Math.max(alignment, 4);
    }
    if (node.kind === 'trailing') {
      members.push({ name, offset: end, tagOffset, node });
      continue;
    }
    const offset = align(end, node.alignment);
    members.push({ name, offset, tagOffset, node });
    end = offset + node.size;
    alignment = Math.max(alignment, node.alignment);
  }
  return { kind: 'structure', members, usedSize: end, size: align(end, alignment), alignment };
};

/** Fields one after the other, naturally aligned. */
export const structure = <F extends Fields>(fields: F): Layout<Simplify<ValueOfFields<F>>> => ({
  node: structureNode(fields),
});

const unionNode = (
  tag: string,
  external: boolean,
  arms: Readonly<Record<number, Fields>>,
): UnionNode => {
  const nodes = new Map<number, StructureNode>();
  for (const [key, fields] of Object.entries(arms)) nodes.set(Number(key), structureNode(fields));
  const alignment = Math.max(1, ...[...nodes.values()].map((arm) => arm.alignment));
  const largest = Math.max(0, ...[...nodes.values()].map((arm) => arm.size));
  return { kind: 'union', tag, external, arms: nodes, size: align(largest, alignment), alignment };
};

/**
 * A 4-byte discriminator and the arm that it selects, padded to the largest arm. The value is the
 * arm's value with the discriminator as the property `tag`.
 */
export const union = <Tag extends string, const Arms extends Readonly<Record<number, Fields>>>(
  tag: Tag,
  arms: Arms,
): Layout<ValueOfUnion<Tag, Arms>> => ({ node: unionNode(tag, false, arms) });

/** A union whose discriminator is not among its bytes: decoders must be told it. */
export const externalUnion = <
  Tag extends string,
  const Arms extends Readonly<Record<number, Fields>>,
>(
  tag: Tag,
  arms: Arms,
): Layout<ValueOfUnion<Tag, Arms>> => ({ node: unionNode(tag, true, arms) });

/** The members of a join: attribute number and layout by name. */
export type JoinMembers = Readonly<Record<string, readonly [number, Layout<unknown>]>>;

/** The value of a join: what is undefined is absent or, if included, not valid. */
export type ValueOfJoin<M extends JoinMembers> = {
  /** Bitmap of the attributes that have room on the wire; by default those that are defined. */
  included?: number | undefined;
  /** Bitmap of the attributes that have a value: set by decoders, ignored by encoders. */
  valid?: number | undefined;
} & { [K in keyof M]?: ValueOf<M[K][1]> | undefined };

/**
 * Attributes: the bitmaps `included` and `valid`, then room for each included attribute in the
 * order of their numbers, then a heap of its own (section 6.1.5).
 */
export const join = <const M extends JoinMembers>(members: M): Layout<ValueOfJoin<M>> => ({
  node: {
    kind: 'join',
    members: Object.entries(members)
      .map(([name, [number, { node }]]) => ({ number, name, node: valueNode(node) }))
      .sort((a, b) => a.number - b.number),
    size: 4,
    alignment: 4,
  },
});
