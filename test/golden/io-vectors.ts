/** Reads, writes, appends and batches: parts of section 6.5. */

import { ascii, filehandle, request, response, stateId, verifier } from './vector.ts';

const fh = filehandle(0x11);
const buffer = { address: 0x7f00_1234_5000, byteCount: 4096, handle: 0x2a };
const read = { filehandle: fh, stateId, offset: 2 ** 32 + 7, byteCount: 5000, cacheHint: 0x48 };
const written = { count: 3, committed: 2, verifier } as const;
const appended = { offset: 4096, verifier, committed: 1 } as const;
const write = {
  filehandle: fh,
  stateId,
  offset: 2 ** 32 + 7,
  stableHow: 1,
  cacheHint: 0x48,
} as const;
const append = { filehandle: fh, stateId, stableHow: 2, cacheHint: 0 } as const;

const readFields = `
    00  raw  11*64                    filehandle
    40  raw  01 02 03 04 05 06 07 08  state_id
    48  u64  07 00 00 00 01 00 00 00  offset
    50  u32  88 13 00 00              byte_count
    54  u32  48 00 00 00              cache_hint = dafs_readhint_4 | dafs_writehint_4
`;

const writtenFields = `
    00  u32  03 00 00 00              count
    04  u32  02 00 00 00              committed = FILE_SYNC
    08  raw  01 02 03 04 05 06 07 08  verifier
`;

const appendedFields = `
    00  u64  00 10 00 00 00 00 00 00  offset
    08  raw  01 02 03 04 05 06 07 08  verifier
    10  u32  01 00 00 00              committed = DATA_SYNC
    14  raw  00*4                     end of structure
`;

