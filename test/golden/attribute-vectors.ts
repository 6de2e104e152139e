/** Attributes and access rights: sections 6.1.5, 6.1.6 and parts of 6.5. */

import { filehandle, parseFields, request, response, stateId } from './vector.ts';

const fh = filehandle(0x11);
const buffer = { address: 0x7f00_1234_5000, byteCount: 4096, handle: 0x2a };

export const everyFileSystemAttribute = 3 * 2 ** 32 + 0xbfffffff;

export const attributeVectors = [
  request('NULL', {}, ''),
  response('NULL', {}, ''),
  request(
    'ACCESS',
    { filehandle: fh, access: 0x25 },
    `
    00  raw  11*64                    filehandle
    40  u32  25 00 00 00              access: read, modify, execute
    44  raw  00*4                     end of structure
  `,
  ),
  response(
    'ACCESS',
    { supported: 0x25, access: 0x01 },
    `
    00  u32  25 00 00 00              supported
    04  u32  01 00 00 00              access: read
  `,
  ),
  request(
    'GETATTR_INLINE',
    { filehandle: fh, attrRequestBitmap: 0x1820171 },
    `
    00  raw  11*64                    filehandle
    40  u64  71 01 82 01 00 00 00 00  attr_request_bitmap
  `,
  ),
  response(
    'GETATTR_INLINE',
    {
      objAttributes: {
        included: 0x1820171,
        valid: 0x1820131,
        namedAttr: true,
        objectType: 1,
        mode: 0o644,
        objectSize: 5,
        timeModify: { seconds: -1, nseconds: 7 },
        owner: '1000',
        ownerGroup: '100',
      },
    },
    `
    00  u32  08 00 00 00              obj_attributes: offset
    04  raw  00*4                     to the join
    08  u64  71 01 82 01 00 00 00 00  included: 1, 5, 6, 7, 9, 18, 24, 25
    10  u64  31 01 82 01 00 00 00 00  valid: all of them but num_links
    18  u8   01                       named_attributes
    19  raw  00*3                     to a 4-byte field
    1c  u32  01 00 00 00              object_type
    20  u32  a4 01 00 00              mode
    24  u32  00 00 00 00              num_links: room without a value
    28  u64  05 00 00 00 00 00 00 00  object_size
    30  u64  ff ff ff ff ff ff ff ff  time_modify.seconds
    38  u32  07 00 00 00              time_modify.nseconds
    3c  raw  00*4                     end of dafs_time_type
    40  u32  40 00 00 00              owner: offset from the join
    44  u32  48 00 00 00              owner_group: offset from the join
    48  u32  04 00 00 00              owner: count
    4c  raw  31 30 30 30              owner
    50  u32  03 00 00 00              owner_group: count
    54  raw  31 30 30                 owner_group
    57  raw  00                       end of message
  `,
  ),
  response(
    'GETATTR_INLINE',
    {
      objAttributes: {
        included: 0x60000020,
        valid: 0x60000020,
        mode: 0o644,
        inodeFlags: 0x30,
        hasNamedAttr: true,
      },
    },
    `
    00  u32  08 00 00 00              obj_attributes: offset
    04  raw  00*4                     to the join
    08  u64  20 00 00 60 00 00 00 00  included: mode, inode_flags, has_named_attr
    10  u64  20 00 00 60 00 00 00 00  valid
    18  u32  a4 01 00 00              mode
    1c  u32  30 00 00 00              inode_flags: immutable, append-only
    20  u8   01                       has_named_attr
    21  raw  00*7                     end of message
  `,
    { title: 'attributes of the extension XATTR' },
  ),
  request(
    'GETATTR_DIRECT',
    { filehandle: fh, attrRequestBitmap: 0x20, dataBuffer: buffer },
    `
    00  raw  11*64                    filehandle
    40  u64  20 00 00 00 00 00 00 00  attr_request_bitmap: mode
    48  u64  00 50 34 12 00 7f 00 00  data_buffer.buffer_address
    50  u32  00 10 00 00              data_buffer.buffer_byte_count
    54  u32  2a 00 00 00              data_buffer.buffer_handle
  `,
  ),
  response(
    'GETATTR_DIRECT',
    { directChecksum: 0x12345678 },
    `
    00  u16  34 12                    direct_checksum.S2
    02  u16  78 56                    direct_checksum.S1
    04  raw  00*4                     end of message
  `,
  ),
  request(
    'GET_FSATTR',
    { filehandle: fh, attrRequestBitmap: everyFileSystemAttribute },
    `
    00  raw  11*64                    filehandle
    40  u64  ff ff ff bf 03 00 00 00  attr_request_bitmap: 1 to 30, 32, 33, 34
  `,
  ),
  response(
    'GET_FSATTR',
    {
      objAttributes: {
        included: everyFileSystemAttribute,
        valid: everyFileSystemAttribute,
        linkSupport: true,
        symlinkSupport: true,
        canSetTime: true,
        caseInsensitive: false,
        casePreserving: true,
        chownRestricted: true,
        homogeneous: true,
        noTrunc: true,
        uniqueHandle: false,
        leaseTime: 90,
        rdAttrError: 0,
        aclSupport: 3,
        maxLink: 32767,
        maxName: 255,
        supportedFattr: 0x1ffffff,
        supportedFsattr: everyFileSystemAttribute,
        filesAvailable: 1,
        filesFree: 2,
        filesTotal: 3,
        maxFileSize: 2 ** 40,
        maxRead: 2 ** 20,
        maxWrite: 2 ** 19,
        quotaHard: 4,
        quotaSoft: 5,
        quotaUsed: 6,
        spaceAvailable: 7,
        spaceFree: 8,
        spaceTotal: 9,
        fshandle: new Uint8Array(16).fill(0x33),
        failoverLocations: [
          {
            fsRoot: [new TextEncoder().encode('srv')],
            locations: [{ server: 'h1', rootPath: [] }],
          },
        ],
        maxAppend: 65536,
        prefIoSize: 131072,
        fhExpireType: 0,
      },
    },
    `
    000  u32  08 00 00 00              obj_attributes: offset
    004  raw  00*4                     to the join
    008  u64  ff ff ff bf 03 00 00 00  included
    010  u64  ff ff ff bf 03 00 00 00  valid
    018  u8   01                       link_support
    019  u8   01                       symlink_support
    01a  u8   01                       can_set_time
    01b  u8   00                       case_insensitive
    01c  u8   01                       case_preserving
    01d  u8   01                       chown_restricted
    01e  u8   01                       homogeneous
    01f  u8   01                       no_trunc
    020  u8   00                       unique_handle
    021  raw  00*3                     to a 4-byte field
    024  u32  5a 00 00 00              lease_time
    028  u32  00 00 00 00              rd_attr_error
    02c  u32  03 00 00 00              acl_support
    030  u32  ff 7f 00 00              max_link
    034  u32  ff 00 00 00              max_name
    038  u64  ff ff ff 01 00 00 00 00  supported_fattr
    040  u64  ff ff ff bf 03 00 00 00  supported_fsattr
    048  u64  01 00 00 00 00 00 00 00  files_available
    050  u64  02 00 00 00 00 00 00 00  files_free
    058  u64  03 00 00 00 00 00 00 00  files_total
    060  u64  00 00 00 00 00 01 00 00  max_file_size
    068  u64  00 00 10 00 00 00 00 00  max_read
    070  u64  00 00 08 00 00 00 00 00  max_write
    078  u64  04 00 00 00 00 00 00 00  quota_hard
    080  u64  05 00 00 00 00 00 00 00  quota_soft
    088  u64  06 00 00 00 00 00 00 00  quota_used
    090  u64  07 00 00 00 00 00 00 00  space_available
    098  u64  08 00 00 00 00 00 00 00  space_free
    0a0  u64  09 00 00 00 00 00 00 00  space_total
    0a8  raw  33*16                    fshandle
    0b8  u32  d0 00 00 00              failover_locations: offset from the join
    0bc  raw  00*4                     to an 8-byte field
    0c0  u64  00 00 01 00 00 00 00 00  max_append
    0c8  u64  00 00 02 00 00 00 00 00  pref_io_size
    0d0  u32  00 00 00 00              fh_expire_type
    0d4  raw  00*4                     to the first counted array
    0d8  u32  01 00 00 00              failover_locations: count
    0dc  u32  10 00 00 00              [0].fs_root: offset from failover_locations
    0e0  u32  20 00 00 00              [0].locations: offset from failover_locations
    0e4  raw  00*4                     to the next counted array
    0e8  u32  01 00 00 00              fs_root: count
    0ec  raw  00*4                     pad before the names
    0f0  u32  03 00 00 00              fs_root[0]: count
    0f4  raw  73 72 76                 fs_root[0]
    0f7  raw  00                       to the next counted array
    0f8  u32  01 00 00 00              locations: count
    0fc  u32  10 00 00 00              [0].server: offset from locations
    100  u32  18 00 00 00              [0].root_path: offset from locations
    104  raw  00*4                     to the next counted array
    108  u32  02 00 00 00              server: count
    10c  raw  68 31                    server
    10e  raw  00*2                     to the next counted array
    110  u32  00 00 00 00              root_path: count
    114  raw  00*4                     pad before the names
  `,
  ),
  request(
    'SETATTR_INLINE',
    {
      filehandle: fh,
      stateId,
      objAttributes: { included: 0x20, valid: 0x20, mode: 0o755 },
    },
    `
    00  raw  11*64                    filehandle
    40  raw  01 02 03 04 05 06 07 08  state_id
    48  u32  50 00 00 00              obj_attributes: offset
    4c  raw  00*4                     end of structure
    50  u64  20 00 00 00 00 00 00 00  included: mode
    58  u64  20 00 00 00 00 00 00 00  valid
    60  u32  ed 01 00 00              mode
    64  raw  00*4                     end of message
  `,
  ),
  response(
    'SETATTR_INLINE',
    { attrRequestBitmap: 0x20 },
    `
    00  u64  20 00 00 00 00 00 00 00  attr_request_bitmap: mode
  `,
  ),
  request(
    'SETATTR_DIRECT',
    {
      filehandle: fh,
      stateId,
      directChecksum: 0x12345678,
      objAttributes: buffer,
    },
    `
    00  raw  11*64                    filehandle
    40  raw  01 02 03 04 05 06 07 08  state_id
    48  u16  34 12                    direct_checksum.S2
    4a  u16  78 56                    direct_checksum.S1
    4c  raw  00*4                     to an 8-byte aligned structure
    50  u64  00 50 34 12 00 7f 00 00  obj_attributes.buffer_address
    58  u32  00 10 00 00              obj_attributes.buffer_byte_count
    5c  u32  2a 00 00 00              obj_attributes.buffer_handle
  `,
  ),
  response(
    'SETATTR_DIRECT',
    { attrRequestBitmap: 0 },
    `
    00  u64  00 00 00 00 00 00 00 00  attr_request_bitmap: none
  `,
  ),
  request(
    'VERIFY',
    {
      filehandle: fh,
      objAttributes: { included: 0x200, valid: 0x200, fileId: 0x0102030405 },
    },
    `
    00  raw  11*64                    filehandle
    40  u32  48 00 00 00              obj_attributes: offset
    44  raw  00*4                     end of structure
    48  u64  00 02 00 00 00 00 00 00  included: file_id
    50  u64  00 02 00 00 00 00 00 00  valid
    58  u64  05 04 03 02 01 00 00 00  file_id
  `,
  ),
  response('VERIFY', {}, ''),
  request(
    'NVERIFY',
    {
      filehandle: fh,
      objAttributes: { included: 0x80, valid: 0x80, change: 0xfedcba9876543210n },
    },
    `
    00  raw  11*64                    filehandle
    40  u32  48 00 00 00              obj_attributes: offset
    44  raw  00*4                     end of structure
    48  u64  80 00 00 00 00 00 00 00  included: change
    50  u64  80 00 00 00 00 00 00 00  valid
    58  u64  10 32 54 76 98 ba dc fe  change
  `,
  ),
  response('NVERIFY', {}, ''),
];

