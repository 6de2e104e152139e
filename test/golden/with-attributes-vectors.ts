/** Requests that tell attributes (EXTENSIONS.md): what they are made of, then the attributes. */

import { ascii, filehandle, request, response, stateId } from './vector.ts';

const fh = filehandle(0x11);
const other = filehandle(0x22);
const changeInfo = { before: 5n, after: 6n, atomic: true };
const mode = { included: 0x20, valid: 0x20, mode: 0o644 };

/** The attributes, in the heap from `at` on. */
const modeFields = (at: number): string => {
  const place = (offset: number) => (at + offset).toString(16).padStart(2, '0');
  return `
    ${place(0)}  u64  20 00 00 00 00 00 00 00  obj_attributes.included: mode
    ${place(8)}  u64  20 00 00 00 00 00 00 00  obj_attributes.valid
    ${place(16)}  u32  a4 01 00 00              mode
    ${place(20)}  raw  00*4                     end of message
  `;
};

export const withAttributesVectors = [
  request(
    'LOOKUP_GETATTR',
    { request: { directory: fh, path: [ascii('b')] }, attrRequestBitmap: 0x20 },
    `
    00  raw  11*64                    request.directory
    40  u32  50 00 00 00              request.path: offset
    44  raw  00*4                     end of request
    48  u64  20 00 00 00 00 00 00 00  attr_request_bitmap: mode
    50  u32  01 00 00 00              path: count
    54  raw  00*4                     pad before the names
    58  u32  01 00 00 00              path[0]: count
    5c  raw  62                       path[0]
    5d  raw  00*3                     end of message
  `,
  ),
  response(
    'LOOKUP_GETATTR',
    { response: { filehandle: other, componentCount: 1 }, objAttributes: mode },
    `
    00  raw  22*64                    response.filehandle
    40  u32  01 00 00 00              response.component_count
    44  raw  00*4                     end of response
    48  u32  50 00 00 00              obj_attributes: offset
    4c  raw  00*4                     end of structure
    ${modeFields(0x50)}
  `,
  ),
  request(
    'OPEN_GETATTR',
    {
      request: {
        claim: { claimType: 1000, filehandle: fh },
        open: { openType: 0 },
        deleteDisp: 0,
        owner: ascii('ow'),
        shareAccess: 1,
        shareDeny: 0,
        shareKeyType: 0,
        shareKey: 0n,
      },
      attrRequestBitmap: 0x20,
    },
    `
    00  u32  e8 03 00 00              claim_type = CLAIM_FH (our extension)
    04  raw  00*4                     to an 8-byte aligned union
    08  raw  11*64                    filehandle
    48  raw  00*16                    union, padded to CLAIM_DELEGATE_CUR
    58  u32  00 00 00 00              open_type = OPEN_NOCREATE
    5c  raw  00*20                    alignment, and the union padded to createmode and createhow
    70  u32  00 00 00 00              delete_disp = DELETE_DONT_CARE
    74  u32  98 00 00 00              owner: offset
    78  u32  01 00 00 00              share_access = DAFS_OPEN_SHARE_ACCESS_READ
    7c  u32  00 00 00 00              share_deny = DAFS_OPEN_SHARE_DENY_NONE
    80  u32  00 00 00 00              share_key_type = DAFS_OPEN_SHARE_KEY_NONE
    84  raw  00*4                     pad
    88  u64  00 00 00 00 00 00 00 00  share_key
    90  u64  20 00 00 00 00 00 00 00  attr_request_bitmap: mode
    98  u32  02 00 00 00              owner: count
    9c  raw  6f 77                    owner
    9e  raw  00*2                     end of message
  `,
  ),
  response(
    'OPEN_GETATTR',
    {
      response: {
        filehandle: other,
        stateId,
        changeInfo,
        componentCount: 0,
        resultFlags: 0,
        delegation: { delegationType: 0 },
      },
      objAttributes: mode,
    },
    `
    00  raw  22*64                    response.filehandle
    40  raw  01 02 03 04 05 06 07 08  response.state_id
    48  u64  05 00 00 00 00 00 00 00  response.change_info.before
    50  u64  06 00 00 00 00 00 00 00  response.change_info.after
    58  u32  01 00 00 00              response.change_info.atomic
    5c  raw  00*4                     response.change_info.pad
    60  u32  00 00 00 00              response.component_count
    64  u32  00 00 00 00              response.result_flags
    68  u32  00 00 00 00              response.delegation_type = OPEN_DELEGATE_NONE
    6c  raw  00*4                     to an 8-byte aligned union
    70  raw  00*40                    union, padded to OPEN_DELEGATE_WRITE
    98  u32  a0 00 00 00              obj_attributes: offset
    9c  raw  00*4                     end of structure
    ${modeFields(0xa0)}
  `,
  ),
  request(
    'CREATE_GETATTR',
    {
      request: {
        filehandle: fh,
        component: ascii('d'),
        create: { objType: 2 },
        attr: { included: 0x20, valid: 0x20, mode: 0o700 },
      },
      attrRequestBitmap: 0x20,
    },
    `
    00  raw  11*64                    request.filehandle
    40  u32  68 00 00 00              request.component: offset
    44  u32  02 00 00 00              request.obj_type = DAFS_TYPE_DIR
    48  raw  00*16                    union, padded to specdata
    58  u32  70 00 00 00              request.attr: offset
    5c  raw  00*4                     end of request
    60  u64  20 00 00 00 00 00 00 00  attr_request_bitmap: mode
    68  u32  01 00 00 00              component: count
    6c  raw  64                       component
    6d  raw  00*3                     to the join
    70  u64  20 00 00 00 00 00 00 00  attr.included: mode
    78  u64  20 00 00 00 00 00 00 00  attr.valid
    80  u32  c0 01 00 00              mode
    84  raw  00*4                     end of message
  `,
  ),
  response(
    'CREATE_GETATTR',
    { response: { filehandle: other, changeInfo }, objAttributes: mode },
    `
    00  raw  22*64                    response.filehandle
    40  u64  05 00 00 00 00 00 00 00  response.change_info.before
    48  u64  06 00 00 00 00 00 00 00  response.change_info.after
    50  u32  01 00 00 00              response.change_info.atomic
    54  raw  00*4                     response.change_info.pad
    58  u32  60 00 00 00              obj_attributes: offset
    5c  raw  00*4                     end of structure
    ${modeFields(0x60)}
  `,
  ),
  request(
    'LINK_GETATTR',
    {
      request: { sourceObject: fh, destinationObject: other, newname: ascii('n') },
      attrRequestBitmap: 0x20,
    },
    `
    00  raw  11*64                    request.source_object
    40  raw  22*64                    request.destination_object
    80  u32  90 00 00 00              request.newname: offset
    84  raw  00*4                     end of request
    88  u64  20 00 00 00 00 00 00 00  attr_request_bitmap: mode
    90  u32  01 00 00 00              newname: count
    94  raw  6e                       newname
    95  raw  00*3                     end of message
  `,
  ),
  response(
    'LINK_GETATTR',
    { response: { changeInfo }, objAttributes: mode },
    `
    00  u64  05 00 00 00 00 00 00 00  response.change_info.before
    08  u64  06 00 00 00 00 00 00 00  response.change_info.after
    10  u32  01 00 00 00              response.change_info.atomic
    14  raw  00*4                     response.change_info.pad
    18  u32  20 00 00 00              obj_attributes: offset
    1c  raw  00*4                     end of structure
    ${modeFields(0x20)}
  `,
  ),
  request(
    'SETATTR_GETATTR',
    {
      request: { filehandle: fh, stateId, objAttributes: mode },
      attrRequestBitmap: 0x20,
    },
    `
    00  raw  11*64                    request.filehandle
    40  raw  01 02 03 04 05 06 07 08  request.state_id
    48  u32  58 00 00 00              request.obj_attributes: offset
    4c  raw  00*4                     end of request
    50  u64  20 00 00 00 00 00 00 00  attr_request_bitmap: mode
    ${modeFields(0x58)}
  `,
  ),
  response(
    'SETATTR_GETATTR',
    { response: { attrRequestBitmap: 0x20 }, objAttributes: mode },
    `
    00  u64  20 00 00 00 00 00 00 00  response.attr_request_bitmap: mode
    08  u32  10 00 00 00              obj_attributes: offset
    0c  raw  00*4                     end of structure
    ${modeFields(0x10)}
  `,
  ),
];