export const ioVectors = [
  request('READ_INLINE', read, readFields),
  response(
    'READ_INLINE',
    { eof: true, readData: ascii('hello') },
    `
    00  u32  01 00 00 00              eof
    04  u32  05 00 00 00              bytes_read
    08  raw  68 65 6c 6c 6f           read_data, which ends the message
  `,
  ),
  request(
    'READ_DIRECT',
    {
      ...read,
      readDataBuffers: [buffer, { address: 0x1000, byteCount: 904, handle: 0xffffffff }],
    },
    `
    ${readFields}
    58  u32  60 00 00 00              read_data_buffers: offset
    5c  raw  00*4                     end of structure
    60  u32  02 00 00 00              read_data_buffers: count
    64  raw  00*4                     pad before 8-byte aligned elements
    68  u64  00 50 34 12 00 7f 00 00  [0].buffer_address
    70  u32  00 10 00 00              [0].buffer_byte_count
    74  u32  2a 00 00 00              [0].buffer_handle
    78  u64  00 10 00 00 00 00 00 00  [1].buffer_address
    80  u32  88 03 00 00              [1].buffer_byte_count
    84  u32  ff ff ff ff              [1].buffer_handle
  `,
  ),
  response(
    'READ_DIRECT',
    { eof: false, bytesRead: 5000, directChecksum: 0x12345678 },
    `
    00  u32  00 00 00 00              eof
    04  u32  88 13 00 00              bytes_read
    08  u16  34 12                    direct_checksum.S2
    0a  u16  78 56                    direct_checksum.S1
    0c  raw  00*4                     end of message
  `,
  ),
  request(
    'WRITE_INLINE',
    { ...write, writePadded: false, data: ascii('abc') },
    `
    00  raw  11*64                    filehandle
    40  raw  01 02 03 04 05 06 07 08  state_id
    48  u64  07 00 00 00 01 00 00 00  offset
    50  u32  03 00 00 00              byte_count
    54  u32  01 00 00 00              stable_how = DATA_SYNC
    58  u32  00 00 00 00              write_padded
    5c  u32  48 00 00 00              cache_hint
    60  raw  61 62 63                 data, right behind the operation header
  `,
    { title: 'not padded', inlineWriteHeaderBytes: 152 },
  ),
  request(
    'WRITE_INLINE',
    { ...write, writePadded: true, data: ascii('abc') },
    `
    00  raw  11*64                    filehandle
    40  raw  01 02 03 04 05 06 07 08  state_id
    48  u64  07 00 00 00 01 00 00 00  offset
    50  u32  03 00 00 00              byte_count
    54  u32  01 00 00 00              stable_how = DATA_SYNC
    58  u32  01 00 00 00              write_padded
    5c  u32  48 00 00 00              cache_hint
    60  raw  00*16                    to inline_write_header_size: 40 + 96 + 16 = 152
    70  raw  61 62 63                 data
  `,
    { title: 'padded', inlineWriteHeaderBytes: 152 },
  ),
  response('WRITE_INLINE', written, writtenFields),
  request(
    'WRITE_DIRECT',
    {
      ...write,
      byteCount: 4096,
      directChecksum: 0x12345678,
      writeDataBuffers: [buffer],
    },
    `
    00  raw  11*64                    filehandle
    40  raw  01 02 03 04 05 06 07 08  state_id
    48  u64  07 00 00 00 01 00 00 00  offset
    50  u32  00 10 00 00              byte_count
    54  u32  01 00 00 00              stable_how = DATA_SYNC
    58  u32  48 00 00 00              cache_hint
    5c  u16  34 12                    direct_checksum.S2
    5e  u16  78 56                    direct_checksum.S1
    60  u32  68 00 00 00              write_data_buffers: offset
    64  raw  00*4                     end of structure
    68  u32  01 00 00 00              write_data_buffers: count
    6c  raw  00*4                     pad before 8-byte aligned elements
    70  u64  00 50 34 12 00 7f 00 00  [0].buffer_address
    78  u32  00 10 00 00              [0].buffer_byte_count
    7c  u32  2a 00 00 00              [0].buffer_handle
  `,
  ),
  response('WRITE_DIRECT', written, writtenFields),
  request(
    'APPEND_INLINE',
    { ...append, writePadded: false, data: ascii('z') },
    `
    00  raw  11*64                    filehandle
    40  raw  01 02 03 04 05 06 07 08  state_id
    48  u32  02 00 00 00              stable_how = FILE_SYNC
    4c  u32  01 00 00 00              byte_count
    50  u32  00 00 00 00              write_padded
    54  u32  00 00 00 00              cache_hint
    58  raw  7a                       data, right behind the operation header
  `,
  ),
  response('APPEND_INLINE', appended, appendedFields),
  request(
    'APPEND_DIRECT',
    {
      ...append,
      byteCount: 4096,
      directChecksum: 0x12345678,
      writeDataBuffer: buffer,
    },
    `
    00  raw  11*64                    filehandle
    40  raw  01 02 03 04 05 06 07 08  state_id
    48  u32  02 00 00 00              stable_how = FILE_SYNC
    4c  u32  00 10 00 00              byte_count
    50  u32  00 00 00 00              cache_hint
    54  u16  34 12                    direct_checksum.S2
    56  u16  78 56                    direct_checksum.S1
    58  u64  00 50 34 12 00 7f 00 00  write_data_buffer.buffer_address
    60  u32  00 10 00 00              write_data_buffer.buffer_byte_count
    64  u32  2a 00 00 00              write_data_buffer.buffer_handle
  `,
  ),
  response('APPEND_DIRECT', appended, appendedFields),
  request(
    'COMMIT',
    { filehandle: fh, offset: 4096, count: 0 },
    `
    00  raw  11*64                    filehandle
    40  u64  00 10 00 00 00 00 00 00  offset
    48  u32  00 00 00 00              count: to the end of the file
    4c  raw  00*4                     end of structure
  `,
  ),
  response(
    'COMMIT',
    { writeverf: verifier },
    `
    00  raw  01 02 03 04 05 06 07 08  writeverf
  `,
  ),
  request(
    'CACHE_HINT',
    { filehandle: fh, offset: 1, count: 2, accessPattern: 2, cacheHint: 0x7f },
    `
    00  raw  11*64                    filehandle
    40  u64  01 00 00 00 00 00 00 00  offset
    48  u32  02 00 00 00              count
    4c  u32  02 00 00 00              access_pattern = DAFS_CACHE_HINT_SEQUENTIAL
    50  u32  7f 00 00 00              cache_hint: prefetch, dafs_readhint_7, dafs_writehint_7
    54  raw  00*4                     end of structure
  `,
  ),
  response('CACHE_HINT', {}, ''),
  request(
    'BATCH_SUBMIT',
    {
      requests: [
        {
          filehandle: fh,
          requestId: 0x0102n,
          stateId,
          rwFlag: 2,
          chunks: [{ offset: 8192, byteCount: 4096, cacheHint: 0 }],
          requestBuffers: [buffer],
          directChecksum: 0x12345678,
        },
      ],
      usecWindow: 1000,
      numCompletions: 4,
      synchronous: true,
    },
    `
    00  u32  10 00 00 00              requests: offset
    04  u32  e8 03 00 00              usec_window
    08  u32  04 00 00 00              num_completions
    0c  u8   01                       synchronous
    0d  raw  00*3                     end of structure
    10  u32  01 00 00 00              requests: count
    14  raw  00*4                     pad before 8-byte aligned elements
    18  raw  11*64                    [0].filehandle
    58  u64  02 01 00 00 00 00 00 00  [0].request_id
    60  raw  01 02 03 04 05 06 07 08  [0].state_id
    68  u32  02 00 00 00              [0].rw_flag = DAFS_WRITE_OP
    6c  u32  68 00 00 00              [0].chunks: offset from requests
    70  u32  80 00 00 00              [0].request_buffers: offset from requests
    74  u16  34 12                    [0].direct_checksum.S2
    76  u16  78 56                    [0].direct_checksum.S1
    78  u32  01 00 00 00              chunks: count
    7c  raw  00*4                     pad before 8-byte aligned elements
    80  u64  00 20 00 00 00 00 00 00  chunks[0].offset
    88  u32  00 10 00 00              chunks[0].byte_count
    8c  u32  00 00 00 00              chunks[0].cache_hint
    90  u32  01 00 00 00              request_buffers: count
    94  raw  00*4                     pad before 8-byte aligned elements
    98  u64  00 50 34 12 00 7f 00 00  request_buffers[0].buffer_address
    a0  u32  00 10 00 00              request_buffers[0].buffer_byte_count
    a4  u32  2a 00 00 00              request_buffers[0].buffer_handle
  `,
  ),
  response(
    'BATCH_SUBMIT',
    {
      completions: [{ requestId: 0x0102n, status: 0, bytesTransferred: 4096, directChecksum: 0 }],
    },
    `
    00  u32  08 00 00 00              completions: offset
    04  raw  00*4                     to the first counted array
    08  u32  01 00 00 00              completions: count
    0c  raw  00*4                     pad before 8-byte aligned elements
    10  u64  02 01 00 00 00 00 00 00  [0].request_id
    18  u32  00 00 00 00              [0].status = DAFS_STATUS_OK
    1c  u32  00 10 00 00              [0].bytes_transferred
    20  u16  00 00                    [0].direct_checksum.S2
    22  u16  00 00                    [0].direct_checksum.S1
    24  raw  00*4                     [0].pad
  `,
  ),
  request(
    'HURRY_UP',
    { requestId: 0x0102n },
    `
    00  u64  02 01 00 00 00 00 00 00  request_id
  `,
  ),
  response('HURRY_UP', {}, ''),
];
