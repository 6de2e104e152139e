/** Generates the source of encoders from layouts. See codec.ts for how it is compiled. */

import {
  arrayHeaderBytes,
  at,
  attributeTest,
  elementPlacement,
  isVariable,
  knownAttributes,
} from './decoder-generator.ts';
import type { JoinMember, Member, Node, StructureNode, UnionNode } from './layout.ts';

const quote = (text: string): string => JSON.stringify(text);

const joinWords = (stem: string): { low: string; high: string } => ({
  low: `${stem}Low`,
  high: `${stem}High`,
});

/**
 * In the generated source, `heap` is the next free position behind everything written so far:
 * each field of variable size goes to the next aligned position there, depth first.
 */
export class EncoderGenerator {
  readonly #lines: string[] = [];
  readonly #order: string;
  readonly #highOffset: number;
  #variables = 0;

  constructor(littleEndian: boolean) {
    this.#order = String(littleEndian);
    this.#highOffset = littleEndian ? 4 : 0;
  }

  /** The body of `(message, start, value) => end` for a fixed section. */
  structureSource(node: StructureNode, path: string): string {
    const trailing = node.members.some((member) => member.node.kind === 'trailing');
    const size = trailing ? node.usedSize : node.size;
    this.#line(`let heap = start + ${size};`);
    this.#line(`if (heap > bytes.length) tooLarge(${quote(path)});`);
    this.#structure(node, 'start', 0, 'value', 'start', path);
    return this.#source();
  }

  /** The same for a field of variable size that begins at `start`, as in direct buffers. */
  variableSource(node: Node, path: string): string {
    this.#line('let heap = start;');
    this.#contents(node, 'value', path);
    return this.#source();
  }

  #source(): string {
    return ['const { view, bytes } = message;', ...this.#lines, 'return heap;'].join('\n');
  }

