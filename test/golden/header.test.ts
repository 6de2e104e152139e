/** Headers and checksums, byte for byte, written out for both byte orders. */

import { describe, expect, it } from 'vitest';
import {
  ChainFlag,
  decodeRequestHeader,
  decodeResponseHeader,
  encodeHeaderOnly,
  encodeRequestHeader,
  encodeResponseHeader,
  Fletcher32,
  fletcher32,
  MessageBuffer,
  operations,
  Procedure,
  RequestHeader,
  ResponseHeader,
  requestIsLittleEndian,
  sealMessage,
  verifyMessage,
} from '../../client/protocol/index.ts';
import { ascii, filehandle, parseFields } from './vector.ts';

/** Only `raw` and `u8` here: the bytes stand as they are on the wire. */
const written = (text: string): Uint8Array =>
  Uint8Array.from(parseFields(text).flatMap(({ bytes }) => bytes));

const requestHeader = (procedure: number): RequestHeader =>
  Object.assign(new RequestHeader(), {
    protocolVersion: 1,
    desiredNreq: 32,
    chainFlags: 0,
    streamId: 5,
    seqNumber: 0x0102,
    analyzerLow: 0x04030201,
    analyzerHigh: 0x08070605,
    credHandle: 0x0d0c0b0a,
    procedure,
  });

const checksummedNull = {
  little: written(`
    00  raw  53 46 41 44              header_magic 'DAFS'
    04  raw  01 00 00 00              protocol_version
    08  raw  20 00                    desired_nreq
    0a  raw  00 00                    chain_flags
    0c  raw  05 00                    stream_id
    0e  raw  02 01                    seq_number
    10  raw  01 02 03 04 05 06 07 08  analyzer
    18  raw  57 01                    message_checksum.S2
    1a  raw  8f b9                    message_checksum.S1
    1c  raw  0a 0b 0c 0d              cred_handle
    20  raw  84 00 00 00              procedure = DAFS_PROC_NULL
    24  raw  28 00 00 00              request_len
  `),
  big: written(`
    00  raw  44 41 46 53              header_magic 'DAFS'
    04  raw  00 00 00 01              protocol_version
    08  raw  00 20                    desired_nreq
    0a  raw  00 00                    chain_flags
    0c  raw  00 05                    stream_id
    0e  raw  01 02                    seq_number
    10  raw  01 02 03 04 05 06 07 08  analyzer
    18  raw  c9 cc                    message_checksum.S2
    1a  raw  b3 95                    message_checksum.S1
    1c  raw  0a 0b 0c 0d              cred_handle
    20  raw  00 00 00 84              procedure = DAFS_PROC_NULL
    24  raw  00 00 00 28              request_len
  `),
};

const lookup = {
  little: written(`
    00  raw  53 46 41 44              header_magic 'DAFS'
    04  raw  01 00 00 00              protocol_version
    08  raw  20 00                    desired_nreq
    0a  raw  0b 00                    chain_flags = FORW | BACK | FH
    0c  raw  05 00                    stream_id
    0e  raw  02 01                    seq_number
    10  raw  01 02 03 04 05 06 07 08  analyzer
    18  raw  00*4                     message_checksum
    1c  raw  0a 0b 0c 0d              cred_handle
    20  raw  82 00 00 00              procedure = DAFS_PROC_LOOKUP
    24  raw  80 00 00 00              request_len
    28  raw  11*64                    directory
    68  raw  48 00 00 00              path: offset from the fixed section
    6c  raw  00*4                     end of structure
    70  raw  01 00 00 00              path: count
    74  raw  00*4                     pad before the names
    78  raw  01 00 00 00              path[0]: count
    7c  raw  61                       path[0]
    7d  raw  00*3                     end of message
  `),
  big: written(`
    00  raw  44 41 46 53              header_magic 'DAFS'
    04  raw  00 00 00 01              protocol_version
    08  raw  00 20                    desired_nreq
    0a  raw  00 0b                    chain_flags = FORW | BACK | FH
    0c  raw  00 05                    stream_id
    0e  raw  01 02                    seq_number
    10  raw  01 02 03 04 05 06 07 08  analyzer
    18  raw  00*4                     message_checksum
    1c  raw  0a 0b 0c 0d              cred_handle
    20  raw  00 00 00 82              procedure = DAFS_PROC_LOOKUP
    24  raw  00 00 00 80              request_len
    28  raw  11*64                    directory
    68  raw  00 00 00 48              path: offset from the fixed section
    6c  raw  00*4                     end of structure
    70  raw  00 00 00 01              path: count
    74  raw  00*4                     pad before the names
    78  raw  00 00 00 01              path[0]: count
    7c  raw  61                       path[0]
    7d  raw  00*3                     end of message
  `),
};

const readDirect = {
  little: written(`
    00  raw  52 46 41 44              header_magic 'DAFR'
    04  raw  01 00 00 00              protocol_version
    08  raw  10 00                    target_nreq
    0a  raw  02 00                    spec_cond = DAFS_SPCOND_FAILOVER
    0c  raw  05 00                    stream_id
    0e  raw  02 01                    seq_number
    10  raw  01 02 03 04 05 06 07 08  analyzer
    18  raw  00*4                     message_checksum
    1c  raw  00 00 00 00              status = DAFS_STATUS_OK
    20  raw  38 00 00 00              response_len
    24  raw  00*4                     reserved
    28  raw  01 00 00 00              eof
    2c  raw  00 10 00 00              bytes_read
    30  raw  34 12                    direct_checksum.S2
    32  raw  78 56                    direct_checksum.S1
    34  raw  00*4                     end of message
  `),
  big: written(`
    00  raw  44 41 46 52              header_magic 'DAFR'
    04  raw  00 00 00 01              protocol_version
    08  raw  00 10                    target_nreq
    0a  raw  00 02                    spec_cond = DAFS_SPCOND_FAILOVER
    0c  raw  00 05                    stream_id
    0e  raw  01 02                    seq_number
    10  raw  01 02 03 04 05 06 07 08  analyzer
    18  raw  00*4                     message_checksum
    1c  raw  00 00 00 00              status = DAFS_STATUS_OK
    20  raw  00 00 00 38              response_len
    24  raw  00*4                     reserved
    28  raw  00 00 00 01              eof
    2c  raw  00 00 10 00              bytes_read
    30  raw  12 34                    direct_checksum.S2
    32  raw  56 78                    direct_checksum.S1
    34  raw  00*4                     end of message
  `),
};

