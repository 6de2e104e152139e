/** What decoders and encoders refuse, case by case, and that no message decodes to more than itself. */

import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  ANONYMOUS_STATE_ID,
  type ArgumentsOf,
  codec,
  type Filehandle,
  fieldsReader,
  HEADER_BYTES,
  MessageBuffer,
  operations,
  type ProtocolErrorCode,
  READ_INLINE_DATA_OFFSET,
  type ResultsOf,
  type StateId,
  WRITE_INLINE_DATA_OFFSET,
} from '../../../client/protocol/index.ts';
import {
  array,
  boolean8,
  enumeration,
  i53,
  opaque,
  structure,
  text,
  trailing,
  u16,
  u32,
  u53,
  u64,
  union,
} from '../../../client/protocol/layout.ts';

const little = { littleEndian: true };

const failure = (code: ProtocolErrorCode, message?: RegExp): Error =>
  expect.objectContaining({
    code,
    ...(message === undefined ? {} : { message: expect.stringMatching(message) as string }),
  }) as Error;

/** A message whose fixed section and heap are these bytes. */
const holding = (...bytes: number[]): MessageBuffer => {
  const message = MessageBuffer.allocate(HEADER_BYTES + 512, little);
  message.bytes.set(bytes, HEADER_BYTES);
  message.length = HEADER_BYTES + bytes.length;
  return message;
};

const zeros = (count: number): number[] => new Array<number>(count).fill(0);

