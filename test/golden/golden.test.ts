/** Every procedure's request and response, byte for byte as the draft has them. */

import { describe, expect, it } from 'vitest';
import {
  type Codec,
  directoryEntriesCodec,
  fileAttributesCodec,
  HEADER_BYTES,
  linkContentsCodec,
  MessageBuffer,
  type OperationName,
  operations,
} from '../../client/protocol/index.ts';
import { everyFileAttribute } from './attribute-vectors.ts';
import { directEntries, directLink } from './name-vectors.ts';
import { bytesOf, type GoldenField } from './vector.ts';
import { goldenVectors } from './vectors.ts';

/** A message whose memory holds stale bytes, which no encoder may leave in between. */
const dirtyMessage = (littleEndian: boolean, inlineWriteHeaderBytes: number): MessageBuffer => {
  const message = MessageBuffer.allocate(1024, { littleEndian, inlineWriteHeaderBytes });
  message.bytes.fill(0xa5);
  return message;
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').replace(/../g, '$& ');

/** Names the first field that differs, which hexadecimal dumps do not. */
const differing = (
  fields: readonly GoldenField[],
  expected: Uint8Array,
  actual: Uint8Array,
): string | undefined => {
  const index = expected.findIndex((byte, position) => byte !== actual[position]);
  return fields.findLast((field) => index >= field.offset)?.name;
};

for (const littleEndian of [true, false]) {
  describe(littleEndian ? 'little-endian' : 'big-endian', () => {
    it.each(goldenVectors.map((vector) => [vector.title, vector] as const))('%s', (_, vector) => {
      const codec = operations[vector.operation][vector.side] as Codec<object>;
      const expected = bytesOf(vector.fields, littleEndian);

      const message = dirtyMessage(littleEndian, vector.inlineWriteHeaderBytes);
      codec.encode(message, vector.value);
      const actual = message.bytes.subarray(HEADER_BYTES, message.length);
      expect(differing(vector.fields, expected, actual)).toBeUndefined();
      expect(hex(actual)).toBe(hex(expected));

      const received = dirtyMessage(littleEndian, vector.inlineWriteHeaderBytes);
      received.bytes.set(expected, HEADER_BYTES);
      received.length = HEADER_BYTES + expected.length;
      expect(codec.decode(received, vector.external)).toEqual(vector.value);
    });

    const direct: [string, Codec<never>, { value: object; fields: readonly GoldenField[] }][] = [
      ['file attributes', fileAttributesCodec as Codec<never>, everyFileAttribute],
      ['directory entries', directoryEntriesCodec as Codec<never>, directEntries],
      ['link contents', linkContentsCodec as Codec<never>, directLink],
    ];
    it.each(direct)('%s in a direct buffer', (_, codec, { value, fields }) => {
      const expected = bytesOf(fields, littleEndian);
      const buffer = dirtyMessage(littleEndian, 0);
      const end = codec.encodeAt(buffer, 0, value as never);
      expect(hex(buffer.bytes.subarray(0, end))).toBe(hex(expected));
      expect(codec.decodeAt(buffer, 0, end)).toEqual(value);
    });
  });
}

describe('the vectors', () => {
  it.each(Object.keys(operations) as OperationName[])('cover %s', (name) => {
    const sides = goldenVectors
      .filter(({ operation }) => operation === name)
      .map(({ side }) => side);
    expect(sides).toContain('arguments');
    expect(sides).toContain('results');
  });
});
