/** What header decoders refuse. Their bytes are in test/golden. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeRequestHeader,
  decodeResponseHeader,
  encodeHeaderOnly,
  encodeRequestHeader,
  encodeResponseHeader,
  HEADER_BYTES,
  MessageBuffer,
  ProtocolError,
  type ProtocolErrorCode,
  RequestHeader,
  ResponseHeader,
  requestIsLittleEndian,
} from '../../../client/protocol/index.ts';

const failure = (code: ProtocolErrorCode): Error => expect.objectContaining({ code }) as Error;

const request = (littleEndian = true): MessageBuffer => {
  const message = MessageBuffer.allocate(64, { littleEndian });
  encodeHeaderOnly(message);
  encodeRequestHeader(message, new RequestHeader());
  return message;
};

describe('request headers', () => {
  it('need a whole header within the buffer', () => {
    for (const length of [0, HEADER_BYTES - 1, 65]) {
      const message = request();
      message.length = length;
      expect(() => decodeRequestHeader(message, new RequestHeader())).toThrow(
        failure('BAD_LENGTH'),
      );
    }
  });

  it('need the length that arrived', () => {
    const message = request();
    message.length = HEADER_BYTES + 8;
    expect(() => decodeRequestHeader(message, new RequestHeader())).toThrow(failure('BAD_LENGTH'));
  });

  it('need the magic of a request in the byte order of the session', () => {
    const swapped = request();
    swapped.littleEndian = false;
    expect(() => decodeRequestHeader(swapped, new RequestHeader())).toThrow(failure('BAD_MAGIC'));
    const response = request();
    encodeResponseHeader(response, new ResponseHeader());
    expect(() => decodeRequestHeader(response, new RequestHeader())).toThrow(failure('BAD_MAGIC'));
    expect(() => decodeResponseHeader(request(), new ResponseHeader())).toThrow(
      failure('BAD_MAGIC'),
    );
  });

  it('tell the byte order, or that there is none', () => {
    expect(requestIsLittleEndian(request(true).bytes)).toBe(true);
    expect(requestIsLittleEndian(request(false).bytes)).toBe(false);
    expect(() => requestIsLittleEndian(new Uint8Array(40))).toThrow(failure('BAD_MAGIC'));
    expect(() => requestIsLittleEndian(new Uint8Array(0))).toThrow(failure('BAD_MAGIC'));
  });
});

describe('any bytes', () => {
  it('decode as a header or fail with a ProtocolError', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }),
        fc.boolean(),
        fc.nat(80),
        (bytes, order, length) => {
          const message = new MessageBuffer(bytes.slice(), { littleEndian: order });
          message.length = length;
          for (const attempt of [
            () => decodeRequestHeader(message, new RequestHeader()),
            () => decodeResponseHeader(message, new ResponseHeader()),
          ]) {
            try {
              attempt();
            } catch (error) {
              expect(error).toBeInstanceOf(ProtocolError);
            }
          }
        },
      ),
    );
  });
});
