/** Locks of owners that are not opens, and waiting for them: EXTENSIONS.md. */

import { ascii, clientId, filehandle, request, response, stateId } from './vector.ts';

const fh = filehandle(0x11);
const owner = ascii('me');
const range = { offset: 1n, length: 2n };

export const ownerLockVectors = [
  request(
    'OWNER_LOCK',
    {
      filehandle: fh,
      stateId,
      kind: 1,
      lockType: 4,
      ...range,
      owner,
      pid: 0x1234,
      waitId: 0x0102030405060708n,
    },
    `
    00  raw  11*64                    filehandle
    40  raw  01 02 03 04 05 06 07 08  state_id
    48  u32  01 00 00 00              kind = RECORD
    4c  u32  04 00 00 00              lock_type = WRITEW_LT
    50  u64  01 00 00 00 00 00 00 00  offset
    58  u64  02 00 00 00 00 00 00 00  length
    60  u32  70 00 00 00              owner: offset
    64  u32  34 12 00 00              pid
    68  u64  08 07 06 05 04 03 02 01  wait_id
    70  u32  02 00 00 00              owner: count
    74  raw  6d 65                    owner
    76  raw  00*2                     end of message
  `,
  ),
  response(
    'OWNER_LOCK',
    { isGranted: true },
    `
    00  u32  01 00 00 00              granted
    04  raw  00*4                     end of message
  `,
  ),
  request(
    'OWNER_LOCKT',
    { filehandle: fh, kind: 2, lockType: 1, ...range, owner },
    `
    00  raw  11*64                    filehandle
    40  u32  02 00 00 00              kind = FLOCK
    44  u32  01 00 00 00              lock_type = READ_LT
    48  u64  01 00 00 00 00 00 00 00  offset
    50  u64  02 00 00 00 00 00 00 00  length
    58  u32  60 00 00 00              owner: offset
    5c  raw  00*4                     to the first counted array
    60  u32  02 00 00 00              owner: count
    64  raw  6d 65                    owner
    66  raw  00*2                     end of message
  `,
  ),
  response(
    'OWNER_LOCKT',
    { results: { status: 0 } },
    `
    00  raw  00*40                    union, padded to the conflicting lock
  `,
    { title: 'free', external: 0 },
  ),
  response(
    'OWNER_LOCKT',
    {
      results: {
        status: 10010,
        ownerClientid: clientId,
        owner: ascii('it'),
        offset: 3n,
        length: 2n ** 64n - 1n,
        lockType: 2,
        pid: 7,
      },
    },
    `
    00  raw  01 02 03 04 05 06 07 08  owner_clientid
    08  u32  28 00 00 00              owner: offset
    0c  raw  00*4                     to an 8-byte field
    10  u64  03 00 00 00 00 00 00 00  offset
    18  u64  ff ff ff ff ff ff ff ff  length: to the end of the file
    20  u32  02 00 00 00              lock_type = WRITE_LT
    24  u32  07 00 00 00              pid
    28  u32  02 00 00 00              owner: count
    2c  raw  69 74                    owner
    2e  raw  00*2                     end of message
  `,
    { title: 'denied', external: 10010 },
  ),
  request(
    'OWNER_LOCKU',
    { filehandle: fh, stateId, kind: 2, ...range, owner },
    `
    00  raw  11*64                    filehandle
    40  raw  01 02 03 04 05 06 07 08  state_id
    48  u32  02 00 00 00              kind = FLOCK
    4c  raw  00*4                     to an 8-byte field
    50  u64  01 00 00 00 00 00 00 00  offset
    58  u64  02 00 00 00 00 00 00 00  length
    60  u32  68 00 00 00              owner: offset
    64  raw  00*4                     to the first counted array
    68  u32  02 00 00 00              owner: count
    6c  raw  6d 65                    owner
    6e  raw  00*2                     end of message
  `,
  ),
  response('OWNER_LOCKU', {}, ''),
  request(
    'CANCEL_LOCK',
    { waitId: 5n },
    `
    00  u64  05 00 00 00 00 00 00 00  wait_id
  `,
  ),
  response(
    'CANCEL_LOCK',
    { isCancelled: false },
    `
    00  u32  00 00 00 00              cancelled
    04  raw  00*4                     end of message
  `,
  ),
  request(
    'BC_LOCK_GRANTED',
    { waitIds: [5n, 2n ** 63n] },
    `
    00  u32  08 00 00 00              wait_ids: offset
    04  raw  00*4                     to the first counted array
    08  u32  02 00 00 00              wait_ids: count
    0c  raw  00*4                     to 8-byte elements
    10  u64  05 00 00 00 00 00 00 00  wait_ids[0]
    18  u64  00 00 00 00 00 00 00 80  wait_ids[1]
  `,
  ),
  response('BC_LOCK_GRANTED', {}, ''),
  request(
    'RENEW_LEASE',
    { known: 6 },
    `
    00  u64  06 00 00 00 00 00 00 00  known
  `,
  ),
  response(
    'RENEW_LEASE',
    {
      last: 8,
      leaseMs: 30_000,
      locks: [{ fileId: 9, ...range, kind: 1, lockType: 2, pid: 0x1234 }],
      opens: [{ fileId: 9, stateId }],
    },
    `
    00  u64  08 00 00 00 00 00 00 00  last
    08  u32  30 75 00 00              lease_ms
    0c  u32  18 00 00 00              locks: offset
    10  u32  48 00 00 00              opens: offset
    14  raw  00*4                     to the first counted array
    18  u32  01 00 00 00              locks: count
    1c  raw  00*4                     pad before 8-byte aligned elements
    20  u64  09 00 00 00 00 00 00 00  locks[0].file_id
    28  u64  01 00 00 00 00 00 00 00  locks[0].offset
    30  u64  02 00 00 00 00 00 00 00  locks[0].length
    38  u32  01 00 00 00              locks[0].kind = RECORD
    3c  u32  02 00 00 00              locks[0].lock_type = WRITE_LT
    40  u32  34 12 00 00              locks[0].pid
    44  raw  00*4                     locks[0].pad
    48  u32  01 00 00 00              opens: count
    4c  raw  00*4                     pad before 8-byte aligned elements
    50  u64  09 00 00 00 00 00 00 00  opens[0].file_id
    58  raw  01 02 03 04 05 06 07 08  opens[0].state_id
  `,
  ),
];
