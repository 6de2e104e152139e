/** Extension NOTIFY: what others have changed. */

import { ascii, request, response } from './vector.ts';

export const notificationVectors = [
  request(
    'SUBSCRIBE',
    { wantsNames: true },
    `
    00  u32  01 00 00 00              wants_names
    04  raw  00*4                     end of message
  `,
  ),
  response(
    'SUBSCRIBE',
    { alone: true },
    `
    00  u32  01 00 00 00              alone
    04  raw  00*4                     end of message
  `,
  ),
  request(
    'BC_CHANGES',
    {
      alone: false,
      everything: true,
      files: [
        { fileId: 7, offset: 4096, length: 100, isData: true },
        { fileId: 0x0102, offset: 0, length: 0, isData: false },
      ],
      names: [{ directory: 1, name: ascii('abc') }],
    },
    `
    00  u32  00 00 00 00              alone
    04  u32  01 00 00 00              everything
    08  u32  10 00 00 00              files: offset
    0c  u32  58 00 00 00              names: offset
    10  u32  02 00 00 00              files: count
    14  raw  00*4                     pad before 8-byte aligned elements
    18  u64  07 00 00 00 00 00 00 00  files[0].file_id
    20  u64  00 10 00 00 00 00 00 00  files[0].offset
    28  u64  64 00 00 00 00 00 00 00  files[0].length
    30  u32  01 00 00 00              files[0].is_data
    34  raw  00*4                     files[0].pad
    38  u64  02 01 00 00 00 00 00 00  files[1].file_id
    40  u64  00 00 00 00 00 00 00 00  files[1].offset
    48  u64  00 00 00 00 00 00 00 00  files[1].length: to the end
    50  u32  00 00 00 00              files[1].is_data: attributes alone
    54  raw  00*4                     files[1].pad
    58  u32  01 00 00 00              names: count
    5c  raw  00*4                     pad before 8-byte aligned elements
    60  u64  01 00 00 00 00 00 00 00  names[0].directory
    68  u32  18 00 00 00              names[0].name: offset from the start of names
    6c  raw  00*4                     end of structure
    70  u32  03 00 00 00              names[0].name: count
    74  raw  61 62 63                 names[0].name
    77  raw  00                       end of message
  `,
  ),
  response('BC_CHANGES', {}, ''),
];