describe('decoders refuse', () => {
  const strings = codec('Strings', structure({ first: opaque, second: text }));
  const cases: [string, number[], RegExp][] = [
    ['a truncated fixed section', [8, 0, 0, 0], /Strings: is truncated/],
    ['an offset into the fixed section', [4, 0, 0, 0, 16, 0, 0, 0, ...zeros(16)], /first: has an/],
    ['an offset of zero', [0, 0, 0, 0, 16, 0, 0, 0, ...zeros(16)], /first: has an offset/],
    ['an offset beyond the message', [64, 0, 0, 0, 8, 0, 0, 0, ...zeros(8)], /first: has an/],
    ['the largest offset', [248, 255, 255, 255, 8, 0, 0, 0, ...zeros(8)], /first: has an offset/],
    ['an offset that is not aligned', [12, 0, 0, 0, 16, 0, 0, 0, ...zeros(16)], /8 bytes/],
    ['a count cut off', [8, 0, 0, 0, 16, 0, 0, 0, ...zeros(11)], /second: is truncated/],
    ['a count too large', [8, 0, 0, 0, 16, 0, 0, 0, 13, ...zeros(15)], /first: counts more/],
    ['the largest count', [8, 0, 0, 0, 16, 0, 0, 0, 255, 255, 255, 255, ...zeros(12)], /counts/],
    ['text that is not UTF-8', [8, 0, 0, 0, 16, 0, 0, 0, ...zeros(8), 1, 0, 0, 0, 255], /UTF-8/],
  ];
  it.each(cases)('%s', (_, bytes, message) => {
    expect(() => strings.decode(holding(...bytes))).toThrow(failure('MALFORMED', message));
  });

  it('a boolean that is neither 0 nor 1', () => {
    const flag = codec('Flag', structure({ flag: boolean8 }));
    expect(flag.decode(holding(1))).toEqual({ flag: true });
    expect(() => flag.decode(holding(2))).toThrow(failure('MALFORMED', /flag/));
    expect(() => operations.BC_RECALL.arguments.decode(holding(...zeros(72), 0, 0, 0, 1))).toThrow(
      failure('MALFORMED', /DAFS_BC_Recall_Args\.truncate/),
    );
  });

  it('a number that an enumeration or a union does not define', () => {
    const choice = codec('Choice', structure({ how: enumeration({ A: 1, B: 3 }) }));
    expect(choice.decode(holding(3, 0, 0, 0))).toEqual({ how: 3 });
    for (const value of [0, 2, 4, 32, 33, 35, 255]) {
      expect(() => choice.decode(holding(value, 0, 0, 0))).toThrow(failure('MALFORMED', /how/));
    }
    const either = codec('Either', structure({ arm: union('kind', { 1: { a: u32 }, 2: {} }) }));
    expect(either.decode(holding(1, 0, 0, 0, 7, 0, 0, 0))).toEqual({ arm: { kind: 1, a: 7 } });
    expect(() => either.decode(holding(3, 0, 0, 0, 7, 0, 0, 0))).toThrow(failure('MALFORMED'));
  });

  it('integers beyond 53 bits', () => {
    const sizes = codec('Sizes', structure({ unsigned: u53 }));
    const times = codec('Times', structure({ signed: i53 }));
    const largest = [255, 255, 255, 255, 255, 255, 31, 0];
    expect(sizes.decode(holding(...largest))).toEqual({ unsigned: Number.MAX_SAFE_INTEGER });
    expect(() => sizes.decode(holding(0, 0, 0, 0, 0, 0, 32, 0))).toThrow(failure('MALFORMED'));
    expect(times.decode(holding(1, 0, 0, 0, 0, 0, 0xe0, 0xff))).toEqual({
      signed: Number.MIN_SAFE_INTEGER,
    });
    expect(() => times.decode(holding(0, 0, 0, 0, 0, 0, 0xe0, 0xff))).toThrow(failure('MALFORMED'));
    expect(() => times.decode(holding(0, 0, 0, 0, 0, 0, 32, 0))).toThrow(failure('MALFORMED'));
  });

  it('attributes that nobody knows, and valid ones that are not included', () => {
    const { decode } = operations.SETATTR_INLINE.arguments;
    const attributes = (included: number[], valid: number[]): MessageBuffer =>
      holding(...zeros(72), 80, ...zeros(7), ...included, ...valid, ...zeros(8));
    expect(() => decode(attributes([0, 0, 0, 2, ...zeros(4)], zeros(8)))).toThrow(
      failure('MALFORMED', /included: names unknown attributes/),
    );
    expect(() => decode(attributes([0, 0, 0, 0, 1, 0, 0, 0], zeros(8)))).toThrow(
      failure('MALFORMED', /included: names unknown attributes/),
    );
    expect(() => decode(attributes(zeros(8), [32, ...zeros(7)]))).toThrow(
      failure('MALFORMED', /valid: is no subset/),
    );
    expect(() => decode(attributes([0, 0, 8, 0, ...zeros(4)], zeros(8)))).toThrow(
      failure('MALFORMED', /rawDev: is truncated/),
    );
  });

  it('inline data that is longer than the message, or padded without agreement', () => {
    const { arguments: write } = operations.WRITE_INLINE;
    const message = MessageBuffer.allocate(256, {
      littleEndian: true,
      inlineWriteHeaderBytes: 152,
    });
    const value = {
      filehandle: new Uint8Array(64) as Filehandle,
      stateId: ANONYMOUS_STATE_ID,
      offset: 0,
      stableHow: 0,
      writePadded: true,
      cacheHint: 0,
      data: new Uint8Array(8).fill(7),
    } as const;
    write.encode(message, value);
    expect(message.length).toBe(160);
    expect(write.decode(message)).toEqual(value);
    message.length = 159;
    expect(() => write.decode(message)).toThrow(failure('MALFORMED', /data: is truncated/));
    message.length = 160;
    message.inlineWriteHeaderBytes = 0;
    expect(() => write.decode(message)).toThrow(failure('MALFORMED', /data: is padded/));
    expect(() => write.encode(message, value)).toThrow(failure('INVALID_VALUE', /data: is padded/));
  });

  it('arrays that share their elements, which would multiply a small message', () => {
    const nested = codec('Nested', structure({ outer: array(structure({ inner: array(u32) })) }));
    const message = MessageBuffer.allocate(65536, little);
    const { view } = message;
    view.setUint32(HEADER_BYTES, 8, true);
    const outerCount = 4000;
    const start = HEADER_BYTES + 8;
    view.setUint32(start, outerCount, true);
    const innerAt = Math.ceil((4 + outerCount * 4) / 8) * 8;
    for (let index = 0; index < outerCount; index++) {
      view.setUint32(start + 4 + index * 4, innerAt, true);
    }
    view.setUint32(start + innerAt, 10000, true);
    message.length = 65536;
    expect(() => nested.decode(message)).toThrow(failure('MALFORMED', /overlaps other fields/));
  });
});

describe('encoders refuse', () => {
  const numbers = codec(
    'Numbers',
    structure({ small: u16, word: u32, size: u53, large: u64, list: array(u32) }),
  );
  const good = { small: 1, word: 2, size: 3, large: 4n, list: [5] };
  const bad: [string, object][] = [
    ['a number of 17 bits', { small: 65536 }],
    ['a negative number', { word: -1 }],
    ['a fraction', { size: 0.5 }],
    ['a size beyond 53 bits', { size: 2 ** 53 }],
    ['no number at all', { word: Number.NaN }],
    ['a bigint of 65 bits', { large: 2n ** 64n }],
    ['a bad element', { list: [1, 2 ** 32] }],
  ];
  it.each(bad)('%s', (_, change) => {
    const message = MessageBuffer.allocate(256, little);
    numbers.encode(message, good);
    expect(() => numbers.encode(message, { ...good, ...change })).toThrow(failure('INVALID_VALUE'));
  });

  it('a filehandle of another size, and unknown discriminators', () => {
    const message = MessageBuffer.allocate(256, little);
    const filehandle = new Uint8Array(63) as Filehandle;
    expect(() => operations.LOOKUPP.arguments.encode(message, { filehandle })).toThrow(
      failure('INVALID_VALUE', /filehandle: is not 64 bytes/),
    );
    const authReq = { authType: 9 } as unknown as ArgumentsOf<'CLIENT_AUTH'>['authReq'];
    expect(() => operations.CLIENT_AUTH.arguments.encode(message, { authReq })).toThrow(
      failure('INVALID_VALUE', /authType: is not defined/),
    );
  });

  it('memory that does not start on 8 bytes', () => {
    expect(() => new MessageBuffer(new Uint8Array(64).subarray(4), little)).toThrow(
      failure('INVALID_VALUE'),
    );
  });
});

