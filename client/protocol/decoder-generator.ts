/** Generates the source of decoders from layouts. See codec.ts for how it is compiled. */

import type { JoinMember, Member, Node, StructureNode, UnionNode, ValueNode } from './layout.ts';
import { scalarSources } from './scalars.ts';
import {
  arrayHeaderBytes,
  at,
  attributeTest,
  hasUnknown,
  isVariable,
  quote,
  SourceWriter,
  type Words,
} from './source-writer.ts';

/** The parameter of decoders that holds the position of the outermost fixed section. */
const FIXED_SECTION = 'start';

/** Where a node lies: `base + offset`, in a scope. */
interface Place {
  readonly base: string;
  readonly offset: number;
  /** The variable that holds the start of the innermost scope. */
  readonly scope: string;
  /** The least offset that does not point into the scope's own fixed contents. */
  readonly least: string;
  /** How errors call the node. */
  readonly path: string;
}

export class DecoderGenerator {
  readonly #out: SourceWriter;

  constructor(littleEndian: boolean) {
    this.#out = new SourceWriter(littleEndian);
  }

  /** The body of `(message, start, end, external) => value`. */
  source(node: Node, path: string): string {
    this.#out.line('const { view, memory, origin } = message;');
    // All heap fields together may not be larger than the message: else fields that overlap
    // could make a small message decode to a huge value.
    this.#out.line('let budget = end - start;');
    this.#out.line(`return ${this.#root(node, path)};`);
    return this.#out.text();
  }

