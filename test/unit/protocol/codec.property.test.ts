/** What holds for the codec of every procedure, whatever the value and whatever the bytes. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Codec,
  directoryEntriesCodec,
  fileAttributesCodec,
  HEADER_BYTES,
  MessageBuffer,
  operations,
  ProtocolError,
} from '../../../client/protocol/index.ts';
import { arbitraryOf, externalOf } from './arbitrary.ts';

type AnyCodec = Codec<unknown>;

const INLINE_WRITE_HEADER_BYTES = 256;
const CAPACITY = 16384;

const codecs: [string, AnyCodec][] = Object.values(operations)
  .flatMap((operation) => [operation.arguments as AnyCodec, operation.results as AnyCodec])
  .filter((codec) => codec.fixedBytes > 0)
  .map((codec) => [codec.name, codec]);

const newMessage = (littleEndian: boolean, capacity = CAPACITY): MessageBuffer =>
  MessageBuffer.allocate(capacity, {
    littleEndian,
    inlineWriteHeaderBytes: INLINE_WRITE_HEADER_BYTES,
  });

const runs = { numRuns: 25 };

/** Decodes bytes that may be anything; nothing but a ProtocolError MALFORMED may come of it. */
const decodeAnything = (codec: AnyCodec, message: MessageBuffer, external: number): unknown => {
  try {
    return codec.decode(message, external);
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    expect((error as ProtocolError).code).toBe('MALFORMED');
    return undefined;
  }
};

/** Counts what a value consists of and checks that its views lie within the message. */
const weigh = (value: unknown, message: MessageBuffer): number => {
  if (value instanceof Uint8Array) {
    expect(value.buffer).toBe(message.memory);
    expect(value.byteOffset - message.origin + value.length).toBeLessThanOrEqual(message.length);
    return value.length;
  }
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, part) => sum + weigh(part, message), 1);
};

describe.each(codecs)('%s', (_, codec) => {
  const { layout } = codec;
  const values = arbitraryOf(layout);

  it('decodes what it encoded, in both byte orders', () => {
    fc.assert(
      fc.property(values, fc.boolean(), (value, littleEndian) => {
        const message = newMessage(littleEndian);
        message.bytes.fill(0xa5);
        codec.encode(message, value);
        expect(codec.decode(message, externalOf(layout, value))).toEqual(value);
      }),
      runs,
    );
  });

  it('leaves nothing of what was in the memory before', () => {
    fc.assert(
      fc.property(values, fc.boolean(), (value, littleEndian) => {
        const [clean, dirty] = [newMessage(littleEndian), newMessage(littleEndian)];
        dirty.bytes.fill(0xa5);
        codec.encode(clean, value);
        codec.encode(dirty, value);
        expect(dirty.length).toBe(clean.length);
        expect(dirty.bytes.subarray(HEADER_BYTES, dirty.length)).toEqual(
          clean.bytes.subarray(HEADER_BYTES, clean.length),
        );
      }),
      runs,
    );
  });

  it('refuses a buffer that is too small, and only that', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (value, part) => {
        const message = newMessage(true);
        codec.encode(message, value);
        const capacity = Math.floor(message.length * part);
        const smaller = newMessage(true, capacity);
        if (capacity === message.length) codec.encode(smaller, value);
        else {
          expect(() => codec.encode(smaller, value)).toThrow(
            expect.objectContaining({ code: 'TOO_LARGE' }) as Error,
          );
        }
      }),
      runs,
    );
  });

  it('survives truncation at every byte', () => {
    fc.assert(
      fc.property(values, fc.boolean(), (value, littleEndian) => {
        const message = newMessage(littleEndian);
        codec.encode(message, value);
        const external = externalOf(layout, value) ?? 0;
        for (let length = message.length; length >= 0; length--) {
          message.length = length;
          weigh(decodeAnything(codec, message, external), message);
        }
      }),
      { numRuns: 5 },
    );
  });

  it('survives mutated messages', () => {
    const mutations = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(values, mutations, fc.boolean(), fc.nat(6), (value, changes, order, external) => {
        const message = newMessage(order);
        codec.encode(message, value);
        const size = message.length - HEADER_BYTES;
        if (size === 0) return;
        for (const [position, octet] of changes) {
          message.bytes[HEADER_BYTES + (position % size)] = octet;
        }
        const decoded = decodeAnything(codec, message, externalOf(layout, value) ?? external);
        expect(weigh(decoded, message)).toBeLessThan(200 + 40 * message.length);
      }),
      { numRuns: 200 },
    );
  });

  it('survives random bytes', () => {
    // Small numbers dominate, since large ones fail the first check as offsets and counts.
    const octet = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(64), fc.nat(255));
    const bytes = fc.array(octet, { maxLength: 512 });
    fc.assert(
      fc.property(bytes, fc.boolean(), fc.nat(6), (octets, littleEndian, external) => {
        const message = newMessage(littleEndian);
        message.bytes.set(octets, HEADER_BYTES);
        message.length = HEADER_BYTES + octets.length;
        const decoded = decodeAnything(codec, message, external);
        expect(weigh(decoded, message)).toBeLessThan(200 + 40 * message.length);
      }),
      { numRuns: 100 },
    );
  });
});

describe.each([
  ['file attributes', fileAttributesCodec as AnyCodec],
  ['directory entries', directoryEntriesCodec as AnyCodec],
])('%s in a direct buffer', (_, codec) => {
  it('decodes what it encoded, in both byte orders', () => {
    fc.assert(
      fc.property(arbitraryOf(codec.layout), fc.boolean(), (value, littleEndian) => {
        const buffer = newMessage(littleEndian);
        const end = codec.encodeAt(buffer, 0, value);
        expect(codec.decodeAt(buffer, 0, end)).toEqual(value);
      }),
      runs,
    );
  });
});