describe('inline data', () => {
  it('is not copied when it lies in place already', () => {
    const message = MessageBuffer.allocate(256, little);
    const room = message.bytes.subarray(READ_INLINE_DATA_OFFSET, READ_INLINE_DATA_OFFSET + 100);
    room.fill(9);
    operations.READ_INLINE.results.encode(message, { eof: false, readData: room });
    expect(message.length).toBe(READ_INLINE_DATA_OFFSET + 100);
    const { readData } = operations.READ_INLINE.results.decode(message);
    expect(readData).toEqual(new Uint8Array(100).fill(9));
    expect(readData.byteOffset).toBe(message.origin + READ_INLINE_DATA_OFFSET);
  });

  it('begins where the constants say', () => {
    expect(operations.READ_INLINE.results.fixedBytes + HEADER_BYTES).toBe(READ_INLINE_DATA_OFFSET);
    expect(operations.WRITE_INLINE.arguments.fixedBytes + HEADER_BYTES).toBe(
      WRITE_INLINE_DATA_OFFSET,
    );
  });
});

describe('layouts', () => {
  it('refuse what the draft never has', () => {
    expect(() => enumeration({ A: 1, B: 1000 })).toThrow(/cannot hold 1000/);
    expect(() => array(union('kind', { 1: {} }))).toThrow(/member of a structure/);
    expect(() => array(trailing())).toThrow(/end a structure/);
    const uncounted = codec('Uncounted', structure({ data: trailing() }));
    expect(() => uncounted.decode(new MessageBuffer(new Uint8Array(64), little))).toThrow(
      /no count/,
    );
  });
});

describe('a reader of some fields', () => {
  const layout = structure({ first: u32, at: u53, name: text, flag: boolean8, last: u16 });
  const whole = codec('Whole', layout);
  const value = { first: 7, at: 2 ** 40, name: 'x', flag: true, last: 9 };

  it.each([true, false])('reads them into an object (little-endian: %s)', (littleEndian) => {
    const message = MessageBuffer.allocate(200, { littleEndian });
    whole.encode(message, value);
    const into = { at: 0, flag: false, last: 0 };
    fieldsReader(whole, ['at', 'flag', 'last'])(message, into);
    expect(into).toEqual({ at: 2 ** 40, flag: true, last: 9 });
  });

  it('refuses what a decoder refuses', () => {
    const message = MessageBuffer.allocate(200, little);
    whole.encode(message, value);
    const read = fieldsReader(whole, ['flag']);
    message.length = HEADER_BYTES + 16;
    expect(() => read(message, { flag: false })).toThrow(failure('MALFORMED', /truncated/));
    message.length = 200;
    message.bytes[HEADER_BYTES + 20] = 2;
    expect(() => read(message, { flag: false })).toThrow(failure('MALFORMED', /Whole.flag/));
  });

  it('reads scalars only', () => {
    expect(() => fieldsReader(whole, ['name'])).toThrow(/Whole.name is no scalar/);
  });
});

describe('types', () => {
  it('are inferred from the layouts', () => {
    expectTypeOf<ArgumentsOf<'CLOSE'>>().toEqualTypeOf<{
      filehandle: Filehandle;
      stateId: StateId;
    }>();
    expectTypeOf<ResultsOf<'READ_INLINE'>>().toEqualTypeOf<{
      eof: boolean;
      readData: Uint8Array;
    }>();
    expectTypeOf<ArgumentsOf<'LOOKUP'>['path']>().toEqualTypeOf<readonly Uint8Array[]>();
    type Claim = ArgumentsOf<'OPEN'>['claim'];
    expectTypeOf<Claim['claimType']>().toEqualTypeOf<0 | 1 | 2 | 3 | 4 | 1000>();
    type Current = Extract<Claim, { claimType: 2 }>;
    expectTypeOf<keyof Current>().toEqualTypeOf<
      'claimType' | 'dirHandle' | 'pathname' | 'stateId'
    >();
    expectTypeOf<Current['stateId']>().toEqualTypeOf<StateId>();
    expectTypeOf<ResultsOf<'GETATTR_INLINE'>['objAttributes']['change']>().toEqualTypeOf<
      bigint | undefined
    >();
  });
});