const received = (bytes: Uint8Array, littleEndian: boolean): MessageBuffer => {
  const message = new MessageBuffer(bytes.slice(), { littleEndian });
  message.length = bytes.length;
  return message;
};

const sent = (message: MessageBuffer): number[] => [...message.bytes.subarray(0, message.length)];

describe.each(['little', 'big'] as const)('%s-endian', (order) => {
  const littleEndian = order === 'little';

  it('encodes and decodes a whole request', () => {
    const { DAFS_CHF_FORW, DAFS_CHF_BACK, DAFS_CHF_FH } = ChainFlag;
    const header = requestHeader(Procedure.LOOKUP);
    header.chainFlags = DAFS_CHF_FORW | DAFS_CHF_BACK | DAFS_CHF_FH;
    const message = MessageBuffer.allocate(256, { littleEndian });
    message.bytes.fill(0xa5);
    operations.LOOKUP.arguments.encode(message, {
      directory: filehandle(0x11),
      path: [ascii('a')],
    });
    encodeRequestHeader(message, header);
    expect(sent(message)).toEqual([...lookup[order]]);

    const decoded = new RequestHeader();
    decodeRequestHeader(received(lookup[order], littleEndian), decoded);
    expect(decoded).toEqual(header);
    expect(requestIsLittleEndian(lookup[order])).toBe(littleEndian);
  });

  it('encodes and decodes a whole response', () => {
    const header = Object.assign(new ResponseHeader(), {
      protocolVersion: 1,
      targetNreq: 16,
      specCond: 2,
      streamId: 5,
      seqNumber: 0x0102,
      analyzerLow: 0x04030201,
      analyzerHigh: 0x08070605,
      status: 0,
    });
    const message = MessageBuffer.allocate(256, { littleEndian });
    message.bytes.fill(0xa5);
    operations.READ_DIRECT.results.encode(message, {
      eof: true,
      bytesRead: 4096,
      directChecksum: 0x12345678,
    });
    encodeResponseHeader(message, header);
    expect(sent(message)).toEqual([...readDirect[order]]);

    const decoded = new ResponseHeader();
    decodeResponseHeader(received(readDirect[order], littleEndian), decoded);
    expect(decoded).toEqual(header);
  });

  it('seals a message with its checksum', () => {
    const message = MessageBuffer.allocate(64, { littleEndian });
    encodeHeaderOnly(message);
    encodeRequestHeader(message, requestHeader(Procedure.NULL));
    sealMessage(message);
    expect(sent(message)).toEqual([...checksummedNull[order]]);

    const arrived = received(checksummedNull[order], littleEndian);
    verifyMessage(arrived);
    expect(sent(arrived)).toEqual([...checksummedNull[order]]);
  });

  it.each([...checksummedNull[order].keys()])('notices that byte %i changed', (position) => {
    const message = received(checksummedNull[order], littleEndian);
    message.bytes[position] = (message.bytes[position] as number) ^ 0x10;
    expect(() => verifyMessage(message)).toThrow(
      expect.objectContaining({ code: 'BAD_CHECKSUM' }) as Error,
    );
  });
});

describe('Fletcher-32', () => {
  /** S2 and S1 as they lie on the wire. */
  const onWire = (sum: number, littleEndian: boolean): number[] =>
    [sum >>> 24, (sum >>> 16) & 0xff, (sum >>> 8) & 0xff, sum & 0xff].map(
      (_, index, bytes) => bytes[littleEndian ? index ^ 1 : index] as number,
    );

  const ramp = Uint8Array.from({ length: 1001 }, (_, index) => (index * 7) % 251);
  const vectors: [string, Uint8Array, number[]][] = [
    ['nothing: the initial values', Uint8Array.of(), [0x00, 0x00, 0x01, 0x01]],
    ['one word', Uint8Array.of(0x01, 0x02), [0x02, 0x03, 0x02, 0x03]],
    ['an odd byte, padded by zero', Uint8Array.of(0x01), [0x02, 0x01, 0x02, 0x01]],
    ['a sum of exactly 65535, which stays', Uint8Array.of(0xfe, 0xfe), [0xff, 0xff, 0xff, 0xff]],
    ['4096 bytes of ones', new Uint8Array(4096).fill(0xff), [0x08, 0x08, 0x01, 0x01]],
    ['1001 ascending bytes', ramp, [0x9c, 0x10, 0x26, 0x3a]],
  ];

  it.each(vectors)('of %s has the same bytes in both orders', (_, data, bytes) => {
    expect(onWire(fletcher32(data, true), true)).toEqual(bytes);
    expect(onWire(fletcher32(data, false), false)).toEqual(bytes);
  });

  it('is the same over pieces of any length, at any address', () => {
    const whole = fletcher32(ramp, true);
    for (const size of [1, 2, 3, 7, 480, 500]) {
      const sum = new Fletcher32(true);
      for (let start = 0; start < ramp.length; start += size) {
        sum.add(ramp.subarray(start, start + size));
      }
      expect(sum.value).toBe(whole);
    }
  });
});
