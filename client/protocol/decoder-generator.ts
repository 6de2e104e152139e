/** Generates the source of decoders from layouts. See codec.ts for how it is compiled. */

import type { JoinMember, Member, Node, StructureNode, UnionNode } from './layout.ts';

const quote = (text: string): string => JSON.stringify(text);

/** `base + offset`, written as shortly as possible. */
export const at = (base: string, offset: number): string =>
  offset === 0 ? base : `${base} + ${offset}`;

/** Whether a node occupies an offset and a place in the heap. */
export const isVariable = (node: Node): boolean =>
  node.kind === 'opaque' ||
  node.kind === 'text' ||
  node.kind === 'pathname' ||
  node.kind === 'array' ||
  node.kind === 'join';

export const hasVariable = (node: Node): boolean => {
  if (node.kind === 'structure') return node.members.some((member) => hasVariable(member.node));
  if (node.kind === 'union') return [...node.arms.values()].some(hasVariable);
  return isVariable(node);
};

/** The size and alignment of a node as an element of a counted array. */
export const elementPlacement = (node: Node): { size: number; alignment: number } => {
  if (node.kind === 'trailing') throw new Error('A traditional array cannot be an element.');
  return { size: node.size, alignment: node.alignment };
};

/** Bytes between the start of a counted array and its first element (section 6.1.1.3.1). */
export const arrayHeaderBytes = (node: Node): number =>
  elementPlacement(node).alignment === 8 ? 8 : 4;

/**
 * Where nested fields are resolved from: the variable that holds the scope's start, and the least
 * offset that does not point into the scope's own fixed contents.
 */
interface Scope {
  readonly start: string;
  readonly least: string;
}

export class DecoderGenerator {
  readonly #lines: string[] = [];
  readonly #order: string;
  readonly #highOffset: number;
  #variables = 0;

  constructor(littleEndian: boolean) {
    this.#order = String(littleEndian);
    this.#highOffset = littleEndian ? 4 : 0;
  }

  /** The body of `(message, start, end, external) => value` for a fixed section. */
  structureSource(node: StructureNode, path: string): string {
    this.#line(`if (start + ${node.usedSize} > end) malformed(${quote(path)}, 'is truncated');`);
    this.#declareBudget(node);
    const scope = { start: 'start', least: String(node.usedSize) };
    const value = this.#structure(node, 'start', scope, path);
    return this.#source(value);
  }

  /** The same for a field of variable size that begins at `start`, as in direct buffers. */
  variableSource(node: Node, path: string): string {
    this.#declareBudget(node);
    this.#line('let position = start;');
    return this.#source(this.#contents(node, 'position', path));
  }

