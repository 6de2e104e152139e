/** Names and directories: parts of section 6.5. */

import { ascii, filehandle, parseFields, request, response, verifier } from './vector.ts';

const fh = filehandle(0x11);
const other = filehandle(0x22);
const buffer = { address: 0x7f00_1234_5000, byteCount: 4096, handle: 0x2a };
const changeInfo = { before: 5n, after: 6n, atomic: true };
const listing = { filehandle: fh, cookie: 0, cookieverf: verifier, dircount: 512, maxcount: 4096 };

export const nameVectors = [
  request('GET_ROOT_HANDLE', {}, ''),
  response(
    'GET_ROOT_HANDLE',
    { rootHandle: fh },
    `
    00  raw  11*64                    root_handle
  `,
  ),
  request(
    'LOOKUP',
    { directory: fh, path: [ascii('usr'), ascii('b')] },
    `
    00  raw  11*64                    directory
    40  u32  48 00 00 00              path: offset
    44  raw  00*4                     end of structure
    48  u32  02 00 00 00              path: count
    4c  raw  00*4                     pad before the names
    50  u32  03 00 00 00              path[0]: count
    54  raw  75 73 72                 path[0]
    57  raw  00                       to the next counted array
    58  u32  01 00 00 00              path[1]: count
    5c  raw  62                       path[1]
    5d  raw  00*3                     end of message
  `,
  ),
  response(
    'LOOKUP',
    { filehandle: other, componentCount: 2 },
    `
    00  raw  22*64                    filehandle
    40  u32  02 00 00 00              component_count
    44  raw  00*4                     end of structure
  `,
  ),
  request(
    'LOOKUPP',
    { filehandle: fh },
    `
    00  raw  11*64                    filehandle
  `,
  ),
  response(
    'LOOKUPP',
    { filehandle: other },
    `
    00  raw  22*64                    filehandle
  `,
  ),
  request(
    'OPENATTR',
    { filehandle: fh },
    `
    00  raw  11*64                    filehandle
  `,
  ),
  response(
    'OPENATTR',
    { filehandle: other },
    `
    00  raw  22*64                    filehandle
  `,
  ),
  request(
    'CREATE',
    {
      filehandle: fh,
      component: ascii('ln'),
      create: { objType: 5, linkdata: ascii('../x') },
      attr: { included: 0, valid: 0 },
    },
    `
    00  raw  11*64                    filehandle
    40  u32  60 00 00 00              component: offset
    44  u32  05 00 00 00              obj_type = DAFS_TYPE_LNK
    48  u32  68 00 00 00              linkdata: offset
    4c  raw  00*12                    union, padded to specdata
    58  u32  70 00 00 00              attr: offset
    5c  raw  00*4                     end of structure
    60  u32  02 00 00 00              component: count
    64  raw  6c 6e                    component
    66  raw  00*2                     to the next counted array
    68  u32  04 00 00 00              linkdata: count
    6c  raw  2e 2e 2f 78              linkdata
    70  u64  00 00 00 00 00 00 00 00  attr.included: none
    78  u64  00 00 00 00 00 00 00 00  attr.valid
  `,
    { title: 'a symbolic link' },
  ),
  request(
    'CREATE',
    {
      filehandle: fh,
      component: ascii('tty'),
      create: { objType: 4, specdata: { specdata1: 5, specdata2: 1 } },
      attr: { included: 0, valid: 0 },
    },
    `
    00  raw  11*64                    filehandle
    40  u32  60 00 00 00              component: offset
    44  u32  04 00 00 00              obj_type = DAFS_TYPE_CHR
    48  u64  05 00 00 00 00 00 00 00  specdata.specdata1
    50  u64  01 00 00 00 00 00 00 00  specdata.specdata2
    58  u32  68 00 00 00              attr: offset
    5c  raw  00*4                     end of structure
    60  u32  03 00 00 00              component: count
    64  raw  74 74 79                 component
    67  raw  00                       to the join
    68  u64  00 00 00 00 00 00 00 00  attr.included: none
    70  u64  00 00 00 00 00 00 00 00  attr.valid
  `,
    { title: 'a device' },
  ),
  request(
    'CREATE',
    {
      filehandle: fh,
      component: ascii('d'),
      create: { objType: 2 },
      attr: { included: 0x20, valid: 0x20, mode: 0o700 },
    },
    `
    00  raw  11*64                    filehandle
    40  u32  60 00 00 00              component: offset
    44  u32  02 00 00 00              obj_type = DAFS_TYPE_DIR
    48  raw  00*16                    union, padded to specdata
    58  u32  68 00 00 00              attr: offset
    5c  raw  00*4                     end of structure
    60  u32  01 00 00 00              component: count
    64  raw  64                       component
    65  raw  00*3                     to the join
    68  u64  20 00 00 00 00 00 00 00  attr.included: mode
    70  u64  20 00 00 00 00 00 00 00  attr.valid
    78  u32  c0 01 00 00              mode
    7c  raw  00*4                     end of message
  `,
    { title: 'a directory' },
  ),
  response(
    'CREATE',
    { filehandle: other, changeInfo },
    `
    00  raw  22*64                    filehandle
    40  u64  05 00 00 00 00 00 00 00  change_info.before
    48  u64  06 00 00 00 00 00 00 00  change_info.after
    50  u32  01 00 00 00              change_info.atomic
    54  raw  00*4                     change_info.pad
  `,
  ),
  request(
    'LINK',
    { sourceObject: fh, destinationObject: other, newname: ascii('n') },
    `
    00  raw  11*64                    source_object
    40  raw  22*64                    destination_object
    80  u32  88 00 00 00              newname: offset
    84  raw  00*4                     end of structure
    88  u32  01 00 00 00              newname: count
    8c  raw  6e                       newname
    8d  raw  00*3                     end of message
  `,
  ),
  response(
    'LINK',
    { changeInfo: { before: 1n, after: 2n ** 64n - 1n, atomic: false } },
    `
    00  u64  01 00 00 00 00 00 00 00  change_info.before
    08  u64  ff ff ff ff ff ff ff ff  change_info.after
    10  u32  00 00 00 00              change_info.atomic
    14  raw  00*4                     change_info.pad
  `,
  ),
  request(
    'REMOVE',
    { filehandle: fh, target: Uint8Array.of(0xff, 0x2f), removeMode: 1 },
    `
    00  raw  11*64                    filehandle
    40  u32  48 00 00 00              target: offset
    44  u32  01 00 00 00              remove_mode = CHECK_OPEN
    48  u32  02 00 00 00              target: count
    4c  raw  ff 2f                    target: names are bytes, not UTF-8
    4e  raw  00*2                     end of message
  `,
  ),
  request(
    'REMOVE',
    { filehandle: fh, target: ascii('d'), removeMode: 1001 },
    `
    00  raw  11*64                    filehandle
    40  u32  48 00 00 00              target: offset
    44  u32  e9 03 00 00              remove_mode = REMOVE_DIRECTORY (our extension)
    48  u32  01 00 00 00              target: count
    4c  raw  64                       target
    4d  raw  00*3                     end of message
  `,
    { title: 'REMOVE_DIRECTORY' },
  ),
  response(
    'REMOVE',
    { changeInfo },
    `
    00  u64  05 00 00 00 00 00 00 00  change_info.before
    08  u64  06 00 00 00 00 00 00 00  change_info.after
    10  u32  01 00 00 00              change_info.atomic
    14  raw  00*4                     change_info.pad
  `,
  ),
  request(
    'RENAME',
    { sourcedir: fh, targetdir: other, oldname: ascii('old'), newname: ascii('') },
    `
    00  raw  11*64                    sourcedir
    40  raw  22*64                    targetdir
    80  u32  88 00 00 00              oldname: offset
    84  u32  90 00 00 00              newname: offset
    88  u32  03 00 00 00              oldname: count
    8c  raw  6f 6c 64                 oldname
    8f  raw  00                       to the next counted array
    90  u32  00 00 00 00              newname: count, nothing follows
    94  raw  00*4                     end of message
  `,
  ),
  response(
    'RENAME',
    { source: changeInfo, target: { before: 7n, after: 8n, atomic: false } },
    `
    00  u64  05 00 00 00 00 00 00 00  source.before
    08  u64  06 00 00 00 00 00 00 00  source.after
    10  u32  01 00 00 00              source.atomic
    14  raw  00*4                     source.pad
    18  u64  07 00 00 00 00 00 00 00  target.before
    20  u64  08 00 00 00 00 00 00 00  target.after
    28  u32  00 00 00 00              target.atomic
    2c  raw  00*4                     target.pad
  `,
  ),
  request(
    'RENAME2',
    {
      sourcedir: fh,
      targetdir: other,
      oldname: ascii('from'),
      newname: ascii('to'),
      flags: 2,
    },
    `
    00  raw  11*64                    sourcedir
    40  raw  22*64                    targetdir
    80  u32  90 00 00 00              oldname: offset
    84  u32  98 00 00 00              newname: offset
    88  u32  02 00 00 00              flags = RENAME_EXCHANGE
    8c  raw  00*4                     end of structure
    90  u32  04 00 00 00              oldname: count
    94  raw  66 72 6f 6d              oldname
    98  u32  02 00 00 00              newname: count
    9c  raw  74 6f                    newname
    9e  raw  00*2                     end of message
  `,
  ),
  response(
    'RENAME2',
    { source: changeInfo, target: changeInfo },
    `
    00  u64  05 00 00 00 00 00 00 00  source.before
    08  u64  06 00 00 00 00 00 00 00  source.after
    10  u32  01 00 00 00              source.atomic
    14  raw  00*4                     source.pad
    18  u64  05 00 00 00 00 00 00 00  target.before
    20  u64  06 00 00 00 00 00 00 00  target.after
    28  u32  01 00 00 00              target.atomic
    2c  raw  00*4                     target.pad
  `,
  ),
  request(
    'READDIR_INLINE',
    { ...listing, attrRequestBitmap: 0x10 },
    `
    00  raw  11*64                    filehandle
    40  u64  00 00 00 00 00 00 00 00  cookie
    48  raw  01 02 03 04 05 06 07 08  cookieverf
    50  u32  00 02 00 00              dircount
    54  u32  00 10 00 00              maxcount
    58  u64  10 00 00 00 00 00 00 00  attr_request_bitmap: object_type
  `,
  ),
  response(
    'READDIR_INLINE',
    {
      cookieverf: verifier,
      eof: true,
      entries: [
        { cookie: 3, attrs: { included: 0x10, valid: 0x10, objectType: 1 }, name: ascii('a') },
        {
          cookie: 2 ** 33,
          attrs: { included: 0x10, valid: 0x10, objectType: 2 },
          name: ascii('bc'),
        },
      ],
    },
    `
    00  raw  01 02 03 04 05 06 07 08  cookieverf
    08  u32  01 00 00 00              eof
    0c  u32  10 00 00 00              entries: offset
    10  u32  02 00 00 00              entries: count
    14  raw  00*4                     pad before 8-byte aligned elements
    18  u64  03 00 00 00 00 00 00 00  [0].cookie
    20  u32  28 00 00 00              [0].attrs: offset from entries
    24  u32  40 00 00 00              [0].name_offset: offset from entries
    28  u64  00 00 00 00 02 00 00 00  [1].cookie
    30  u32  48 00 00 00              [1].attrs: offset from entries
    34  u32  60 00 00 00              [1].name_offset: offset from entries
    38  u64  10 00 00 00 00 00 00 00  [0].attrs.included: object_type
    40  u64  10 00 00 00 00 00 00 00  [0].attrs.valid
    48  u32  01 00 00 00              [0].attrs.object_type
    4c  raw  00*4                     to the next counted array
    50  u32  01 00 00 00              [0].name: count
    54  raw  61                       [0].name
    55  raw  00*3                     to the join
    58  u64  10 00 00 00 00 00 00 00  [1].attrs.included: object_type
    60  u64  10 00 00 00 00 00 00 00  [1].attrs.valid
    68  u32  02 00 00 00              [1].attrs.object_type
    6c  raw  00*4                     to the next counted array
    70  u32  02 00 00 00              [1].name: count
    74  raw  62 63                    [1].name
    76  raw  00*2                     end of message
  `,
  ),
  request(
    'READDIR_DIRECT',
    {
      ...listing,
      attrRequestBitmap: 0x10,
      readdirDataBuffers: [buffer],
    },
    `
    00  raw  11*64                    filehandle
    40  u64  00 00 00 00 00 00 00 00  cookie
    48  raw  01 02 03 04 05 06 07 08  cookieverf
    50  u32  00 02 00 00              dircount
    54  u32  00 10 00 00              maxcount
    58  u64  10 00 00 00 00 00 00 00  attr_request_bitmap: object_type
    60  u32  68 00 00 00              readdir_data_buffers: offset
    64  raw  00*4                     end of structure
    68  u32  01 00 00 00              readdir_data_buffers: count
    6c  raw  00*4                     pad before 8-byte aligned elements
    70  u64  00 50 34 12 00 7f 00 00  [0].buffer_address
    78  u32  00 10 00 00              [0].buffer_byte_count
    7c  u32  2a 00 00 00              [0].buffer_handle
  `,
  ),
  response(
    'READDIR_DIRECT',
    { cookieverf: verifier, eof: false, directChecksum: 0x12345678 },
    `
    00  raw  01 02 03 04 05 06 07 08  cookieverf
    08  u32  00 00 00 00              eof
    0c  u16  34 12                    direct_checksum.S2
    0e  u16  78 56                    direct_checksum.S1
  `,
  ),
  request(
    'READLINK_INLINE',
    { filehandle: fh },
    `
    00  raw  11*64                    filehandle
  `,
  ),
  response(
    'READLINK_INLINE',
    { link: ascii('../x') },
    `
    00  u32  08 00 00 00              link: offset
    04  raw  00*4                     to the first counted array
    08  u32  04 00 00 00              link: count
    0c  raw  2e 2e 2f 78              link
  `,
  ),
  request(
    'READLINK_DIRECT',
    { filehandle: fh, buffer },
    `
    00  raw  11*64                    filehandle
    40  u64  00 50 34 12 00 7f 00 00  buffer.buffer_address
    48  u32  00 10 00 00              buffer.buffer_byte_count
    4c  u32  2a 00 00 00              buffer.buffer_handle
  `,
  ),
  response(
    'READLINK_DIRECT',
    { directChecksum: 0xffff0101 },
    `
    00  u16  ff ff                    direct_checksum.S2
    02  u16  01 01                    direct_checksum.S1
    04  raw  00*4                     end of message
  `,
  ),
];

/** entries<> as they lie in the direct buffers of READDIR_DIRECT. */
export const directEntries = {
  value: [{ cookie: 3, attrs: { included: 0, valid: 0 }, name: ascii('a') }],
  fields: parseFields(`
    00  u32  01 00 00 00              entries: count
    04  raw  00*4                     pad before 8-byte aligned elements
    08  u64  03 00 00 00 00 00 00 00  [0].cookie
    10  u32  18 00 00 00              [0].attrs: offset
    14  u32  28 00 00 00              [0].name_offset: offset
    18  u64  00 00 00 00 00 00 00 00  [0].attrs.included: none
    20  u64  00 00 00 00 00 00 00 00  [0].attrs.valid
    28  u32  01 00 00 00              [0].name: count
    2c  raw  61                       [0].name
  `),
};

/** A link's contents as they lie in the direct buffer of READLINK_DIRECT. */
export const directLink = {
  value: ascii('../x'),
  fields: parseFields(`
    00  u32  04 00 00 00              linkcontents: count
    04  raw  2e 2e 2f 78              linkcontents
  `),
};