/** All file attributes, as they lie in a direct buffer of GETATTR_DIRECT. */
export const everyFileAttribute = {
  value: {
    included: 0x1ffffff,
    valid: 0x1ffffff,
    namedAttr: true,
    archive: false,
    hidden: true,
    system: false,
    objectType: 1,
    mode: 0o755,
    numLinks: 2,
    change: 0x0102030405060708n,
    objectSize: 4096,
    fileId: 42,
    spaceUsed: 8192,
    timeAccess: { seconds: 1, nseconds: 2 },
    timeAccessSet: { clientTime: { seconds: 3, nseconds: 4 }, how: 2 },
    timeBackup: { seconds: 5, nseconds: 6 },
    timeCreate: { seconds: 7, nseconds: 8 },
    timeDelta: { seconds: 0, nseconds: 1 },
    timeMetadata: { seconds: 9, nseconds: 10 },
    timeModify: { seconds: 11, nseconds: 12 },
    timeModifySet: { clientTime: { seconds: 0, nseconds: 0 }, how: 1 },
    rawDev: { specdata1: 8, specdata2: 1 },
    filehandle: filehandle(0x22),
    acl: [{ type: 1, flag: 0x40, accessMask: 2, who: 'bob' }],
    mimeType: 'a/b',
    owner: '0',
    ownerGroup: '5',
  } as const,
  fields: parseFields(`
    000  u64  ff ff ff 01 00 00 00 00  included
    008  u64  ff ff ff 01 00 00 00 00  valid
    010  u8   01                       named_attributes
    011  u8   00                       archive
    012  u8   01                       hidden
    013  u8   00                       system
    014  u32  01 00 00 00              object_type
    018  u32  ed 01 00 00              mode
    01c  u32  02 00 00 00              num_links
    020  u64  08 07 06 05 04 03 02 01  change
    028  u64  00 10 00 00 00 00 00 00  object_size
    030  u64  2a 00 00 00 00 00 00 00  file_id
    038  u64  00 20 00 00 00 00 00 00  space_used
    040  u64  01 00 00 00 00 00 00 00  time_access.seconds
    048  u32  02 00 00 00              time_access.nseconds
    04c  raw  00*4                     end of dafs_time_type
    050  u64  03 00 00 00 00 00 00 00  time_access_set.client_time.seconds
    058  u32  04 00 00 00              time_access_set.client_time.nseconds
    05c  raw  00*4                     end of dafs_time_type
    060  u32  02 00 00 00              time_access_set.how = SET_TO_CLIENT_TIME
    064  raw  00*4                     end of dafs_settime_type
    068  u64  05 00 00 00 00 00 00 00  time_backup.seconds
    070  u32  06 00 00 00              time_backup.nseconds
    074  raw  00*4                     end of dafs_time_type
    078  u64  07 00 00 00 00 00 00 00  time_create.seconds
    080  u32  08 00 00 00              time_create.nseconds
    084  raw  00*4                     end of dafs_time_type
    088  u64  00 00 00 00 00 00 00 00  time_delta.seconds
    090  u32  01 00 00 00              time_delta.nseconds
    094  raw  00*4                     end of dafs_time_type
    098  u64  09 00 00 00 00 00 00 00  time_metadata.seconds
    0a0  u32  0a 00 00 00              time_metadata.nseconds
    0a4  raw  00*4                     end of dafs_time_type
    0a8  u64  0b 00 00 00 00 00 00 00  time_modify.seconds
    0b0  u32  0c 00 00 00              time_modify.nseconds
    0b4  raw  00*4                     end of dafs_time_type
    0b8  u64  00 00 00 00 00 00 00 00  time_modify_set.client_time.seconds
    0c0  u32  00 00 00 00              time_modify_set.client_time.nseconds
    0c4  raw  00*4                     end of dafs_time_type
    0c8  u32  01 00 00 00              time_modify_set.how = SET_TO_SERVER_TIME
    0cc  raw  00*4                     end of dafs_settime_type
    0d0  u64  08 00 00 00 00 00 00 00  specdata.specdata1
    0d8  u64  01 00 00 00 00 00 00 00  specdata.specdata2
    0e0  raw  22*64                    filehandle
    120  u32  30 01 00 00              acl: offset
    124  u32  50 01 00 00              mime_type: offset
    128  u32  58 01 00 00              owner: offset
    12c  u32  60 01 00 00              owner_group: offset
    130  u32  01 00 00 00              acl: count
    134  u32  01 00 00 00              acl[0].type = DAFS_ACE_ACCESS_DENIED_ACE_TYPE
    138  u32  40 00 00 00              acl[0].flag = DAFS_ACE_IDENTIFIER_GROUP
    13c  u32  02 00 00 00              acl[0].access_mask = DAFS_ACE_WRITE_DATA
    140  u32  18 00 00 00              acl[0].who: offset from acl
    144  raw  00*4                     to the next counted array
    148  u32  03 00 00 00              acl[0].who: count
    14c  raw  62 6f 62                 acl[0].who
    14f  raw  00                       to the next counted array
    150  u32  03 00 00 00              mime_type: count
    154  raw  61 2f 62                 mime_type
    157  raw  00                       to the next counted array
    158  u32  01 00 00 00              owner: count
    15c  raw  30                       owner
    15d  raw  00*3                     to the next counted array
    160  u32  01 00 00 00              owner_group: count
    164  raw  35                       owner_group
  `),
};