  #source(value: string): string {
    return ['const { view, memory, origin } = message;', ...this.#lines, `return ${value};`].join(
      '\n',
    );
  }

  /** Variable fields together may not be larger than the message: overlaps cannot multiply. */
  #declareBudget(node: Node): void {
    if (hasVariable(node) || isVariable(node)) this.#line('let budget = end - start;');
  }

  #line(text: string): void {
    this.#lines.push(text);
  }

  #fresh(stem: string): string {
    this.#variables += 1;
    return `${stem}${this.#variables}`;
  }

  #uint32(position: string): string {
    return `view.getUint32(${position}, ${this.#order})`;
  }

  #structure(node: StructureNode, base: string, scope: Scope, path: string): string {
    const properties = this.#members(node, base, scope, path);
    return `{ ${properties.join(', ')} }`;
  }

  #members(node: StructureNode, base: string, scope: Scope, path: string): string[] {
    const properties: string[] = [];
    const names = new Map<string, string>();
    for (const member of node.members) {
      if (member.node.kind === 'pad' || member.node.kind === 'count') continue;
      const value = this.#member(member, node, base, scope, names, `${path}.${member.name}`);
      const variable = this.#fresh('v');
      this.#line(`const ${variable} = ${value};`);
      names.set(member.name, variable);
      properties.push(`${member.name}: ${variable}`);
    }
    return properties;
  }

  #member(
    member: Member,
    parent: StructureNode,
    base: string,
    scope: Scope,
    names: ReadonlyMap<string, string>,
    path: string,
  ): string {
    if (member.node.kind === 'union') return this.#union(member, member.node, base, scope, path);
    if (member.node.kind !== 'trailing') {
      return this.#value(member.node, base, member.offset, scope, path);
    }
    const count = parent.members.find(
      ({ node }) => node.kind === 'count' && node.of === member.name,
    );
    if (count === undefined) throw new Error(`${path} has no count.`);
    const length = this.#fresh('n');
    const position = this.#fresh('p');
    const { paddedBy } = member.node;
    this.#line(`const ${length} = ${this.#uint32(at(base, count.offset))};`);
    this.#line(`let ${position} = ${at(base, member.offset)};`);
    if (paddedBy !== undefined) {
      this.#line(`if (${names.get(paddedBy)}) {
        if (message.inlineWriteHeaderBytes < ${position}) malformed(${quote(path)}, 'is padded, which the session does not allow');
        ${position} = message.inlineWriteHeaderBytes;
      }`);
    }
    this.#line(`if (${position} + ${length} > end) malformed(${quote(path)}, 'is truncated');`);
    return `new Uint8Array(memory, origin + ${position}, ${length})`;
  }

  /** An expression for the value of a node that lies at `base + offset`. */
  #value(node: Node, base: string, offset: number, scope: Scope, path: string): string {
    switch (node.kind) {
      case 'scalar':
        return this.#scalar(node, base, offset, path);
      case 'bytes':
        return `new Uint8Array(memory, ${at(`origin + ${base}`, offset)}, ${node.size})`;
      case 'structure': {
        const inner = this.#fresh('s');
        this.#line(`const ${inner} = ${at(base, offset)};`);
        return this.#structure(node, inner, scope, path);
      }
      case 'opaque':
      case 'text':
      case 'pathname':
      case 'array':
      case 'join': {
        const position = this.#pointer(this.#uint32(at(base, offset)), scope, path);
        return this.#contents(node, position, path);
      }
      default:
        throw new Error(`${path}: a ${node.kind} has no value.`);
    }
  }

  #scalar(
    node: Extract<Node, { kind: 'scalar' }>,
    base: string,
    offset: number,
    path: string,
  ): string {
    const here = at(base, offset);
    const order = this.#order;
    switch (node.type) {
      case 'u8':
        return `view.getUint8(${here})`;
      case 'u16':
        return `view.getUint16(${here}, ${order})`;
      case 'u32':
        return this.#uint32(here);
      case 'i32':
        return `view.getInt32(${here}, ${order})`;
      case 'u64':
        return `view.getBigUint64(${here}, ${order})`;
      case 'opaque32':
        return `view.getUint32(${here}, true)`;
      case 'opaque64':
        return `view.getBigUint64(${here}, true)`;
      case 'checksum':
        return `view.getUint16(${here}, ${order}) * 65536 + view.getUint16(${at(base, offset + 2)}, ${order})`;
      case 'u53':
      case 'i53': {
        const unsigned = node.type === 'u53';
        const high = at(base, offset + this.#highOffset);
        const low = at(base, offset + 4 - this.#highOffset);
        return `${unsigned ? 'joinUnsigned' : 'joinSigned'}(view.get${unsigned ? 'Uint' : 'Int'}32(${high}, ${order}), ${this.#uint32(low)}, ${quote(path)})`;
      }
      case 'boolean8':
      case 'boolean32': {
        const raw = this.#fresh('b');
        const read = node.type === 'boolean8' ? `view.getUint8(${here})` : this.#uint32(here);
        this.#line(`const ${raw} = ${read};`);
        this.#line(`if (${raw} > 1) malformed(${quote(path)}, 'is neither TRUE nor FALSE');`);
        return `${raw} === 1`;
      }
      case 'enumeration': {
        const raw = this.#fresh('e');
        this.#line(`const ${raw} = ${this.#uint32(here)};`);
        const tests = (node.allowed ?? []).map((allowed) => `${raw} !== ${allowed}`);
        this.#line(`if (${tests.join(' && ')}) malformed(${quote(path)}, 'is not defined');`);
        return raw;
      }
    }
  }

  #union(member: Member, node: UnionNode, base: string, scope: Scope, path: string): string {
    const result = this.#fresh('u');
    const body = this.#fresh('s');
    const tag = node.external ? 'external' : this.#fresh('t');
    if (!node.external) {
      this.#line(`const ${tag} = ${this.#uint32(at(base, member.tagOffset))};`);
    }
    this.#line(`const ${body} = ${at(base, member.offset)};`);
    this.#line(`let ${result};`);
    this.#line(`switch (${tag}) {`);
    for (const [key, arm] of node.arms) {
      this.#line(`case ${key}: {`);
      const properties = [`${node.tag}: ${key}`, ...this.#members(arm, body, scope, path)];
      this.#line(`${result} = { ${properties.join(', ')} }; break; }`);
    }
    this.#line(`default: malformed(${quote(`${path}.${node.tag}`)}, 'is not defined'); }`);
    return result;
  }

  /** The checked position of a heap field; counted arrays and joins begin on 8 bytes. */
  #pointer(read: string, scope: Scope, path: string): string {
    const offset = this.#fresh('o');
    const position = this.#fresh('p');
    this.#line(`const ${offset} = ${read};`);
    this.#line(`const ${position} = ${scope.start} + ${offset};`);
    this.#line(
      `if (${offset} < ${scope.least} || ${position} > end) malformed(${quote(path)}, 'has an offset outside the message');`,
    );
    return position;
  }

  /** An expression for the contents, at the variable `position`, of a field of variable size. */
  #contents(node: Node, position: string, path: string): string {
    this.#line(`if ((${position} & 7) !== 0) malformed(${quote(path)}, 'is not aligned');`);
    switch (node.kind) {
      case 'opaque':
      case 'text': {
        const count = this.#count(position, 4, 1, path);
        return node.kind === 'opaque'
          ? `new Uint8Array(memory, origin + ${position} + 4, ${count})`
          : `decodeText(memory, view, ${position} + 4, ${count}, ${quote(path)})`;
      }
      case 'pathname':
        return this.#pathname(position, path);
      case 'array':
        return this.#array(node.element, position, path);
      case 'join':
        return this.#join(node.members, position, path);
      default:
        throw new Error(`${path}: a ${node.kind} has no contents of variable size.`);
    }
  }

  /** Reads a count and checks that so many elements lie within the message. */
  #count(position: string, header: number, elementBytes: number, path: string): string {
    const count = this.#fresh('n');
    this.#line(`if (${position} + ${header} > end) malformed(${quote(path)}, 'is truncated');`);
    this.#line(`const ${count} = ${this.#uint32(position)};`);
    const size = elementBytes === 1 ? count : `${count} * ${elementBytes}`;
    this.#line(
      `if (${size} > end - ${position} - ${header}) malformed(${quote(path)}, 'counts more than the message holds');`,
    );
    this.#line(
      `if ((budget -= ${header} + ${size}) < 0) malformed(${quote(path)}, 'overlaps other fields');`,
    );
    return count;
  }

  #array(element: Node, position: string, path: string): string {
    const header = arrayHeaderBytes(element);
    const { size } = elementPlacement(element);
    const count = this.#count(position, header, size, path);
    const [list, index, cursor] = [this.#fresh('a'), this.#fresh('i'), this.#fresh('p')];
    const scope = { start: position, least: `${header} + ${count} * ${size}` };
    this.#line(`const ${list} = new Array(${count});`);
    this.#line(
      `for (let ${index} = 0, ${cursor} = ${position} + ${header}; ${index} < ${count}; ${index}++, ${cursor} += ${size}) {`,
    );
    const value = this.#value(element, cursor, 0, scope, `${path}[]`);
    this.#line(`${list}[${index}] = ${value}; }`);
    return list;
  }

  /** Names in place: each a counted array on 8 bytes, so none takes less than 4 bytes. */
  #pathname(position: string, path: string): string {
    const count = this.#count(position, 8, 4, path);
    const [list, index, cursor] = [this.#fresh('a'), this.#fresh('i'), this.#fresh('p')];
    this.#line(`const ${list} = new Array(${count});`);
    this.#line(`budget += ${count} * 4;`);
    this.#line(
      `for (let ${index} = 0, ${cursor} = ${position} + 8; ${index} < ${count}; ${index}++) {`,
    );
    this.#line(`${cursor} = (${cursor} + 7) & -8;`);
    const length = this.#count(cursor, 4, 1, `${path}[]`);
    this.#line(`${list}[${index}] = new Uint8Array(memory, origin + ${cursor} + 4, ${length});`);
    this.#line(`${cursor} += 4 + ${length}; }`);
    return list;
  }

  #join(members: readonly JoinMember[], position: string, path: string): string {
    const words = ['included', 'valid'].map((name) => ({
      name,
      low: this.#fresh('m'),
      high: this.#fresh('m'),
    }));
    this.#line(`if (${position} + 16 > end) malformed(${quote(path)}, 'is truncated');`);
    words.forEach(({ low, high }, index) => {
      const lowAt = at(position, index * 8 + 4 - this.#highOffset);
      const highAt = at(position, index * 8 + this.#highOffset);
      this.#line(`const ${low} = ${this.#uint32(lowAt)}, ${high} = ${this.#uint32(highAt)};`);
    });
    const [included, valid] = words as [(typeof words)[0], (typeof words)[0]];
    const { low, high } = knownAttributes(members);
    this.#line(
      `if ((${included.low} & ${~low}) !== 0 || (${included.high} & ${~high}) !== 0) malformed(${quote(`${path}.included`)}, 'names unknown attributes');`,
    );
    this.#line(
      `if ((${valid.low} & ~${included.low}) !== 0 || (${valid.high} & ~${included.high}) !== 0) malformed(${quote(`${path}.valid`)}, 'is no subset of included');`,
    );
    const cursor = this.#fresh('q');
    this.#line(`let ${cursor} = ${position} + 16;`);
    const values = members.map((member) =>
      this.#joinMember(member, included, valid, cursor, position, path),
    );
    const start = position;
    const least = this.#fresh('l');
    this.#line(`const ${least} = ${cursor} - ${start};`);
    this.#line(`if ((budget -= ${least}) < 0) malformed(${quote(path)}, 'overlaps other fields');`);
    members.forEach((member, index) => {
      if (!isVariable(member.node)) return;
      const value = values[index] as string;
      this.#line(`if (${value} !== undefined) {`);
      const target = this.#pointer(value, { start, least }, `${path}.${member.name}`);
      this.#line(`${value} = ${this.#contents(member.node, target, `${path}.${member.name}`)}; }`);
    });
    const properties = [
      `included: ${included.high} * 4294967296 + ${included.low}`,
      `valid: ${valid.high} * 4294967296 + ${valid.low}`,
      ...members.map((member, index) => `${member.name}: ${values[index]}`),
    ];
    return `{ ${properties.join(', ')} }`;
  }

  /** Reads one attribute, or the offset of a variable one, if it is valid; steps over its room. */
  #joinMember(
    member: JoinMember,
    included: { low: string; high: string },
    valid: { low: string; high: string },
    cursor: string,
    scopeStart: string,
    path: string,
  ): string {
    const value = this.#fresh('v');
    const { size, alignment } = elementPlacement(member.node);
    const memberPath = `${path}.${member.name}`;
    this.#line(`let ${value} = undefined;`);
    this.#line(`if ((${attributeTest(included, member.number)}) !== 0) {`);
    if (alignment > 1) this.#line(`${cursor} = (${cursor} + ${alignment - 1}) & -${alignment};`);
    this.#line(`if (${cursor} + ${size} > end) malformed(${quote(memberPath)}, 'is truncated');`);
    this.#line(`if ((${attributeTest(valid, member.number)}) !== 0) {`);
    const read = isVariable(member.node)
      ? this.#uint32(cursor)
      : this.#value(member.node, cursor, 0, { start: scopeStart, least: '0' }, memberPath);
    this.#line(`${value} = ${read}; }`);
    this.#line(`${cursor} += ${size}; }`);
    return value;
  }
}

/** The bits that a join can make room for, as two 32-bit words. */
export const knownAttributes = (members: readonly JoinMember[]): { low: number; high: number } => {
  const words = { low: 0, high: 0 };
  for (const { number } of members) {
    if (number <= 32) words.low |= 1 << (number - 1);
    else words.high |= 1 << (number - 33);
  }
  return words;
};

/** An expression that is not 0 if the attribute's bit is set. */
export const attributeTest = (
  words: { readonly low: string; readonly high: string },
  number: number,
): string =>
  number <= 32 ? `${words.low} & ${1 << (number - 1)}` : `${words.high} & ${1 << (number - 33)}`;