  #line(text: string): void {
    this.#lines.push(text);
  }

  #fresh(stem: string): string {
    this.#variables += 1;
    return `${stem}${this.#variables}`;
  }

  #putUint32(position: string, value: string): void {
    this.#line(`view.setUint32(${position}, ${value}, ${this.#order});`);
  }

  /** Writes a structure and zeros between and behind its fields. */
  #structure(
    node: StructureNode,
    base: string,
    offset: number,
    value: string,
    scope: string,
    path: string,
  ): void {
    let end = offset;
    let open = false;
    for (const member of node.members) {
      const start = offset + (member.tagOffset >= 0 ? member.tagOffset : member.offset);
      this.#zero(base, end, start);
      this.#member(member, node, base, offset, value, scope, `${path}.${member.name}`);
      open = member.node.kind === 'trailing';
      if (member.node.kind !== 'trailing') end = offset + member.offset + member.node.size;
    }
    if (!open) this.#zero(base, end, offset + node.size);
  }

  #member(
    member: Member,
    parent: StructureNode,
    base: string,
    offset: number,
    value: string,
    scope: string,
    path: string,
  ): void {
    const { node } = member;
    const here = offset + member.offset;
    const property = `${value}.${member.name}`;
    switch (node.kind) {
      case 'pad':
        return this.#zero(base, here, here + node.size);
      case 'count': {
        const length = `${value}.${node.of}.length`;
        return this.#putUint32(at(base, here), length);
      }
      case 'trailing':
        return this.#trailing(parent, node.paddedBy, base, here, value, property, path);
      case 'union':
        return this.#union(member, node, base, offset, property, scope, path);
      default:
        return this.#value(node, base, here, property, scope, path);
    }
  }

  #trailing(
    parent: StructureNode,
    paddedBy: string | undefined,
    base: string,
    offset: number,
    value: string,
    property: string,
    path: string,
  ): void {
    if (parent.members.every(({ node }) => node.kind !== 'count')) {
      throw new Error(`${path} has no count.`);
    }
    this.#line(`heap = ${at(base, offset)};`);
    if (paddedBy !== undefined) {
      this.#line(`if (${value}.${paddedBy}) {
        if (message.inlineWriteHeaderBytes < heap) invalid(${quote(path)}, 'is padded, which the session does not allow');
        if (message.inlineWriteHeaderBytes > bytes.length) tooLarge(${quote(path)});
        zero(bytes, heap, message.inlineWriteHeaderBytes);
        heap = message.inlineWriteHeaderBytes;
      }`);
    }
    this.#line(`if (heap + ${property}.length > bytes.length) tooLarge(${quote(path)});`);
    this.#line(`copyBytes(bytes, heap, ${property});`);
    this.#line(`heap += ${property}.length;`);
  }

  #value(
    node: Node,
    base: string,
    offset: number,
    value: string,
    scope: string,
    path: string,
  ): void {
    switch (node.kind) {
      case 'scalar':
        return this.#scalar(node, base, offset, value, path);
      case 'bytes':
        this.#line(
          `if (${value}.length !== ${node.size}) invalid(${quote(path)}, 'is not ${node.size} bytes');`,
        );
        return this.#line(`copyBytes(bytes, ${at(base, offset)}, ${value});`);
      case 'structure': {
        const inner = this.#fresh('v');
        this.#line(`const ${inner} = ${value};`);
        return this.#structure(node, base, offset, inner, scope, path);
      }
      default: {
        this.#line('heap = alignHeap(bytes, heap);');
        this.#putUint32(at(base, offset), `heap - ${scope}`);
        return this.#contents(node, value, path);
      }
    }
  }

  #scalar(
    node: Extract<Node, { kind: 'scalar' }>,
    base: string,
    offset: number,
    value: string,
    path: string,
  ): void {
    const here = at(base, offset);
    const order = this.#order;
    const number = this.#fresh('n');
    this.#line(`const ${number} = ${value};`);
    const check = (condition: string, reason: string): void =>
      this.#line(`if (!(${condition})) invalid(${quote(path)}, ${quote(reason)});`);
    switch (node.type) {
      case 'u8':
        check(`(${number} & 0xff) === ${number}`, 'is no 8-bit number');
        return this.#line(`view.setUint8(${here}, ${number});`);
      case 'u16':
        check(`(${number} & 0xffff) === ${number}`, 'is no 16-bit number');
        return this.#line(`view.setUint16(${here}, ${number}, ${order});`);
      case 'u32':
      case 'opaque32':
        check(`${number} >>> 0 === ${number}`, 'is no unsigned 32-bit number');
        return this.#line(
          `view.setUint32(${here}, ${number}, ${node.type === 'u32' ? order : 'true'});`,
        );
      case 'i32':
        check(`(${number} | 0) === ${number}`, 'is no 32-bit number');
        return this.#line(`view.setInt32(${here}, ${number}, ${order});`);
      case 'u64':
      case 'opaque64':
        check(
          `${number} >= 0n && ${number} <= 0xffffffffffffffffn`,
          'is no unsigned 64-bit bigint',
        );
        return this.#line(
          `view.setBigUint64(${here}, ${number}, ${node.type === 'u64' ? order : 'true'});`,
        );
      case 'u53':
      case 'i53': {
        const least = node.type === 'u53' ? '0' : '-9007199254740991';
        check(
          `${number} >= ${least} && ${number} <= 9007199254740991 && Math.floor(${number}) === ${number}`,
          'is no whole number within 53 bits',
        );
        const high = this.#fresh('h');
        this.#line(`const ${high} = Math.floor(${number} / 4294967296);`);
        this.#putUint32(at(base, offset + this.#highOffset), high);
        return this.#putUint32(
          at(base, offset + 4 - this.#highOffset),
          `${number} - ${high} * 4294967296`,
        );
      }
      case 'boolean8':
        return this.#line(`view.setUint8(${here}, ${number} ? 1 : 0);`);
      case 'boolean32':
        return this.#putUint32(here, `${number} ? 1 : 0`);
      case 'enumeration':
        check(
          (node.allowed ?? []).map((allowed) => `${number} === ${allowed}`).join(' || '),
          'is not defined',
        );
        return this.#putUint32(here, number);
      case 'checksum':
        check(`${number} >>> 0 === ${number}`, 'is no unsigned 32-bit number');
        this.#line(`view.setUint16(${here}, ${number} >>> 16, ${order});`);
        return this.#line(`view.setUint16(${at(base, offset + 2)}, ${number} & 0xffff, ${order});`);
    }
  }

  #union(
    member: Member,
    node: UnionNode,
    base: string,
    offset: number,
    property: string,
    scope: string,
    path: string,
  ): void {
    const value = this.#fresh('v');
    const body = offset + member.offset;
    this.#line(`const ${value} = ${property};`);
    if (!node.external) {
      this.#putUint32(at(base, offset + member.tagOffset), `${value}.${node.tag}`);
      this.#zero(base, offset + member.tagOffset + 4, body);
    }
    this.#line(`switch (${value}.${node.tag}) {`);
    for (const [key, arm] of node.arms) {
      this.#line(`case ${key}: {`);
      this.#structure(arm, base, body, value, scope, path);
      this.#zero(base, body + arm.size, body + node.size);
      this.#line('break; }');
    }
    this.#line(`default: invalid(${quote(`${path}.${node.tag}`)}, 'is not defined'); }`);
  }

  /** Writes zeros from one fixed offset to another. */
  #zero(base: string, from: number, to: number): void {
    if (to - from > 16) {
      this.#line(`bytes.fill(0, ${at(base, from)}, ${at(base, to)});`);
      return;
    }
    for (let offset = from; offset < to; offset++) {
      this.#line(`bytes[${at(base, offset)}] = 0;`);
    }
  }

  /** Writes the contents of a field of variable size at `heap`, which is aligned. */
  #contents(node: Node, value: string, path: string): void {
    switch (node.kind) {
      case 'opaque':
        return this.#opaque(value, path);
      case 'text':
        return this.#text(value, path);
      case 'pathname':
        return this.#pathname(value, path);
      case 'array':
        return this.#array(node.element, value, path);
      case 'join':
        return this.#join(node.members, value, path);
      default:
        throw new Error(`${path}: a ${node.kind} has no contents of variable size.`);
    }
  }

  #room(size: string, path: string): void {
    this.#line(`if (heap + ${size} > bytes.length) tooLarge(${quote(path)});`);
  }

  #opaque(value: string, path: string): void {
    const source = this.#fresh('v');
    this.#line(`const ${source} = ${value};`);
    this.#room(`4 + ${source}.length`, path);
    this.#putUint32('heap', `${source}.length`);
    this.#line(`copyBytes(bytes, heap + 4, ${source});`);
    this.#line(`heap += 4 + ${source}.length;`);
  }

  #text(value: string, path: string): void {
    const [source, length] = [this.#fresh('v'), this.#fresh('n')];
    this.#line(`const ${source} = ${value}, ${length} = textBytes(${source});`);
    this.#room(`4 + ${length}`, path);
    this.#putUint32('heap', length);
    this.#line(`copyText(bytes, heap + 4, ${source});`);
    this.#line(`heap += 4 + ${length};`);
  }

  #pathname(value: string, path: string): void {
    const names = this.#fresh('v');
    this.#line(`const ${names} = ${value};`);
    this.#room('8', path);
    this.#putUint32('heap', `${names}.length`);
    this.#line('zero(bytes, heap + 4, heap + 8); heap += 8;');
    const index = this.#fresh('i');
    this.#line(`for (let ${index} = 0; ${index} < ${names}.length; ${index}++) {`);
    this.#line('heap = alignHeap(bytes, heap);');
    this.#opaque(`${names}[${index}]`, `${path}[]`);
    this.#line('}');
  }

  #array(element: Node, value: string, path: string): void {
    const [list, scope, index, cursor] = ['v', 's', 'i', 'p'].map((stem) => this.#fresh(stem));
    const header = arrayHeaderBytes(element);
    const { size } = elementPlacement(element);
    this.#line(`const ${list} = ${value}, ${scope} = heap;`);
    this.#room(`${header} + ${list}.length * ${size}`, path);
    this.#putUint32('heap', `${list}.length`);
    if (header === 8) this.#line('zero(bytes, heap + 4, heap + 8);');
    this.#line(`heap += ${header} + ${list}.length * ${size};`);
    this.#line(
      `for (let ${index} = 0, ${cursor} = ${scope} + ${header}; ${index} < ${list}.length; ${index}++, ${cursor} += ${size}) {`,
    );
    this.#value(element, cursor as string, 0, `${list}[${index}]`, scope as string, `${path}[]`);
    this.#line('}');
  }

  #join(members: readonly JoinMember[], value: string, path: string): void {
    const source = this.#fresh('v');
    const scope = this.#fresh('s');
    const valid = joinWords(this.#fresh('m'));
    const included = joinWords(this.#fresh('m'));
    this.#line(`const ${source} = ${value}, ${scope} = heap;`);
    this.#line(`let ${valid.low} = 0, ${valid.high} = 0;`);
    for (const { name, number } of members) {
      const word = number <= 32 ? valid.low : valid.high;
      this.#line(`if (${source}.${name} !== undefined) ${word} |= ${1 << ((number - 1) % 32)};`);
    }
    this.#includedWords(members, source, included, valid, path);
    this.#room('16', path);
    [included, valid].forEach(({ low, high }, index) => {
      this.#putUint32(at('heap', index * 8 + 4 - this.#highOffset), low);
      this.#putUint32(at('heap', index * 8 + this.#highOffset), high);
    });
    this.#line('heap += 16;');
    const pointers = members.map((member) =>
      this.#joinMember(member, source, included, valid, scope, path),
    );
    members.forEach((member, index) => {
      if (!isVariable(member.node)) return;
      this.#line(`if ((${attributeTest(valid, member.number)}) !== 0) {`);
      this.#line('heap = alignHeap(bytes, heap);');
      this.#putUint32(pointers[index] as string, `heap - ${scope}`);
      this.#contents(member.node, `${source}.${member.name}`, `${path}.${member.name}`);
      this.#line('}');
    });
  }

  /** Takes `included` from the value, or makes room for exactly what is defined. */
  #includedWords(
    members: readonly JoinMember[],
    source: string,
    included: { low: string; high: string },
    valid: { low: string; high: string },
    path: string,
  ): void {
    const { low, high } = knownAttributes(members);
    this.#line(`let ${included.low} = ${valid.low}, ${included.high} = ${valid.high};`);
    this.#line(`if (${source}.included !== undefined) {
      ${included.low} = ${source}.included | 0;
      ${included.high} = Math.floor(${source}.included / 4294967296) | 0;
      if ((${included.low} & ${~low}) !== 0 || (${included.high} & ${~high}) !== 0) invalid(${quote(`${path}.included`)}, 'names unknown attributes');
      ${valid.low} &= ${included.low}; ${valid.high} &= ${included.high};
    }`);
  }

  /** Makes room for an attribute and writes it, or returns where its offset goes. */
  #joinMember(
    member: JoinMember,
    source: string,
    included: { low: string; high: string },
    valid: { low: string; high: string },
    scope: string,
    path: string,
  ): string {
    const position = this.#fresh('p');
    const { size, alignment } = elementPlacement(member.node);
    this.#line(`let ${position} = 0;`);
    this.#line(`if ((${attributeTest(included, member.number)}) !== 0) {`);
    if (alignment > 1) {
      this.#line(
        `${position} = (heap + ${alignment - 1}) & -${alignment}; zero(bytes, heap, ${position});`,
      );
    } else {
      this.#line(`${position} = heap;`);
    }
    this.#line(`heap = ${position} + ${size};`);
    this.#line(`if (heap > bytes.length) tooLarge(${quote(`${path}.${member.name}`)});`);
    if (isVariable(member.node)) {
      this.#line(`view.setUint32(${position}, 0, true);`);
    } else {
      this.#line(`if ((${attributeTest(valid, member.number)}) !== 0) {`);
      this.#value(
        member.node,
        position,
        0,
        `${source}.${member.name}`,
        scope,
        `${path}.${member.name}`,
      );
      this.#line(`} else zero(bytes, ${position}, heap);`);
    }
    this.#line('}');
    return position;
  }
}
