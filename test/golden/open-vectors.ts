/** Opens, delegations and locks: parts of section 6.5. */

import { ascii, clientId, filehandle, request, response, stateId, verifier } from './vector.ts';

const fh = filehandle(0x11);
const share = { shareAccess: 3, shareDeny: 1, shareKeyType: 3, shareKey: 0x0102030405060708n };
const owner = { deleteDisp: 1, owner: ascii('ow'), ...share } as const;
const existing = { openType: 0 } as const;
const opened = {
  filehandle: filehandle(0x22),
  stateId,
  changeInfo: { before: 5n, after: 6n, atomic: true },
  componentCount: 1,
  resultFlags: 1,
};

/** delete_disp to share_key with the owner behind the offset `at`. */
const ownerFields = (at: string): string => `
    70  u32  01 00 00 00              delete_disp = DELETE_DENY
    74  u32  ${at} 00 00 00              owner: offset
    78  u32  03 00 00 00              share_access = DAFS_OPEN_SHARE_ACCESS_BOTH
    7c  u32  01 00 00 00              share_deny = DAFS_OPEN_SHARE_DENY_READ
    80  u32  03 00 00 00              share_key_type = DAFS_OPEN_SHARE_KEY_BOTH
    84  raw  00*4                     pad
    88  u64  08 07 06 05 04 03 02 01  share_key
`;

const noCreate = `
    58  u32  00 00 00 00              open_type = OPEN_NOCREATE
    5c  raw  00*20                    alignment, and the union padded to createmode and createhow
`;

const onlyOwner = `
    90  u32  02 00 00 00              owner: count
    94  raw  6f 77                    owner
    96  raw  00*2                     end of message
`;

const pathAndOwner = `
    90  u32  01 00 00 00              pathname: count
    94  raw  00*4                     pad before the names
    98  u32  01 00 00 00              pathname[0]: count
    9c  raw  66                       pathname[0]
    9d  raw  00*3                     to the next counted array
    a0  u32  02 00 00 00              owner: count
    a4  raw  6f 77                    owner
    a6  raw  00*2                     end of message
`;

const openedFields = `
    00  raw  22*64                    filehandle
    40  raw  01 02 03 04 05 06 07 08  state_id
    48  u64  05 00 00 00 00 00 00 00  change_info.before
    50  u64  06 00 00 00 00 00 00 00  change_info.after
    58  u32  01 00 00 00              change_info.atomic
    5c  raw  00*4                     change_info.pad
    60  u32  01 00 00 00              component_count
    64  u32  01 00 00 00              result_flags = OPEN_RESULT_MLOCK
`;

const conflict = {
  ownerClientid: clientId,
  owner: ascii('me'),
  offset: 16n,
  length: 2n ** 64n - 1n,
  lockType: 2,
} as const;

const conflictFields = `
    00  raw  01 02 03 04 05 06 07 08  owner_clientid
    08  u32  28 00 00 00              owner: offset
    0c  raw  00*4                     to an 8-byte field
    10  u64  10 00 00 00 00 00 00 00  offset
    18  u64  ff ff ff ff ff ff ff ff  length: to the end of the file
    20  u32  02 00 00 00              lock_type = WRITE_LT
    24  raw  00*4                     end of structure
    28  u32  02 00 00 00              owner: count
    2c  raw  6d 65                    owner
    2e  raw  00*2                     end of message
`;

