/** Generates the source of encoders from layouts. See codec.ts for how it is compiled. */

import type {
  JoinMember,
  Member,
  Node,
  ScalarNode,
  StructureNode,
  UnionNode,
  ValueNode,
} from './layout.ts';
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

/** Where a node goes: `base + offset`, in a scope. */
interface Place {
  readonly base: string;
  readonly offset: number;
  /** The variable that holds the start of the innermost scope. */
  readonly scope: string;
  /** How errors call the node. */
  readonly path: string;
}

/**
 * In the generated source, `heap` is the next free position behind everything written so far:
 * each field of variable size goes to the next aligned position there, depth first.
 */
export class EncoderGenerator {
  readonly #out: SourceWriter;

  constructor(littleEndian: boolean) {
    this.#out = new SourceWriter(littleEndian);
  }

  /** The body of `(message, start, value) => end`. */
  source(node: Node, path: string): string {
    this.#out.line('const { view, bytes } = message;');
    this.#out.line('let heap = start;');
    if (node.kind === 'structure') {
      const endsWithData = node.members.some((member) => member.node.kind === 'trailing');
      this.#room(String(endsWithData ? node.usedSize : node.size), path);
      this.#out.line(`heap += ${endsWithData ? node.usedSize : node.size};`);
      this.#structure(node, 'value', { base: 'start', offset: 0, scope: 'start', path });
    } else {
      this.#contents(node, 'value', path);
    }
    this.#out.line('return heap;');
    return this.#out.text();
  }