  /** The body of `(message, start, end, into) => void`, which reads these scalars alone. */
  fieldsSource(node: StructureNode, names: readonly string[], path: string): string {
    this.#out.line('const { view } = message;');
    this.#require(`start + ${node.usedSize} <= end`, path, 'is truncated');
    for (const { name, node: scalar, offset } of node.members) {
      if (!names.includes(name)) continue;
      if (scalar.kind !== 'scalar') throw new Error(`${path}.${name} is no scalar.`);
      const place = { base: FIXED_SECTION, offset, scope: FIXED_SECTION, least: '' };
      this.#out.line(
        `into.${name} = ${this.#value(scalar, { ...place, path: `${path}.${name}` })};`,
      );
    }
    return this.#out.text();
  }

  #root(node: Node, path: string): string {
    if (node.kind === 'structure') {
      this.#require(`start + ${node.usedSize} <= end`, path, 'is truncated');
      const least = String(node.usedSize);
      const place = { base: FIXED_SECTION, offset: 0, scope: FIXED_SECTION, least, path };
      return this.#structure(node, place);
    }
    return this.#contents(node, 'start', path);
  }

  #require(condition: string, path: string, otherwise: string): void {
    this.#out.line(`if (!(${condition})) malformed(${quote(path)}, ${quote(otherwise)});`);
  }

  #structure(node: StructureNode, place: Place): string {
    return `{ ${this.#properties(node, place).join(', ')} }`;
  }

  #properties(node: StructureNode, place: Place): string[] {
    const variables = new Map<string, string>();
    for (const member of node.members) {
      if (member.node.kind === 'pad' || member.node.kind === 'count') continue;
      const path = `${place.path}.${member.name}`;
      const value = this.#member(member, node, { ...place, path }, variables);
      variables.set(member.name, this.#out.constant('v', value));
    }
    return [...variables].map(([name, variable]) => `${name}: ${variable}`);
  }

  #member(
    member: Member,
    parent: StructureNode,
    place: Place,
    variables: ReadonlyMap<string, string>,
  ): string {
    const { node } = member;
    const here = { ...place, offset: place.offset + member.offset };
    switch (node.kind) {
      case 'union': {
        const tag = at(place.base, place.offset + member.tagOffset);
        return this.#union(node, node.external ? 'external' : this.#out.getUint32(tag), here);
      }
      case 'trailing': {
        const padded = node.paddedBy === undefined ? undefined : variables.get(node.paddedBy);
        return this.#trailing(member, parent, padded, here, place.offset);
      }
      case 'pad':
      case 'count':
        throw new Error(`${place.path} has no value.`);
      default:
        return this.#value(node, here);
    }
  }

  #trailing(
    member: Member,
    parent: StructureNode,
    padded: string | undefined,
    { base, offset, path }: Place,
    parentOffset: number,
  ): string {
    const count = parent.members.find(
      ({ node }) => node.kind === 'count' && node.of === member.name,
    );
    if (count === undefined) throw new Error(`${path} has no count.`);
    const length = this.#out.constant(
      'n',
      this.#out.getUint32(at(base, parentOffset + count.offset)),
    );
    let position = this.#out.constant('p', at(base, offset));
    if (padded !== undefined) {
      this.#require(
        `!${padded} || message.inlineWriteHeaderBytes >= ${position}`,
        path,
        'is padded, which the session does not allow',
      );
      position = this.#out.constant(
        'p',
        `${padded} ? message.inlineWriteHeaderBytes : ${position}`,
      );
    }
    this.#require(`${position} + ${length} <= end`, path, 'is truncated');
    return `new Uint8Array(memory, origin + ${position}, ${length})`;
  }

  /** An expression for the value of a node. */
  #value(node: ValueNode, place: Place): string {
    const { base, offset, path } = place;
    switch (node.kind) {
      case 'scalar':
        return scalarSources[node.type].read({
          at: (inner) => at(base, offset + inner),
          order: this.#out.order,
          path: quote(path),
          node,
        });
      case 'bytes':
        return base === FIXED_SECTION
          ? `message.fixedView(${at(base, offset)}, ${node.size})`
          : `new Uint8Array(memory, origin + ${at(base, offset)}, ${node.size})`;
      case 'structure':
        return this.#structure(node, place);
      default: {
        const position = this.#pointer(this.#out.getUint32(at(base, offset)), place);
        return this.#contents(node, position, path);
      }
    }
  }

  #union(node: UnionNode, tag: string, place: Place): string {
    const discriminator = this.#out.constant('t', tag);
    const result = this.#out.fresh('u');
    this.#out.line(`let ${result};`);
    this.#out.line(`switch (${discriminator}) {`);
    for (const [key, arm] of node.arms) {
      this.#out.line(`case ${key}: {`);
      const properties = [`${node.tag}: ${key}`, ...this.#properties(arm, place)];
      this.#out.line(`${result} = { ${properties.join(', ')} }; break; }`);
    }
    const path = quote(`${place.path}.${node.tag}`);
    this.#out.line(`default: malformed(${path}, 'is not defined'); }`);
    return result;
  }

  /** The checked position of a heap field; its alignment is checked with its contents. */
  #pointer(read: string, { scope, least, path }: Place): string {
    const offset = this.#out.constant('o', read);
    const position = this.#out.constant('p', `${scope} + ${offset}`);
    this.#require(
      `${offset} >= ${least} && ${position} <= end`,
      path,
      'has an offset outside the message',
    );
    return position;
  }

  /** An expression for the contents, at the variable `position`, of a field of variable size. */
  #contents(node: Node, position: string, path: string): string {
    this.#require(`(${position} & 7) === 0`, path, 'does not start on 8 bytes');
    switch (node.kind) {
      case 'opaque': {
        const count = this.#count(position, 4, 1, path);
        return `new Uint8Array(memory, origin + ${position} + 4, ${count})`;
      }
      case 'text': {
        const count = this.#count(position, 4, 1, path);
        return `decodeText(memory, view, ${position} + 4, ${count}, ${quote(path)})`;
      }
      case 'pathname':
        return this.#pathname(position, path);
      case 'array':
        return this.#array(node.element, position, path);
      case 'join':
        return this.#join(node.members, position, path);
      default:
        throw new Error(`${path}: a ${node.kind} is of fixed size.`);
    }
  }

  /** Reads a count and checks that so many elements lie within the message. */
  #count(position: string, header: number, elementBytes: number, path: string): string {
    this.#require(`${position} + ${header} <= end`, path, 'is truncated');
    const count = this.#out.constant('n', this.#out.getUint32(position));
    const size = elementBytes === 1 ? count : `${count} * ${elementBytes}`;
    this.#require(
      `${size} <= end - ${position} - ${header}`,
      path,
      'counts more than the message holds',
    );
    this.#require(`(budget -= ${header} + ${size}) >= 0`, path, 'overlaps other fields');
    return count;
  }

  #array(element: ValueNode, position: string, path: string): string {
    const header = arrayHeaderBytes(element);
    const count = this.#count(position, header, element.size, path);
    const list = this.#out.constant('a', `new Array(${count})`);
    const [index, cursor] = [this.#out.fresh('i'), this.#out.fresh('p')];
    this.#out.line(
      `for (let ${index} = 0, ${cursor} = ${position} + ${header}; ${index} < ${count}; ${index}++, ${cursor} += ${element.size}) {`,
    );
    const value = this.#value(element, {
      base: cursor,
      offset: 0,
      scope: position,
      least: `${header} + ${count} * ${element.size}`,
      path: `${path}[]`,
    });
    this.#out.line(`${list}[${index}] = ${value}; }`);
    return list;
  }

  /** Names in place: each is a counted array itself, of at least 4 bytes. */
  #pathname(position: string, path: string): string {
    const count = this.#count(position, 8, 4, path);
    // Each name counts its own 4 bytes against the budget again.
    this.#out.line(`budget += ${count} * 4;`);
    const list = this.#out.constant('a', `new Array(${count})`);
    const [index, cursor] = [this.#out.fresh('i'), this.#out.fresh('p')];
    this.#out.line(
      `for (let ${index} = 0, ${cursor} = ${position} + 8; ${index} < ${count}; ${index}++) {`,
    );
    this.#out.line(`${cursor} = (${cursor} + 7) & -8;`);
    const length = this.#count(cursor, 4, 1, `${path}[]`);
    this.#out.line(
      `${list}[${index}] = new Uint8Array(memory, origin + ${cursor} + 4, ${length});`,
    );
    this.#out.line(`${cursor} += 4 + ${length}; }`);
    return list;
  }

  #bitmap(position: string, offset: number): Words {
    const { low, high } = this.#out.wordsAt(position, offset);
    return {
      low: this.#out.constant('m', this.#out.getUint32(low)),
      high: this.#out.constant('m', this.#out.getUint32(high)),
    };
  }

  #join(members: readonly JoinMember[], position: string, path: string): string {
    this.#require(`${position} + 16 <= end`, path, 'is truncated');
    const included = this.#bitmap(position, 0);
    const valid = this.#bitmap(position, 8);
    this.#require(
      `!(${hasUnknown(included, members)})`,
      `${path}.included`,
      'names unknown attributes',
    );
    this.#require(
      `((${valid.low} & ~${included.low}) | (${valid.high} & ~${included.high})) === 0`,
      `${path}.valid`,
      'is no subset of included',
    );
    const cursor = this.#out.fresh('q');
    this.#out.line(`let ${cursor} = ${position} + 16;`);
    const values = members.map((member) =>
      this.#joinMember(member, included, valid, cursor, `${path}.${member.name}`),
    );
    const least = this.#out.constant('l', `${cursor} - ${position}`);
    this.#require(`(budget -= ${least}) >= 0`, path, 'overlaps other fields');
    members.forEach((member, index) => {
      if (!isVariable(member.node)) return;
      const value = values[index] as string;
      this.#out.line(`if (${value} !== undefined) {`);
      const memberPath = `${path}.${member.name}`;
      const place = { base: '', offset: 0, scope: position, least, path: memberPath };
      const target = this.#pointer(value, place);
      this.#out.line(`${value} = ${this.#contents(member.node, target, memberPath)}; }`);
    });
    const bitmaps = [
      `included: ${included.high} * 4294967296 + ${included.low}`,
      `valid: ${valid.high} * 4294967296 + ${valid.low}`,
    ];
    const properties = members.map((member, index) => `${member.name}: ${values[index]}`);
    return `{ ${[...bitmaps, ...properties].join(', ')} }`;
  }

  /** Steps over an attribute's room and reads it, or its offset into the heap, if it is valid. */
  #joinMember(
    { node, number }: JoinMember,
    included: Words,
    valid: Words,
    cursor: string,
    path: string,
  ): string {
    const value = this.#out.fresh('v');
    this.#out.line(`let ${value} = undefined;`);
    this.#out.line(`if ((${attributeTest(included, number)}) !== 0) {`);
    if (node.alignment > 1) {
      this.#out.line(`${cursor} = (${cursor} + ${node.alignment - 1}) & -${node.alignment};`);
    }
    this.#require(`${cursor} + ${node.size} <= end`, path, 'is truncated');
    this.#out.line(`if ((${attributeTest(valid, number)}) !== 0) {`);
    const place = { base: cursor, offset: 0, scope: '', least: '', path };
    const read = isVariable(node) ? this.#out.getUint32(cursor) : this.#value(node, place);
    this.#out.line(`${value} = ${read}; }`);
    this.#out.line(`${cursor} += ${node.size}; }`);
    return value;
  }
}
