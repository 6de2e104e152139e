/**
 * Golden vectors: bytes that were derived from the draft by hand, one line per field.
 *
 * A line is `offset  type  bytes  field`. The offset is hexadecimal, from the start of the fixed
 * section. The bytes are those of a little-endian session; `11*64` repeats a byte. In a big-endian
 * session those of `u16`, `u32` and `u64` are reversed, `u8` and `raw` (opaque data, text, padding)
 * are the same: so each vector stands for both orders.
 */

import type {
  ArgumentsOf,
  ClientId,
  CredHandle,
  Filehandle,
  OperationName,
  ResultsOf,
  SessionId,
  StateId,
  Verifier,
} from '../../client/protocol/index.ts';

export interface GoldenField {
  readonly offset: number;
  readonly type: string;
  readonly bytes: readonly number[];
  readonly name: string;
}

export interface GoldenVector {
  readonly title: string;
  readonly operation: OperationName;
  readonly side: 'arguments' | 'results';
  readonly value: object;
  readonly fields: readonly GoldenField[];
  /** The discriminator of an external union, which lies outside the results. */
  readonly external: number | undefined;
  readonly inlineWriteHeaderBytes: number;
}

const sizes: Readonly<Record<string, number>> = { u8: 1, u16: 2, u32: 4, u64: 8 };

const parseBytes = (text: string): number[] =>
  text.split(' ').flatMap((item) => {
    const [byte, times] = item.split('*');
    return new Array<number>(Number(times ?? 1)).fill(Number.parseInt(byte as string, 16));
  });

const parseLine = (line: string): GoldenField => {
  const match = /^([0-9a-f]+)\s+(u8|u16|u32|u64|raw)\s+((?:[0-9a-f]{2}(?:\*\d+)? )+)\s+(.+)$/.exec(
    line,
  );
  if (match === null) throw new Error(`This is no line of a golden vector: ${line}`);
  const [, offset, type, bytes, name] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
  ];
  const parsed = parseBytes(bytes.trim());
  if (sizes[type] !== undefined && sizes[type] !== parsed.length) {
    throw new Error(`${type} is not ${parsed.length} bytes: ${line}`);
  }
  return { offset: Number.parseInt(offset, 16), type, bytes: parsed, name };
};

/** @throws Error when the labelled offsets do not follow from the bytes */
export const parseFields = (text: string): GoldenField[] => {
  const fields = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map(parseLine);
  let offset = 0;
  for (const field of fields) {
    if (field.offset !== offset) throw new Error(`${field.name} lies at ${offset.toString(16)}.`);
    offset += field.bytes.length;
  }
  return fields;
};

/** The bytes of a vector in a session of this byte order. */
export const bytesOf = (fields: readonly GoldenField[], littleEndian: boolean): Uint8Array =>
  Uint8Array.from(
    fields.flatMap(({ type, bytes }) =>
      !littleEndian && type !== 'raw' ? bytes.toReversed() : bytes,
    ),
  );

interface Options {
  readonly title?: string;
  readonly external?: number;
  readonly inlineWriteHeaderBytes?: number;
}

const vector = (
  operation: OperationName,
  side: 'arguments' | 'results',
  value: object,
  text: string,
  { title, external, inlineWriteHeaderBytes = 0 }: Options,
): GoldenVector => ({
  title: `${operation} ${side}${title === undefined ? '' : `, ${title}`}`,
  operation,
  side,
  value,
  fields: parseFields(text),
  external,
  inlineWriteHeaderBytes,
});

export const request = <Name extends OperationName>(
  operation: Name,
  value: ArgumentsOf<Name> & object,
  text: string,
  options: Options = {},
): GoldenVector => vector(operation, 'arguments', value, text, options);

export const response = <Name extends OperationName>(
  operation: Name,
  value: ResultsOf<Name> & object,
  text: string,
  options: Options = {},
): GoldenVector => vector(operation, 'results', value, text, options);

/** The bytes 01 02 … 08 as an opaque 64-bit quantity, which no session swaps. */
const ascending = 0x0807060504030201n;
export const sessionId = ascending as SessionId;
export const clientId = ascending as ClientId;
export const stateId = ascending as StateId;
export const verifier = ascending as Verifier;
/** The bytes 0a 0b 0c 0d. */
export const credHandle = 0x0d0c0b0a as CredHandle;

export const filehandle = (byte: number): Filehandle => new Uint8Array(64).fill(byte) as Filehandle;

export const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