  #room(size: string, path: string): void {
    this.#out.line(`if (heap + ${size} > bytes.length) tooLarge(${quote(path)});`);
  }

  #require(condition: string, path: string, otherwise: string): void {
    this.#out.line(`if (!(${condition})) invalid(${quote(path)}, ${quote(otherwise)});`);
  }

  /** Writes zeros from one fixed offset to another. */
  #zero(base: string, from: number, to: number): void {
    if (to - from > 16) {
      this.#out.line(`bytes.fill(0, ${at(base, from)}, ${at(base, to)});`);
      return;
    }
    for (let offset = from; offset < to; offset++) {
      this.#out.line(`bytes[${at(base, offset)}] = 0;`);
    }
  }

  /** Writes the fields of a structure, and zeros between and behind them. */
  #structure(node: StructureNode, value: string, place: Place): void {
    let end = 0;
    for (const member of node.members) {
      const start = member.tagOffset >= 0 ? member.tagOffset : member.offset;
      this.#zero(place.base, place.offset + end, place.offset + start);
      this.#member(member, value, { ...place, path: `${place.path}.${member.name}` });
      // Data that ends a structure leaves no room behind it.
      end = member.node.kind === 'trailing' ? node.size : member.offset + member.node.size;
    }
    this.#zero(place.base, place.offset + end, place.offset + node.size);
  }

  #member(member: Member, value: string, place: Place): void {
    const { node } = member;
    const here = { ...place, offset: place.offset + member.offset };
    const property = `${value}.${member.name}`;
    switch (node.kind) {
      case 'pad':
        this.#zero(here.base, here.offset, here.offset + node.size);
        break;
      case 'count':
        this.#out.putUint32(at(here.base, here.offset), `${value}.${node.of}.length`);
        break;
      case 'trailing':
        this.#trailing(node.paddedBy && `${value}.${node.paddedBy}`, property, here);
        break;
      case 'union':
        this.#union(member, node, this.#out.constant('v', property), place);
        break;
      default:
        this.#value(node, property, here);
    }
  }

  #trailing(padded: string | undefined, value: string, { base, offset, path }: Place): void {
    this.#out.line(`heap = ${at(base, offset)};`);
    if (padded !== undefined) {
      this.#out.line(`if (${padded}) {`);
      const target = 'message.inlineWriteHeaderBytes';
      this.#require(`${target} >= heap`, path, 'is padded, which the session does not allow');
      this.#out.line(`if (${target} > bytes.length) tooLarge(${quote(path)});`);
      this.#out.line(`zero(bytes, heap, ${target}); heap = ${target}; }`);
    }
    this.#room(`${value}.length`, path);
    this.#out.line(`copyBytes(bytes, heap, ${value}); heap += ${value}.length;`);
  }

  #union(member: Member, node: UnionNode, value: string, place: Place): void {
    const body = { ...place, offset: place.offset + member.offset };
    if (!node.external) {
      const tag = place.offset + member.tagOffset;
      this.#out.putUint32(at(place.base, tag), `${value}.${node.tag}`);
      this.#zero(place.base, tag + 4, body.offset);
    }
    this.#out.line(`switch (${value}.${node.tag}) {`);
    for (const [key, arm] of node.arms) {
      this.#out.line(`case ${key}: {`);
      this.#structure(arm, value, body);
      this.#zero(body.base, body.offset + arm.size, body.offset + node.size);
      this.#out.line('break; }');
    }
    const path = quote(`${place.path}.${node.tag}`);
    this.#out.line(`default: invalid(${path}, 'is not defined'); }`);
  }

  #value(node: ValueNode, value: string, place: Place): void {
    const { base, offset, scope, path } = place;
    switch (node.kind) {
      case 'scalar':
        this.#scalar(node, this.#out.constant('n', value), place);
        break;
      case 'bytes':
        this.#require(`${value}.length === ${node.size}`, path, `is not ${node.size} bytes`);
        this.#out.line(`copyBytes(bytes, ${at(base, offset)}, ${value});`);
        break;
      case 'structure':
        this.#structure(node, this.#out.constant('v', value), place);
        break;
      default:
        this.#out.line('heap = alignHeap(bytes, heap);');
        this.#out.putUint32(at(base, offset), `heap - ${scope}`);
        this.#contents(node, value, path);
    }
  }

  #scalar(node: ScalarNode, name: string, { base, offset, path }: Place): void {
    const source = scalarSources[node.type];
    const access = {
      at: (inner: number) => at(base, offset + inner),
      order: this.#out.order,
      path: quote(path),
      node,
    };
    this.#require(source.fits(name, access), path, 'does not fit its field');
    this.#out.line(source.write(name, access));
  }

  /** Writes the contents of a field of variable size at `heap`, which is aligned. */
  #contents(node: Node, value: string, path: string): void {
    switch (node.kind) {
      case 'opaque':
        this.#opaque(value, path);
        break;
      case 'text':
        this.#text(value, path);
        break;
      case 'pathname':
        this.#pathname(value, path);
        break;
      case 'array':
        this.#array(node.element, value, path);
        break;
      case 'join':
        this.#join(node.members, value, path);
        break;
      default:
        throw new Error(`${path}: a ${node.kind} is of fixed size.`);
    }
  }

  #opaque(value: string, path: string): void {
    const source = this.#out.constant('v', value);
    this.#room(`4 + ${source}.length`, path);
    this.#out.putUint32('heap', `${source}.length`);
    this.#out.line(`copyBytes(bytes, heap + 4, ${source}); heap += 4 + ${source}.length;`);
  }

  #text(value: string, path: string): void {
    const source = this.#out.constant('v', value);
    const length = this.#out.constant('n', `textBytes(${source})`);
    this.#room(`4 + ${length}`, path);
    this.#out.putUint32('heap', length);
    this.#out.line(`copyText(bytes, heap + 4, ${source}); heap += 4 + ${length};`);
  }

  #pathname(value: string, path: string): void {
    const names = this.#out.constant('v', value);
    this.#room('8', path);
    this.#out.putUint32('heap', `${names}.length`);
    this.#out.line('zero(bytes, heap + 4, heap + 8); heap += 8;');
    const index = this.#out.fresh('i');
    this.#out.line(`for (let ${index} = 0; ${index} < ${names}.length; ${index}++) {`);
    this.#out.line('heap = alignHeap(bytes, heap);');
    this.#opaque(`${names}[${index}]`, `${path}[]`);
    this.#out.line('}');
  }

  #array(element: ValueNode, value: string, path: string): void {
    const header = arrayHeaderBytes(element);
    const list = this.#out.constant('v', value);
    const scope = this.#out.constant('s', 'heap');
    const size = `${header} + ${list}.length * ${element.size}`;
    this.#room(size, path);
    this.#out.putUint32('heap', `${list}.length`);
    if (header === 8) this.#out.line('zero(bytes, heap + 4, heap + 8);');
    this.#out.line(`heap += ${size};`);
    const [index, cursor] = [this.#out.fresh('i'), this.#out.fresh('p')];
    this.#out.line(
      `for (let ${index} = 0, ${cursor} = ${scope} + ${header}; ${index} < ${list}.length; ${index}++, ${cursor} += ${element.size}) {`,
    );
    const place = { base: cursor, offset: 0, scope, path: `${path}[]` };
    this.#value(element, `${list}[${index}]`, place);
    this.#out.line('}');
  }

  #join(members: readonly JoinMember[], value: string, path: string): void {
    const source = this.#out.constant('v', value);
    const scope = this.#out.constant('s', 'heap');
    const { included, valid } = this.#bitmaps(members, source, path);
    this.#room('16', path);
    [included, valid].forEach((words, index) => {
      const positions = this.#out.wordsAt('heap', index * 8);
      this.#out.putUint32(positions.low, words.low);
      this.#out.putUint32(positions.high, words.high);
    });
    this.#out.line('heap += 16;');
    const pointers = members.map((member) =>
      this.#joinMember(
        member,
        `${source}.${member.name}`,
        included,
        valid,
        `${path}.${member.name}`,
      ),
    );
    members.forEach(({ name, node, number }, index) => {
      if (!isVariable(node)) return;
      this.#out.line(`if ((${attributeTest(valid, number)}) !== 0) {`);
      this.#out.line('heap = alignHeap(bytes, heap);');
      this.#out.putUint32(pointers[index] as string, `heap - ${scope}`);
      this.#contents(node, `${source}.${name}`, `${path}.${name}`);
      this.#out.line('}');
    });
  }

  /** What is defined is valid, as far as it is included; by default exactly that is included. */
  #bitmaps(
    members: readonly JoinMember[],
    source: string,
    path: string,
  ): { included: Words; valid: Words } {
    const valid = { low: this.#out.fresh('m'), high: this.#out.fresh('m') };
    const included = { low: this.#out.fresh('m'), high: this.#out.fresh('m') };
    this.#out.line(`let ${valid.low} = 0, ${valid.high} = 0;`);
    for (const { name, number } of members) {
      const word = number <= 32 ? valid.low : valid.high;
      this.#out.line(
        `if (${source}.${name} !== undefined) ${word} |= ${1 << ((number - 1) % 32)};`,
      );
    }
    this.#out.line(`let ${included.low} = ${valid.low}, ${included.high} = ${valid.high};`);
    this.#out.line(`if (${source}.included !== undefined) {`);
    this.#out.line(`${included.low} = ${source}.included | 0;`);
    this.#out.line(`${included.high} = Math.floor(${source}.included / 4294967296) | 0;`);
    this.#require(
      `!(${hasUnknown(included, members)})`,
      `${path}.included`,
      'names unknown attributes',
    );
    this.#out.line(`${valid.low} &= ${included.low}; ${valid.high} &= ${included.high}; }`);
    return { included, valid };
  }

  /** Makes room for an attribute and writes it, or returns the variable with its position. */
  #joinMember(
    { node, number }: JoinMember,
    value: string,
    included: Words,
    valid: Words,
    path: string,
  ): string {
    const position = this.#out.fresh('p');
    this.#out.line(`let ${position} = 0;`);
    this.#out.line(`if ((${attributeTest(included, number)}) !== 0) {`);
    this.#out.line(`${position} = (heap + ${node.alignment - 1}) & -${node.alignment};`);
    this.#out.line(`if (${position} + ${node.size} > bytes.length) tooLarge(${quote(path)});`);
    this.#out.line(`zero(bytes, heap, ${position}); heap = ${position} + ${node.size};`);
    if (isVariable(node)) {
      this.#out.putUint32(position, '0');
    } else {
      this.#out.line(`if ((${attributeTest(valid, number)}) !== 0) {`);
      this.#value(node, value, { base: position, offset: 0, scope: '', path });
      this.#out.line(`} else zero(bytes, ${position}, heap);`);
    }
    this.#out.line('}');
    return position;
  }
}
