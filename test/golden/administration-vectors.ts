/** Sections 6.3, 6.4 and 6.6: response cache, fencing and back-control; and agreeing on extensions. */

import { filehandle, request, response, sessionId, stateId } from './vector.ts';

const removeAt7 = { sessionId, xidStream: 7, xidSeq: 0x0109, procedure: 143 };
const removeAt7Bytes = `
    00  raw  01 02 03 04 05 06 07 08  session_id
    08  u16  07 00                    xid_stream
    0a  u16  09 01                    xid_seq
    0c  u32  8f 00 00 00              procedure = DAFS_PROC_REMOVE
`;

export const administrationVectors = [
  request(
    'EXTENSIONS',
    { wanted: [1, 3] },
    `
    00  u32  08 00 00 00              wanted: offset
    04  raw  00*4                     to the first counted array
    08  u32  02 00 00 00              wanted: count
    0c  u32  01 00 00 00              wanted[0]
    10  u32  03 00 00 00              wanted[1]
    14  raw  00*4                     end of message
  `,
  ),
  response(
    'EXTENSIONS',
    { granted: [3] },
    `
    00  u32  08 00 00 00              granted: offset
    04  raw  00*4                     to the first counted array
    08  u32  01 00 00 00              granted: count
    0c  u32  03 00 00 00              granted[0]
  `,
  ),
  request(
    'ORDMA_USED',
    { firstSlot: 8192, used: Uint8Array.of(0x01, 0x80, 0xff) },
    `
    00  u32  00 20 00 00              first_slot
    04  u32  08 00 00 00              used: offset
    08  u32  03 00 00 00              used: count
    0c  raw  01 80 ff                 used
    0f  raw  00                       end of message
  `,
  ),
  response('ORDMA_USED', {}, ''),
  request('ORDMA_EXPORT', {}, ''),
  response(
    'ORDMA_EXPORT',
    {
      address: 0x7f12_3456_7000,
      byteCount: 0x1_0002_3000,
      handle: 0x5006,
      slots: 65536,
      blockBytes: 65536,
    },
    `
    00  u64  00 70 56 34 12 7f 00 00  address
    08  u64  00 30 02 00 01 00 00 00  byte_count
    10  u32  06 50 00 00              handle
    14  u32  00 00 01 00              slots
    18  u32  00 00 01 00              block_bytes
    1c  raw  00*4                     pad
  `,
  ),
  request('CHECK_RESPONSE', removeAt7, removeAt7Bytes),
  response('CHECK_RESPONSE', {}, ''),
  request('FETCH_RESPONSE', removeAt7, removeAt7Bytes),
  response('FETCH_RESPONSE', {}, ''),
  request(
    'DISCARD_RESPONSES',
    { sessionId },
    `
    00  raw  01 02 03 04 05 06 07 08  session_id
  `,
  ),
  response('DISCARD_RESPONSES', {}, ''),
  request(
    'GET_FENCING_LIST',
    { filehandle: filehandle(0x11) },
    `
    00  raw  11*64                    filehandle
  `,
  ),
  response(
    'GET_FENCING_LIST',
    { fenceList: ['a', 'bc'] },
    `
    00  u32  08 00 00 00              fence_list: offset
    04  raw  00*4                     to the first counted array
    08  u32  02 00 00 00              fence_list: count
    0c  u32  10 00 00 00              fence_list[0]: offset from fence_list
    10  u32  18 00 00 00              fence_list[1]: offset from fence_list
    14  raw  00*4                     to the next counted array
    18  u32  01 00 00 00              fence_list[0]: count
    1c  raw  61                       fence_list[0]
    1d  raw  00*3                     to the next counted array
    20  u32  02 00 00 00              fence_list[1]: count
    24  raw  62 63                    fence_list[1]
    26  raw  00*2                     end of message
  `,
  ),
  request(
    'SET_FENCING_LIST',
    {
      filehandle: filehandle(0x11),
      object: 2,
      access: 2,
      update: 3,
      fenceList: ['a'],
    },
    `
    00  raw  11*64                    filehandle
    40  u32  02 00 00 00              object = FILESYSTEM
    44  u32  02 00 00 00              access = DENY
    48  u32  03 00 00 00              update = REMOVE
    4c  u32  50 00 00 00              fence_list: offset
    50  u32  01 00 00 00              fence_list: count
    54  u32  08 00 00 00              fence_list[0]: offset from fence_list
    58  u32  01 00 00 00              fence_list[0]: count
    5c  raw  61                       fence_list[0]
    5d  raw  00*3                     end of message
  `,
  ),
  response('SET_FENCING_LIST', {}, ''),
  request('BC_NULL', {}, ''),
  response('BC_NULL', {}, ''),
  request(
    'BC_BATCH_COMPLETION',
    {
      completions: [
        { requestId: 0x0102n, status: 0, bytesTransferred: 4096, directChecksum: 0x12345678 },
        { requestId: 2n ** 63n, status: 5, bytesTransferred: 0, directChecksum: 0 },
      ],
    },
    `
    00  u32  08 00 00 00              completions: offset
    04  raw  00*4                     to the first counted array
    08  u32  02 00 00 00              completions: count
    0c  raw  00*4                     pad before 8-byte aligned elements
    10  u64  02 01 00 00 00 00 00 00  [0].request_id
    18  u32  00 00 00 00              [0].status = DAFS_STATUS_OK
    1c  u32  00 10 00 00              [0].bytes_transferred
    20  u16  34 12                    [0].direct_checksum.S2
    22  u16  78 56                    [0].direct_checksum.S1
    24  raw  00*4                     [0].pad
    28  u64  00 00 00 00 00 00 00 80  [1].request_id
    30  u32  05 00 00 00              [1].status = DAFSERR_IO
    34  u32  00 00 00 00              [1].bytes_transferred
    38  u16  00 00                    [1].direct_checksum.S2
    3a  u16  00 00                    [1].direct_checksum.S1
    3c  raw  00*4                     [1].pad
  `,
  ),
  response('BC_BATCH_COMPLETION', {}, ''),
  request(
    'BC_GETATTR',
    { filehandle: filehandle(0x11), attrRequestBitmap: 0x020180 },
    `
    00  raw  11*64                    filehandle
    40  u64  80 01 02 00 00 00 00 00  attr_request_bitmap: change, object_size, time_modify
  `,
  ),
  response(
    'BC_GETATTR',
    { objAttributes: { included: 0x100, valid: 0x100, objectSize: 5 } },
    `
    00  u32  08 00 00 00              obj_attributes: offset
    04  raw  00*4                     to the join
    08  u64  00 01 00 00 00 00 00 00  included: object_size
    10  u64  00 01 00 00 00 00 00 00  valid
    18  u64  05 00 00 00 00 00 00 00  object_size
  `,
  ),
  request(
    'BC_RECALL',
    { filehandle: filehandle(0x11), stateId, truncate: true },
    `
    00  raw  11*64                    filehandle
    40  raw  01 02 03 04 05 06 07 08  state_id
    48  u32  01 00 00 00              truncate
    4c  raw  00*4                     end of structure
  `,
  ),
  response('BC_RECALL', {}, ''),
];