export const openVectors = [
  request(
    'OPEN',
    {
      claim: { claimType: 0, dirHandle: fh, pathname: [ascii('f')] },
      open: {
        openType: 1,
        how: { createMode: 0, createAttrs: { included: 0x20, valid: 0x20, mode: 0o644 } },
      },
      ...owner,
    },
    `
    00  u32  00 00 00 00              claim_type = CLAIM_NULL
    04  raw  00*4                     to an 8-byte aligned union
    08  raw  11*64                    dir_handle
    48  u32  90 00 00 00              claimnull_pathname: offset
    4c  raw  00*12                    union, padded to CLAIM_DELEGATE_CUR
    58  u32  01 00 00 00              open_type = OPEN_CREATE
    5c  raw  00*4                     to an 8-byte aligned union
    60  u32  00 00 00 00              createmode = UNCHECKED
    64  raw  00*4                     to an 8-byte aligned union
    68  u32  a0 00 00 00              createattrs: offset
    6c  raw  00*4                     union, padded to create_verifier
    ${ownerFields('b8')}
    90  u32  01 00 00 00              claimnull_pathname: count
    94  raw  00*4                     pad before the names
    98  u32  01 00 00 00              claimnull_pathname[0]: count
    9c  raw  66                       claimnull_pathname[0]
    9d  raw  00*3                     to the join
    a0  u64  20 00 00 00 00 00 00 00  createattrs.included: mode
    a8  u64  20 00 00 00 00 00 00 00  createattrs.valid
    b0  u32  a4 01 00 00              createattrs.mode
    b4  raw  00*4                     to the next counted array
    b8  u32  02 00 00 00              owner: count
    bc  raw  6f 77                    owner
    be  raw  00*2                     end of message
  `,
    { title: 'CLAIM_NULL, UNCHECKED' },
  ),
  request(
    'OPEN',
    {
      claim: { claimType: 4, dirHandle: fh },
      open: { openType: 1, how: { createMode: 2, createVerifier: verifier } },
      ...owner,
    },
    `
    00  u32  04 00 00 00              claim_type = CLAIM_CREATE_UNLINKED
    04  raw  00*4                     to an 8-byte aligned union
    08  raw  11*64                    dir_handle
    48  raw  00*16                    union, padded to CLAIM_DELEGATE_CUR
    58  u32  01 00 00 00              open_type = OPEN_CREATE
    5c  raw  00*4                     to an 8-byte aligned union
    60  u32  02 00 00 00              createmode = EXCLUSIVE
    64  raw  00*4                     to an 8-byte aligned union
    68  raw  01 02 03 04 05 06 07 08  create_verifier
    ${ownerFields('90')}
    ${onlyOwner}
  `,
    { title: 'CLAIM_CREATE_UNLINKED, EXCLUSIVE' },
  ),
  request(
    'OPEN',
    { claim: { claimType: 1, filehandle: fh, delegateType: 2 }, open: existing, ...owner },
    `
    00  u32  01 00 00 00              claim_type = CLAIM_PREVIOUS
    04  raw  00*4                     to an 8-byte aligned union
    08  raw  11*64                    filehandle
    48  u32  02 00 00 00              delegate_type = OPEN_DELEGATE_WRITE
    4c  raw  00*12                    union, padded to CLAIM_DELEGATE_CUR
    ${noCreate}
    ${ownerFields('90')}
    ${onlyOwner}
  `,
    { title: 'CLAIM_PREVIOUS' },
  ),
  request(
    'OPEN',
    {
      claim: { claimType: 2, dirHandle: fh, pathname: [ascii('f')], stateId },
      open: existing,
      ...owner,
    },
    `
    00  u32  02 00 00 00              claim_type = CLAIM_DELEGATE_CUR
    04  raw  00*4                     to an 8-byte aligned union
    08  raw  11*64                    dir_handle
    48  u32  90 00 00 00              claimdelcur_pathname: offset
    4c  raw  00*4                     to an 8-byte field
    50  raw  01 02 03 04 05 06 07 08  claimdelcur_stateid
    ${noCreate}
    ${ownerFields('a0')}
    ${pathAndOwner}
  `,
    { title: 'CLAIM_DELEGATE_CUR' },
  ),
  request(
    'OPEN',
    {
      claim: { claimType: 3, dirHandle: fh, pathname: [ascii('f')] },
      open: existing,
      ...owner,
    },
    `
    00  u32  03 00 00 00              claim_type = CLAIM_DELEGATE_PREV
    04  raw  00*4                     to an 8-byte aligned union
    08  raw  11*64                    dir_handle
    48  u32  90 00 00 00              claimdelprev_pathname: offset
    4c  raw  00*12                    union, padded to CLAIM_DELEGATE_CUR
    ${noCreate}
    ${ownerFields('a0')}
    ${pathAndOwner}
  `,
    { title: 'CLAIM_DELEGATE_PREV' },
  ),
  request(
    'OPEN',
    { claim: { claimType: 1000, filehandle: fh }, open: existing, ...owner },
    `
    00  u32  e8 03 00 00              claim_type = CLAIM_FH (our extension)
    04  raw  00*4                     to an 8-byte aligned union
    08  raw  11*64                    filehandle
    48  raw  00*16                    union, padded to CLAIM_DELEGATE_CUR
    ${noCreate}
    ${ownerFields('90')}
    ${onlyOwner}
  `,
    { title: 'CLAIM_FH' },
  ),
  response(
    'OPEN',
    { ...opened, delegation: { delegationType: 0 } },
    `
    ${openedFields}
    68  u32  00 00 00 00              delegation_type = OPEN_DELEGATE_NONE
    6c  raw  00*4                     to an 8-byte aligned union
    70  raw  00*40                    union, padded to OPEN_DELEGATE_WRITE
  `,
    { title: 'no delegation' },
  ),
  response(
    'OPEN',
    {
      ...opened,
      delegation: {
        delegationType: 1,
        stateId,
        recall: true,
        permissionsAcetype: 1,
        permissionsAceflag: 2,
        permissionsAcemask: 3,
        readdelWho: 'me',
      },
    },
    `
    ${openedFields}
    68  u32  01 00 00 00              delegation_type = OPEN_DELEGATE_READ
    6c  raw  00*4                     to an 8-byte aligned union
    70  raw  01 02 03 04 05 06 07 08  state_id
    78  u32  01 00 00 00              recall
    7c  u32  01 00 00 00              permissions_acetype
    80  u32  02 00 00 00              permissions_aceflag
    84  u32  03 00 00 00              permissions_acemask
    88  u32  98 00 00 00              readdel_who: offset
    8c  raw  00*12                    union, padded to OPEN_DELEGATE_WRITE
    98  u32  02 00 00 00              readdel_who: count
    9c  raw  6d 65                    readdel_who
    9e  raw  00*2                     end of message
  `,
    { title: 'a read delegation' },
  ),
  response(
    'OPEN',
    {
      ...opened,
      delegation: {
        delegationType: 2,
        stateId,
        recall: false,
        spaceLimit: { limitBy: 1, filesize: 2 ** 40 },
        permissionsAcetype: 1,
        permissionsAceflag: 2,
        permissionsAcemask: 3,
        writedelWho: 'me',
      },
    },
    `
    ${openedFields}
    68  u32  02 00 00 00              delegation_type = OPEN_DELEGATE_WRITE
    6c  raw  00*4                     to an 8-byte aligned union
    70  raw  01 02 03 04 05 06 07 08  state_id
    78  u32  00 00 00 00              recall
    7c  u32  01 00 00 00              limitby = DAFS_LIMIT_SIZE
    80  u64  00 00 00 00 00 01 00 00  filesize
    88  u32  01 00 00 00              permissions_acetype
    8c  u32  02 00 00 00              permissions_aceflag
    90  u32  03 00 00 00              permissions_acemask
    94  u32  98 00 00 00              writedel_who: offset
    98  u32  02 00 00 00              writedel_who: count
    9c  raw  6d 65                    writedel_who
    9e  raw  00*2                     end of message
  `,
    { title: 'a write delegation by size' },
  ),
  response(
    'OPEN',
    {
      ...opened,
      delegation: {
        delegationType: 2,
        stateId,
        recall: false,
        spaceLimit: { limitBy: 2, numBlocks: 10, bytesPerBlock: 512 },
        permissionsAcetype: 0,
        permissionsAceflag: 0,
        permissionsAcemask: 0,
        writedelWho: '',
      },
    },
    `
    ${openedFields}
    68  u32  02 00 00 00              delegation_type = OPEN_DELEGATE_WRITE
    6c  raw  00*4                     to an 8-byte aligned union
    70  raw  01 02 03 04 05 06 07 08  state_id
    78  u32  00 00 00 00              recall
    7c  u32  02 00 00 00              limitby = DAFS_LIMIT_BLOCKS
    80  u32  0a 00 00 00              num_blocks
    84  u32  00 02 00 00              bytes_per_block
    88  u32  00 00 00 00              permissions_acetype
    8c  u32  00 00 00 00              permissions_aceflag
    90  u32  00 00 00 00              permissions_acemask
    94  u32  98 00 00 00              writedel_who: offset
    98  u32  00 00 00 00              writedel_who: count, nothing follows
    9c  raw  00*4                     end of message
  `,
    { title: 'a write delegation by blocks' },
  ),
  request(
    'OPEN_DOWNGRADE',
    { filehandle: fh, stateId, ...share },
    `
    00  raw  11*64                    filehandle
    40  raw  01 02 03 04 05 06 07 08  state_id
    48  u32  03 00 00 00              share_access
    4c  u32  01 00 00 00              share_deny
    50  u32  03 00 00 00              share_key_type
    54  raw  00*4                     pad
    58  u64  08 07 06 05 04 03 02 01  share_key
  `,
  ),
  response('OPEN_DOWNGRADE', {}, ''),
  request(
    'CLOSE',
    { filehandle: fh, stateId },
    `
    00  raw  11*64                    filehandle
    40  raw  01 02 03 04 05 06 07 08  state_id
  `,
  ),
  response('CLOSE', {}, ''),
  request('DELEGPURGE', {}, ''),
  response('DELEGPURGE', {}, ''),
  request(
    'DELEGRETURN',
    { stateId },
    `
    00  raw  01 02 03 04 05 06 07 08  state_id
  `,
  ),
  response('DELEGRETURN', {}, ''),
  request(
    'LOCK',
    { filehandle: fh, lockType: 3, options: 5, stateId, offset: 1n, length: 2n },
    `
    00  raw  11*64                    filehandle
    40  u32  03 00 00 00              lock_type = READW_LT
    44  u32  05 00 00 00              options = RECLAIM | AUTORECOVERY
    48  raw  01 02 03 04 05 06 07 08  state_id
    50  u64  01 00 00 00 00 00 00 00  offset
    58  u64  02 00 00 00 00 00 00 00  length
  `,
  ),
  response(
    'LOCK',
    { lockRes: { status: 0 } },
    `
    00  raw  00*40                    union, padded to the conflicting lock
  `,
    { title: 'granted', external: 0 },
  ),
  response('LOCK', { lockRes: { status: 10010, ...conflict } }, conflictFields, {
    title: 'denied',
    external: 10010,
  }),
  request(
    'LOCKT',
    {
      filehandle: fh,
      lockType: 1,
      owner: ascii('me'),
      offset: 0n,
      length: 2n ** 64n - 1n,
    },
    `
    00  raw  11*64                    filehandle
    40  u32  01 00 00 00              lock_type = READ_LT
    44  u32  58 00 00 00              owner: offset
    48  u64  00 00 00 00 00 00 00 00  offset
    50  u64  ff ff ff ff ff ff ff ff  length: to the end of the file
    58  u32  02 00 00 00              owner: count
    5c  raw  6d 65                    owner
    5e  raw  00*2                     end of message
  `,
  ),
  response(
    'LOCKT',
    { results: { status: 0 } },
    `
    00  raw  00*40                    union, padded to the conflicting lock
  `,
    { title: 'free', external: 0 },
  ),
  response('LOCKT', { results: { status: 16001, ...conflict } }, conflictFields, {
    title: 'broken',
    external: 16001,
  }),
  request(
    'LOCKU',
    { filehandle: fh, lockType: 2, stateId, offset: 1n, length: 2n },
    `
    00  raw  11*64                    filehandle
    40  u32  02 00 00 00              lock_type = WRITE_LT
    44  raw  00*4                     to an 8-byte field
    48  raw  01 02 03 04 05 06 07 08  state_id
    50  u64  01 00 00 00 00 00 00 00  offset
    58  u64  02 00 00 00 00 00 00 00  length
  `,
  ),
  response('LOCKU', {}, ''),
];
