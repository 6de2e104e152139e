/** Compiles layouts into codecs: one generated function for each direction and byte order. */

import { DecoderGenerator } from './decoder-generator.ts';
import { EncoderGenerator } from './encoder-generator.ts';
import type { Layout, Node } from './layout.ts';
import {
  alignHeap,
  copyBytes,
  copyText,
  decodeText,
  invalid,
  malformed,
  textBytes,
  toBoolean,
  toEnumeration,
  tooLarge,
  toSigned53,
  toUnsigned53,
  zero,
} from './layout-support.ts';
import type { MessageBuffer } from './message-buffer.ts';

/** Bytes of a request or response header: both are equally long (sections 6.1.2 and 6.1.3). */
export const HEADER_BYTES = 40;

/** Reads and writes one structure in either byte order. */
export interface Codec<Value> {
  readonly name: string;
  readonly layout: Layout<Value>;
  /** Bytes of the fixed section, without padding at its end; 0 if the whole is in a heap. */
  readonly fixedBytes: number;
  /** Writes the value behind the header and sets `message.length`, padded to 8 bytes. */
  encode(message: MessageBuffer, value: Value): void;
  /**
   * Reads the value behind the header. Byte strings are views of the message: copy what outlives
   * it. `external` is the discriminator of a union that does not lie in the message.
   * @throws ProtocolError MALFORMED, and nothing else, whatever the bytes
   */
  decode(message: MessageBuffer, external?: number): Value;
  /** Writes at `start`, a multiple of 8, and returns the end; `message.length` stays. */
  encodeAt(message: MessageBuffer, start: number, value: Value): number;
  decodeAt(message: MessageBuffer, start: number, end: number, external?: number): Value;
}

type Decode = (message: MessageBuffer, start: number, end: number, external?: number) => unknown;
type Encode = (message: MessageBuffer, start: number, value: unknown) => number;

const support = {
  alignHeap,
  copyBytes,
  copyText,
  decodeText,
  invalid,
  toSigned53,
  toUnsigned53,
  malformed,
  textBytes,
  toBoolean,
  toEnumeration,
  tooLarge,
  zero,
};

const compile = (parameters: string, body: string): unknown => {
  const source = `'use strict'; const { ${Object.keys(support).join(', ')} } = support;
return (${parameters}) => { ${body} };`;
  return new Function('support', source)(support);
};

const compileDecoder = (node: Node, name: string, littleEndian: boolean): Decode =>
  compile(
    'message, start, end, external',
    new DecoderGenerator(littleEndian).source(node, name),
  ) as Decode;

const compileEncoder = (node: Node, name: string, littleEndian: boolean): Encode =>
  compile('message, start, value', new EncoderGenerator(littleEndian).source(node, name)) as Encode;

/** Reads some fields of a structure behind the header into an object that is used again. */
export type FieldsReader<Fields> = (message: MessageBuffer, into: Fields) => void;

/**
 * A reader of some scalars of a structure, for responses that must leave no garbage behind.
 */
export const fieldsReader = <Value, Name extends keyof Value & string>(
  { name, layout: { node } }: Codec<Value>,
  fields: readonly Name[],
): FieldsReader<Pick<Value, Name>> => {
  if (node.kind !== 'structure') throw new Error(`${name} is no structure.`);
  type Read = (message: MessageBuffer, start: number, end: number, into: object) => void;
  const [readLittle, readBig] = [true, false].map((littleEndian) =>
    compile(
      'message, start, end, into',
      new DecoderGenerator(littleEndian).fieldsSource(node, fields, name),
    ),
  ) as [Read, Read];
  return (message, into) => {
    if (message.littleEndian) readLittle(message, HEADER_BYTES, message.length, into);
    else readBig(message, HEADER_BYTES, message.length, into);
  };
};

/** Whether a message ends with the last byte of data rather than on 8 bytes. */
const endsWithData = (node: Node): boolean =>
  node.kind === 'structure' && node.members.some((member) => member.node.kind === 'trailing');

/**
 * The codec of a structure, or of a single field of variable size for direct buffers. Each direction
 * and byte order is compiled when it is first used: a thread uses few of them, and all together cost
 * it a third of a second.
 * @param name how errors call it: the draft's name of the structure
 */
export const codec = <Value>(name: string, layout: Layout<Value>): Codec<Value> => {
  const { node } = layout;
  const exactEnd = endsWithData(node);
  let decodeLittle: Decode | undefined;
  let decodeBig: Decode | undefined;
  let encodeLittle: Encode | undefined;
  let encodeBig: Encode | undefined;

  const decodeAt: Codec<Value>['decodeAt'] = (message, start, end, external) => {
    if (message.littleEndian) {
      decodeLittle ??= compileDecoder(node, name, true);
      return decodeLittle(message, start, end, external) as Value;
    }
    decodeBig ??= compileDecoder(node, name, false);
    return decodeBig(message, start, end, external) as Value;
  };

  const encodeAt: Codec<Value>['encodeAt'] = (message, start, value) => {
    if (message.littleEndian) {
      encodeLittle ??= compileEncoder(node, name, true);
      return encodeLittle(message, start, value);
    }
    encodeBig ??= compileEncoder(node, name, false);
    return encodeBig(message, start, value);
  };

  return {
    name,
    layout,
    fixedBytes: node.kind === 'structure' ? node.usedSize : 0,
    encode(message, value) {
      const end = encodeAt(message, HEADER_BYTES, value);
      message.length = exactEnd ? end : alignHeap(message.bytes, end);
    },
    decode: (message, external) => decodeAt(message, HEADER_BYTES, message.length, external),
    encodeAt,
    decodeAt,
  };
};
