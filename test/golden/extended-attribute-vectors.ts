/** Extended attributes by name: extension XATTR. */

import { ascii, filehandle, request, response, stateId } from './vector.ts';

const fh = filehandle(0x11);
const name = ascii('user.a');
const valueBuffer = { address: 0x7f00_1234_5000, byteCount: 4096, handle: 0x2a };

const nameAlone = `
    00  raw  11*64                    filehandle
    40  u32  48 00 00 00              name: offset
    44  raw  00*4                     to a counted array
    48  u32  06 00 00 00              name: count
    4c  raw  75 73 65 72 2e 61        name
    52  raw  00*6                     end of message
`;
const change = { changeInfo: { before: 7n, after: 9n, atomic: true } };
const changeBytes = `
    00  u64  07 00 00 00 00 00 00 00  change_info.before
    08  u64  09 00 00 00 00 00 00 00  change_info.after
    10  u32  01 00 00 00              change_info.atomic
    14  raw  00*4                     change_info.pad
`;

export const extendedAttributeVectors = [
  request(
    'SETATTR_INLINE',
    {
      filehandle: fh,
      stateId,
      objAttributes: {
        included: 0x18000000,
        valid: 0x18000000,
        killSuidgid: true,
        modeUmask: { mode: 0o664, umask: 0o22 },
      },
    },
    `
    00  raw  11*64                    filehandle
    40  raw  01 02 03 04 05 06 07 08  state_id
    48  u32  50 00 00 00              obj_attributes: offset
    4c  raw  00*4                     end of structure
    50  u64  00 00 00 18 00 00 00 00  included: kill_suidgid, mode_umask
    58  u64  00 00 00 18 00 00 00 00  valid
    60  u8   01                       kill_suidgid
    61  raw  00*3                     to a 4-byte field
    64  u32  b4 01 00 00              mode_umask.mode
    68  u32  12 00 00 00              mode_umask.umask
    6c  raw  00*4                     end of message
  `,
    { title: 'attributes of the extension XATTR' },
  ),
  request('GETXATTR_INLINE', { filehandle: fh, name }, nameAlone),
  response(
    'GETXATTR_INLINE',
    { value: ascii('abc') },
    `
    00  u32  08 00 00 00              value: offset
    04  raw  00*4                     to a counted array
    08  u32  03 00 00 00              value: count
    0c  raw  61 62 63                 value
    0f  raw  00                       end of message
  `,
  ),
  request(
    'GETXATTR_DIRECT',
    { filehandle: fh, valueBuffer, name },
    `
    00  raw  11*64                    filehandle
    40  u64  00 50 34 12 00 7f 00 00  value_buffer.buffer_address
    48  u32  00 10 00 00              value_buffer.buffer_byte_count
    4c  u32  2a 00 00 00              value_buffer.buffer_handle
    50  u32  58 00 00 00              name: offset
    54  raw  00*4                     end of structure
    58  u32  06 00 00 00              name: count
    5c  raw  75 73 65 72 2e 61        name
    62  raw  00*6                     end of message
  `,
  ),
  response(
    'GETXATTR_DIRECT',
    { byteCount: 300, directChecksum: 0x12345678 },
    `
    00  u32  2c 01 00 00              byte_count
    04  u16  34 12                    direct_checksum.S2
    06  u16  78 56                    direct_checksum.S1
  `,
  ),
  request(
    'SETXATTR_INLINE',
    { filehandle: fh, option: 2, name, value: ascii('abc') },
    `
    00  raw  11*64                    filehandle
    40  u32  02 00 00 00              option = REPLACE
    44  u32  50 00 00 00              name: offset
    48  u32  60 00 00 00              value: offset
    4c  raw  00*4                     end of structure
    50  u32  06 00 00 00              name: count
    54  raw  75 73 65 72 2e 61        name
    5a  raw  00*6                     to a counted array
    60  u32  03 00 00 00              value: count
    64  raw  61 62 63                 value
    67  raw  00                       end of message
  `,
  ),
  response('SETXATTR_INLINE', change, changeBytes),
  request(
    'SETXATTR_DIRECT',
    { filehandle: fh, option: 1, name, valueBuffer, directChecksum: 0x12345678 },
    `
    00  raw  11*64                    filehandle
    40  u32  01 00 00 00              option = CREATE
    44  u32  60 00 00 00              name: offset
    48  u64  00 50 34 12 00 7f 00 00  value_buffer.buffer_address
    50  u32  00 10 00 00              value_buffer.buffer_byte_count
    54  u32  2a 00 00 00              value_buffer.buffer_handle
    58  u16  34 12                    direct_checksum.S2
    5a  u16  78 56                    direct_checksum.S1
    5c  raw  00*4                     end of structure
    60  u32  06 00 00 00              name: count
    64  raw  75 73 65 72 2e 61        name
    6a  raw  00*6                     end of message
  `,
  ),
  response('SETXATTR_DIRECT', change, changeBytes),
  request(
    'LISTXATTRS',
    { filehandle: fh, cookie: 5, maxcount: 4096 },
    `
    00  raw  11*64                    filehandle
    40  u64  05 00 00 00 00 00 00 00  cookie
    48  u32  00 10 00 00              maxcount
    4c  raw  00*4                     end of structure
  `,
  ),
  response(
    'LISTXATTRS',
    { cookie: 9, eof: true, names: [name, ascii('user.b')] },
    `
    00  u64  09 00 00 00 00 00 00 00  cookie
    08  u32  01 00 00 00              eof
    0c  u32  10 00 00 00              names: offset
    10  u32  02 00 00 00              names: count
    14  u32  10 00 00 00              names[0]: offset from names
    18  u32  20 00 00 00              names[1]: offset from names
    1c  raw  00*4                     to a counted array
    20  u32  06 00 00 00              names[0]: count
    24  raw  75 73 65 72 2e 61        names[0]
    2a  raw  00*6                     to a counted array
    30  u32  06 00 00 00              names[1]: count
    34  raw  75 73 65 72 2e 62        names[1]
    3a  raw  00*6                     end of message
  `,
  ),
  request('REMOVEXATTR', { filehandle: fh, name }, nameAlone),
  response('REMOVEXATTR', change, changeBytes),
];
